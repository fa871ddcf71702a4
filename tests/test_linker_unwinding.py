"""Exceptions, thread ends and backtraces through loaded code. The oracle is ld.so, which loads the same libraries beside."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest
from inside_support import OURS, agree, library, script
from support import ZIG_CC, need

from miniload.linker import core
from miniload.linker.native import native_target
from miniload.linker.object import open_object, unmap_object

HOST_LIBRARY = "ctypes.CDLL('libstdc++.so.6', ctypes.RTLD_GLOBAL)\n"
ALL = "".join(f"{answer}\n" for answer in (10, 3003, 30, 2008, 7771, 1005, 3003, 11))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two C++ libraries, one needing the other."""
    need("g++")
    folder = tmp_path_factory.mktemp("unwinding")
    library(folder, "throwing.so", "throwing.cc", "-fno-gnu-unique")
    library(folder, "catching.so", "catching.cc", "-fno-gnu-unique", "-fno-optimize-sibling-calls", "-pthread", needs=["throwing.so"])
    return folder


@pytest.mark.feature(43)
@pytest.mark.parametrize("before", ["", HOST_LIBRARY], ids=["libstdc++ loaded here", "libstdc++ in the process"])
def test_exceptions_within_and_across_libraries(before: str, folder: Path) -> None:
    """Thrown and caught in one, thrown in another, through another's frames with destructors, through libc's qsort, rethrown; and threads that end."""
    text = f"{before}library = load('catching.so')\nfor kind in range(7):\n    print(library.catch_it(kind))\nprint(library.end_threads())\nclose(library)"
    assert agree(folder, text) == ALL


@pytest.mark.feature(43, 38)
def test_the_unwinder_forgets_what_is_unloaded(folder: Path) -> None:
    """Load, throw, unload, many times; in the end another library in the same place throws, and all is well."""
    text = """
for _ in range(30):
    library = load("catching.so")
    assert library.catch_it(3) == 2008
    close(library)
print(mapped("catching.so"), mapped("throwing.so"))
library = load("throwing.so")
other = load("catching.so")
print(other.catch_it(4))
"""
    assert agree(folder, text) == "False False\n7771\n"


@pytest.mark.feature(43)
def test_an_exception_in_a_constructor_of_the_library_is_caught_there(folder: Path) -> None:
    """While it is being loaded, the unwinder knows the library already, and what it needs."""
    source = """
extern "C" void throw_number(int number);
static int caught;
__attribute__((constructor)) static void begin() { try { throw_number(6); } catch (int number) { caught = number; } }
extern "C" int get() { return caught; }
"""
    library(folder, "early.so", source, needs=["throwing.so"])
    assert agree(folder, "print(load('early.so').get())") == "6\n"


@pytest.mark.feature(43)
def test_backtrace_goes_through_loaded_code(folder: Path) -> None:
    """backtrace(3) from a callback through another library; dladdr names the functions."""
    assert agree(folder, "print(load('catching.so').trace())") == "3\n"


@pytest.mark.feature(43)
def test_an_exception_that_nobody_catches_ends_the_process(folder: Path) -> None:
    """std::terminate, as with ld.so: SIGABRT, and the same words."""
    text = "load('throwing.so').throw_text(b'end of it')"
    ours = script(folder, text, OURS)
    assert ours[0] == -6
    assert "end of it" in ours[2]


REGISTERED = """
import miniload.linker.unwinding as unwinding
unwinding.redirect = lambda *_arguments: False
"""


@pytest.mark.feature(43)
def test_an_unwinder_that_does_not_ask_is_told(folder: Path) -> None:
    """As one whose calls of libc are not to be found: it is given each object's frames, and unwinds and forgets them just so."""
    text = """
for kind in range(7):
    library = load("catching.so")
    print(library.catch_it(kind))
    close(library)
library = load("catching.so")
print(library.end_threads())
"""
    assert script(folder, REGISTERED + text)[:2] == (0, ALL)


def damaged(folder: Path, damage: str) -> Path:
    """The library with broken frames: a length beyond the image, no end, an unknown encoding, code outside the image, a header that points elsewhere."""
    from elftools.elf.elffile import ELFFile

    data = bytearray((folder / "throwing.so").read_bytes())
    with (folder / "throwing.so").open("rb") as file:
        elf = ELFFile(file)
        section, header = elf.get_section_by_name(".eh_frame"), elf.get_section_by_name(".eh_frame_hdr")
        start, size, head = section["sh_offset"], section["sh_size"], header["sh_offset"]
    first = int.from_bytes(data[start : start + 4], "little") + 4  # the CIE; an FDE follows
    changes = {
        "length": (start + first, b"\xf0\xff\xff\x7f"),
        "terminator": (start + size - 4, b"\xff\xff\xff\xff"),
        "encoding": (start + first - 1 - data[start : start + first][::-1].index(0x1B), b"\x77"),
        "range": (start + first + 12, b"\xff\xff\xff\x7f"),
        "pointer": (head + 4, b"\x03\0\0\0"),
    }
    at, new = changes[damage]
    data[at : at + len(new)] = new
    path = folder / f"{damage}.so"
    path.write_bytes(data)
    return path


DAMAGES = ["length", "terminator", "encoding", "range", "pointer"]


@pytest.mark.feature(43, 52)
@pytest.mark.parametrize("damage", DAMAGES)
def test_broken_frames_are_no_matter_to_others(damage: str, folder: Path) -> None:
    """With a library in the process whose frames are broken, others throw and catch as before; as with ld.so."""
    name = damaged(folder, damage).name
    text = f"broken = load({name!r})\nlibrary = load('catching.so')\nprint([library.catch_it(kind) for kind in range(7)], library.trace())"
    assert agree(folder, text) == "[10, 3003, 30, 2008, 7771, 1005, 3003] 3\n"


@pytest.mark.feature(43, 52)
@pytest.mark.parametrize("damage", DAMAGES)
def test_frames_that_the_unwinder_would_choke_on_are_kept_from_it(damage: str, folder: Path) -> None:
    """Where it has to be given them: it would look through all of them at the first exception, of whatever library."""
    for name, sound in ((folder / "throwing.so", True), (damaged(folder, damage), False)):
        loaded = open_object(str(name), native_target())
        assert loaded is not None
        assert bool(core.frames(loaded.where, None)) == sound
        unmap_object(loaded)
    text = f"broken = load('{damage}.so')\nlibrary = load('catching.so')\nprint(library.catch_it(3))"
    assert script(folder, REGISTERED + text)[:2] == (0, "2008\n")


@pytest.mark.feature(43)
def test_other_linkers_frames_are_accepted(tmp_path: Path) -> None:
    """What lld makes, with and without a terminator of its own in the last object, is either given to the unwinder or known not to be."""
    source = tmp_path / "small.c"
    source.write_text("int one(int (*call)(void)) { return call() + 1; }\n")
    output = tmp_path / "small.so"
    subprocess.run([*ZIG_CC, "-shared", "-fPIC", "-O1", "-funwind-tables", str(source), "-o", str(output)], check=True, capture_output=True)
    loaded = open_object(str(output), native_target())
    assert loaded is not None
    start = core.frames(loaded.where, None)
    assert start
    found = (ctypes.c_uint64 * 8)()
    unwinder = ctypes.CDLL("libgcc_s.so.1")
    register, find = unwinder["__register_frame"], unwinder["_Unwind_Find_FDE"]
    find.restype = ctypes.c_void_p
    register(ctypes.c_void_p(start))
    one = loaded.find("one")
    assert one is not None
    assert find(ctypes.c_void_p(one.address + 1), found)
    unwinder["__deregister_frame"](ctypes.c_void_p(start))
    unmap_object(loaded)
