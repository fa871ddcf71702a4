"""The list of a process's mappings (struct vm_area_struct, mm/mmap.c): pure bookkeeping, no memory is touched here."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Vma:
    """One mapping, [start, end). `flags` are mmap's; `file` is the path shown in maps, with `offset` in bytes, `device`, `inode`."""

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
        """The piece of this mapping that lies in [start, end)."""
        offset = self.offset + (start - self.start) if self.inode else self.offset
        return Vma(start, end, self.protection, self.flags, self.file, offset, self.device, self.inode)

    def continues(self, before: Vma) -> bool:
        """Whether the kernel would show this and the mapping before it as one (vma_merge())."""
        same = before.end == self.start and (before.protection, before.flags, before.file, before.inode, before.device) == (
            self.protection,
            self.flags,
            self.file,
            self.inode,
            self.device,
        )
        return same and (not self.inode or before.offset + (before.end - before.start) == self.offset)

    def __repr__(self) -> str:
        return f"Vma({self.start:#x}, {self.end:#x}, {self.protection}, {self.flags:#x}, {self.file!r})"


class VmaList:
    """Mappings in ascending order, none overlapping."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._vmas: list[Vma] = []

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

    def within(self, start: int, end: int) -> list[Vma]:
        """The mappings that overlap [start, end)."""
        index = bisect_right(self._starts, start) - 1
        if index < 0 or self._vmas[index].end <= start:
            index += 1
        stop = bisect_left(self._starts, end)
        return self._vmas[index:stop]

    def covered(self, start: int, end: int) -> bool:
        """Whether [start, end) is mapped without a hole."""
        for vma in self.within(start, end):
            if vma.start > start:
                return False
            start = vma.end
        return start >= end

    def remove(self, start: int, end: int) -> list[Vma]:
        """Cuts [start, end) out. The pieces that went."""
        touched = self.within(start, end)
        if not touched:
            return []
        index = bisect_left(self._starts, touched[0].start)
        kept, gone = [], []
        for vma in touched:
            if vma.start < start:
                kept.append(vma.part(vma.start, start))
            gone.append(vma.part(max(vma.start, start), min(vma.end, end)))
            if vma.end > end:
                kept.append(vma.part(end, vma.end))
        self._replace(index, len(touched), kept)
        return gone

    def add(self, vma: Vma) -> None:
        """Puts a mapping in, in place of whatever was there, joined with equal neighbours."""
        self.remove(vma.start, vma.end)
        index = bisect_left(self._starts, vma.start)
        count = 0
        if index and vma.continues(self._vmas[index - 1]):
            before = self._vmas[index - 1]
            vma = Vma(before.start, vma.end, vma.protection, vma.flags, vma.file, before.offset, vma.device, vma.inode)
            index, count = index - 1, 1
        follower = index + count
        if follower < len(self._vmas) and self._vmas[follower].continues(vma):
            vma = Vma(vma.start, self._vmas[follower].end, vma.protection, vma.flags, vma.file, vma.offset, vma.device, vma.inode)
            count += 1
        self._replace(index, count, [vma])

    def _replace(self, index: int, count: int, vmas: list[Vma]) -> None:
        self._vmas[index : index + count] = vmas
        self._starts[index : index + count] = [vma.start for vma in vmas]

    def gap_below(self, size: int, low: int, high: int) -> int | None:
        """The start of the highest hole of `size` bytes that ends at or below `high` and starts at or above `low`, taken from its upper end
        (vm_unmapped_area() top-down)."""
        index = bisect_left(self._starts, high) - 1
        while index >= 0:
            vma = self._vmas[index]
            if vma.end <= high and high - vma.end >= size:
                break
            high = min(high, vma.start)
            index -= 1
        start = high - size
        return start if start >= low else None

    def gap_above(self, size: int, low: int, high: int) -> int | None:
        """The start of the lowest hole of `size` bytes in [low, high) (bottom-up)."""
        for vma in self.within(low, high):
            if vma.start - low >= size:
                break
            low = vma.end
        return low if low + size <= high else None

    def clear(self) -> None:
        """Forgets all."""
        self._starts.clear()
        self._vmas.clear()
