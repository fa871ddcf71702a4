"""TLS donors: tiny shared objects that the address space's own dynamic linker loads so that it gives us a place for thread-local storage.

Blocks of thread-local storage, their module numbers and the surplus at fixed offsets belong to libc (its dtv, its new threads, its __tls_get_addr). A donor
has nothing but a PT_TLS segment as large as the object's, with the same contents, and the relocations by which the dynamic linker tells where it is. So a new
thread gets the object's contents, a finished one frees them, and descriptors are resolved by libc's own functions, on every architecture.
"""

from __future__ import annotations

from miniload.linker import tiny
from miniload.linker.arch import MODULE, TLSDESC, TP_OFFSET, get_linking
from miniload.linker.tiny import PAGE

DF_STATIC_TLS = 16
ANSWERS = 1024
"""Link address of the answers: the module's number, the offset from the thread pointer, the descriptor's two words, and those of a weak variable
that nothing defines."""
IMAGE = 2048
"""Link address of the contents, at least."""


def donor_image(align: int, phase: int) -> int:
    """Link address of the contents: what the alignment asks for, which is that the address is `phase` modulo `align`."""
    return IMAGE + (phase - IMAGE) % max(align, 1)


def make_donor(arch: str, contents: bytes, size: int, align: int, phase: int, fixed: bool, descriptor: bool, weak: bool = False) -> bytes:
    """An ELF file. `contents`: the block's first bytes, the rest of `size` are zeros. `phase`: the segment's address modulo `align`. `fixed`: with a
    place at a fixed offset from the thread pointer. `descriptor`: with a TLS descriptor for the block's first byte. `weak`: and with
    one for a variable that nothing defines, at which musl's dynamic linker crashes."""
    linking = get_linking(arch)
    kinds = {relocation.operation: number for number, relocation in linking.relocations.items()}
    wanted = [(ANSWERS, 1, MODULE)] + [(ANSWERS + 8, 1, TP_OFFSET)] * fixed
    wanted += [(ANSWERS + 16, 1, TLSDESC)] * descriptor + [(ANSWERS + 32, 2, TLSDESC)] * weak
    strings = b"\0block\0nowhere at all\0"
    symbols = bytes(24) + tiny.symbol(1, tiny.STB_GLOBAL, tiny.STT_TLS, 1, 0, size) + tiny.symbol(7, tiny.STB_WEAK, tiny.STT_TLS, 0, 0, 0)
    rela = tiny.relocations([(place, symbol, kinds[operation]) for place, symbol, operation in wanted])
    at_image = donor_image(align, phase)
    at_strings, at_symbols, at_hashes, at_rela, at_dynamic = 320, 352, 432, 464, 640
    dynamic = tiny.dynamic((
        (tiny.DT_HASH, at_hashes), (tiny.DT_STRTAB, at_strings), (tiny.DT_SYMTAB, at_symbols), (tiny.DT_RELA, at_rela), (tiny.DT_RELASZ, len(rela)),
        (tiny.DT_RELAENT, 24), (tiny.DT_STRSZ, len(strings)), (tiny.DT_SYMENT, 24), (tiny.DT_FLAGS, DF_STATIC_TLS if fixed else 0),
    ))  # fmt: skip
    end = at_image + len(contents)
    segments = (
        (tiny.PT_LOAD, 0, end, end, max(PAGE, align)),
        (tiny.PT_DYNAMIC, at_dynamic, len(dynamic), len(dynamic), 8),
        (tiny.PT_TLS, at_image, len(contents), size, max(align, 1)),
        (tiny.PT_GNU_STACK, 0, 0, 0, 16),
    )
    pieces = {at_strings: strings, at_symbols: symbols, at_hashes: tiny.hashes(3, 1), at_rela: rela, at_dynamic: dynamic, at_image: contents}
    return tiny.compose(linking, 0, segments, pieces)


def make_stack_donor(arch: str, marked: bool) -> bytes:
    """An ELF file that asks for executable stacks: by PT_GNU_STACK, or, not `marked`, by not having it, which means that on some architectures."""
    at_strings, at_symbols, at_hashes, at_dynamic, end = 320, 352, 384, 416, 640
    dynamic = tiny.dynamic(((tiny.DT_HASH, at_hashes), (tiny.DT_STRTAB, at_strings), (tiny.DT_SYMTAB, at_symbols), (tiny.DT_STRSZ, 1), (tiny.DT_SYMENT, 24)))
    segments = ((tiny.PT_LOAD, 0, end, end, PAGE), (tiny.PT_DYNAMIC, at_dynamic, len(dynamic), len(dynamic), 8), (tiny.PT_GNU_STACK, 0, 0, 0, 16))
    pieces = {at_symbols: bytes(24), at_hashes: tiny.hashes(1, 0), at_dynamic: dynamic}
    return tiny.compose(get_linking(arch), 0, segments[: 2 + marked], pieces, stack=7)
