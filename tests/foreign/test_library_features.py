"""The dynamic linker's features in an emulated CPU, each with a library that is built for it. What is expected stands in tests/linker/guest_features.c."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import subprocess
from ctypes import CFUNCTYPE, c_char_p, c_int
from typing import TYPE_CHECKING

import pytest
from linker_marks import PT_GNU_STACK, PT_NULL, change_header
from support import ZIG_CC, compile_c, need

import miniload
from foreign.libraries import HOST, SOURCES
from miniload.errors import GuestFault, UnsupportedError
from miniload.linker import core
from miniload.linker.analysis import AnalysisTarget
from miniload.linker.guest.loader import make_loader
from miniload.linker.guest.target import SysrootTarget
from miniload.linker.image import read
from miniload.linker.library import Library
from miniload.linker.object import map_object
from miniload.linker.relocate import relocate, relocations
from miniload.linker.scope import Scope
from miniload.space.buffer import BufferSpace

if TYPE_CHECKING:
    from pathlib import Path

    from foreign.libraries import Libraries

SOURCE = "guest_features.c"
POINTERS = 20 + 10 + 40 + 70 + 200 + 2000


def load(machine: str, root: Path, libraries: Libraries, *flags: str) -> Library:
    """The library of that build, with a C library around it."""
    return miniload.load(libraries(machine, SOURCE, *flags), arch=machine, sysroot=root)


@pytest.mark.feature(10)
def test_from_path_descriptor_and_bytes(machine: str, root: Path, libraries: Libraries) -> None:
    """pointers() adds up what all pointers in the data lead to."""
    path = libraries(machine, SOURCE)
    fd = os.open(path, os.O_RDONLY)
    try:
        for what in (path, fd, path.read_bytes()):
            library = miniload.load(what, arch=machine, sysroot=root)
            assert library["pointers"]() == POINTERS
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(("-Wl,-z,now",), marks=pytest.mark.feature(16, 20), id="now"),
        pytest.param(("-Wl,-z,lazy",), marks=pytest.mark.feature(16), id="lazy"),
        pytest.param(("-Wl,--hash-style=sysv",), marks=pytest.mark.feature(22), id="sysv-hash"),
        pytest.param(("-Wl,--hash-style=gnu",), marks=pytest.mark.feature(22), id="gnu-hash"),
        pytest.param(("-Wl,-Bsymbolic",), marks=pytest.mark.feature(24), id="symbolic"),
        pytest.param(("-Wl,-z,max-page-size=65536",), marks=pytest.mark.feature(35), id="64-KiB"),
        pytest.param(("-Wl,-z,max-page-size=2097152",), marks=pytest.mark.feature(35), id="2-MiB"),
    ],
)
def test_all_pointers_lead_where_they_should(machine: str, root: Path, libraries: Libraries, flags: tuple[str, ...]) -> None:
    """Into an array, to functions, from data that is read-only afterwards; a weak symbol that nobody has is 0; what is not in the file is zero."""
    library = load(machine, root, libraries, *flags)
    assert library["pointers"]() == POINTERS
    assert library["is_nobody"]() == 1
    assert library["zeros"]() == 0
    assert library.loaded.bias % 4096 == 0
    align = int(flags[0].rpartition("=")[2]) if "max-page-size" in flags[0] else 4096
    assert library.loaded.start % align == 0


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(("-z", "nocombreloc"), marks=pytest.mark.feature(14), id="relative-anywhere"),
        pytest.param(("--pack-dyn-relocs=relr",), marks=pytest.mark.feature(15), id="relr"),
        pytest.param(("-z", "noseparate-code", "-z", "norelro"), marks=pytest.mark.feature(36), id="few-segments"),
        pytest.param(("-N",), marks=pytest.mark.feature(36), id="text-and-data-in-one"),
    ],
)
def test_the_same_by_flags_of_the_linker_alone(machine: str, root: Path, libraries: Libraries, flags: tuple[str, ...]) -> None:
    """What cc does not pass on."""
    library = miniload.load(libraries.linked(machine, SOURCE, *flags), arch=machine, sysroot=root)
    assert (library["pointers"](), library["is_nobody"](), library["zeros"]()) == (POINTERS, 1, 0)
    assert bool(library.loaded.raw.relr.size) == ("--pack-dyn-relocs=relr" in flags)


@pytest.mark.feature(17)
def test_an_ifunc(machine: str, root: Path, libraries: Libraries) -> None:
    """From within the library and by name: the function that the resolver picks gives 111."""
    library = load(machine, root, libraries)
    assert library["use_chosen"]() == 111
    assert library["chosen"]() == 111


@pytest.mark.feature(21)
def test_relocated_data_is_read_only(machine: str, root: Path, libraries: Libraries) -> None:
    """PT_GNU_RELRO: a store there is a fault."""
    with pytest.raises(GuestFault) as caught:
        load(machine, root, libraries)["write_fixed"]()
    assert caught.value.signal == signal.SIGSEGV


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param((), marks=pytest.mark.feature(29), id="general-dynamic"),
        pytest.param(("-ftls-model=local-dynamic",), marks=pytest.mark.feature(29), id="local-dynamic"),
        pytest.param(("-ftls-model=initial-exec",), marks=pytest.mark.feature(30), id="initial-exec"),
    ],
)
def test_thread_local_models(machine: str, root: Path, libraries: Libraries, flags: tuple[str, ...]) -> None:
    """Initial values and alignment of the source."""
    library = load(machine, root, libraries, *flags)
    assert library["aligned"]() == 1
    assert (library["use_first"](1), library["use_first"](2)) == (8, 10)


@pytest.mark.feature(18)
def test_text_relocations(machine: str, root: Path, libraries: Libraries) -> None:
    """DT_TEXTREL: a pointer in the code leads where it should, and the code cannot be written afterwards."""
    library = miniload.load(libraries.linked(machine, "guest_text.c", "-z", "notext"), arch=machine, sysroot=root)
    assert library.loaded.raw.traits & core.TEXTREL
    assert library["ask"]() == 77
    with pytest.raises(GuestFault) as caught:
        library["store"]()
    assert caught.value.signal == signal.SIGSEGV
    assert library["ask"]() == 77


@pytest.fixture(scope="module")
def family(machine: str, libraries: Libraries) -> dict[str, Path]:
    """top needs left and right, these need base, left needs deep, and deep needs top."""
    numbers = {"top": 1, "left": 2, "right": 3, "deep": 4, "base": 5}

    def make(name: str, *needs: Path) -> Path:
        return libraries.named(machine, f"libkin_{name}.so", "guest_needs.c", f"-DNAME={name}", f"-DNUMBER={numbers[name]}", needs=needs)

    made = {"base": make("base")}
    made["deep"] = make("deep")
    made |= {"left": make("left", made["deep"], made["base"]), "right": make("right", made["base"])}
    made["top"] = make("top", made["left"], made["right"])
    made["deep"] = make("deep", made["top"])
    return made


@pytest.mark.feature(27)
def test_dependencies_breadth_first(machine: str, root: Path, family: dict[str, Path]) -> None:
    """which() is right's and not deep's, though left, which needs deep, comes before right; base is there once; the cycle is closed, and all go together. This
    machine's ld.so has the same answers for its own build of the same sources, see below."""
    library = miniload.load(family["top"], arch=machine, sysroot=root)
    assert [library[name]() for name in ("ask_which", "counted", "around")] == [3, 12, 10]
    loaded = [other.soname for other in library.loader.objects if (other.path or "").startswith(str(family["top"].parent))]
    assert loaded == [f"libkin_{name}.so" for name in ("top", "left", "right", "deep", "base")]
    library.close()
    assert not [other for other in library.loader.objects if other.soname in loaded]


@pytest.mark.feature(27)
@pytest.mark.parametrize("machine", [HOST], scope="module")
def test_the_same_answers_from_ld_so(machine: str, family: dict[str, Path]) -> None:
    """The oracle of the test before. (It stays loaded here: its names are no other test's.)"""
    library = ctypes.CDLL(str(family["top"]))
    assert [library[name]() for name in ("ask_which", "counted", "around")] == [3, 12, 10]


@pytest.mark.feature(27)
def test_one_file_is_loaded_once(machine: str, root: Path, family: dict[str, Path], tmp_path: Path) -> None:
    """By a link of either kind, by another path, or by its soname: the same object. A copy is another one."""
    base = family["base"]
    (tmp_path / "soft.so").symlink_to(base)
    os.link(base, tmp_path / "hard.so")
    shutil.copy(base, tmp_path / "copy.so")
    first = miniload.load(base, arch=machine, sysroot=root)
    names = (tmp_path / "soft.so", tmp_path / "hard.so", f"{base.parent}/../{base.parent.name}/libkin_base.so", "libkin_base.so", tmp_path / "copy.so")
    libraries = [miniload.load(name, arch=machine, sysroot=root) for name in names]
    assert [library.loaded is first.loaded for library in libraries] == [True] * 4 + [False]
    for library in (first, *libraries):
        library.close()


STACKS = {"asks": {"flags": 7}, "does not": {"flags": 6}, "does not say": {"type": PT_NULL}}


@pytest.mark.feature(37)
@pytest.mark.parametrize("change", STACKS.values(), ids=STACKS)
def test_executable_stacks(change: dict[str, int], machine: str, root: Path, libraries: Libraries, tmp_path: Path) -> None:
    """A library that asks for one by PT_GNU_STACK, does not, or has no such header: the stack is then as the machine's own ld.so has it (foreign ones under
    qemu-user), or the load is refused as there (glibc since 2.41)."""
    path = change_header(libraries(machine, "guest_stack.c"), PT_GNU_STACK, tmp_path / "changed.so", **change)
    compiler = [*ZIG_CC, "-target", f"{machine}-linux-gnu.2.36", "-fno-sanitize=all"]
    program = compile_c(SOURCES / "guest_stack.c", tmp_path / "main", "-DMAIN", compiler=compiler)
    runner = [] if machine == HOST else [f"qemu-{machine}", "-L", str(root)]
    need(*runner[:1])
    expected = int(subprocess.run([*runner, str(program), str(path)], check=True, capture_output=True).stdout)
    loader = make_loader(SysrootTarget(machine, str(root)))
    if expected == -1:
        with pytest.raises(UnsupportedError, match="PT_GNU_STACK"):
            loader.load(str(path))
        assert not loader.objects
        return
    loaded = loader.load(str(path))
    assert loaded.executable_stack == (change != STACKS["does not"])
    assert Library(loader, loaded)["protection"]() == expected


@pytest.mark.feature(37)
@pytest.mark.parametrize("flags", [6, 7])
def test_executable_stacks_without_a_c_library(flags: int, machine: str, libraries: Libraries, tmp_path: Path) -> None:
    """What is asked for is done, with nobody to refuse it: the stack of the bare process has PROT_EXEC, which is 4, or not."""
    path = change_header(libraries(machine, "guest_marked.c"), PT_GNU_STACK, tmp_path / "changed.so", flags=flags)
    target = miniload.load(path, arch=machine).target
    stack = target.space.vmas.find(target.machine.sp)
    assert stack.protection == (7 if flags == 7 else 3)


@pytest.mark.feature(37)
def test_gnu_properties_are_told(machine: str, root: Path, libraries: Libraries) -> None:
    """What the compiler was asked to mark, by the numbers of the ABIs: IBT and SHSTK, BTI and PAC (clang marks GCS, too). The emulated CPU has none, and
    RISC-V's compiler knows none."""
    flags = {"x86_64": "-fcf-protection=full", "aarch64": "-mbranch-protection=standard"}.get(machine)
    library = miniload.load(libraries(machine, "guest_marked.c", *[flags] * bool(flags)), arch=machine, sysroot=root)
    expected = {"x86_64": (0xC0000002, 3), "aarch64": (0xC0000000, 3)}.get(machine)
    found = {kind: int.from_bytes(data, "little") & 3 for kind, data in library.loaded.gnu_properties.items()}
    assert library["answer"]() == 5
    assert found == ({expected[0]: expected[1]} if expected else {})


@pytest.mark.feature(45)
def test_preloading(machine: str, root: Path, libraries: Libraries) -> None:
    """A preloaded library's definition comes before that of one that is needed, and may ask for the next one: as a program's exit status tells that the
    machine's own ld.so runs with LD_PRELOAD, foreign ones under qemu-user."""

    def make(name: str, what: str, *needs: Path) -> Path:
        return libraries.named(machine, name, "guest_preload.c", what, needs=needs)

    plain, preloaded = make("libplain.so", "-DPLAIN"), make("libpre.so", "-DPRELOADED")
    user = make("libuser.so", "-DUSER", plain)
    program = user.parent / "main"
    compiler = [*ZIG_CC, "-target", f"{machine}-linux-gnu.2.36", "-fno-sanitize=all"]
    compile_c(SOURCES / "guest_preload_main.c", program, str(user), f"-Wl,-rpath,{user.parent}", compiler=compiler)
    environment = {**os.environ, "LD_PRELOAD": str(preloaded)}
    if machine != HOST:
        need(f"qemu-{machine}")
        expected = subprocess.run([f"qemu-{machine}", "-L", str(root), "-E", f"LD_PRELOAD={preloaded}", str(program)]).returncode
    else:
        expected = subprocess.run([str(program)], env=environment).returncode
    loader = make_loader(SysrootTarget(machine, str(root)), preload=[str(preloaded)])
    library = Library(loader, loader.load(str(user), os.RTLD_NOW | os.RTLD_GLOBAL))
    assert library["ask"](4) == expected == 45


@pytest.mark.feature(33)
def test_initialisers(machine: str, root: Path, libraries: Libraries) -> None:
    """In the order of their priorities, with argc, argv and envp: the guest's program has one argument, its name."""
    library = load(machine, root, libraries)
    assert library["argument_count"]() == 1
    order = library["start_order"]
    order.restype = c_char_p
    assert order() == b"ab"


@pytest.mark.feature(34)
def test_finalisers(machine: str, root: Path, libraries: Libraries) -> None:
    """In reverse order, when the library is closed: each tells its number through a callback."""
    library = load(machine, root, libraries, "-DCLOSED")
    heard: list[int] = []
    callback = library.target.callback(heard.append, CFUNCTYPE(None, c_int))
    library["tell"](callback)
    library.close()
    callback.free()
    assert heard == [2, 1]


@pytest.mark.feature(49)
def test_introspection(machine: str, root: Path, libraries: Libraries) -> None:
    """Symbols of the source, with their kinds and sizes, at addresses in the object."""
    library = load(machine, root, libraries)
    symbols = {symbol.name: symbol for symbol in library.loaded.symbols()}
    assert (symbols["shared"].type, symbols["shared"].size) == ("OBJECT", 32)
    assert (symbols["twice"].type, symbols["nobody"].defined, symbols["nobody"].bind) == ("FUNC", False, "WEAK")
    assert library.loaded.start <= symbols["twice"].address < library.loaded.end
    assert library.loaded.symbol_at(symbols["twice"].address + 1) == ("twice", symbols["twice"].address)


@pytest.mark.feature(51)
def test_nothing_stays_mapped_after_an_error(machine: str, root: Path, libraries: Libraries) -> None:
    """The guest's mappings are the same before and after a load that fails for a symbol that is defined nowhere."""
    load(machine, root, libraries)
    path = libraries(machine, "guest_calls.c", "-DIMPORTS")

    def mappings() -> list[tuple[int, int]]:
        return [(vma.start, vma.end) for vma in miniload.load(libraries(machine, SOURCE), arch=machine, sysroot=root).target.space.vmas]

    before = mappings()
    with pytest.raises(miniload.errors.UnresolvedError):
        miniload.load(path, arch=machine, sysroot=root)
    assert mappings() == before


@pytest.mark.feature(23)
def test_versions(machine: str, root: Path, libraries: Libraries) -> None:
    """The default version without asking, the hidden one by its name, as dlsym and dlvsym have them."""
    script = SOURCES / "guest_versions.map"
    library = miniload.load(libraries.linked(machine, "guest_versions.c", f"--version-script={script}"), arch=machine, sysroot=root)
    assert library["answer"]() == 2
    found = {version: library.target.function(library.address("answer", version), "answer")() for version in ("V1", "V2")}
    assert found == {"V1": 1, "V2": 2}
    with pytest.raises(miniload.errors.SymbolError):
        library.address("answer", "V3")


@pytest.mark.feature(41, 25)
def test_flags_of_loading(machine: str, root: Path, libraries: Libraries) -> None:
    """RTLD_NOLOAD finds only what is there; RTLD_LOCAL's symbols are not for others, and RTLD_GLOBAL's are; RTLD_NODELETE stays: in a process of its own."""
    provider, user = libraries(machine, "guest_provider.c"), libraries(machine, "guest_calls.c", "-DIMPORTS")
    loader = make_loader(SysrootTarget(machine, str(root)))

    def opened(path: Path, mode: int = os.RTLD_NOW) -> Library:
        return Library(loader, loader.load(str(path), mode))

    with pytest.raises(miniload.errors.NotFoundError, match="not loaded"):
        opened(provider, os.RTLD_NOLOAD)
    with opened(provider):
        assert opened(provider, os.RTLD_NOLOAD | os.RTLD_NOW)["not_there"](1) == 101
        with pytest.raises(miniload.errors.UnresolvedError):
            opened(user)
    kept = opened(provider, os.RTLD_GLOBAL | os.RTLD_NODELETE | os.RTLD_NOW)
    with opened(user) as library:
        assert library["needs"](1) == 102
    kept.close()
    assert kept.target.space.read(kept.loaded.start, 4) == b"\x7fELF"


@pytest.mark.feature(31)
@pytest.mark.parametrize("machine", ["aarch64", "x86_64"], scope="module")
def test_tls_descriptors(machine: str, root: Path, libraries: Libraries) -> None:
    """AArch64 has nothing else; x86-64 has them if asked. glibc has those of RISC-V since 2.42, which is newer than the sysroot's."""
    library = load(machine, root, libraries, *["-mtls-dialect=gnu2"] * (machine == "x86_64"))
    assert any("TLSDESC" in relocation.name for relocation in relocations(library.loaded))
    before = library["use_first"](0)
    assert (library["aligned"](), library["use_first"](1)) == (1, before + 1)


@pytest.mark.feature(52)
def test_malformed_files_are_typed_errors(machine: str, libraries: Libraries) -> None:
    """150 copies with a few bytes changed, most of them where the headers and tables are: loaded, or refused with an error of miniload's or the system's."""
    data = libraries(machine, SOURCE).read_bytes()
    chosen, refused = random.Random(7), 0
    for _ in range(150):
        mutant = bytearray(data)
        for _ in range(chosen.randrange(1, 6)):
            mutant[chosen.randrange(min(len(data), chosen.choice((64, 700, 4096, len(data)))))] = chosen.randrange(256)
        target = AnalysisTarget(machine, BufferSpace(2 << 20))
        try:
            with read(bytes(mutant)) as image:
                loaded = map_object(image, target)
            relocate(loaded, Scope([loaded]), missing=lambda _loaded, _name: 0)
        except (miniload.MiniloadError, OSError):
            refused += 1
    assert 25 < refused < 150
