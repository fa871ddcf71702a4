"""Symbols of several object files made one table: the gABI's rules, as ld follows them."""

from __future__ import annotations

from miniload.errors import LinkError
from miniload.linker.relocatable.read import (
    MAX_ALIGN,
    SHF_ALLOC,
    SHF_WRITE,
    SHN_ABS,
    SHN_COMMON,
    SHN_UNDEF,
    SHT_NOBITS,
    STB_GLOBAL,
    STB_LOCAL,
    STB_WEAK,
    STT_COMMON,
    STT_FILE,
    STT_FUNC,
    STT_GNU_IFUNC,
    STT_OBJECT,
    STT_SECTION,
    Section,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.relocatable.read import Entry, ObjectFile

WEAK_UNDEFINED, UNDEFINED, COMMON, WEAK_DEFINED, DEFINED = range(5)
"""How much a symbol is worth against another of its name: the higher one stays."""


class Symbol:
    """What a name, or a file's local symbol, stands for. `section` is None for absolute and undefined ones. `gone`: it lay in a section that is not kept.
    `called`: code calls it, so it is a function. `number`: its place in the dynamic symbol table, 0 if it has none."""

    __slots__ = ("align", "bind", "called", "file", "gone", "name", "number", "rank", "section", "size", "type", "value", "visibility")

    def __init__(self, name: str, file: ObjectFile | None, bind: int, kind: int, visibility: int) -> None:
        self.name, self.file, self.bind, self.type, self.visibility = name, file, bind, kind, visibility
        self.section: Section | None = None
        self.value = self.size = self.number = 0
        self.align = 1
        self.rank = UNDEFINED
        self.gone = self.called = False

    @property
    def undefined(self) -> bool:
        """Nothing here defines it."""
        return self.rank < COMMON

    @property
    def absolute(self) -> bool:
        """A number that no load moves."""
        return self.section is None and not self.undefined

    @property
    def resolved_late(self) -> bool:
        """Its address is in no file: another object defines it, or a resolver picks it."""
        return self.undefined or self.type == STT_GNU_IFUNC

    @property
    def address(self) -> int:
        """Its link address, when the layout is known."""
        return self.value + (self.section.address if self.section else 0)

    def __repr__(self) -> str:
        return f"<Symbol {self.name}>"


class SymbolTable:
    """`of_file`: each file's symbols by number. `names`: the global ones. LinkError if two files define the same."""

    def __init__(self, files: list[ObjectFile]) -> None:
        self.names: dict[str, Symbol] = {}
        self.commons: list[Section] = []
        _discard_copies(files)
        self.of_file = [[self._take(file, entry) for entry in file.symbols] for file in files]
        for symbol in self.names.values():
            if symbol.rank == COMMON:
                self._allocate(symbol)

    def _take(self, file: ObjectFile, entry: Entry) -> Symbol:
        symbol = _read(file, entry)
        if entry.bind == STB_LOCAL or entry.type in (STT_SECTION, STT_FILE):
            return symbol
        known = self.names.setdefault(entry.name, symbol)
        if known is symbol:
            return symbol
        if known.rank == symbol.rank == DEFINED:
            first, second = (each.file.name if each.file else "" for each in (known, symbol))
            raise LinkError(second, f"is defined in {first}, too", field="symbol", value=entry.name)
        visibility = min((each for each in (known.visibility, symbol.visibility) if each), default=0)
        if symbol.rank > known.rank:
            _replace(known, symbol)
        elif symbol.rank == known.rank == COMMON:
            known.size, known.align = max(known.size, symbol.size), max(known.align, symbol.align)
        known.visibility = visibility
        return known

    def _allocate(self, symbol: Symbol) -> None:
        """Memory for a common symbol: zeros."""
        section = Section(".common", 0, SHT_NOBITS, SHF_ALLOC | SHF_WRITE, symbol.align, symbol.size, bytearray())
        self.commons.append(section)
        symbol.section, symbol.value, symbol.type = section, 0, STT_OBJECT


def _read(file: ObjectFile, entry: Entry) -> Symbol:
    kind = STT_OBJECT if entry.type == STT_COMMON else entry.type
    symbol = Symbol(entry.name, file, entry.bind, kind, entry.other & 3)
    symbol.size, symbol.value = entry.size, entry.value
    weak = entry.bind == STB_WEAK
    if entry.section == SHN_UNDEF:
        symbol.rank, symbol.value = (WEAK_UNDEFINED if weak else UNDEFINED), 0
        symbol.gone = entry.bind == STB_LOCAL and bool(entry.name)
    elif entry.special and entry.section == SHN_COMMON:
        symbol.rank, symbol.align = COMMON, max(entry.value, 1)
        if symbol.align & symbol.align - 1 or symbol.align > MAX_ALIGN or symbol.size >= 1 << 31:
            raise file.fail("a common symbol of such size and alignment cannot be", "st_value", entry.value)
    elif entry.special and entry.section == SHN_ABS:
        symbol.rank = DEFINED
    elif entry.special:
        raise file.fail("a symbol in a section of an unknown kind", "st_shndx", entry.section)
    else:
        section = file.sections.get(entry.section)
        kept = section is not None and section.kept
        symbol.rank = (WEAK_DEFINED if weak else DEFINED) if kept else UNDEFINED
        symbol.section, symbol.gone = (section, False) if kept else (None, entry.bind == STB_LOCAL)
        if symbol.gone:
            symbol.rank = DEFINED
        if kept and section is not None and entry.value > section.size:
            raise file.fail("a symbol lies outside its section", entry.name or "st_value", entry.value)
    return symbol


def _replace(known: Symbol, by: Symbol) -> None:
    for name in ("file", "bind", "type", "section", "value", "size", "rank", "align"):
        setattr(known, name, getattr(by, name))


def _discard_copies(files: list[ObjectFile]) -> None:
    """Of COMDAT groups with the same signature the first one stays (gABI, "Section Groups")."""
    seen: set[str] = set()
    for file in files:
        for signature, numbers in file.groups:
            if signature not in seen:
                seen.add(signature)
                continue
            for number in numbers:
                if number in file.sections:
                    file.sections[number].kept = False


def define(table: SymbolTable, name: str, section: Section, value: int = 0) -> None:
    """The linker's own definition of a name, if somebody asks for it."""
    symbol = table.names.get(name)
    if symbol is not None and symbol.undefined:
        symbol.section, symbol.value, symbol.rank, symbol.visibility, symbol.bind = section, value, DEFINED, 2, STB_GLOBAL
        if symbol.type == STT_FUNC:
            symbol.type = STT_OBJECT
