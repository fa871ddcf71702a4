"""mremap(2) in a guest's space (Linux 6.18 mm/mremap.c).

The host's mremap leaves a hole where the mapping was. So memory is always moved with MREMAP_DONTUNMAP and its old place taken back by mmap, and a
mapping that has to become longer than the host's own does so outside the region, before it is moved in.
"""

from __future__ import annotations

from errno import EAGAIN, EFAULT, EINVAL, ENOMEM, EPERM

from miniload.space import MAP_ANONYMOUS, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED, MAP_TYPE, PAGE, PROT_EXEC, error, hostmap, page_up
from miniload.space.guest import INFINITY, host_protection
from miniload.space.vma import LOCKED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.space.guest import GuestSpace
    from miniload.space.vma import Vma

MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP = 1, 2, 4


def remap(space: GuestSpace, address: int, old_size: int, new_size: int, flags: int, target: int) -> int:
    """mremap(2): the new address."""
    old, new = page_up(old_size) & INFINITY, page_up(new_size) & INFINITY
    _check(space, address, old, new, flags, target)
    if flags & MREMAP_FIXED and target < space.min_address:
        raise error(EPERM)
    if flags & MREMAP_FIXED and old == new:
        return _move_all(space, address, old, flags, target)
    vma = space.vmas.find(address)
    if vma is None:
        raise error(EFAULT)
    if new > old or flags & (MREMAP_FIXED | MREMAP_DONTUNMAP):
        _check_vma(space, vma, address, old, new, flags)
    if flags & MREMAP_FIXED:
        if new < old:
            space.discard(address + new, address + old)
            old = new
        return move(space, vma, address, old, new, target, keep=bool(flags & MREMAP_DONTUNMAP))
    if flags & MREMAP_DONTUNMAP:
        return move(space, vma, address, old, new, space.place(target, new, 0), keep=True)
    if new < old:
        space.discard(address + new, address + old)
    if new <= old:
        return address
    return _expand(space, vma, address, old, new, flags)


def _check(space: GuestSpace, address: int, old: int, new: int, flags: int, target: int) -> None:
    """check_mremap_params()."""
    if flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) or address % PAGE or not new or new > space.end:
        raise error(EINVAL)
    if not flags & (MREMAP_FIXED | MREMAP_DONTUNMAP):
        return
    if target > space.end - new or target % PAGE or not flags & MREMAP_MAYMOVE:
        raise error(EINVAL)
    if (flags & MREMAP_DONTUNMAP and old != new) or (address + old > target and target + new > address):
        raise error(EINVAL)


def _check_vma(space: GuestSpace, vma: Vma, address: int, old: int, new: int, flags: int) -> None:
    """check_prep_vma()."""
    if not old and vma.flags & MAP_TYPE != MAP_SHARED:
        raise error(EINVAL)
    if min(old, new) > vma.end - address:  # what a shrinking takes away may lie across mappings
        raise error(EFAULT)
    if new > old:
        if vma.flags & LOCKED:
            from miniload.space import lock

            if not lock.fits(space, new - old):
                raise error(EAGAIN)
        space.check_limits(new - old, vma)
    if flags & MREMAP_DONTUNMAP:
        space.check_limits(old, vma)


def _move_all(space: GuestSpace, address: int, size: int, flags: int, target: int) -> int:
    """remap_move(): several mappings keep their distances; the first has to be where `address` is."""
    if space.vmas.find(address) is None:
        raise error(EFAULT)
    for vma in space.vmas.within(address, address + size):
        start, end = max(vma.start, address), min(vma.end, address + size)
        _check_vma(space, vma, start, end - start, end - start, flags)
        move(space, vma, start, end - start, end - start, target + (start - address), keep=bool(flags & MREMAP_DONTUNMAP))
    return target


def _expand(space: GuestSpace, vma: Vma, address: int, old: int, new: int, flags: int) -> int:
    """expand_vma()."""
    end = address + old
    if end == vma.end and address + new <= space.end and not space.vmas.within(end, address + new):
        if is_plain(vma):
            _map_like(space, vma, end, address + new)
        else:
            hostmap.mremap(_lengthened(space, address, old, new), new, new, MREMAP_MAYMOVE | MREMAP_FIXED, space.base + address)
        grown = vma.part(end, address + new)
        space.vmas.add(grown)
        space.access.set(grown.start, grown.end, space.access_of(grown))
        return address
    if not flags & MREMAP_MAYMOVE:
        raise error(ENOMEM)
    return move(space, vma, address, old, new, space.place(0, new, 0), keep=False)


def move(space: GuestSpace, vma: Vma, address: int, old: int, new: int, target: int, keep: bool) -> int:
    """move_vma(): `old` bytes of `vma`, `new` at `target`, replacing what is there. `keep`: the old place stays mapped, empty."""
    try:
        if not old:
            hostmap.mremap(space.base + address, 0, new, MREMAP_MAYMOVE | MREMAP_FIXED, space.base + target)
        elif new > old and not is_plain(vma):
            hostmap.mremap(_lengthened(space, address, old, new), new, new, MREMAP_MAYMOVE | MREMAP_FIXED, space.base + target)
        else:
            if new > old:
                _map_like(space, vma, target + old, target + new)
            _carry(space.base + address, old, space.base + target)
    except OSError:
        space.mend(target, target + new)
        raise
    moved = vma.part(address, address + (old or PAGE)).moved(target, target + new)
    replaced = space.vmas.within(target, target + new)
    space.vmas.add(moved)
    if moved.protection or replaced:
        space.access.set(target, target + new, space.access_of(moved))
    if old and not keep:
        space.discard(address, address + old)
    elif old:
        space.reflag(vma, address, address + old, vma.flags & ~LOCKED)
        if vma.protection & PROT_EXEC:
            space.vcpu.invalidate(address, old)
    return target


def is_plain(vma: Vma) -> bool:
    """Private memory without a file: more of it can be had by mmap."""
    return not vma.inode


def _map_like(space: GuestSpace, vma: Vma, start: int, end: int) -> None:
    flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | vma.flags & MAP_NORESERVE
    hostmap.mmap(space.base + start, end - start, host_protection(vma.protection), flags)


def _carry(source: int, size: int, target: int) -> None:
    """Moves pages on the host, whose mappings there may be several: their number is found out by trying (before Linux 6.17 each takes a call)."""
    try:
        hostmap.mremap(source, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, target)
    except OSError as failure:
        if failure.errno != EFAULT or size <= PAGE:
            raise
        half = page_up(size // 2)
        _carry(source, half, target)
        _carry(source + half, size - half, target + half)


def _lengthened(space: GuestSpace, address: int, old: int, new: int) -> int:
    """Takes a mapping of a file out of the region and makes it `new` bytes long: its host address. With an error all is as before."""
    outside = hostmap.mremap(space.base + address, old, old, MREMAP_MAYMOVE | MREMAP_DONTUNMAP)
    try:
        return hostmap.mremap(outside, old, new, MREMAP_MAYMOVE)
    except OSError:
        hostmap.mremap(outside, old, old, MREMAP_MAYMOVE | MREMAP_FIXED, space.base + address)
        raise
