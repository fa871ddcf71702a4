"""C++ exceptions in the emulated CPU, through objects that its own dynamic linker does not know: thrown and caught by the sysroot's libstdc++ and libgcc_s.
What is expected is what C++ says of tests/linker/guest_catching.cc."""

from __future__ import annotations

import signal
from ctypes import CFUNCTYPE, c_int
from typing import TYPE_CHECKING

import pytest

import miniload
from miniload.errors import GuestFault

if TYPE_CHECKING:
    from pathlib import Path

    from foreign.libraries import Libraries
    from miniload.linker.library import Library

pytestmark = pytest.mark.feature(43)
CAUGHT = {0: 1101, 1: 1102, 2: 3103, 3: 1204, 4: 3260, 5: 1206, 6: 3262, 7: 2105, 8: 1107}
"""What catch_it(kind) gives: which handler, the number thrown, 100 for each destructor, and 1 where it was thrown again."""


@pytest.fixture(scope="module")
def paths(machine: str, root: Path, libraries: Libraries) -> tuple[Path, Path]:
    """The one that throws, and the one that catches and needs it."""
    throwing = libraries.cxx(machine, "guest_throwing.cc", root)
    return throwing, libraries.cxx(machine, "guest_catching.cc", root, throwing)


@pytest.fixture(scope="module")
def library(machine: str, root: Path, paths: tuple[Path, Path]) -> Library:
    """Both of them, loaded."""
    return miniload.load(paths[1], arch=machine, sysroot=root)


@pytest.mark.parametrize("kind", CAUGHT)
def test_exceptions_within_and_across_libraries(kind: int, library: Library) -> None:
    """Within one; from the other, by value and by reference to a base; through the other's frames, where destructors run; caught there and thrown again;
    through libc's qsort; past a handler for another type."""
    assert library["catch_it"](kind) == CAUGHT[kind]


def test_an_exception_in_a_constructor_of_the_library_is_caught_there(library: Library) -> None:
    """While it is being loaded."""
    assert library["caught_early"]() == 6


def test_in_a_thread_of_the_guests(library: Library) -> None:
    """As in the first one, and pthread_exit() runs destructors."""
    assert library["catch_in_thread"]() == CAUGHT[3]
    assert library["end_thread"]() == 100


def test_beneath_a_callback(library: Library) -> None:
    """Python's function, which the guest has called, calls a function that throws and catches: the frames above are not touched."""
    through = library["through"]
    through.argtypes = (CFUNCTYPE(c_int, c_int), c_int)
    assert through(lambda kind: library["catch_it"](kind), 6) == CAUGHT[6] + 1
    assert library["destroyed"]() == 100


def test_an_exception_of_pythons_does_not_unwind_the_guest(library: Library) -> None:
    """It comes out of the call, as ctypes cannot have it: the guest's frames are gone, their destructors have not run, and all goes on."""
    through = library["through"]
    through.argtypes = (CFUNCTYPE(c_int, c_int), c_int)
    with pytest.raises(ZeroDivisionError):
        through(lambda number: 1 // number, 0)
    assert library["destroyed"]() == 0
    assert library["catch_it"](4) == CAUGHT[4]


@pytest.mark.parametrize("outer", [False, True], ids=["from Python", "over a callback"])
def test_an_exception_that_nobody_catches_is_a_fault(outer: bool, library: Library) -> None:
    """std::terminate calls abort(): GuestFault with the calls that led there. No C++ exception goes through Python's frames."""
    through, throw = library["through"], library["throw_number"]
    through.argtypes = (CFUNCTYPE(c_int, c_int), c_int)
    with pytest.raises(GuestFault) as caught:
        through(lambda number: throw(number), 5) if outer else throw(5)
    assert caught.value.signal == signal.SIGABRT
    assert any(" throw_number+" in line for line in caught.value.backtrace)
    assert library["catch_it"](1) == CAUGHT[1]


@pytest.mark.feature(38)
def test_what_is_unloaded_is_forgotten(machine: str, root: Path, paths: tuple[Path, Path]) -> None:
    """Copies that come and go, the middle one first: those that stay catch what they throw."""
    data = paths[1].read_bytes()
    one, two, three = (miniload.load(paths[0] if not index else data, arch=machine, sysroot=root, name=f"copy {index}") for index in range(3))
    two.close()
    assert three["catch_it"](6) == CAUGHT[6]
    four = miniload.load(data, arch=machine, sysroot=root)
    assert (three["catch_it"](3), four["catch_it"](3)) == (CAUGHT[3], CAUGHT[3])
    three.close()
    assert four["catch_it"](4) == CAUGHT[4]
    four.close()
    one.close()
