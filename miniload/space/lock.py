"""mlock(2) and its like in a guest's space (Linux 6.18 mm/mlock.c): limits and flags are kept, memory is made present; that it stays is the host's
business, since its limit is the emulator's too."""

from __future__ import annotations

import os
from errno import EINVAL, ENOMEM, EPERM

from miniload.space import MAP_SHARED, MAP_TYPE, PAGE, PROT_WRITE, error, hostmap, page_up
from miniload.space.vma import LOCKED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.space.guest import GuestSpace

RLIMIT_MEMLOCK, INFINITY = 8, (1 << 64) - 1
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4
MADV_POPULATE_READ, MADV_POPULATE_WRITE = 22, 23


def privileged() -> bool:
    """CAP_IPC_LOCK, as far as the user tells it."""
    return os.geteuid() == 0


def limit() -> int:
    """Soft RLIMIT_MEMLOCK, -1 for none."""
    soft = hostmap.host_limit(RLIMIT_MEMLOCK)[0]
    return -1 if soft == INFINITY else soft


def check_permission() -> None:
    """can_do_mlock(). OSError EPERM."""
    if limit() == 0 and not privileged():
        raise error(EPERM)


def fits(space: GuestSpace, size: int) -> bool:
    """mlock_future_ok(): whether `size` bytes more may be locked."""
    soft = limit()
    return soft < 0 or privileged() or size + sum(vma.end - vma.start for vma in space.vmas if vma.flags & LOCKED) <= soft


def lock(space: GuestSpace, address: int, size: int, on: bool, now: bool = True) -> None:
    """mlock(2), mlock2(2), munlock(2). `now`: not MLOCK_ONFAULT. OSError ENOMEM, EPERM, EINVAL."""
    start, length = address & -PAGE, page_up(size + address % PAGE) & (1 << 64) - 1
    end = start + length
    if on:
        check_permission()
        already = sum(min(vma.end, end) - max(vma.start, start) for vma in space.vmas.within(start, end) if vma.flags & LOCKED)
        if not fits(space, length - already):
            raise error(ENOMEM)
    if end >= 1 << 64:
        raise error(EINVAL)
    if not length:
        return
    covered = space.vmas.covered(start, end)
    for vma in space.vmas.within(start, covered) if covered > start else ():
        low, high = max(vma.start, start), min(vma.end, covered)
        space.reflag(vma, low, high, vma.flags | LOCKED if on else vma.flags & ~LOCKED)
    if covered < end or (on and now and not _populate(space, start, end)):
        raise error(ENOMEM)


def _populate(space: GuestSpace, start: int, end: int) -> bool:
    """__mm_populate(): whether all of [start, end) is accessible at all."""
    for vma in space.vmas.within(start, end):
        if not vma.protection:
            return False
        low, high = max(vma.start, start), min(vma.end, end)
        writes = vma.protection & PROT_WRITE and vma.flags & MAP_TYPE != MAP_SHARED
        try:
            hostmap.madvise(space.base + low, high - low, MADV_POPULATE_WRITE if writes else MADV_POPULATE_READ)
        except OSError as failure:
            if failure.errno != EINVAL:  # Linux before 5.14 has no such advice
                return False
    return True


def lock_all(space: GuestSpace, flags: int) -> None:
    """mlockall(2). OSError EINVAL, EPERM, ENOMEM."""
    if not flags or flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) or flags == MCL_ONFAULT:
        raise error(EINVAL)
    check_permission()
    soft = limit()
    if flags & MCL_CURRENT and 0 <= soft < space.vmas.size() and not privileged():
        raise error(ENOMEM)
    space.lock_future = LOCKED if flags & MCL_FUTURE else 0
    if flags & MCL_CURRENT:
        for vma in list(space.vmas):
            space.reflag(vma, vma.start, vma.end, vma.flags | LOCKED)
            if not flags & MCL_ONFAULT:
                _populate(space, vma.start, vma.end)


def unlock_all(space: GuestSpace) -> None:
    """munlockall(2)."""
    space.lock_future = 0
    for vma in list(space.vmas):
        space.reflag(vma, vma.start, vma.end, vma.flags & ~LOCKED)
