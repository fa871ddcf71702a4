"""Libraries in the emulated CPU that call dlopen(3) and its family themselves. This machine's ld.so, through ctypes, answers the same questions of the same
sources."""

from __future__ import annotations

import ctypes
import os
from ctypes import c_void_p, create_string_buffer
from typing import TYPE_CHECKING, Any

import pytest

import miniload
from foreign.libraries import HOST

if TYPE_CHECKING:
    from pathlib import Path

    from foreign.libraries import Libraries
    from miniload.linker.library import Library

pytestmark = pytest.mark.feature(42)


def build(machine: str, libraries: Libraries) -> Path:
    """The folder with libask_inside.so, which needs libask_next.so, and with those that it opens."""

    def make(name: str, *flags: str) -> Path:
        return libraries.named(machine, name, "guest_other.c", *flags)

    needed = make("libask_next.so", "-DNEXT")
    folder = make("libask_other.so", "-DOTHER").parent
    make("libask_broken.so", "-DBROKEN", "-Wl,-z,now")
    make("libask_nested.so", f'-DNESTED="{folder}/libask_other.so"')
    (folder / "not_elf.so").write_text("hello")
    inside = libraries.named(machine, "libask_inside.so", "inside.c", "-Wno-unused-parameter", "-funwind-tables", needs=[needed])
    return inside.rename(folder / "libask_inside.so").parent


@pytest.fixture(scope="module")
def folder(machine: str, libraries: Libraries) -> Path:
    """For the guest."""
    return build(machine, libraries)


@pytest.fixture(scope="module")
def oracle(libraries: Libraries) -> ctypes.CDLL:
    """libask_inside.so as ld.so has it."""
    return ctypes.CDLL(str(build(HOST, libraries) / "libask_inside.so"))


@pytest.fixture
def library(machine: str, root: Path, folder: Path) -> Library:
    """libask_inside.so in the guest."""
    return miniload.load(folder / "libask_inside.so", arch=machine, sysroot=root)


def text_of(function: Any, *arguments: Any) -> str:
    """What a function writes, with names of architectures made the same."""
    text = create_string_buffer(8192)
    function(*arguments, text)
    return text.value.decode().replace("aarch64", "x86_64").replace("riscv64", "x86_64")


@pytest.mark.parametrize("function", ["names", "details", "find_objects", "look_up"])
def test_addresses_handles_and_symbols(function: str, library: Library, oracle: ctypes.CDLL) -> None:
    """dladdr; dladdr1 and dlinfo (but for a block of thread-local storage that AArch64's ld.so does not tell of); _dl_find_object;
    dlsym of RTLD_DEFAULT and RTLD_NEXT."""
    ours, theirs = text_of(library[function]), text_of(oracle[function])
    if function == "details":
        ours, theirs = (" ".join(word for index, word in enumerate(text.split()) if index != 9) for text in (ours, theirs))
    assert ours == theirs


def test_a_library_opens_another_one(library: Library, folder: Path) -> None:
    """It becomes one of the loader's, is called, and goes; one that opens a third in its constructor, too; what is open twice is closed twice."""

    def loaded() -> list[str]:
        return [name for other in library.loader.objects if (name := os.path.basename(other.name)) in ("libask_other.so", "libask_nested.so")]

    opens, keep, close = library["open_other"], library["keep_other"], library["close_other"]
    keep.restype, close.argtypes = c_void_p, (c_void_p,)
    path = os.fsencode(folder / "libask_other.so")
    assert (opens(path, os.RTLD_NOW), loaded()) == (77, [])
    assert (opens(os.fsencode(folder / "libask_nested.so"), os.RTLD_NOW), loaded()) == (78, [])
    one, two = keep(path, os.RTLD_NOW), keep(path, os.RTLD_NOW)
    assert (one, loaded()) == (two, ["libask_other.so"])
    assert ([close(one), *loaded()], [close(one), *loaded()]) == ([0, "libask_other.so"], [0])


def test_another_thread_of_the_guests(library: Library, folder: Path) -> None:
    """It cannot call Python, so dlopen() is the guest's own there: the library is opened, called and closed, by its dynamic linker. A handle of the loader's is
    one there, too."""
    opens = library["open_in_thread"]
    before = [other.name for other in library.loader.objects]
    assert opens(os.fsencode(folder / "libask_other.so")) == 77
    assert [other.name for other in library.loader.objects] == before
    keep, find, close = library["keep_other"], library["find_in_thread"], library["close_other"]
    keep.restype, find.argtypes, close.argtypes = c_void_p, (c_void_p,), (c_void_p,)
    handle = keep(os.fsencode(folder / "libask_other.so"), os.RTLD_NOW)
    assert (find(handle), close(handle)) == (77, 0)


def test_what_the_c_library_has_stays_its_own(library: Library) -> None:
    """By its name: the handle is that of the guest's own dynamic linker, which knows no other one, and closes it."""
    keep, close = library["keep_other"], library["close_other"]
    keep.restype, close.argtypes = c_void_p, (c_void_p,)
    handle = keep(b"libm.so.6", os.RTLD_NOW)
    names = [loaded.soname for loaded in library.target.existing()]
    assert "libm.so.6" in names
    assert (handle in library.target.residents.by_handle, close(handle)) == (False, 0)


@pytest.mark.parametrize("kind", range(5), ids=["dlopen", "dlsym", "dlvsym", "RTLD_DEFAULT", "RTLD_NEXT"])
def test_errors(kind: int, library: Library, oracle: ctypes.CDLL, folder: Path) -> None:
    """The result is NULL, dlerror says why, and the second time nothing. (RTLD_NEXT finds something.)"""
    beside = os.path.dirname(oracle._name)
    for name in ("/no/such/file.so", "./not_elf.so", "./libask_broken.so", "libnowhere.so.9")[: 4 if kind == 0 else 1]:
        ours, theirs = create_string_buffer(1024), create_string_buffer(1024)
        paths = [os.fsencode(name.replace("./", f"{where}/")) for where in (folder, beside)]
        results = library["error_of"](kind, paths[0], ours), oracle.error_of(kind, paths[1], theirs)
        assert results[0] == results[1]
        here, there = ours.value.decode(), theirs.value.decode()
        assert (here == "(none)") == (there == "(none)")
        assert here.partition(": ")[2].startswith(there.partition(": ")[2].partition(":")[0])
