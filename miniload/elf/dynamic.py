"""The dynamic section, found by its segment, with its strings (gABI chapter 5, "Dynamic Section")."""

from __future__ import annotations

from struct import Struct

from miniload.elf.segments import PT_DYNAMIC, PT_LOAD
from miniload.errors import ElfError
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.elf.segments import Segment
    from miniload.elf.source import Source

DT_NULL, DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_SONAME, DT_RPATH, DT_RUNPATH = 0, 1, 5, 10, 14, 15, 29
DT_AUXILIARY, DT_FILTER, DT_CONFIG, DT_DEPAUDIT, DT_AUDIT = 0x7FFFFFFD, 0x7FFFFFFF, 0x6FFFFEFA, 0x6FFFFEFB, 0x6FFFFEFC
MAX_DYNAMIC = 1 << 20
MAX_STRING = 1 << 16
"""Bounds in bytes on what is read, so that hostile files cannot make us allocate. Real ones stay far below."""

_ENTRY = Struct("<QQ")


class DynamicEntry(Record):
    """`vaddr` is where the entry's d_un lies in the image, before the load bias is added."""

    tag: int
    value: int
    vaddr: int


class Dynamic(Record):
    """The entries before DT_NULL, in order, and the segment that they come from."""

    segment: Segment
    entries: tuple[DynamicEntry, ...]

    def value(self, tag: int) -> int | None:
        """The first entry's value, or None."""
        for entry in self.entries:
            if entry.tag == tag:
                return entry.value
        return None


def parse_dynamic(source: Source, segments: tuple[Segment, ...]) -> Dynamic | None:
    """The dynamic section; None if there is no PT_DYNAMIC. ElfError if it lies outside the file or is absurdly large."""
    for segment in segments:
        if segment.type == PT_DYNAMIC:
            break
    else:
        return None
    if segment.filesz > MAX_DYNAMIC:
        reason = f"more than {MAX_DYNAMIC} bytes of dynamic section"
        raise ElfError(source.name, reason, field=segment.field("filesz"), value=segment.filesz)
    data = source.read(segment.offset, segment.filesz)
    if len(data) != segment.filesz:
        reason = "the dynamic section lies outside the file"
        raise ElfError(source.name, reason, field=segment.field("offset"), value=segment.offset)
    entries = []
    whole = len(data) // _ENTRY.size * _ENTRY.size
    for index, (tag, value) in enumerate(_ENTRY.iter_unpack(data[:whole])):
        if tag == DT_NULL:
            break
        entries.append(DynamicEntry(tag, value, segment.vaddr + _ENTRY.size * index + 8))
    return Dynamic(segment, tuple(entries))


def file_offset(segments: tuple[Segment, ...], vaddr: int) -> int | None:
    """Where in the file the byte at `vaddr` of the image comes from; None if it comes from no PT_LOAD's file part."""
    for segment in segments:
        if segment.type == PT_LOAD and segment.vaddr <= vaddr < segment.vaddr + segment.filesz:
            return vaddr - segment.vaddr + segment.offset
    return None


def string(source: Source, segments: tuple[Segment, ...], dynamic: Dynamic, offset: int) -> bytes:
    """The NUL-terminated string at `offset` of DT_STRTAB, without the NUL.

    ElfError if there is no string table, if it lies outside the file's segments, or if the string has no end in it.
    """
    table = dynamic.value(DT_STRTAB)
    size = dynamic.value(DT_STRSZ)
    if table is None or size is None:
        raise ElfError(source.name, "the dynamic section has strings but no string table", field="DT_STRTAB")
    where = file_offset(segments, table)
    if where is None or offset >= size:
        raise ElfError(source.name, "a dynamic string lies outside the file", field="DT_STRTAB", value=table)
    text, end, _ = source.read(where + offset, min(size - offset, MAX_STRING)).partition(b"\0")
    if not end:
        raise ElfError(source.name, "a dynamic string has no end", field="DT_STRTAB", value=table + offset)
    return text
