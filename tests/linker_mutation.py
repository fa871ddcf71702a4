"""Broken shared objects and object files out of good ones, aimed at what a dynamic and a static linker read. Deterministic."""

from __future__ import annotations

import io
import random
from struct import pack_into, unpack_from

from elftools.elf.elffile import ELFFile
from mutation import boundaries, content_mutant, random_mutant

READ = {
    "SHT_DYNSYM", "SHT_DYNAMIC", "SHT_RELA", "SHT_RELR", "SHT_HASH", "SHT_GNU_HASH", "SHT_GNU_versym", "SHT_GNU_verdef", "SHT_GNU_verneed", "SHT_STRTAB",
    "SHT_INIT_ARRAY", "SHT_FINI_ARRAY", "SHT_SYMTAB", "SHT_GROUP",
}  # fmt: skip


class Seed:
    """A good file, with the places that are worth changing. `relocatable`: it is an object file."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.data = name, data
        self.relocatable = data[:4] != b"\x7fELF" or data[16:18] == b"\1\0"
        self.regions = self._regions()

    def _regions(self) -> list[tuple[int, int]]:
        if self.data[:4] != b"\x7fELF":
            return [(0, len(self.data))]
        elf = ELFFile(io.BytesIO(self.data))
        found = [(section["sh_offset"], section["sh_size"]) for section in elf.iter_sections() if section["sh_type"] in READ and section["sh_size"] >= 8]
        if self.relocatable:
            found += [(self.data and unpack_from("<Q", self.data, 40)[0], 64 * elf.num_sections())] * 3
            found.append((0, 64))
        return found or [(0, len(self.data))]

    def mutant(self, source: random.Random) -> bytes:
        """One broken file."""
        kind = source.randrange(10)
        if kind == 0:
            return self.data[: source.randrange(len(self.data))]
        if not self.relocatable and kind < 4:
            return (content_mutant if kind == 1 else random_mutant)(self.data, source)
        return self._changed_tables(source)

    def _changed_tables(self, source: random.Random) -> bytes:
        changed = bytearray(self.data)
        for _ in range(source.choice((1, 1, 1, 2, 3, 8))):
            start, size = source.choice(self.regions)
            what, unit = source.randrange(6), source.choice((1, 2, 4, 8, 8))
            at = start + source.randrange(max(size // unit, 1)) * unit
            if at + 8 > len(changed):
                continue
            code = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}[unit]
            mask = (1 << 8 * unit) - 1
            if what == 0:
                changed[at] ^= 1 << source.randrange(8)
            elif what == 1:
                pack_into(code, changed, at, source.choice(boundaries(len(changed))) & mask)
            elif what == 2:
                pack_into(code, changed, at, source.getrandbits(source.randrange(1, 8 * unit + 1)))
            elif what == 3:  # a little more or less
                pack_into(code, changed, at, unpack_from(code, changed, at)[0] + source.randrange(-64, 65) & mask)
            elif what == 4:  # somewhere else's contents
                other, length = source.choice(self.regions)
                piece = changed[other + source.randrange(length) :][:unit]
                changed[at : at + len(piece)] = piece
            else:
                pack_into(code, changed, at, source.randrange(len(changed)) & mask)
        return bytes(changed)
