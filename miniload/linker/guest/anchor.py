"""The program that a process with a foreign C library in it is started with. It has nothing but what it needs of that library: the dynamic linker loads
it, fills in the addresses of the functions that it names, and goes to its entry point, from which nothing can be fetched; so the emulator stops there.
"""

from __future__ import annotations

from miniload.linker import tiny
from miniload.linker.arch import SYMBOL, get_linking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

WANTED = (
    "__libc_start_main", "dlopen", "dlsym", "dlclose", "dlerror", "__tls_get_addr", "malloc", "free", "exit", "miniload_start", "miniload_residents",
)  # fmt: skip
"""All weak: what an older glibc has elsewhere is 0. The last two are those of residents.c."""
ANSWERS = 2048
"""Link address of their addresses, a word each."""
ENTRY = 4096
"""Link address of the entry point."""


def make_anchor(arch: str, interpreter: str, needed: Sequence[str]) -> bytes:
    """An ELF file. `interpreter`: its dynamic linker; `needed`: what it is linked with."""
    linking = get_linking(arch)
    absolute = next(number for number, relocation in linking.relocations.items() if relocation.operation == SYMBOL)
    strings = b"\0"
    offsets = {}
    for name in (*WANTED, *needed):
        offsets[name] = len(strings)
        strings += name.encode() + b"\0"
    symbols = bytes(24) + b"".join(tiny.symbol(offsets[name], tiny.STB_WEAK, tiny.STT_NOTYPE, 0, 0, 0) for name in WANTED)
    rela = tiny.relocations([(ANSWERS + 8 * index, index + 1, absolute) for index in range(len(WANTED))])
    path = interpreter.encode() + b"\0"
    table = tiny.hashes(len(WANTED) + 1, 0)
    at_symbols, at_rela = 512, 832
    at_hashes, at_dynamic = at_rela + len(rela), 1408
    at_strings = ENTRY + 16
    at_path = at_strings + len(strings)
    dynamic = tiny.dynamic((
        *((tiny.DT_NEEDED, offsets[name]) for name in needed),
        (tiny.DT_HASH, at_hashes), (tiny.DT_STRTAB, at_strings), (tiny.DT_SYMTAB, at_symbols), (tiny.DT_RELA, at_rela), (tiny.DT_RELASZ, len(rela)),
        (tiny.DT_RELAENT, 24), (tiny.DT_STRSZ, len(strings)), (tiny.DT_SYMENT, 24), (tiny.DT_DEBUG, 0),
    ))  # fmt: skip
    end = at_path + len(path)
    segments = (
        (tiny.PT_PHDR, tiny.PHDRS, 5 * 56, 5 * 56, 8),  # by which the dynamic linker knows where the program is
        (tiny.PT_INTERP, at_path, len(path), len(path), 1),
        (tiny.PT_LOAD, 0, end, end, tiny.PAGE),
        (tiny.PT_DYNAMIC, at_dynamic, len(dynamic), len(dynamic), 8),
        (tiny.PT_GNU_STACK, 0, 0, 0, 16),
    )
    pieces = {at_symbols: symbols, at_hashes: table, at_rela: rela, at_dynamic: dynamic, at_strings: strings, at_path: path}
    return tiny.compose(linking, ENTRY, segments, pieces)
