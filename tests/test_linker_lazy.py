"""Calls that are bound when they are first made. The oracle is ld.so, beside; for other architectures the psABI, run by qemu-user."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from inside_support import SOURCES, THEIRS, agree, cross_library, library, script
from support import ROOT, ZIG_CC, need

from miniload import arch as architectures
from miniload.linker.core import kinds_of

CORE = sorted(path.name for path in (ROOT / "miniload" / "linker").glob("*.c") if path.name != "dlfcn.c")
LAZY = "-Wl,-z,lazy"
FUNCTIONS = {"x86_64": 10, "aarch64": 8, "riscv64": 8}
"""How many arguments.h has."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Libraries for this machine."""
    need("gcc")
    folder = tmp_path_factory.mktemp("lazy")
    library(folder, "libdefiner.so", "arguments.c")
    library(folder, "libcaller.so", "arguments_caller.c", LAZY, needs=["libdefiner.so"])
    library(folder, "libnow.so", "arguments_caller.c", "-Wl,-z,now", needs=["libdefiner.so"])
    library(folder, "libopen.so", "int nowhere(int);\nint call(void) { return nowhere(1); }\nint one(void) { return 1; }\n", LAZY)
    library(folder, "libflags.so", "int nowhere(int);\nint call(void) { return nowhere(1); }\nint one(void) { return 1; }\n", "-Wl,-z,now")
    library(folder, "libweak.so", "int nowhere(void) __attribute__((weak));\nint have(void) { return nowhere != 0; }\n", LAZY)
    library(folder, "libchoice.so", "choice.c", LAZY)
    library(folder, "libchooser.so", "int choice(double, double);\nint choose(void) { return choice(1.5, 2.5); }\n", LAZY, needs=["libchoice.so"])
    return folder


def kinds_header(arch: str) -> str:
    """The core's table of an architecture's relocations, as C."""
    linking, kinds = kinds_of(arch)
    rows = ", ".join(f"[{number}] = {relocation.operation}" for number, relocation in linking.relocations.items())
    return (
        f"static const struct kinds kinds = {{{kinds.dtp_bias}, {kinds.slot_addend}, {kinds.relative}, {kinds.special_call}, 0, {{{rows}}}}};\n"
        f"static const uint32_t kinds_machine = {linking.machine};\n"
    )


@pytest.mark.feature(19, 12)
@pytest.mark.parametrize("arch", architectures.NAMES)
def test_every_argument_register_is_kept(arch: str, tmp_path: Path) -> None:
    """Each function gets what the caller gave it, though what binds the call leaves nothing in the registers; the second time nothing is bound. The registers
    are those of the psABI: what the compiler makes of the two sources."""
    (tmp_path / "kinds.h").write_text(kinds_header(arch))
    caller = cross_library(tmp_path, arch, "caller.so", "arguments_caller.c", LAZY, "-Wl,-z,undefs", "-Wl,--hash-style=both")
    definer = cross_library(tmp_path, arch, "definer.so", "arguments.c")
    sources = [ROOT / "miniload" / "linker" / name for name in CORE] + [ROOT / "arch" / arch / "lazy.S", SOURCES / "lazy_driver.c"]
    driver = tmp_path / "driver"
    flags = [
        "-static",
        "-O2",
        "-std=c11",
        "-fno-sanitize=all",
        f"-I{tmp_path}",
        f"-I{SOURCES}",
        f"-I{ROOT / 'miniload' / 'linker'}",
        f"-I{ROOT / 'arch' / arch}",
    ]
    subprocess.run([*ZIG_CC, "-target", f"{arch}-linux-musl", *flags, *map(str, sources), "-o", str(driver)], check=True, capture_output=True)
    runner = []
    if arch != os.uname().machine:
        need(f"qemu-{arch}")
        runner = [f"qemu-{arch}"]
    done = subprocess.run(
        [*runner, str(driver), str(os.sysconf("SC_PAGE_SIZE")), str(caller), str(definer)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{FUNCTIONS[arch]} bound, 0 more the second time\n"


@pytest.mark.feature(19)
def test_arguments_arrive_in_this_process(folder: Path) -> None:
    """Variadic doubles, structures, vectors as wide as the CPU has them, through slots that are bound at the call, the second time through bound ones."""
    assert agree(folder, "library = load('libcaller.so', os.RTLD_LAZY)\nprint(library.check(), library.check())") == "0 0\n"


@pytest.mark.feature(19, 17)
def test_a_resolver_picks_the_function_when_it_is_called(folder: Path) -> None:
    """An IFUNC's resolver, which leaves nothing in argument registers, runs at the first call and not before; the arguments reach what it picks."""
    text = """
chooser, choice = load("libchooser.so", os.RTLD_LAZY), load("libchoice.so")
print(ctypes.c_int.from_address(choice.address("resolved") if OPENER == "miniload" else ctypes.addressof(ctypes.c_int.in_dll(choice, "resolved"))).value)
print(chooser.choose(), chooser.choose())
"""
    assert agree(folder, text) == "0\n4 4\n"


@pytest.mark.feature(19, 41)
def test_a_function_that_is_nowhere_ends_the_process_when_it_is_called(folder: Path) -> None:
    """Loading works, as does all else; at the call the message and the exit status are ld.so's."""
    text = "library = load('libopen.so', os.RTLD_LAZY)\nprint(library.one(), flush=True)\nlibrary.call()\nprint('not reached')"
    ours, theirs = script(folder, text), script(folder, text, THEIRS)
    assert ours == theirs
    assert ours[:2] == (127, "1\n")


@pytest.mark.feature(20)
@pytest.mark.parametrize(
    ("name", "mode", "environment"),
    [("libopen.so", "os.RTLD_NOW", {}), ("libopen.so", "os.RTLD_LAZY", {"LD_BIND_NOW": "1"}), ("libflags.so", "os.RTLD_LAZY", {})],
    ids=["RTLD_NOW", "LD_BIND_NOW", "DF_BIND_NOW"],
)
def test_binding_at_once_finds_what_is_missing(name: str, mode: str, environment: dict[str, str], folder: Path) -> None:
    """RTLD_NOW, a non-empty LD_BIND_NOW, and the object's own flag: the load fails, as in ld.so."""
    text = f"""
try:
    load({name!r}, {mode})
except Exception as error:
    print("nowhere" in str(error))
"""
    assert agree(folder, text, **environment) == "True\n"


@pytest.mark.feature(20)
def test_an_empty_variable_does_not_bind_at_once(folder: Path) -> None:
    """LD_BIND_NOW= is the same as none (ld.so(8))."""
    assert agree(folder, "print(load('libopen.so', os.RTLD_LAZY).one())", LD_BIND_NOW="") == "1\n"


@pytest.mark.feature(24)
def test_a_weak_function_that_is_nowhere_is_zero(folder: Path) -> None:
    """Its address is taken, so it is bound at once, to 0."""
    assert agree(folder, "print(load('libweak.so', os.RTLD_LAZY).have())") == "0\n"


@pytest.mark.feature(19, 26)
def test_python_is_asked_for_what_is_missing_at_the_call(folder: Path) -> None:
    """`missing` of a loader is called when the function is, and what it gives is called."""
    text = """
from miniload.linker.api import make_native_loader
from miniload.linker.library import Library
asked = []
function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda number: number + 41)
def missing(loaded, name):
    asked.append(name)
    return ctypes.cast(function, ctypes.c_void_p).value
loader = make_native_loader(missing=missing)
library = Library(loader, loader.load(FOLDER + "/libopen.so", os.RTLD_LAZY))
print(len(asked), library.call(), library.call(), asked)
"""
    assert script(folder, text) == (0, "0 42 42 ['nowhere']\n", "")


@pytest.mark.feature(21)
def test_relocations_of_a_lazy_object_are_read_only(folder: Path) -> None:
    """PT_GNU_RELRO of a lazily bound object: its pages are not writable, and its slots are, as in ld.so."""
    text = """
from elftools.elf.elffile import ELFFile
library = load("libcaller.so", os.RTLD_LAZY)
library.check()
with open(FOLDER + "/libcaller.so", "rb") as file:
    elf = ELFFile(file)
    relro = next(segment for segment in elf.iter_segments() if segment["p_type"] == "PT_GNU_RELRO")
    slots = elf.get_section_by_name(".got.plt")["sh_addr"] + 24
address = ctypes.cast(library.check, ctypes.c_void_p).value
with open("/proc/self/maps") as maps:
    lines = [line.split() for line in maps]
base = min(int(line[0].split("-")[0], 16) for line in lines if line[-1].endswith("libcaller.so"))
def protection(place):
    return next(line[1] for line in lines for start, end in [[int(word, 16) for word in line[0].split("-")]] if start <= place < end)
print(protection(base + relro["p_vaddr"]), protection(base + slots))
"""
    assert agree(folder, text) == "r--p rw-p\n"


@pytest.mark.feature(19, 38)
def test_what_a_call_was_bound_to_stays(folder: Path) -> None:
    """A library that is found only since it is global, and that a call has been bound to, is not unmapped while the caller is there, as in ld.so."""
    text = """
definer = load("libdefiner.so", os.RTLD_GLOBAL | os.RTLD_NOW)
caller = load("libalone.so", os.RTLD_LAZY)
assert caller.check() == 0
close(definer)
print(mapped("libdefiner.so"), caller.check())
close(caller)
print(mapped("libdefiner.so"), mapped("libalone.so"))
"""
    library(folder, "libalone.so", "arguments_caller.c", LAZY)
    assert agree(folder, text) == "True 0\nFalse False\n"


@pytest.mark.feature(19, 25)
def test_a_library_that_became_global_later_is_found(folder: Path) -> None:
    """The look-up at the call sees what has been opened with RTLD_GLOBAL since the caller was loaded; and no longer what was closed before."""
    library(folder, "liblate.so", "arguments_caller.c", LAZY)
    text = """
caller = load("liblate.so", os.RTLD_LAZY)
first = load("libopen.so", os.RTLD_GLOBAL | os.RTLD_LAZY)
close(first)
definer = load("libdefiner.so", os.RTLD_GLOBAL | os.RTLD_NOW)
print(caller.check(), mapped("libopen.so"))
"""
    assert agree(folder, text) == "0 False\n"


@pytest.mark.feature(19, 53)
def test_threads_bind_the_same_calls_at_once(folder: Path) -> None:
    """Many threads make the first calls of one library at the same time, while another one loads and unloads global ones: all arguments arrive."""
    text = """
import threading
results = []
def run(library, barrier):
    barrier.wait()
    results.append(library.check())
for _ in range(20):
    library = load("libcaller.so", os.RTLD_LAZY)
    barrier = threading.Barrier(5)
    threads = [threading.Thread(target=run, args=(library, barrier)) for _ in range(4)]
    for thread in threads:
        thread.start()
    barrier.wait()
    for _ in range(5):
        close(load("libopen.so", os.RTLD_GLOBAL | os.RTLD_LAZY))
    for thread in threads:
        thread.join()
    close(library)
print(len(results), set(results))
"""
    assert agree(folder, text) == "80 {0}\n"
