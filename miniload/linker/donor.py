"""TLS donors: tiny shared objects that the address space's own dynamic linker loads so that it gives us a place for thread-local storage.

Blocks of thread-local storage, their module numbers and the surplus at fixed offsets belong to libc (its dtv, its new threads, its __tls_get_addr). A donor
has nothing but a PT_TLS segment as large as the object's, with the same contents, and the relocations by which the dynamic linker tells where it is. So a new
thread gets the object's contents, a finished one frees them, and descriptors are resolved by libc's own functions, on every architecture.
"""

from __future__ import annotations

from struct import pack

from miniload.linker.arch import MODULE, TLSDESC, TP_OFFSET, get_linking

PAGE = 65536
"""Alignment of the donor's one segment, so that any page size does."""
PT_LOAD, PT_DYNAMIC, PT_TLS, PT_GNU_STACK = 1, 2, 7, 0x6474E551
DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ, DT_RELAENT, DT_STRSZ, DT_SYMENT, DT_FLAGS = 4, 5, 6, 7, 8, 9, 10, 11, 30
DF_STATIC_TLS = 16
STT_TLS, STB_GLOBAL = 6, 1
ANSWERS = 1024
"""Link address of the answers: the module's number, the offset from the thread pointer, the descriptor's two words."""
IMAGE = 2048
"""Link address of the contents, at least."""


def donor_image(align: int, phase: int) -> int:
    """Link address of the contents: what the alignment asks for, which is that the address is `phase` modulo `align`."""
    return IMAGE + (phase - IMAGE) % max(align, 1)


def make_donor(arch: str, contents: bytes, size: int, align: int, phase: int, fixed: bool, descriptor: bool) -> bytes:
    """An ELF file. `contents`: the block's first bytes, the rest of `size` are zeros. `phase`: the segment's address modulo `align`. `fixed`: with a
    place at a fixed offset from the thread pointer. `descriptor`: with a TLS descriptor for the block's first byte."""
    linking = get_linking(arch)
    kinds = {relocation.operation: number for number, relocation in linking.relocations.items()}
    wanted = [(ANSWERS, MODULE)] + [(ANSWERS + 8, TP_OFFSET)] * fixed + [(ANSWERS + 16, TLSDESC)] * descriptor
    strings = b"\0block\0"
    symbols = bytes(24) + pack("<IBBHQQ", 1, STB_GLOBAL << 4 | STT_TLS, 0, 1, 0, size)
    hashes = pack("<6I", 1, 2, 1, 0, 0, 0)
    rela = b"".join(pack("<QQq", place, 1 << 32 | kinds[operation], 0) for place, operation in wanted)
    at_image = donor_image(align, phase)
    at = {"phdr": 64, "strings": 320, "symbols": 336, "hashes": 400, "rela": 432, "dynamic": 640}
    tags = (
        (DT_HASH, at["hashes"]), (DT_STRTAB, at["strings"]), (DT_SYMTAB, at["symbols"]), (DT_RELA, at["rela"]), (DT_RELASZ, len(rela)), (DT_RELAENT, 24),
        (DT_STRSZ, len(strings)), (DT_SYMENT, 24), (DT_FLAGS, DF_STATIC_TLS if fixed else 0), (0, 0),
    )  # fmt: skip
    dynamic = b"".join(pack("<QQ", *entry) for entry in tags)
    end = at_image + len(contents)
    phdrs = b"".join(
        pack("<IIQQQQQQ", kind, flags, offset, offset, offset, file_size, memory_size, segment_align)
        for kind, flags, offset, file_size, memory_size, segment_align in (
            (PT_LOAD, 6, 0, end, end, max(PAGE, align)),
            (PT_DYNAMIC, 6, at["dynamic"], len(dynamic), len(dynamic), 8),
            (PT_TLS, 4, at_image, len(contents), size, max(align, 1)),
            (PT_GNU_STACK, 6, 0, 0, 0, 16),
        )
    )
    header = b"\x7fELF\2\1\1" + bytes(9) + pack("<HHIQQQIHHHHHH", 3, linking.machine, 1, 0, at["phdr"], 0, 0, 64, 56, 4, 64, 0, 0)
    image = bytearray(end)
    pieces = {0: header, at["phdr"]: phdrs, at["strings"]: strings, at["symbols"]: symbols, at["hashes"]: hashes, at["rela"]: rela, at["dynamic"]: dynamic}
    for place, piece in {**pieces, at_image: contents}.items():
        image[place : place + len(piece)] = piece
    return bytes(image)
