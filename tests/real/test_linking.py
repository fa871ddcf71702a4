"""Every way to link a program, and the dynamic linker's own features. Expected: what the same file does when the kernel has loaded it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from compare import RUNNERS, same, same_output, without_capabilities, without_numbers
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment
from support import MINILOAD, clean_environment, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., Path]

MUSL_START = [f"/usr/lib/x86_64-linux-musl/{name}.o" for name in ("rcrt1", "crti", "crtn")]
"""What musl-gcc's specs do not know: the start files of a static PIE."""
LINKINGS = {
    "pie": ("gcc", ["-pie", "-fPIE"]),
    "non_pie": ("gcc", ["-no-pie", "-fno-pie"]),
    "static": ("gcc", ["-static", "-no-pie", "-fno-pie"]),
    "static_pie": ("gcc", ["-static-pie", "-fPIE"]),
    "pages_of_64_kib": ("gcc", ["-Wl,-z,max-page-size=0x10000"]),
    "pages_of_2_mib": ("gcc", ["-Wl,-z,max-page-size=0x200000"]),
    "static_pages_of_64_kib": ("gcc", ["-static", "-Wl,-z,max-page-size=0x10000"]),
    "static_pages_of_2_mib": ("gcc", ["-static", "-Wl,-z,max-page-size=0x200000"]),
    "static_pie_pages_of_64_kib": ("gcc", ["-static-pie", "-Wl,-z,max-page-size=0x10000"]),
    "static_pie_pages_of_2_mib": ("gcc", ["-static-pie", "-Wl,-z,max-page-size=0x200000"]),
    "non_pie_pages_of_2_mib": ("gcc", ["-no-pie", "-Wl,-z,max-page-size=0x200000"]),
    "one_segment_for_code_and_constants": ("gcc", ["-Wl,-z,noseparate-code"]),
    "without_relro": ("gcc", ["-Wl,-z,norelro"]),
    "full_relro": ("gcc", ["-Wl,-z,now", "-Wl,-z,relro"]),
    "lazy_binding": ("gcc", ["-Wl,-z,lazy"]),
    "relative_relocations_packed": ("gcc", ["-Wl,-z,pack-relative-relocs", "-static-pie"]),
    "executable_stack": ("gcc", ["-Wl,-z,execstack"]),
    "high_address": ("gcc", ["-static", "-no-pie", "-Wl,-Ttext-segment=0x70000000"]),
    "low_address": ("gcc", ["-static", "-no-pie", "-Wl,-Ttext-segment=0x10000"]),
    "pie_with_a_preferred_address": ("gcc", ["-Wl,-Ttext-segment=0x1000000"]),
    "gnu_hash_only": ("gcc", ["-Wl,--hash-style=sysv"]),
    "large_model": ("gcc", ["-mcmodel=large", "-static", "-fno-pie", "-no-pie"]),
    "stripped": ("gcc", ["-s"]),
    "optimised_at_link_time": ("gcc", ["-O2", "-flto"]),
    "musl": ("musl-gcc", []),
    "musl_non_pie": ("musl-gcc", ["-no-pie", "-fno-pie"]),
    "musl_static": ("musl-gcc", ["-static"]),
    "musl_static_pie": ("musl-gcc", ["-static", "-fPIE", "-nostartfiles", *MUSL_START, "-Wl,-pie,--no-dynamic-linker"]),
    "musl_static_pages_of_2_mib": ("musl-gcc", ["-static", "-Wl,-z,max-page-size=0x200000"]),
}


@pytest.mark.parametrize("name", LINKINGS)
def test_image(build: Build, name: str) -> None:
    """Data, bss, thread-local data, constructors, relocations, arguments and environment of a program linked so."""
    compiler, flags = LINKINGS[name]
    program = build("image.c", *flags, compiler=compiler)
    stdout = same_output([program, "one", "two words"], env={"A": "1", "EMPTY": "", "B": "x=y"})
    assert b"data 1 22 333 bss 0 tls 4444 tbss 0 const constant relocated stant constructed 1 argc 3 written 7 4445 7\n" in stdout
    assert stdout.endswith(b"argv0 one two words\nA=1\nEMPTY=\nB=x=y\n")


def test_image_has_the_shapes_that_the_flags_ask_for(build: Build) -> None:
    """The linkings above are not all the same file: types, interpreters and alignments as named."""
    shapes = {}
    for name in ("pie", "non_pie", "static", "static_pie", "pages_of_2_mib", "musl", "musl_static_pie"):
        compiler, flags = LINKINGS[name]
        with build("image.c", *flags, compiler=compiler).open("rb") as file:
            elf = ELFFile(file)
            segments = list(elf.iter_segments())
            interpreter = [segment.get_interp_name().rpartition("/")[2] for segment in segments if isinstance(segment, InterpSegment)]
            alignment = max(segment["p_align"] for segment in segments if segment["p_type"] == "PT_LOAD")
            shapes[name] = (elf["e_type"], *interpreter, alignment if alignment > 4096 else None)
    assert shapes == {
        "pie": ("ET_DYN", "ld-linux-x86-64.so.2", None),
        "non_pie": ("ET_EXEC", "ld-linux-x86-64.so.2", None),
        "static": ("ET_EXEC", None),
        "static_pie": ("ET_DYN", None),
        "pages_of_2_mib": ("ET_DYN", "ld-linux-x86-64.so.2", 0x200000),
        "musl": ("ET_DYN", "ld-musl-x86_64.so.1", None),
        "musl_static_pie": ("ET_DYN", None),
    }


@pytest.mark.parametrize("flag", ["-N", "-n", "-z,max-page-size=0x200000", "-Ttext-segment=0x7f0000000"])
def test_image_without_libc(build: Build, flag: str) -> None:
    """Linkings that leave out the page alignment of segments (-N, with writable code; -n), and so the program headers from memory, which
    libc would need; and an address beyond the first 4 GiB."""
    program = build("freestanding.c", "-static", "-nostdlib", "-mcmodel=large", "-fno-pie", f"-Wl,{flag}")
    assert same([program, "a", "b"]) == (3, b"one\ntwo\n", b"")


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [("gcc", []), ("gcc", ["-static", "-no-pie"]), ("gcc", ["-static-pie"]), ("musl-gcc", []), ("musl-gcc", ["-static"])],
    ids=["dynamic", "static_non_pie", "static_pie", "musl", "musl_static"],
)
def test_thread_local_data(build: Build, compiler: str, flags: list[str]) -> None:
    """`__thread` variables of several threads, whose initial image libc takes from the program headers."""
    stdout = same_output([build("thread_locals.c", "-pthread", *flags, compiler=compiler)])
    assert stdout == b"thread 1: 100 to 1100\nthread 2: 100 to 2100\nthread 3: 100 to 3100\nmain: 101 untouched\n"


def _origin_program(build: Build, folder: Path, *flags: str) -> Path:
    """FOLDER/bin/asks, which finds its library in FOLDER/lib by $ORIGIN."""
    library = build("answer.c", "-shared", "-fPIC", "-Wl,-soname,libanswer.so", name="libanswer.so")
    program = build("asks.c", str(library), "-Wl,-rpath,$ORIGIN/../lib", *flags)
    for name, source in (("bin", program), ("lib", library)):
        (folder / name).mkdir()
        (folder / name / source.name).write_bytes(source.read_bytes())
        (folder / name / source.name).chmod(0o755)
    return folder / "bin" / program.name


@pytest.mark.parametrize("tags", ["--enable-new-dtags", "--disable-new-dtags"], ids=["runpath", "rpath"])
@pytest.mark.parametrize("level", ["full+exe", "full"])
def test_origin(build: Build, tmp_path: Path, tags: str, level: str) -> None:
    """$ORIGIN is where the program lies, called by its path, by a relative one, or through a link; with and without the exe link."""
    program = _origin_program(build, tmp_path, f"-Wl,{tags}")
    (tmp_path / "link").symlink_to(program)
    options = {"preexec_fn": without_capabilities} if level == "full" else {}
    assert f"level {level} " in (outcome([*MINILOAD, "-v", str(program)], **options)[2].decode().replace(";", " "))
    for command, cwd in ((program, "/"), ("bin/asks", tmp_path), (tmp_path / "link", "/"), ("./asks", tmp_path / "bin")):
        assert same_output([command], cwd=cwd, **options) == b"answer 42\n"


def test_missing_library(build: Build) -> None:
    """ld.so's own error and its exit status."""
    library = build("answer.c", "-shared", "-fPIC", "-Wl,-soname,libnowhere.so", name="libnowhere.so")
    status, _, stderr = same([build("asks.c", str(library), name="asks-nowhere")])
    assert status == 127
    assert b"libnowhere.so: cannot open shared object file" in stderr


def test_library_path(build: Build) -> None:
    """LD_LIBRARY_PATH decides which of two libraries a program gets."""
    folders = [build("answer.c", "-shared", "-fPIC", f"-DANSWER={n}", "-Wl,-soname,libanswer.so", name="libanswer.so") for n in (1, 2)]
    program = build("asks.c", str(folders[0]), name="asks-by-path")
    for number, library in enumerate(folders, 1):
        assert same_output([program], env={"LD_LIBRARY_PATH": str(library.parent)}) == b"answer %d\n" % number


def test_preload(build: Build) -> None:
    """LD_PRELOAD reaches the program (once: miniload itself, a process of the same user, does not get it)."""
    library = build("preloaded.c", "-shared", "-fPIC", name="preloaded.so")
    assert same_output([build("calls_getpid.c")], env={"LD_PRELOAD": str(library)}) == b"preloaded\n4242\n"


def test_preload_for_musl(build: Build) -> None:
    """musl takes LD_PRELOAD only where the auxiliary vector says that this is no set-id program."""
    library = build("preloaded.c", "-shared", "-fPIC", compiler="musl-gcc", name="preloaded-musl.so")
    assert same_output([build("calls_getpid.c", compiler="musl-gcc")], env={"LD_PRELOAD": str(library)}) == b"preloaded\n4242\n"


def test_debug_output_of_the_dynamic_linker() -> None:
    """LD_DEBUG=libs: the search, the initialisations, in the same order."""
    status, _, stderr = same(["/bin/ls", "-d", "/"], env=clean_environment(LD_DEBUG="libs"), normal=without_numbers)
    assert status == 0
    assert b"find library=libselinux" in stderr
    assert b"initialize program: /bin/ls" in stderr


def test_debug_statistics_count_the_same_relocations() -> None:
    """LD_DEBUG=statistics: numbers of relocations (the times next to them are left out)."""
    counts = []
    for runner in RUNNERS.values():
        stderr = outcome([*runner, "/bin/ls", "-d", "/"], env=clean_environment(LD_DEBUG="statistics"))[2]
        counts.append(re.findall(rb"number of [a-z ]+: +\d+", stderr))
    assert counts[1] == counts[0]
    assert len(counts[0]) == 3


def test_auxiliary_vector_as_ld_so_shows_it() -> None:
    """LD_SHOW_AUXV: the same entries in the same order, and the same values but for addresses."""
    stdout = same_output(["/bin/true"], env={"LD_SHOW_AUXV": "1"}, normal=lambda text: re.sub(rb"0x(?:5|7)[0-9a-f]{11}\b", b"ADDRESS", text))
    names = [line.partition(b":")[0] for line in stdout.splitlines()]
    assert names[0] == b"AT_SYSINFO_EHDR"
    assert {b"AT_HWCAP", b"AT_PHDR", b"AT_BASE", b"AT_UID", b"AT_SECURE", b"AT_RANDOM", b"AT_EXECFN", b"AT_PLATFORM"} <= set(names)


@pytest.mark.parametrize("flags", [[], ["-static"], ["-static-pie"]], ids=["dynamic", "static", "static_pie"])
def test_loaded_objects(build: Build, flags: list[str]) -> None:
    """dl_iterate_phdr lists the program, the vDSO, the libraries."""
    assert b"linux-vdso.so.1" in same_output([build("loaded_objects.c", *flags)]) or flags


def test_library_that_needs_an_executable_stack(build: Build) -> None:
    """dlopen makes the stack executable, which glibc does by one mprotect of the kernel's own [stack]."""
    library = build("library_execstack.c", "-shared", "-fPIC", "-Wl,-z,execstack", name="execstack.so")
    assert same_output([build("load_library.c"), library]) == b"stack rw-p\nresult 42\nstack rwxp\n"


def test_library_loaded_at_run_time(build: Build) -> None:
    """dlopen, dlsym, dlclose of a library with thread-local data, a constructor and a destructor."""
    library = build("library.c", "-shared", "-fPIC", name="library.so")
    assert same_output([build("load_library.c"), library]) == b"stack rw-p\nloaded\nresult 42\nstack rw-p\nunloaded\n"


def test_dynamic_linker_as_a_command(build: Build) -> None:
    """ld.so, a program without an interpreter, loads the program itself."""
    status, stdout, _ = same(["/lib64/ld-linux-x86-64.so.2", build("exit_code.c"), "44"])
    assert (status, stdout) == (44, b"")


def test_interpreter_of_musl_as_a_command(build: Build) -> None:
    """So does musl's."""
    program = build("exit_code.c", compiler="musl-gcc", name="exit-musl")
    assert same(["/lib/ld-musl-x86_64.so.1", program, "45"]) == (45, b"", b"")


def test_restartable_sequences(build: Build) -> None:
    """libc could register rseq: nothing is left of the Python that was there before."""
    assert same_output([build("restartable.c")]).endswith(b" registered 1\n")


def test_mappings_name_their_files() -> None:
    """/proc/self/maps names the files of program and libraries, as profilers and debuggers need: the same ones with the same offsets and
    permissions, never writable and executable. (Anonymous memory is left out: whether two ranges of it touch, and are one line, is chance.)"""
    stdout = same_output(["/bin/cat", "/proc/self/maps"], normal=_files)
    assert sum(line.endswith(b"/cat") for line in stdout.splitlines()) == 5
    assert b"rwx" not in stdout
    assert b"memfd" not in stdout


def _files(maps: bytes) -> bytes:
    lines = [line.split(None, 1)[1] for line in maps.splitlines()]
    return b"\n".join(sorted(line for line in lines if not line.endswith(b"0 ")))
