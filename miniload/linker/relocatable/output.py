"""Writing the shared object: segments, dynamic section, symbols with a SysV hash table, relocations."""

from __future__ import annotations

import os
from struct import pack

from miniload.linker.relocatable.layout import HEADERS, Layout, Span
from miniload.linker.relocatable.read import SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS, STB_GLOBAL, STB_WEAK, STT_TLS, Section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.relocatable.symbols import Symbol

PT_LOAD, PT_DYNAMIC, PT_TLS, PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO = 1, 2, 7, 0x6474E550, 0x6474E551, 0x6474E552
DT_NEEDED, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ, DT_RELAENT, DT_STRSZ, DT_SYMENT, DT_TEXTREL = 1, 4, 5, 6, 7, 8, 9, 10, 11, 22
DT_INIT_ARRAY, DT_FINI_ARRAY, DT_INIT_ARRAYSZ, DT_FINI_ARRAYSZ, DT_FLAGS = 25, 26, 27, 28, 30
DF_TEXTREL, DF_STATIC_TLS = 4, 16
SHN_ABS, DEFINED_SECTION = 0xFFF1, 1
EH_HEADER = b"\1\x1b\xff\xff"
"""Version 1; the address of .eh_frame as a signed 32-bit distance; no table (LSB, "DWARF Extensions")."""


class Dynamic:
    """What is left to the dynamic linker: `relocations` are (place, type, symbol's number, addend); `symbols` are those that other objects define, numbered
    from 1, and have their stubs' addresses, if there are any (as an undefined function of a program has its PLT entry's); `needed`: names
    of other objects; `text`: some change read-only segments; `fixed_tls`: some need thread-local storage at a fixed offset."""

    def __init__(self) -> None:
        self.relocations: list[tuple[int, int, int, int]] = []
        self.symbols: list[Symbol] = []
        self.stubs: dict[Symbol, int] = {}
        self.needed: tuple[str, ...] = ()
        self.text = self.fixed_tls = False

    def number(self, symbol: Symbol) -> int:
        """Its number in the dynamic symbol table."""
        if not symbol.number:
            self.symbols.append(symbol)
            symbol.number = len(self.symbols)
        return symbol.number


def write(machine: int, flags: int, layout: Layout, sections: list[Section], dynamic: Dynamic, exported: list[Symbol]) -> bytes:
    """The file's bytes. File offsets are link addresses less the base, up to the tables, which follow after the zeros."""
    base, page = layout.base, layout.page
    tables_at = layout.memory_end + page - 1 & -page
    tables, dynamic_span = _tables(layout, dynamic, exported, tables_at)
    offset = layout.data.end - base + page - 1 & -page
    image = bytearray(offset) + tables
    for section in sections:
        if section.type != SHT_NOBITS:
            image[section.address - base : section.address - base + section.size] = section.data
    unwind = _unwind_header(image, base, sections)
    phdrs = _program_headers(layout, sections, tables_at, len(tables), offset, dynamic_span, unwind)
    image[:64] = b"\x7fELF\2\1\1" + bytes(9) + pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, flags, 64, 56, len(phdrs) // 56, 64, 0, 0)
    image[64 : 64 + len(phdrs)] = phdrs
    assert 64 + len(phdrs) <= HEADERS
    return bytes(image)


def _unwind_header(image: bytearray, base: int, sections: list[Section]) -> Span | None:
    """.eh_frame_hdr, filled in."""
    header = next((section for section in sections if section.name == ".eh_frame_hdr"), None)
    if header is None:
        return None
    start = min(section.address for section in sections if section.name == ".eh_frame")
    at = header.address - base
    image[at : at + 8] = EH_HEADER + pack("<i", start - (header.address + 4))
    return Span(header.address, header.address + 8)


def _program_headers(
    layout: Layout, sections: list[Section], tables_at: int, tables_size: int, tables_offset: int, dynamic: Span, unwind: Span | None
) -> bytes:
    base, page = layout.base, layout.page
    code_flags = 5 | 2 * any(section.flags & SHF_WRITE for section in sections if section.flags & SHF_EXECINSTR)
    rows: list[tuple[int, int, int, int, int, int, int]] = []

    def add(kind: int, flags: int, span: Span, memory: int | None = None, align: int = 8, offset: int | None = None) -> None:
        at = span.start - base if offset is None else offset
        rows.append((kind, flags, at, span.start, span.size, span.size if memory is None else memory, align))

    add(PT_LOAD, 4, layout.constants, None, page)
    if layout.code.size:
        add(PT_LOAD, code_flags, layout.code, None, page)
    if layout.memory_end > layout.data.start:
        add(PT_LOAD, 6, layout.data, layout.memory_end - layout.data.start, page)
    add(PT_LOAD, 4, Span(tables_at, tables_at + tables_size), None, page, tables_offset)
    add(PT_DYNAMIC, 4, dynamic, None, 8, tables_offset + dynamic.start - tables_at)
    if layout.thread_size:
        add(PT_TLS, 4, layout.thread, layout.thread_size, layout.thread_align)
    if layout.relro_end > layout.data.start:
        add(PT_GNU_RELRO, 4, Span(layout.data.start, layout.data.start), layout.relro_end - layout.data.start, 1)
    if unwind is not None:
        add(PT_GNU_EH_FRAME, 4, unwind, None, 4)
    rows.append((PT_GNU_STACK, 6, 0, 0, 0, 0, 16))
    return b"".join(pack("<IIQQQQQQ", kind, flags, offset, at, at, size, memory, align) for kind, flags, offset, at, size, memory, align in rows)


def _tables(layout: Layout, dynamic: Dynamic, exported: list[Symbol], at: int) -> tuple[bytes, Span]:
    """Symbols, strings, hash, relocations and the dynamic section, to be mapped at `at`."""
    strings, names = bytearray(b"\0"), []
    symbols = bytearray(24)
    needed = []
    for name in dynamic.needed:
        needed.append((DT_NEEDED, len(strings)))
        strings += os.fsencode(name) + b"\0"
    for symbol in [*dynamic.symbols, *exported]:
        names.append(symbol.name.encode("utf-8", "surrogateescape"))
        symbols += _symbol(layout, symbol, len(strings), dynamic.stubs.get(symbol, 0))
        strings += names[-1] + b"\0"
    hashes = _hash_table(names, len(dynamic.symbols))
    relocations = b"".join(pack("<QQq", place, number << 32 | kind, _signed(addend)) for place, kind, number, addend in dynamic.relocations)
    places, result = [], bytearray()
    for piece in (symbols, hashes, relocations, strings):
        result += bytes(-len(result) % 8)
        places.append(at + len(result))
        result += piece
    result += bytes(-len(result) % 8)
    start = at + len(result)
    for tag, value in needed + _tags(layout, dynamic, places, len(relocations), len(strings)):
        result += pack("<QQ", tag, value)
    return bytes(result), Span(start, at + len(result))


def _tags(layout: Layout, dynamic: Dynamic, places: list[int], relocations: int, strings: int) -> list[tuple[int, int]]:
    symbols_at, hashes_at, relocations_at, strings_at = places
    tags = [(DT_HASH, hashes_at), (DT_SYMTAB, symbols_at), (DT_SYMENT, 24), (DT_STRTAB, strings_at), (DT_STRSZ, strings)]
    if relocations:
        tags += [(DT_RELA, relocations_at), (DT_RELASZ, relocations), (DT_RELAENT, 24)]
    if layout.initialisers.size:
        tags += [(DT_INIT_ARRAY, layout.initialisers.start), (DT_INIT_ARRAYSZ, layout.initialisers.size)]
    if layout.finalisers.size:
        tags += [(DT_FINI_ARRAY, layout.finalisers.start), (DT_FINI_ARRAYSZ, layout.finalisers.size)]
    if dynamic.text:
        tags.append((DT_TEXTREL, 0))
    return [*tags, (DT_FLAGS, DF_TEXTREL * dynamic.text | DF_STATIC_TLS * dynamic.fixed_tls), (0, 0)]


def _symbol(layout: Layout, symbol: Symbol, name: int, stub: int) -> bytes:
    bind = symbol.bind if symbol.bind != 0 else STB_GLOBAL
    if symbol.undefined:
        from miniload.linker.relocatable.symbols import WEAK_UNDEFINED

        bind = STB_WEAK if symbol.rank == WEAK_UNDEFINED else STB_GLOBAL
        return pack("<IBBHQQ", name, bind << 4 | symbol.type, symbol.visibility, 0, stub, 0)
    value = symbol.address - (layout.thread.start if symbol.type == STT_TLS else 0)
    section = SHN_ABS if symbol.absolute else DEFINED_SECTION
    return pack("<IBBHQQ", name, bind << 4 | symbol.type, symbol.visibility, section, value & (1 << 64) - 1, symbol.size)


def _hash_table(names: list[bytes], undefined: int) -> bytes:
    """DT_HASH of the defined ones (gABI, "Hash Table"); the first `undefined` are not in it."""
    count = max(len(names) - undefined, 1)
    buckets, chains = [0] * count, [0] * (len(names) + 1)
    for number in range(undefined + 1, len(names) + 1):
        bucket = _hash(names[number - 1]) % count
        chains[number], buckets[bucket] = buckets[bucket], number
    return pack(f"<{2 + count + len(chains)}I", count, len(chains), *buckets, *chains)


def _hash(name: bytes) -> int:
    value = 0
    for byte in name:
        value = (value << 4) + byte
        value ^= value >> 24 & 0xF0
        value &= 0x0FFFFFFF
    return value


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (value >> 63 << 64)
