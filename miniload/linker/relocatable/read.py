"""Object files (gABI chapter 4): sections that go into memory, symbols, relocations. Nothing in the file is trusted."""

from __future__ import annotations

from errno import ENOEXEC
from struct import Struct, error, iter_unpack, unpack_from

from miniload.arch import BY_MACHINE
from miniload.elf.header import MAGIC
from miniload.errors import ElfError
from miniload.record import Record

ET_REL = 1
SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_REL, SHT_INIT_ARRAY, SHT_FINI_ARRAY, SHT_GROUP, SHT_SYMTAB_SHNDX = 1, 2, 4, 8, 9, 14, 15, 17, 18
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_TLS = 1, 2, 4, 0x400
SHF_EXCLUDE = 0x80000000
GRP_COMDAT = 1
SHN_UNDEF, SHN_ABS, SHN_COMMON, SHN_XINDEX, SHN_LORESERVE = 0, 0xFFF1, 0xFFF2, 0xFFFF, 0xFF00
STB_LOCAL, STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE = 0, 1, 2, 10
STT_SECTION, STT_FILE, STT_TLS, STT_GNU_IFUNC, STT_FUNC, STT_OBJECT, STT_COMMON = 3, 4, 6, 10, 2, 1, 5
MAX_ALIGN = 1 << 20
SHDR, SYM, RELA = Struct("<IIQQQQIIQQ"), Struct("<IBBHQQ"), Struct("<QQq")


class Relocation(Record):
    """`offset` in its section, `type`, number of the `symbol`, `addend`."""

    offset: int
    type: int
    symbol: int
    addend: int


class Section:
    """A section that goes into memory. `data`: its bytes, none for SHT_NOBITS; `size` in memory; `address`: where the layout has put it. `index` in its file.
    `kept`: False for a copy of a COMDAT group that is there already."""

    __slots__ = ("address", "align", "data", "flags", "index", "kept", "name", "relocations", "size", "type")

    def __init__(self, name: str, index: int, kind: int, flags: int, align: int, size: int, data: bytearray) -> None:
        self.name, self.index, self.type, self.flags, self.align, self.size, self.data = name, index, kind, flags, align, size, data
        self.relocations: list[Relocation] = []
        self.address = 0
        self.kept = True


class Entry:
    """A symbol of the file's table. `section`: its number there; SHN_* for what is special (`special`)."""

    __slots__ = ("bind", "name", "other", "section", "size", "special", "type", "value")

    def __init__(self, name: str, info: int, other: int, section: int, special: bool, value: int, size: int) -> None:
        self.name, self.bind, self.type, self.other, self.section, self.special = name, info >> 4, info & 15, other, section, special
        self.value, self.size = value, size


class ObjectFile:
    """What is of use of one file. `sections` by number; `groups`: signature and the sections' numbers of each COMDAT group. ElfError."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        try:
            self._read(data)
        except (error, IndexError, UnicodeError, OverflowError) as wrong:
            raise ElfError(name, f"the object file is malformed: {wrong}", errno=ENOEXEC) from None

    def fail(self, reason: str, field: str | None = None, value: object = None) -> ElfError:
        """To be raised."""
        return ElfError(self.name, reason, field=field, value=value, errno=ENOEXEC)

    def _read(self, data: bytes) -> None:
        if data[:4] != MAGIC or data[4:7] != b"\2\1\1":
            raise self.fail("not a 64-bit little-endian ELF file", "e_ident", data[:7])
        kind, machine, shoff, self.flags, shentsize, shnum, shstrndx = unpack_from("<HH20xQI6xHHH", data, 16)
        if kind != ET_REL:
            raise self.fail("not an object file", "e_type", kind)
        if machine not in BY_MACHINE:
            raise self.fail("no architecture of ours", "e_machine", machine)
        self.arch = BY_MACHINE[machine]
        if shentsize != SHDR.size or not shoff or shoff + SHDR.size > len(data):
            raise self.fail("no section headers", "e_shoff", shoff)
        first = SHDR.unpack_from(data, shoff)
        shnum, shstrndx = shnum or first[5], first[6] if shstrndx == SHN_XINDEX else shstrndx
        if shnum > (len(data) - shoff) // SHDR.size:
            raise self.fail("the section headers lie outside the file", "e_shnum", shnum)
        headers = list(SHDR.iter_unpack(data[shoff : shoff + shnum * SHDR.size]))
        names = self._contents(data, headers, shstrndx)
        self.sections: dict[int, Section] = {}
        for index, header in enumerate(headers):
            self._take_section(data, index, header, names)
        self._read_symbols(data, headers)
        for header in headers:
            self._take_relocations(data, headers, header)
        self.groups = [group for header in headers if header[1] == SHT_GROUP if (group := self._group(data, headers, header))]

    def _contents(self, data: bytes, headers: list[tuple[int, ...]], index: int) -> bytes:
        """A section's bytes."""
        if not 0 < index < len(headers):
            raise self.fail("no such section", "sh_link", index)
        offset, size = headers[index][4], headers[index][5]
        if headers[index][1] == SHT_NOBITS or offset > len(data) or size > len(data) - offset:
            raise self.fail("the section lies outside the file", f"section {index} sh_offset", offset)
        return data[offset : offset + size]

    def _take_section(self, data: bytes, index: int, header: tuple[int, ...], names: bytes) -> None:
        name_at, kind, flags, _, offset, size, _, _, align, _ = header
        if not flags & SHF_ALLOC or flags & SHF_EXCLUDE or kind in (SHT_GROUP, SHT_RELA, SHT_SYMTAB):
            return
        align = max(align, 1)
        if align & (align - 1) or align > MAX_ALIGN:
            raise self.fail(f"not a power of two up to {MAX_ALIGN:#x}", f"section {index} sh_addralign", align)
        if kind == SHT_NOBITS and size >= 1 << 31:
            raise self.fail("larger than any relocation reaches", f"section {index} sh_size", size)
        if kind != SHT_NOBITS and (offset > len(data) or size > len(data) - offset):
            raise self.fail("the section lies outside the file", f"section {index} sh_offset", offset)
        contents = bytearray(b"" if kind == SHT_NOBITS else data[offset : offset + size])
        self.sections[index] = Section(text(names, name_at), index, kind, flags, align, size, contents)

    def _read_symbols(self, data: bytes, headers: list[tuple[int, ...]]) -> None:
        self.symbols: list[Entry] = []
        tables = [index for index, header in enumerate(headers) if header[1] == SHT_SYMTAB]
        if not tables:
            return
        table = headers[tables[0]]
        strings = self._contents(data, headers, table[6])
        entries = self._contents(data, headers, tables[0])
        extended = [index for index, header in enumerate(headers) if header[1] == SHT_SYMTAB_SHNDX and header[6] == tables[0]]
        far = self._contents(data, headers, extended[0]) if extended else b""
        whole = len(entries) // SYM.size * SYM.size
        for number, (name, info, other, section, value, size) in enumerate(SYM.iter_unpack(entries[:whole])):
            special = section >= SHN_LORESERVE and section != SHN_XINDEX
            if section == SHN_XINDEX:
                section = unpack_from("<I", far, 4 * number)[0]
            self.symbols.append(Entry(text(strings, name), info, other, section, special, value, size))

    def _take_relocations(self, data: bytes, headers: list[tuple[int, ...]], header: tuple[int, ...]) -> None:
        section = self.sections.get(header[7])
        if header[1] not in (SHT_RELA, SHT_REL) or section is None:
            return
        if header[1] == SHT_REL:
            raise self.fail("relocations without addends are not for this architecture", "sh_type", SHT_REL)
        offset, size = header[4], header[5]
        if offset > len(data) or size > len(data) - offset:
            raise self.fail("the section lies outside the file", "sh_offset", offset)
        for place, info, addend in RELA.iter_unpack(data[offset : offset + size // RELA.size * RELA.size]):
            if info >> 32 >= max(len(self.symbols), 1):
                raise self.fail("no such symbol", "r_sym", info >> 32)
            section.relocations.append(Relocation(place, info & 0xFFFFFFFF, info >> 32, addend))

    def _group(self, data: bytes, headers: list[tuple[int, ...]], header: tuple[int, ...]) -> tuple[str, list[int]] | None:
        offset, size = header[4], header[5]
        words = [word for (word,) in iter_unpack("<I", data[offset : offset + size // 4 * 4])]
        if not words or not words[0] & GRP_COMDAT:
            return None
        return self.symbols[header[7]].name, words[1:]


def text(strings: bytes, offset: int) -> str:
    """The string at an offset of a string table."""
    if offset >= len(strings):
        if not offset:
            return ""
        raise IndexError("a name lies outside its string table")
    end = strings.find(b"\0", offset)
    return strings[offset : end if end >= 0 else len(strings)].decode("utf-8", "surrogateescape")
