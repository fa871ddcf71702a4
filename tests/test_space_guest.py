"""The guest's address space beyond what every space does: what the vCPU core is told, and that the region stays whole."""

from __future__ import annotations

import os
from errno import EFAULT, ENOMEM, EPERM
from typing import TYPE_CHECKING

import pytest

from miniload.arch.aarch64.vcpu import VCPU
from miniload.space import MAP_ANONYMOUS, MAP_FIXED, MAP_GROWSDOWN, MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED, PAGE, PROT_EXEC, PROT_READ, PROT_WRITE
from miniload.space.access import BLOCK_BITS
from miniload.space.advise import MADV_DONTFORK, MADV_WIPEONFORK, advise
from miniload.space.guest import FILE, INFINITY, MMAP_MIN_ADDR, GuestSpace
from miniload.space.remap import MREMAP_FIXED, MREMAP_MAYMOVE, remap
from miniload.vcpu.core import Vcpu

if TYPE_CHECKING:
    from collections.abc import Iterator

RW = PROT_READ | PROT_WRITE
ANON = MAP_PRIVATE | MAP_ANONYMOUS
HERE = 1 << 36
SIZE = 1 << 46


@pytest.fixture
def space() -> Iterator[GuestSpace]:
    """An empty space; afterwards the host's mappings must still cover the whole region."""
    with Vcpu(VCPU) as vcpu:
        made = GuestSpace(vcpu, SIZE)
        yield made
        assert covered(made.base, made.base + vcpu.size)


def covered(start: int, end: int) -> bool:
    """Whether the host's /proc/self/maps has no hole in [start, end)."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            low, high = (int(part, 16) for part in line.split()[0].split("-"))
            if low <= start < high:
                start = high
    return start >= end


def code(call: object, *args: object) -> int | None:
    """The errno of a call, None if it succeeds."""
    try:
        call(*args)  # type: ignore[operator]
    except OSError as error:
        return error.errno
    return None


def told(space: GuestSpace, pages: int, start: int = HERE) -> list[int]:
    """The vCPU core's protection of each page."""
    return [space.vcpu.protection(start + page * PAGE) for page in range(pages)]


def test_the_core_is_told_what_the_hardware_would_allow(space: GuestSpace) -> None:
    """Writable implies readable everywhere; executable does, where the MMU has no execute-only."""
    for protection, expected in ((0, 0), (1, 1), (2, 3), (3, 3), (4, 5), (5, 5), (6, 7), (7, 7)):
        space.map(HERE, PAGE, protection, ANON | MAP_FIXED)
        assert told(space, 1) == [expected]
    space.execute_only = True
    space.map(HERE, PAGE, PROT_EXEC, ANON | MAP_FIXED)
    assert told(space, 1) == [PROT_EXEC]


def test_pages_of_files_are_marked(space: GuestSpace) -> None:
    """They may lie beyond the file's end, which the core has to find out."""
    fd = os.memfd_create("x")
    os.ftruncate(fd, PAGE)
    space.map(HERE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd)
    space.map(HERE + PAGE, PAGE, 0, MAP_PRIVATE | MAP_FIXED, fd)
    space.map(HERE + 2 * PAGE, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED)
    os.close(fd)
    assert told(space, 3) == [PROT_READ | FILE, 0, RW | FILE]
    space.protect(HERE + PAGE, PAGE, PROT_READ)
    space.unmap(HERE, PAGE)
    assert told(space, 2) == [0, PROT_READ | FILE]
    assert code(space.read, HERE + 1 * PAGE, 1) is None


def test_nothing_below_mmap_min_addr(space: GuestSpace) -> None:
    """EPERM as without CAP_SYS_RAWIO; a hint is moved up."""
    assert code(space.map, 0, PAGE, RW, ANON | MAP_FIXED) == EPERM
    assert code(space.map, MMAP_MIN_ADDR - PAGE, PAGE, RW, ANON | MAP_FIXED) == EPERM
    assert space.map(PAGE, PAGE, RW, ANON) == MMAP_MIN_ADDR


def test_huge_mappings_cost_nothing_until_they_are_used(space: GuestSpace) -> None:
    """The core's table is filled block by block, when the guest's accesses come there, and is right after changes in between."""
    space.map(HERE, 1 << 44, RW, ANON | MAP_FIXED | MAP_NORESERVE)
    middle = HERE + (1 << 43)
    assert space.vcpu.protection(middle) == 0
    assert space.grow_stack(middle + 5)
    assert not space.grow_stack(middle + 5)
    assert space.vcpu.protection(middle) == RW
    block = middle + (5 << BLOCK_BITS)
    space.protect(block + PAGE, PAGE, PROT_READ)
    assert told(space, 3, block) == [RW, PROT_READ, RW]
    space.protect(HERE, 1 << 44, PROT_READ)
    assert told(space, 3, block) == [PROT_READ] * 3
    space.unmap(HERE, 1 << 44)
    assert told(space, 3, block) == [0] * 3
    assert not space.grow_stack(block)
    space.map(HERE, 1 << 44, PROT_READ, ANON | MAP_FIXED | MAP_NORESERVE)
    space.clear()
    assert space.vcpu.protection(middle) == 0
    assert len(space.vmas) == 0


def test_stack_grows_to_its_limit_and_keeps_its_distance(space: GuestSpace) -> None:
    """expand_downwards() and acct_stack_growth() of mm/vma.c."""
    top = 1 << 40
    space.map_stack(top, 4 * PAGE, 1024 * PAGE, RW)
    assert space.grow_stack(top - 1000 * PAGE + 5)
    assert space.vcpu.protection(top - 1000 * PAGE) == RW
    assert space.vmas.find(top - 1000 * PAGE)
    assert not space.grow_stack(top - 1025 * PAGE)
    space.stack_limit = 2048 * PAGE
    assert space.grow_stack(top - 1025 * PAGE)
    space.write(top - 1025 * PAGE, b"x")
    space.map(top - 1400 * PAGE, PAGE, RW, ANON | MAP_FIXED)
    assert not space.grow_stack(top - 1200 * PAGE)
    assert space.grow_stack(top - 1140 * PAGE)
    assert code(space.write_stack, top - 1141 * PAGE, b"frame") is None
    assert code(space.write_stack, top - 1200 * PAGE, b"frame") == EFAULT


def test_stack_leaves_what_is_mapped_below_it(space: GuestSpace) -> None:
    """The room that it may grow into is not taken from others."""
    top = 1 << 40
    space.map(top - 100 * PAGE, PAGE, RW, ANON | MAP_FIXED)
    space.write(top - 100 * PAGE, b"kept")
    space.map_stack(top, 4 * PAGE, 1024 * PAGE, RW)
    assert space.read(top - 100 * PAGE, 4) == b"kept"
    assert code(space.map_stack, top - 98 * PAGE, 4 * PAGE, 8 * PAGE, RW) == ENOMEM


def test_growing_mapping_is_in_the_list_only_as_it_was_asked_for(space: GuestSpace) -> None:
    """What a system call writes below it is a fault; the guest's own access is not."""
    space.map(HERE, PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN)
    assert code(space.write, HERE - PAGE, b"x") == EFAULT
    assert space.grow_stack(HERE - PAGE)
    assert code(space.write, HERE - PAGE, b"x") is None


def test_limits_are_the_guests(space: GuestSpace) -> None:
    """may_expand_vm(): RLIMIT_AS counts all, RLIMIT_DATA what is private and writable."""
    space.address_limit = 10 * PAGE
    space.map(HERE, 8 * PAGE, RW, ANON | MAP_FIXED)
    assert code(space.map, HERE + 8 * PAGE, 3 * PAGE, 0, ANON | MAP_FIXED) == ENOMEM
    space.map(HERE, 10 * PAGE, RW, ANON | MAP_FIXED)
    assert code(remap, space, HERE, 10 * PAGE, 11 * PAGE, 0, 0) == ENOMEM
    space.address_limit, space.data_limit = INFINITY, 10 * PAGE
    assert code(space.map, HERE + 10 * PAGE, PAGE, RW, ANON | MAP_FIXED) == ENOMEM
    space.map(HERE + 10 * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED)
    assert code(space.protect, HERE + 10 * PAGE, PAGE, RW) == ENOMEM
    space.brk_start = space.brk = HERE + 100 * PAGE
    assert space.set_brk(space.brk + PAGE) == space.brk_start


def test_child_loses_what_was_not_for_it(space: GuestSpace) -> None:
    """MADV_DONTFORK is a hole in the child and MADV_WIPEONFORK zeros, though the host knows of neither (dup_mmap())."""
    space.map(HERE, 4 * PAGE, RW, ANON | MAP_FIXED)
    space.write(HERE, b"x" * (4 * PAGE))
    advise(space, HERE + PAGE, PAGE, MADV_DONTFORK)
    advise(space, HERE + 2 * PAGE, PAGE, MADV_WIPEONFORK)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            space.after_fork()
            whole = covered(space.base, space.base + space.vcpu.size)
            seen = [space.read(HERE + page * PAGE, 1) if page != 1 else b"" for page in range(4)]
            status = 0 if whole and seen == [b"x", b"", b"\0", b"x"] and told(space, 4) == [RW, 0, RW, RW] and code(space.read, HERE + PAGE, 1) else 2
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert space.read(HERE, 4 * PAGE) == b"x" * (4 * PAGE)


def test_failed_mapping_leaves_the_books_true(space: GuestSpace) -> None:
    """The host may have unmapped what was there before it found the new mapping impossible, or may not; list, core and memory agree then."""
    space.map(HERE, 2 * PAGE, RW, ANON | MAP_FIXED)
    space.write(HERE, b"x")
    reader, writer = os.pipe()
    assert code(space.map, HERE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, reader, 0)
    os.close(reader)
    os.close(writer)
    mapped = space.vmas.find(HERE) is not None
    assert (code(space.read, HERE, 1) is None) == mapped == bool(told(space, 1)[0])


def test_remapping_keeps_the_region_whole(space: GuestSpace) -> None:
    """Every way of moving and growing, of memory and of a file: the contents arrive, and the old place is a fault."""
    fd = os.memfd_create("x")
    os.write(fd, b"f" * (8 * PAGE))
    for kind, file in ((ANON, -1), (MAP_PRIVATE, fd), (MAP_SHARED, fd)):
        space.map(HERE, 2 * PAGE, RW, kind | MAP_FIXED, file)
        space.write(HERE, b"12")
        assert remap(space, HERE, 2 * PAGE, 4 * PAGE, 0, 0) == HERE
        assert covered(space.base, space.base + space.vcpu.size)
        assert remap(space, HERE, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, HERE + 64 * PAGE) == HERE + 64 * PAGE
        assert remap(space, HERE + 64 * PAGE, 6 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, HERE + 128 * PAGE) == HERE + 128 * PAGE
        assert space.read(HERE + 128 * PAGE, 2) == b"12"
        assert [code(space.read, HERE + page * PAGE, 1) for page in (0, 64, 65, 129)] == [EFAULT] * 4
        assert told(space, 6, HERE + 64 * PAGE) == [0] * 6
        space.clear()
    os.close(fd)


def test_remap_of_what_the_host_keeps_apart(space: GuestSpace) -> None:
    """Memory that the host has in several mappings, though the guest has it in one, is moved piece by piece."""
    for page in (0, 2, 4, 1, 3, 5):
        space.map(HERE + page * PAGE, PAGE, RW, ANON | MAP_FIXED)
        space.write(HERE + page * PAGE, b"%d" % page)
    assert len(space.vmas) == 1
    remap(space, HERE, 6 * PAGE, 12 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, HERE + 64 * PAGE)
    assert b"".join(space.read(HERE + (64 + page) * PAGE, 1) for page in range(7)) == b"012345\0"


def test_reading_too_much_takes_no_memory(space: GuestSpace) -> None:
    """A guest that names a size of terabytes gets an error."""
    assert code(space.read, HERE, 1 << 45) in (ENOMEM, EFAULT)
