"""The vCPU core's table of what the guest may do with each page, filled in only where it is used.

The core keeps one byte a page, so writing it for a mapping of terabytes, as sanitizers and garbage collectors make them, would cost gigabytes.
The table is kept in blocks of 1 GiB: a block is either true to the mappings, or still all zero, in which case the first access in it faults
and `resolve` makes it true.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.space.vma import Vma, VmaList
    from miniload.vcpu.core import Vcpu

BLOCK_BITS = 30


class AccessTable:
    """`access_of` tells the core's byte for a mapping."""

    def __init__(self, vcpu: Vcpu, vmas: VmaList, access_of: Callable[[Vma], int]) -> None:
        self._protect = vcpu.protect
        self._size = vcpu.size
        self._vmas = vmas
        self._access_of = access_of
        self._true: set[int] = set()
        """Numbers of the blocks that agree with the mappings."""

    def set(self, start: int, end: int, access: int) -> None:
        """[start, end), which the list of mappings has already as it is to be, may now be accessed like this; what was cached of it is forgotten."""
        first, last = start >> BLOCK_BITS, end - 1 >> BLOCK_BITS
        if last - first > 1:
            for block in [block for block in self._true if first <= block <= last]:
                low, high = self._bounds(block, start, end)
                self._protect(low, high - low, access)
            return
        if first not in self._true:
            self._enter(first)
        if last not in self._true:
            self._enter(last)
        self._protect(start, end - start, access)

    def resolve(self, address: int) -> bool:
        """Whether the table had nothing yet about the place of `address`, and has now."""
        block = address >> BLOCK_BITS
        if block in self._true:
            return False
        self._enter(block)
        return True

    def clear(self) -> None:
        """Nothing may be accessed."""
        for block in self._true:
            low, high = self._bounds(block, 0, self._size)
            self._protect(low, high - low, 0)
        self._true.clear()

    def _bounds(self, block: int, start: int, end: int) -> tuple[int, int]:
        return max(start, block << BLOCK_BITS), min(end, block + 1 << BLOCK_BITS)

    def _enter(self, block: int) -> None:
        self._true.add(block)
        low, high = self._bounds(block, 0, self._size)
        for vma in self._vmas.within(low, high):
            access = self._access_of(vma)
            if access:
                start, end = self._bounds(block, vma.start, vma.end)
                self._protect(start, end - start, access)
