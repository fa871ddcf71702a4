"""ELF files made on the spot, of one segment that is not executable: for what only the address space's own dynamic linker can do."""

from __future__ import annotations

from struct import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from miniload.linker.arch import Linking

PAGE = 65536
"""Alignment of the one segment, so that any page size does."""
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_PHDR, PT_TLS, PT_GNU_STACK = 1, 2, 3, 6, 7, 0x6474E551
DT_NEEDED, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ, DT_RELAENT, DT_STRSZ, DT_SYMENT, DT_DEBUG, DT_FLAGS = 1, 4, 5, 6, 7, 8, 9, 10, 11, 21, 30
STB_GLOBAL, STB_WEAK, STT_NOTYPE, STT_TLS = 1, 2, 0, 6
PHDRS = 64

Segment = tuple[int, int, int, int, int]
"""p_type, address and file offset, p_filesz, p_memsz, p_align."""


def compose(linking: Linking, entry: int, segments: Sequence[Segment], pieces: Mapping[int, bytes], stack: int = 6) -> bytes:
    """A file whose byte n has link address n. `pieces`: contents by address. `stack`: PF_* of PT_GNU_STACK."""
    phdrs = b"".join(
        pack("<IIQQQQQQ", kind, stack if kind == PT_GNU_STACK else 6, at, at, at, file_size, memory_size, align)
        for kind, at, file_size, memory_size, align in segments
    )
    header = b"\x7fELF\2\1\1" + bytes(9) + pack("<HHIQQQIHHHHHH", 3, linking.machine, 1, entry, PHDRS, 0, linking.file_flags, 64, 56, len(segments), 64, 0, 0)
    image = bytearray(max(file_size for _, _, file_size, _, _ in segments))
    for place, piece in {0: header, PHDRS: phdrs, **pieces}.items():
        image[place : place + len(piece)] = piece
    return bytes(image)


def symbol(name: int, bind: int, kind: int, section: int, value: int, size: int) -> bytes:
    """Elf64_Sym."""
    return pack("<IBBHQQ", name, bind << 4 | kind, 0, section, value, size)


def hashes(count: int, defined: int) -> bytes:
    """DT_HASH of `count` symbols in one chain that begins with `defined`, 0 if none is defined."""
    return pack(f"<{3 + count}I", 1, count, defined, *[0] * count)


def relocations(entries: Sequence[tuple[int, int, int]]) -> bytes:
    """RELA table of (place, symbol, type), without addends."""
    return b"".join(pack("<QQq", place, index << 32 | kind, 0) for place, index, kind in entries)


def dynamic(tags: Sequence[tuple[int, int]]) -> bytes:
    """The dynamic section."""
    return b"".join(pack("<QQ", *entry) for entry in (*tags, (0, 0)))
