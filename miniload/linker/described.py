"""What a loaded object says of itself in its headers and its dynamic section."""

from __future__ import annotations

import os
from struct import iter_unpack

from miniload.elf.segments import PT_GNU_PROPERTY, SIZE, Segment
from miniload.linker.core import EXECUTABLE_STACK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.core import CObject
    from miniload.linker.target import Target

DT_NULL = 0


class Described:
    """The readable side of an object. Addresses are the target's; what is not in memory is empty, 0 or None."""

    name: str
    target: Target
    raw: CObject
    phdr_place: int = 0
    """Where the address space's own dynamic linker says that the program headers are."""

    if TYPE_CHECKING:

        @property
        def bias(self) -> int: ...
        @property
        def start(self) -> int: ...
        @property
        def end(self) -> int: ...

    @property
    def entry(self) -> int:
        """e_entry, 0 if it has none."""
        entry: int = self.raw.image.entry
        return entry and self.bias + entry

    @property
    def length(self) -> int:
        """Bytes of address space, whole pages."""
        return self.end - self.start

    @property
    def phdr_address(self) -> int:
        """Where the program headers are."""
        image = self.raw.image
        offset: int = image.phdr_offset
        end = offset + SIZE * image.phdr_count
        if self.phdr_place:
            return self.phdr_place
        segments = image.segments[: image.segment_count]
        holders = [segment for segment in segments if segment.offset <= offset and end <= segment.offset + segment.file_size]
        return next((self.bias + segment.address + offset - segment.offset for segment in holders), 0)

    def program_headers(self) -> tuple[Segment, ...]:
        """All of them, as they are in memory."""
        place, count = self.phdr_address, self.raw.image.phdr_count
        if not place or not self.segment_at(place):
            return ()
        table = self.target.space.read(place, SIZE * count)
        rows = enumerate(iter_unpack("<IIQQQQQQ", table))
        return tuple(Segment(index, kind, flags, offset, vaddr, filesz, memsz, align) for index, (kind, flags, offset, vaddr, _, filesz, memsz, align) in rows)

    def dynamic(self) -> tuple[tuple[int, int], ...]:
        """(tag, value) of the dynamic section as it is in memory, before DT_NULL."""
        extent = self.raw.image.dynamic
        if not extent.present or not self.segment_at(self.bias + extent.address):
            return ()
        table = self.target.space.read(self.bias + extent.address, extent.size // 16 * 16)
        entries: list[tuple[int, int]] = []
        for tag, value in iter_unpack("<QQ", table):
            if tag == DT_NULL:
                break
            entries.append((tag, value))
        return tuple(entries)

    @property
    def interpreter(self) -> str | None:
        """What PT_INTERP names."""
        extent = self.raw.image.interpreter
        if not extent.present or not self.segment_at(self.bias + extent.address):
            return None
        return self.target.space.read(self.bias + extent.address, extent.size).partition(b"\0")[0].decode("utf-8", "surrogateescape")

    @property
    def executable_stack(self) -> bool:
        """Whether it needs executable stacks: PT_GNU_STACK says so, or is not there."""
        return bool(self.raw.traits & EXECUTABLE_STACK)

    @property
    def gnu_properties(self) -> dict[int, bytes]:
        """pr_type to pr_data of what PT_GNU_PROPERTY has: among others whether the code has landing pads (IBT, BTI). ElfError if it is malformed."""
        from miniload.elf.notes import MAX_NOTES, gnu_properties
        from miniload.elf.source import BytesSource

        extent = self.raw.image.property
        if not extent.present or extent.size > MAX_NOTES or not self.segment_at(self.bias + extent.address):
            return {}
        data = self.target.space.read(self.bias + extent.address, extent.size)
        segment = Segment(0, PT_GNU_PROPERTY, extent.flags, 0, extent.address, len(data), len(data), extent.align)
        return gnu_properties(BytesSource(data, os.fsencode(self.name)), (segment,))

    def segment_at(self, address: int) -> bool:
        """Whether an address is in a segment, and not in a gap between two."""
        image, link = self.raw.image, address - self.bias
        return any(segment.address <= link < segment.address + segment.size for segment in image.segments[: image.segment_count])
