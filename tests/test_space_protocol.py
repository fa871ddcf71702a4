"""What every address space has to do (miniload.space.AddressSpace), on the three that there are. Expected errors are mmap(2)'s, as Linux 6.18 gives
them; the native space, which is the kernel itself, is held to the same tests."""

from __future__ import annotations

import os
from errno import EACCES, EBADF, EEXIST, EFAULT, EINVAL, ENODEV, ENOMEM
from typing import TYPE_CHECKING

import pytest

from miniload.arch.aarch64.vcpu import VCPU
from miniload.space import MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_PRIVATE, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE
from miniload.space.buffer import BufferSpace
from miniload.space.guest import GuestSpace
from miniload.space.native import NativeSpace
from miniload.vcpu.core import Vcpu

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from miniload.space import AddressSpace

RW = PROT_READ | PROT_WRITE
ANON = MAP_PRIVATE | MAP_ANONYMOUS
NOT_PRESENT = 1 << 62
"""An address where no space has anything."""


@pytest.fixture(params=["guest", "native", "buffer"])
def space(request: pytest.FixtureRequest) -> Iterator[AddressSpace]:
    """Each implementation, empty."""
    if request.param == "native":
        yield NativeSpace()
    elif request.param == "buffer":
        yield BufferSpace(1 << 24)
    else:
        with Vcpu(VCPU) as vcpu:
            yield GuestSpace(vcpu, 1 << 46)


@pytest.fixture
def window(space: AddressSpace) -> Iterator[int]:
    """The address of 16 pages that are the test's, all unmapped but for one on each side."""
    page = space.page_size
    start = space.map(0, 18 * page, 0, ANON) + page
    space.unmap(start, 16 * page)
    yield start
    space.unmap(start - page, 18 * page)


def code(call: object, *args: object) -> int | None:
    """The errno of a call, None if it succeeds."""
    try:
        call(*args)  # type: ignore[operator]
    except OSError as error:
        return error.errno if error.strerror else -1
    return None


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    """Two pages and a bit: a's, b's, then 100 c's."""
    path = tmp_path / "file"
    path.write_bytes(b"a" * 4096 + b"b" * 4096 + b"c" * 100)
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_new_memory_is_zero_and_writable(space: AddressSpace) -> None:
    """A size that is no multiple of pages is rounded up."""
    at = space.map(0, space.page_size + 1, RW, ANON)
    assert at % space.page_size == 0
    assert space.read(at, 2 * space.page_size) == bytes(2 * space.page_size)
    space.write(at + 10, b"hello")
    assert space.read(at + 9, 7) == b"\0hello\0"
    space.unmap(at, 2 * space.page_size)
    assert code(space.read, at, 1) == EFAULT


def test_hint_is_taken_where_it_is_free(space: AddressSpace, window: int) -> None:
    """And something else where not."""
    page = space.page_size
    assert space.map(window + 3 * page, page, RW, ANON) == window + 3 * page
    other = space.map(window + 3 * page, page, RW, ANON)
    assert other != window + 3 * page
    space.unmap(other, page)


def test_fixed_replaces_and_noreplace_does_not(space: AddressSpace, window: int) -> None:
    """MAP_FIXED gives fresh zeros in place of what was there."""
    page = space.page_size
    space.map(window, 4 * page, RW, ANON | MAP_FIXED)
    space.write(window, b"x" * (4 * page))
    assert space.map(window + page, page, PROT_READ, ANON | MAP_FIXED) == window + page
    assert space.read(window, 3 * page) == b"x" * page + bytes(page) + b"x" * page
    assert code(space.map, window + 3 * page, 2 * page, RW, ANON | MAP_FIXED_NOREPLACE) == EEXIST
    assert space.map(window + 4 * page, page, RW, ANON | MAP_FIXED_NOREPLACE) == window + 4 * page


@pytest.mark.parametrize(
    ("page", "size", "flags", "offset", "expected"),
    [
        (0, 0, ANON, 0, EINVAL),
        (0, 1, MAP_ANONYMOUS, 0, EINVAL),
        (0, 1, ANON, 1, EINVAL),
        (0.5, 1, ANON | MAP_FIXED, 0, EINVAL),
        (0, 1, MAP_PRIVATE, 0, EBADF),
        (0, 1 << 50, ANON, 0, ENOMEM),
        (1 << 50, 1, ANON | MAP_FIXED, 0, ENOMEM),
    ],
)
def test_refused_mappings(space: AddressSpace, window: int, page: float, size: int, flags: int, offset: int, expected: int) -> None:
    """No size, no type, unaligned offset, unaligned fixed address, no file, too big, too high."""
    assert code(space.map, window + int(page * space.page_size), size * space.page_size, RW, flags, -1, offset) == expected


def test_file_is_mapped_with_its_tail_of_zeros(space: AddressSpace, window: int, file: int) -> None:
    """From an offset; a private copy can be changed."""
    page = space.page_size
    assert space.map(window, 2 * page, RW, MAP_PRIVATE | MAP_FIXED, file, page) == window
    assert space.read(window + page - 1, 103) == b"b" + b"c" * 100 + b"\0\0"
    space.write(window, b"changed")
    assert os.pread(file, 7, page) == b"bbbbbbb"


def test_descriptors_that_cannot_be_mapped(space: AddressSpace, file: int, tmp_path: Path) -> None:
    """EACCES where the file is not open for what is asked, ENODEV for what is no file."""
    page = space.page_size
    assert code(space.map, 0, page, RW, MAP_SHARED, file, 0) == EACCES
    writer = os.open(tmp_path / "file", os.O_WRONLY)
    reader, other = os.pipe()
    assert code(space.map, 0, page, PROT_READ, MAP_PRIVATE, writer, 0) == EACCES
    assert code(space.map, 0, page, PROT_READ, MAP_PRIVATE, reader, 0) == ENODEV
    for fd in (writer, reader, other):
        os.close(fd)


def test_unmap_in_the_middle_and_over_holes(space: AddressSpace, window: int) -> None:
    """Holes are no error; the rest stays."""
    page = space.page_size
    space.map(window, 6 * page, RW, ANON | MAP_FIXED)
    space.write(window, b"y" * (6 * page))
    space.unmap(window + 2 * page, page)
    space.unmap(window + page, 3 * page)
    assert [code(space.read, window + at * page, 1) for at in range(7)] == [None, EFAULT, EFAULT, EFAULT, None, None, EFAULT]
    assert code(space.unmap, window + 1, page) == EINVAL
    assert code(space.unmap, window, 0) == EINVAL


def test_protection_is_kept_to(space: AddressSpace, window: int) -> None:
    """All, reading, nothing, writing. Whether what is writable only can be read is the machine's to say."""
    page = space.page_size
    space.map(window, 4 * page, RW, ANON | MAP_FIXED)
    space.write(window, b"z" * (4 * page))
    space.protect(window + page, page, PROT_READ)
    space.protect(window + 2 * page, page, 0)
    space.protect(window + 3 * page, page, PROT_WRITE)
    assert [code(space.read, window + at * page, 1) for at in range(3)] == [None, None, EFAULT]
    assert [code(space.write, window + at * page, b"1") for at in range(4)] == [None, EFAULT, EFAULT, None]
    assert code(space.read, window + page, page + 1) == EFAULT
    assert code(space.write, window + page - 1, b"12") == EFAULT
    space.protect(window + page, 2 * page, RW)
    assert space.read(window + page, 2) == b"zz"


def test_protect_changes_up_to_the_first_hole(space: AddressSpace, window: int) -> None:
    """ENOMEM then, and EINVAL in the middle of a page."""
    page = space.page_size
    space.map(window, 2 * page, RW, ANON | MAP_FIXED)
    space.map(window + 3 * page, page, RW, ANON | MAP_FIXED)
    assert code(space.protect, window + page, 3 * page, PROT_READ) == ENOMEM
    assert [code(space.write, window + at * page, b"1") for at in range(4)] == [None, EFAULT, EFAULT, None]
    assert code(space.protect, window + 2 * page, page, PROT_READ) == ENOMEM
    assert code(space.protect, window + 1, page, PROT_READ) == EINVAL
    assert code(space.protect, window, 0, PROT_READ) is None


def test_poke_writes_where_nobody_may(space: AddressSpace, window: int, file: int) -> None:
    """Across protections, into a private copy of a read-only file; the protections stay."""
    page = space.page_size
    space.map(window, page, 0, ANON | MAP_FIXED)
    space.map(window + page, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file, 0)
    space.poke(window + page - 2, b"1234")
    assert code(space.read, window, 1) == EFAULT
    assert code(space.write, window + page, b"1") == EFAULT
    assert space.read(window + page, 3) == b"34a"
    space.protect(window, page, PROT_READ)
    assert space.read(window + page - 3, 5) == b"\x001234"
    assert os.pread(file, 2, 0) == b"aa"
    assert code(space.poke, window + 2 * page - 1, b"12") == EFAULT


@pytest.mark.parametrize("address", [0, 8, NOT_PRESENT, (1 << 64) - 4096, (1 << 64) - 1], ids=hex)
def test_bad_addresses_are_faults(space: AddressSpace, address: int) -> None:
    """Never a crash, whatever the address."""
    assert code(space.read, address, 1) == EFAULT
    assert code(space.write, address, b"1") == EFAULT
    assert code(space.poke, address, b"1") == EFAULT
    assert code(space.write, address, b"") is None
