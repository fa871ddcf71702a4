"""Notes: the build id and the GNU properties (gABI "Note Section"; Linux ABI draft, "Program Property")."""

from __future__ import annotations

from struct import Struct

from miniload.elf.segments import PT_GNU_PROPERTY, PT_NOTE
from miniload.errors import ElfError
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from miniload.elf.segments import Segment
    from miniload.elf.source import Source

NT_GNU_BUILD_ID, NT_GNU_PROPERTY_TYPE_0 = 3, 5
MAX_NOTES = 1 << 20
"""No note segment larger than this is read: hostile files may not make us allocate."""

_NOTE = Struct("<III")
_PROPERTY = Struct("<II")


class Note(Record):
    """One note: owner without its NUL, type, descriptor bytes."""

    owner: bytes
    type: int
    descriptor: bytes


def parse_notes(source: Source, segment: Segment) -> Iterator[Note]:
    """The notes of one PT_NOTE or PT_GNU_PROPERTY segment. ElfError if one reaches over the segment's end."""
    if segment.filesz > MAX_NOTES:
        reason = f"more than {MAX_NOTES} bytes of notes"
        raise ElfError(source.name, reason, field=segment.field("filesz"), value=segment.filesz)
    data = source.read(segment.offset, segment.filesz)
    align = 8 if segment.align == 8 else 4
    at = 0
    while at + _NOTE.size <= len(data):
        owner_size, descriptor_size, kind = _NOTE.unpack_from(data, at)
        owner_at = at + _NOTE.size
        descriptor_at = owner_at + (owner_size + 3 & -4)
        descriptor_at = descriptor_at + align - 1 & -align
        if descriptor_at + descriptor_size > len(data):
            reason = "a note reaches over its segment's end"
            raise ElfError(source.name, reason, field=segment.field("offset"), value=segment.offset + at)
        owner = data[owner_at : owner_at + owner_size].rstrip(b"\0")
        yield Note(owner, kind, data[descriptor_at : descriptor_at + descriptor_size])
        at = descriptor_at + descriptor_size + align - 1 & -align


def build_id(source: Source, segments: tuple[Segment, ...]) -> bytes | None:
    """The NT_GNU_BUILD_ID, or None."""
    for segment in segments:
        if segment.type == PT_NOTE:
            for note in parse_notes(source, segment):
                if note.owner == b"GNU" and note.type == NT_GNU_BUILD_ID:
                    return note.descriptor
    return None


def gnu_properties(source: Source, segments: tuple[Segment, ...]) -> dict[int, bytes]:
    """pr_type to pr_data of the PT_GNU_PROPERTY segment's note, {} if there is none. ElfError if a property is cut off."""
    for segment in segments:
        if segment.type == PT_GNU_PROPERTY:
            for note in parse_notes(source, segment):
                if note.owner == b"GNU" and note.type == NT_GNU_PROPERTY_TYPE_0:
                    return _parse_properties(source, segment, note.descriptor)
    return {}


def _parse_properties(source: Source, segment: Segment, data: bytes) -> dict[int, bytes]:
    properties = {}
    at = 0
    while at + _PROPERTY.size <= len(data):
        kind, size = _PROPERTY.unpack_from(data, at)
        at += _PROPERTY.size
        if at + size > len(data):
            raise ElfError(source.name, "a GNU property is cut off", field=segment.field("offset"), value=segment.offset)
        properties[kind] = data[at : at + size]
        at += size + 7 & -8
    return properties


def features(properties: dict[int, bytes], kind: int) -> int:
    """A *_FEATURE_1_AND property as an integer, 0 if it is absent or not four bytes."""
    data = properties.get(kind, b"")
    return int.from_bytes(data, "little") if len(data) == 4 else 0
