"""Where sections go: headers and constants, code, data that is read-only once relocated, data, zeros, and last the tables for the dynamic linker."""

from __future__ import annotations

from errno import ENOEXEC

from miniload.errors import ElfError
from miniload.linker.relocatable.read import SHF_ALLOC, SHF_EXECINSTR, SHF_TLS, SHF_WRITE, SHT_FINI_ARRAY, SHT_INIT_ARRAY, SHT_NOBITS, SHT_PROGBITS, Section
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CONSTANTS, CODE, THREAD, THREAD_ZEROS, INITIALISERS, FINALISERS, AFTER_RELOCATION, DATA, ZEROS = range(9)
HEADERS = 64 + 56 * 9
"""Bytes for the ELF header and the program headers."""
LIMIT = 1 << 31
DEFAULT_PRIORITY = 65536
"""Initialisers without a number come after those with one (up to 65535)."""


class Span(Record):
    """Link addresses [start, end)."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.start


class Layout(Record):
    """`constants`, `code`, `data` (with what is read-only after relocation, up to `relro_end`; zeros from `data.end` to `memory_end`), `thread`: the
    block's initial contents, of `thread_size` with its zeros. The `initialisers` and `finalisers` are part of `data`."""

    base: int
    page: int
    constants: Span
    code: Span
    data: Span
    relro_end: int
    memory_end: int
    thread: Span
    thread_size: int
    thread_align: int
    initialisers: Span
    finalisers: Span


def kind_of(section: Section) -> int:
    """CONSTANTS to ZEROS."""
    flags = section.flags
    if flags & SHF_TLS:
        return THREAD_ZEROS if section.type == SHT_NOBITS else THREAD
    if flags & SHF_EXECINSTR:
        return CODE
    if not flags & SHF_WRITE:
        return CONSTANTS
    if section.type == SHT_INIT_ARRAY or section.name.startswith(".ctors"):
        return INITIALISERS
    if section.type == SHT_FINI_ARRAY or section.name.startswith(".dtors"):
        return FINALISERS
    if section.name.startswith((".data.rel.ro", ".got", ".dynamic", ".relro")):
        return AFTER_RELOCATION
    return ZEROS if section.type == SHT_NOBITS else DATA


def priority(section: Section) -> int:
    """Of initialisers: ".init_array.00100" comes early; ".ctors.65435" is the same, counted from the other end."""
    stem, _, number = section.name.rpartition(".")
    if not number.isdigit():
        return DEFAULT_PRIORITY
    return DEFAULT_PRIORITY - 1 - int(number) if stem in (".ctors", ".dtors") else int(number)


class Placer:
    """Counts addresses up."""

    def __init__(self, name: str, at: int, budget: int) -> None:
        self.name, self.at, self._end = name, at, at + budget

    def align(self, align: int) -> int:
        """Rounds up."""
        self.at = self.at + align - 1 & -align
        return self.at

    def place(self, sections: Iterable[Section]) -> Span:
        """Sections one after the other. ElfError if that is more than fits."""
        start = None
        for section in sections:
            section.address = self.align(section.align)
            start = section.address if start is None else start
            self.at += section.size
            if self.at > self._end:
                raise ElfError(self.name, "sections and their alignment take too much room", field="sh_addralign", value=section.align, errno=ENOEXEC)
        return Span(self.at if start is None else start, self.at)


def lay_out(name: str, sections: list[Section], base: int, page: int, budget: int) -> Layout:
    """Gives each section its address. `budget`: how many bytes of file there may be."""
    groups: list[list[Section]] = [[] for _ in range(9)]
    for section in sections:
        groups[kind_of(section)].append(section)
    for kind, group in enumerate(groups):
        group.sort(key=priority if kind in (INITIALISERS, FINALISERS) else _name_key(group))
    placer = Placer(name, base + HEADERS, budget)
    constants = Span(base, placer.place(groups[CONSTANTS]).end)
    placer.align(page)
    code = placer.place(groups[CODE])
    start = placer.align(page)
    thread_align = max((section.align for section in groups[THREAD] + groups[THREAD_ZEROS]), default=1)
    placer.align(thread_align)
    thread = placer.place(groups[THREAD])
    thread_size = _place_zeros(name, groups[THREAD_ZEROS], thread)
    initialisers, finalisers = placer.place(groups[INITIALISERS]), placer.place(groups[FINALISERS])
    placer.place(groups[AFTER_RELOCATION])
    relro_end = placer.align(page)
    end = placer.place(groups[DATA]).end
    zeros = Placer(name, end, LIMIT)
    zeros.place(groups[ZEROS])
    return Layout(
        base, page, constants, code, Span(start, end), relro_end, zeros.at, thread, thread_size, thread_align, initialisers, finalisers
    )  # fmt: skip


def _name_key(group: list[Section]) -> Callable[[Section], int]:
    """Sections of one name together, in the order in which the names come up."""
    order = {name: number for number, name in enumerate(dict.fromkeys(section.name for section in group))}
    return lambda section: order[section.name]


def _place_zeros(name: str, sections: list[Section], thread: Span) -> int:
    """Those of the thread's block, which take no room in the image; the block's size."""
    placer = Placer(name, thread.end, LIMIT)
    placer.place(sections)
    return placer.at - thread.start


def made(name: str, data: bytes, writable: bool, align: int = 16, code: bool = False) -> Section:
    """A section of the linker's own."""
    flags = SHF_ALLOC | (SHF_WRITE if writable else 0) | (SHF_EXECINSTR if code else 0)
    return Section(name, 0, SHT_PROGBITS, flags, align, len(data), bytearray(data))
