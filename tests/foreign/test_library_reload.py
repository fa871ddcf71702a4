"""Hot reload in an emulated process, as in this one (tests/test_linker_reload.py)."""

from __future__ import annotations

import gc
from ctypes import POINTER, c_int
from typing import TYPE_CHECKING

import pytest

import miniload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from foreign.libraries import Libraries
    from miniload.linker.library import Library

pytestmark = pytest.mark.feature(40)


def build(machine: str, libraries: Libraries, version: int) -> Path:
    """libhot.so of that version, in place of what was there."""
    return libraries.named(machine, "libhot.so", "guest_hot.c", f"-DVERSION={version}")


@pytest.fixture
def library(machine: str, root: Path, libraries: Libraries) -> Iterator[Library]:
    """Its first version."""
    with miniload.load(build(machine, libraries, 1), arch=machine, sysroot=root) as library:
        yield library


def is_mapped(library: Library, start: int) -> bool:
    """Whether the guest has something at the address."""
    return library.target.space.vmas.find(start) is not None


def test_new_code_runs_and_the_old_copy_is_unmapped(machine: str, libraries: Libraries, library: Library) -> None:
    """Through the same Library; variables are taken along if that is asked for."""
    assert (library.version(), library.count(), library.count()) == (1, 1, 2)
    start = library.loaded.start
    build(machine, libraries, 2)
    report = library.reload(keep=["counter"])
    assert (report.changed, report.kept, report.holders) == (True, ("counter",), ())
    assert (library.version(), library.count(), library.variable("counter", c_int).value) == (2, 3, 3)
    assert not is_mapped(library, start)
    library.reload(force=True)
    assert not library.reload().changed


def test_what_is_held_keeps_the_old_copy(machine: str, libraries: Libraries, library: Library) -> None:
    """A function object, and a pointer that the old copy has given: both are named, both go on, and the last one's end unloads it."""
    held, start = library.version, library.loaded.start
    library.place.restype = POINTER(c_int)
    pointer = library.place()
    library.count()
    build(machine, libraries, 2)
    report = library.reload()
    assert sorted(what.partition(" at ")[0] for what in report.holders) == ["GuestPointer", "function object version"]
    assert (held(), library.version(), pointer[0], library.count()) == (1, 2, 1, 1)
    del held
    gc.collect()
    assert is_mapped(library, start)
    del pointer
    gc.collect()
    assert not is_mapped(library, start)


def test_another_file_in_the_same_place_runs_its_own_code(machine: str, root: Path, libraries: Libraries) -> None:
    """Loaded, called and unloaded by turns, mostly to the same address, which begins with a page that is no code: no translation is left of the other."""
    flags = ("-Wl,-z,max-page-size=65536",)
    paths = {version: libraries(machine, "guest_hot.c", f"-DVERSION={version}", *flags) for version in (1, 2)}
    places = []
    for version in (1, 2) * 5:
        with miniload.load(paths[version], arch=machine, sysroot=root) as library:
            assert library.version() == version
            places.append(library.loaded.start)
    assert len(set(places)) < len(places)


def test_holders_of_another_process_are_not_taken_for_its_own(machine: str, libraries: Libraries, library: Library) -> None:
    """A bare process may have functions at the same addresses."""
    alone = miniload.load(build(machine, libraries, 1), arch=machine)
    others = [alone.target.function(address, "other") for address in range(library.loaded.start, library.loaded.end, 4096)]
    build(machine, libraries, 3)
    assert library.reload(force=True).holders == ()
    assert others
