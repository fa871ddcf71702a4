"""The list of a process's mappings (struct vm_area_struct, mm/mmap.c): pure bookkeeping, no memory is touched here."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from miniload.space import MAP_GROWSDOWN, PAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

GUARD_GAP = 256 * PAGE
"""stack_guard_gap: what new mappings leave free below one that grows down."""
SIZES = 16
"""Sizes whose search is remembered."""
LOCKED, DONTFORK, WIPEONFORK, SEQUENTIAL, RANDOM, DONTDUMP, MERGEABLE, HUGEPAGE, NOHUGEPAGE, NEVER_EXEC = (1 << 32 + bit for bit in range(10))
"""Bits of Vma.flags beside mmap's own: VM_LOCKED, VM_DONTCOPY, VM_WIPEONFORK, ... of include/linux/mm.h; NEVER_EXEC is !VM_MAYEXEC."""


class Vma:
    """One mapping, [start, end), never changed once it is in a list. `flags` are mmap's and the bits above; `file` is the path shown in maps, with
    `offset` in bytes, `device`, `inode`. Memory without a file, private and anonymous, has inode 0."""

    __slots__ = ("device", "end", "file", "flags", "inode", "offset", "protection", "start")

    def __init__(self, start: int, end: int, protection: int, flags: int, file: bytes = b"", offset: int = 0, device: int = 0, inode: int = 0) -> None:
        self.start = start
        self.end = end
        self.protection = protection
        self.flags = flags
        self.file = file
        self.offset = offset
        self.device = device
        self.inode = inode

    def part(self, start: int, end: int) -> Vma:
        """The mapping as it would be from `start` to `end`, which may lie beyond this one's own end."""
        offset = self.offset + (start - self.start) if self.inode else self.offset
        return Vma(start, end, self.protection, self.flags, self.file, offset, self.device, self.inode)

    def moved(self, start: int, end: int) -> Vma:
        """The same contents at another place."""
        return Vma(start, end, self.protection, self.flags, self.file if self.inode else b"", self.offset, self.device, self.inode)

    def continues(self, before: Vma) -> bool:
        """Whether the kernel would show this and the mapping before it as one (vma_merge()). Which pages were touched, which keeps some apart
        there, is not considered."""
        return (
            before.end == self.start
            and before.protection == self.protection
            and before.flags == self.flags
            and before.inode == self.inode
            and before.device == self.device
            and before.file == self.file
            and (not self.inode or before.offset + (self.start - before.start) == self.offset)
        )

    @property
    def floor(self) -> int:
        """What has to stay free begins here: vm_start_gap()."""
        return max(self.start - GUARD_GAP, 0) if self.flags & MAP_GROWSDOWN else self.start

    def __repr__(self) -> str:
        return f"Vma({self.start:#x}, {self.end:#x}, {self.protection}, {self.flags:#x}, {self.file!r})"


class VmaList:
    """Mappings in ascending order, none overlapping."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._vmas: list[Vma] = []
        self._full: dict[int, int] = {}
        """size: address such that from there to `_top` no hole has so many bytes. Spares gap_below() from looking again where it has looked."""
        self._top = 0

    def __iter__(self) -> Iterator[Vma]:
        return iter(self._vmas)

    def __len__(self) -> int:
        return len(self._vmas)

    def find(self, address: int) -> Vma | None:
        """The mapping that holds `address`."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0 and address < self._vmas[index].end:
            return self._vmas[index]
        return None

    def after(self, address: int) -> Vma | None:
        """The first mapping that ends above `address`: find_vma()."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0 and address < self._vmas[index].end:
            return self._vmas[index]
        return self._vmas[index + 1] if index + 1 < len(self._vmas) else None

    def before(self, address: int) -> Vma | None:
        """The last mapping that starts below `address`."""
        index = bisect_left(self._starts, address) - 1
        return self._vmas[index] if index >= 0 else None

    def within(self, start: int, end: int) -> list[Vma]:
        """The mappings that overlap [start, end), whole."""
        index = bisect_right(self._starts, start) - 1
        if index < 0 or self._vmas[index].end <= start:
            index += 1
        return self._vmas[index : bisect_left(self._starts, end, index)]

    def covered(self, start: int, end: int) -> int:
        """How far from `start` on, at most to `end`, there is no hole."""
        for vma in self.within(start, end):
            if vma.start > start:
                break
            start = vma.end
        return min(start, end)

    def size(self) -> int:
        """Bytes mapped: total_vm."""
        return sum(vma.end - vma.start for vma in self._vmas)

    def remove(self, start: int, end: int) -> list[Vma]:
        """Cuts [start, end) out. The pieces that went."""
        starts, vmas = self._starts, self._vmas
        following = bisect_left(starts, end)
        for size, searched in self._full.items():
            if end > searched:
                self._full[size] = min(self._top, starts[following]) if following < len(starts) else self._top
        index = bisect_right(starts, start) - 1
        if index < 0 or vmas[index].end <= start:
            index += 1
        touched = vmas[index:following]
        if not touched:
            return []
        first, last = touched[0], touched[-1]
        kept = [first.part(first.start, start)] if first.start < start else []
        if last.end > end:
            kept.append(last.part(end, last.end))
        self._replace(index, len(touched), kept)
        if first.start < start or last.end > end:
            return [vma.part(max(vma.start, start), min(vma.end, end)) for vma in touched]
        return touched

    def add(self, vma: Vma) -> None:
        """Puts a mapping in, in place of whatever was there, joined with equal neighbours."""
        starts, vmas = self._starts, self._vmas
        index = bisect_left(starts, vma.start)
        if (index and vmas[index - 1].end > vma.start) or (index < len(starts) and starts[index] < vma.end):
            self.remove(vma.start, vma.end)
            index = bisect_left(starts, vma.start)
        count = 0
        if index and vma.continues(vmas[index - 1]):
            vma = vmas[index - 1].part(vmas[index - 1].start, vma.end)
            index, count = index - 1, 1
        follower = index + count
        if follower < len(vmas) and vmas[follower].continues(vma):
            vma = vma.part(vma.start, vmas[follower].end)
            count += 1
        if count == 0:
            starts.insert(index, vma.start)
            vmas.insert(index, vma)
        else:
            self._replace(index, count, [vma])

    def _replace(self, index: int, count: int, vmas: list[Vma]) -> None:
        self._vmas[index : index + count] = vmas
        self._starts[index : index + count] = [vma.start for vma in vmas]

    def gap_below(self, size: int, low: int, high: int) -> int | None:
        """The start of the highest hole of `size` bytes that ends at or below `high` and starts at or above `low`, taken from its upper end
        (unmapped_area_topdown())."""
        vmas = self._vmas
        if high != self._top:
            self._full.clear()
            self._top = high
        high = min([searched for full, searched in self._full.items() if full <= size], default=high)
        above = bisect_left(self._starts, high)
        if above < len(vmas):
            high = min(high, vmas[above].floor)
        for index in range(above - 1, -1, -1):
            vma = vmas[index]
            if high - vma.end >= size:
                break
            high = min(high, vma.floor)
        if high - size < low:
            return None
        if len(self._full) >= SIZES and size not in self._full:
            self._full.clear()
        self._full[size] = high
        return high - size

    def gap_above(self, size: int, low: int, high: int) -> int | None:
        """The start of the lowest hole of `size` bytes in [low, high) (unmapped_area())."""
        for vma in self.within(low, high):
            if vma.floor - low >= size:
                return low
            low = vma.end
        index = bisect_left(self._starts, low)
        if index < len(self._vmas):
            high = min(high, self._vmas[index].floor)
        return low if low + size <= high else None

    def clear(self) -> None:
        """Forgets all."""
        self._starts.clear()
        self._vmas.clear()
        self._full.clear()
