"""$ORIGIN where /proc/self/exe cannot be set (exec.md finding 3).

Both libcs take the program's $ORIGIN from /proc/self/exe. Without the right exe link they would look in the wrong place, so the
expanded strings are put on the initial stack, and the words of the dynamic section that hold the unexpanded ones' offsets from
the string table are made to reach there. The stub does so only where setting the exe link failed.
The environment stays as it is, and so does everything that the program's children see.
"""

from __future__ import annotations

import os

from miniload.elf.dynamic import (
    DT_AUDIT,
    DT_AUXILIARY,
    DT_CONFIG,
    DT_DEPAUDIT,
    DT_FILTER,
    DT_NEEDED,
    DT_RPATH,
    DT_RUNPATH,
    DT_STRTAB,
    parse_dynamic,
    string,
)
from miniload.elf.segments import PF_W, PT_LOAD
from miniload.elf.tokens import expand
from miniload.errors import ElfError, UnsupportedError
from miniload.plan.model import PROGRAM, TABLE, Address, Fixup
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.plan.model import Image

EXPANDED_TAGS = (DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_AUXILIARY, DT_FILTER, DT_CONFIG, DT_AUDIT, DT_DEPAUDIT)


class OriginString(Record):
    """A dynamic string that uses $ORIGIN: the word at `vaddr` of the program holds its offset from the string table at `strtab`."""

    vaddr: int
    strtab: int
    text: bytes
    expanded: bytes
    writable: bool


def origin_strings(image: Image) -> tuple[OriginString, ...]:
    """The program's dynamic strings that use $ORIGIN. A dynamic section that cannot be read has none: what is wrong with it is
    for the program's own ld.so to say."""
    try:
        dynamic = parse_dynamic(image.source, image.segments)
        if dynamic is None:
            return ()
        entries = [entry for entry in dynamic.entries if entry.tag in EXPANDED_TAGS]
        texts = [string(image.source, image.segments, dynamic, entry.value) for entry in entries]
    except ElfError:
        return ()
    strtab = dynamic.value(DT_STRTAB) or 0
    found = []
    for entry, text in zip(entries, texts, strict=True):
        expanded = expand(text, {b"ORIGIN": _origin(image)}) if b"$" in text else None
        if expanded is not None and expanded != text:
            found.append(OriginString(entry.vaddr, strtab, text, expanded, _writable(image, entry.vaddr)))
    return tuple(found)


def origin_fixups(strings: tuple[OriginString, ...], at: int) -> tuple[Fixup, ...]:
    """The fixups that make those words reach the expanded strings, which lie one after the other, NUL-terminated, at `at` of the table."""
    fixups = []
    for found in strings:
        value = Address(TABLE, at - found.strtab & (1 << 64) - 1)
        fixups.append(Fixup("set", Address(PROGRAM, found.vaddr), value, minus=PROGRAM))
        at += len(found.expanded) + 1
    return tuple(fixups)


def refuse_unpatchable(image: Image, strings: tuple[OriginString, ...]) -> None:
    """UnsupportedError if a string needs patching that cannot be patched, because its dynamic section is read-only."""
    for found in strings:
        if not found.writable:
            reason = "it uses $ORIGIN, /proc/self/exe cannot be set here, and its dynamic section is read-only"
            remedy = "run with CAP_CHECKPOINT_RESTORE"
            raise UnsupportedError(image.source.name, reason, field="dynamic string", value=found.text, remedy=remedy)


def _origin(image: Image) -> bytes:
    return os.path.dirname(os.path.realpath(image.ref.path))


def _writable(image: Image, vaddr: int) -> bool:
    return any(
        segment.type == PT_LOAD and segment.flags & PF_W and segment.vaddr <= vaddr and vaddr + 8 <= segment.vaddr + segment.filesz
        for segment in image.segments
    )
