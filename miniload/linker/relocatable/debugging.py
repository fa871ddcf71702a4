"""The debugging information of an object file, which is full of relocations: applied in the file's bytes, all sections being at 0."""

from __future__ import annotations

import io
from struct import iter_unpack

from miniload.arch import BY_MACHINE
from miniload.linker.relocatable.encode import FieldError, amount, combine, put
from miniload.linker.relocatable.facts import STORE, SYMBOL, get_static

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elftools.elf.elffile import ELFFile

SHF_COMPRESSED = 0x800


def relocated(elf: ELFFile, data: bytes) -> ELFFile:
    """The same file with that of `.debug_*` sections done which is about symbols; what does not fit is left. pyelftools itself does so for few types."""
    from elftools.elf.elffile import ELFFile

    changed = bytearray(data)
    static = get_static(BY_MACHINE[int.from_bytes(data[18:20], "little")])
    for section in elf.iter_sections("SHT_RELA"):
        target = elf.get_section(section["sh_info"])
        if not target.name.startswith(".debug") or target["sh_flags"] & SHF_COMPRESSED:
            continue
        symbols: Any = elf.get_section(section["sh_link"])
        size = target["sh_size"]
        for offset, info, addend in iter_unpack("<QQq", section.data()):
            kind = static.relocations.get(info & 0xFFFFFFFF)
            if kind is None or kind.field is None or kind.about != SYMBOL or offset + kind.field.size > size:
                continue
            value, place = symbols.get_symbol(info >> 32)["st_value"] + addend, target["sh_offset"] + offset
            try:
                if kind.action == STORE:
                    put(changed, place, kind.field, amount(kind.relative, value, offset, 0))
                else:
                    combine(changed, place, kind, value)
            except (FieldError, IndexError):
                continue
    return ELFFile(io.BytesIO(bytes(changed)))
