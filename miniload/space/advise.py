"""madvise(2), msync(2) and mincore(2) in a guest's space (Linux 6.18 mm/madvise.c, msync.c, mincore.c)."""

from __future__ import annotations

from errno import EBUSY, EFAULT, EINVAL, ENOMEM, EPERM

from miniload.space import MAP_SHARED, MAP_TYPE, PAGE, PROT_EXEC, error, hostmap, page_up
from miniload.space.vma import DONTDUMP, DONTFORK, HUGEPAGE, LOCKED, MERGEABLE, NOHUGEPAGE, RANDOM, SEQUENTIAL, WIPEONFORK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.space.guest import GuestSpace
    from miniload.space.vma import Vma

MADV_WILLNEED, MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK = 3, 4, 8, 9, 10, 11, 18, 19
MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTNEED_LOCKED, MADV_COLLAPSE = 20, 21, 22, 23, 24, 25
FLAGS = {
    0: (SEQUENTIAL | RANDOM, 0),
    1: (SEQUENTIAL, RANDOM),
    2: (RANDOM, SEQUENTIAL),
    MADV_DONTFORK: (0, DONTFORK),
    MADV_DOFORK: (DONTFORK, 0),
    12: (0, MERGEABLE),
    13: (MERGEABLE, 0),
    14: (NOHUGEPAGE, HUGEPAGE),
    15: (HUGEPAGE, NOHUGEPAGE),
    16: (0, DONTDUMP),
    17: (DONTDUMP, 0),
    MADV_WIPEONFORK: (0, WIPEONFORK),
    MADV_KEEPONFORK: (WIPEONFORK, 0),
}
"""Advice that is a flag of the mapping: bits it takes away, bits it gives."""
UNPASSED = frozenset({MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK})
"""Advice that the host does not hear of: GuestSpace.after_fork() acts on it."""
ACTIONS = frozenset(
    {
        MADV_WILLNEED,
        MADV_DONTNEED,
        MADV_FREE,
        MADV_REMOVE,
        MADV_COLD,
        MADV_PAGEOUT,
        MADV_POPULATE_READ,
        MADV_POPULATE_WRITE,
        MADV_DONTNEED_LOCKED,
        MADV_COLLAPSE,
    }
)
"""Advice that the host acts on. MADV_GUARD_INSTALL is not among them: its pages would have to be known here, and programs do without."""
POISONS = frozenset({100, 101})
"""MADV_HWPOISON and MADV_SOFT_OFFLINE, which take memory away from the machine."""
NOT_LOCKED = frozenset({MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_COLD, MADV_PAGEOUT})
LOSES_CONTENTS = frozenset({MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_REMOVE})
MS_ASYNC, MS_INVALIDATE, MS_SYNC = 1, 2, 4


def advise(space: GuestSpace, address: int, size: int, advice: int) -> None:
    """madvise(2): what is mapped gets it, and then holes give ENOMEM."""
    if advice in POISONS:
        raise error(EPERM)
    end = address + page_up(size)
    if (advice not in FLAGS and advice not in ACTIONS) or address % PAGE or end >= 1 << 64:
        raise error(EINVAL)
    if end == address:
        return
    covered = space.vmas.covered(address, end)
    stops = advice in (MADV_POPULATE_READ, MADV_POPULATE_WRITE)
    for vma in space.vmas.within(address, covered if stops else end):
        _advise_part(space, vma, max(vma.start, address), min(vma.end, end), advice)
    if covered < end:
        raise error(ENOMEM)


def _advise_part(space: GuestSpace, vma: Vma, start: int, end: int, advice: int) -> None:
    if advice == MADV_WIPEONFORK and (vma.inode or vma.flags & MAP_TYPE == MAP_SHARED):
        raise error(EINVAL)
    if advice in NOT_LOCKED and vma.flags & LOCKED:
        raise error(EINVAL)
    if advice not in UNPASSED:
        hostmap.madvise(space.base + start, end - start, advice)
    if advice in FLAGS:
        without, given = FLAGS[advice]
        space.reflag(vma, start, end, vma.flags & ~without | given)
    elif advice in LOSES_CONTENTS and vma.protection & PROT_EXEC:
        space.vcpu.invalidate(start, end - start)


def sync(space: GuestSpace, address: int, size: int, flags: int) -> None:
    """msync(2)."""
    if flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) or address % PAGE or (flags & MS_ASYNC and flags & MS_SYNC):
        raise error(EINVAL)
    end = address + (page_up(size) & (1 << 64) - 1)
    if end >= 1 << 64:
        raise error(ENOMEM)
    covered = space.vmas.covered(address, end)
    for vma in space.vmas.within(address, covered if flags == MS_ASYNC else end):
        if flags & MS_INVALIDATE and vma.flags & LOCKED:
            raise error(EBUSY)
        if flags & MS_SYNC and vma.inode and vma.flags & MAP_TYPE == MAP_SHARED:
            start = max(vma.start, address)
            hostmap.msync(space.base + start, min(vma.end, end) - start, flags)
    if covered < end:
        raise error(ENOMEM)


def in_core(space: GuestSpace, address: int, size: int, vector: int) -> None:
    """mincore(2): a byte at `vector` for each page, up to the first hole, which is ENOMEM."""
    if address % PAGE:
        raise error(EINVAL)
    if address > space.end or size > space.end - address:
        raise error(ENOMEM)
    size = page_up(size)
    if not vector and size:
        raise error(EFAULT)
    place = space.host(vector, size // PAGE)
    covered = space.vmas.covered(address, address + size) - address
    if covered > 0:
        hostmap.mincore(space.base + address, covered, place)
    if covered < size:
        raise error(ENOMEM)
