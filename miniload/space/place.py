"""Where a mapping goes (mm/mmap.c, __get_unmapped_area() and arch_get_unmapped_area_topdown())."""

from __future__ import annotations

from errno import EEXIST, EINVAL, ENOMEM, EPERM

from miniload.space import MAP_FIXED, MAP_FIXED_NOREPLACE, PAGE, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.space.vma import VmaList


def place(vmas: VmaList, address: int, size: int, flags: int, low: int, base: int, end: int) -> int:
    """The address for `size` bytes (whole pages) that mmap(2) gives for `address` and `flags`: nothing goes below `low` (mmap_min_addr) or above
    `end` (TASK_SIZE), and the search goes down from `base`, then, if that is full, up from a third of the space. ENOMEM, EINVAL, EPERM, EEXIST."""
    if size > end - low:
        raise error(ENOMEM)
    if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE):
        if address > end - size:
            raise error(ENOMEM)
        if address % PAGE:
            raise error(EINVAL)
        if address < low:
            raise error(EPERM)
        if flags & MAP_FIXED_NOREPLACE and vmas.within(address, address + size):
            raise error(EEXIST)
        return address
    hint = address & -PAGE
    if hint:
        hint = max(hint, low)  # round_hint_to_min()
        after = vmas.after(hint)
        if hint <= end - size and (after is None or hint + size <= after.floor):
            return hint
    found = vmas.gap_below(size, low, base)
    if found is None:
        found = vmas.gap_above(size, max(end // 3 & -PAGE, low), end)
    if found is None:
        raise error(ENOMEM)
    return found
