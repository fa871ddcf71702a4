"""Object files to one shared object, as `ld -shared -Bsymbolic` makes one: symbols that the files define are bound to these definitions.

What can only be known when it is loaded becomes a dynamic relocation; where there is none for it (thread-local storage at fixed offsets, absolute addresses in
instructions, data of other objects reached without the GOT) the static relocation itself is left, and late.py applies it.
"""

from __future__ import annotations

from miniload import arch as architectures
from miniload.errors import ElfError, RelocationError, UnsupportedError
from miniload.linker.arch import IRELATIVE, MODULE, OFFSET, RELATIVE, TLSDESC, get_linking
from miniload.linker.arch import SYMBOL as ADDRESS_OF
from miniload.linker.arch import TP_OFFSET as THREAD_OFFSET
from miniload.linker.relocatable.encode import FieldError, amount, combine, make_stub, put
from miniload.linker.relocatable.facts import (
    ABSOLUTE,
    BLOCK_OFFSET,
    DESCRIPTOR,
    GOT,
    GOT_BASE,
    IN_PAGE,
    MODULE_PAIR,
    OWN_PAIR,
    PLACE,
    SIZE,
    STORE,
    SYMBOL,
    TP_OFFSET,
    TP_SLOT,
    UPPER,
    get_static,
)
from miniload.linker.relocatable.layout import FINALISERS, Layout, kind_of, lay_out, made
from miniload.linker.relocatable.output import Dynamic, write
from miniload.linker.relocatable.padding import shorten
from miniload.linker.relocatable.read import SHF_TLS, SHT_FINI_ARRAY, STT_GNU_IFUNC, STT_TLS, ObjectFile, Section
from miniload.linker.relocatable.slots import Slots
from miniload.linker.relocatable.symbols import Symbol, SymbolTable, define
from miniload.linker.relocate import LATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.relocatable.facts import StaticRelocation
    from miniload.linker.relocatable.read import Relocation

LOW = 0x2000_0000
"""Preferred address of code that wants 32-bit absolute addresses: the first of those places in the low 2 GiB that are far from programs and their heaps."""
SLACK = 1 << 26


def link(files: list[tuple[str, bytes]], name: str, needed: tuple[str, ...] = (), low: int = LOW) -> bytes:
    """The shared object of object files, given as names and contents. `needed`: names of the shared objects that it is to need (DT_NEEDED). `low`: where it
    would like to be if it has 32-bit absolute addresses.

    ElfError, LinkError, RelocationError, UnsupportedError.
    """
    objects = [ObjectFile(data, called) for called, data in files]
    for each in objects[1:]:
        if each.arch != objects[0].arch:
            raise UnsupportedError(each.name, f"is for {each.arch}, and {objects[0].name} is for {objects[0].arch}", field="e_machine")
    work = Link(objects, name)
    work.dynamic.needed = needed
    work.scan()
    work.lay_out(low if work.wants_low else 0, sum(len(data) for _, data in files) * 2 + SLACK)
    work.relocate()
    return work.write()


class Link:
    """The steps, in order: scan, lay_out, relocate, write."""

    def __init__(self, files: list[ObjectFile], name: str) -> None:
        self.files, self.name = files, name
        self.arch = files[0].arch
        self.static, self.linking = get_static(self.arch), get_linking(self.arch)
        self.dynamic_type = {relocation.operation: number for number, relocation in self.linking.relocations.items()}
        self.flags = files[0].flags
        for file in files:
            merged = self.static.merge_flags(self.flags, file.flags)
            if merged is None:
                raise UnsupportedError(file.name, f"has another ABI than {files[0].name}", field="e_flags", value=file.flags)
            self.flags = merged
            shorten(file, self.static)
        self.table = SymbolTable(files)
        self.sections = [section for file in files for section in file.sections.values() if section.kept] + self.table.commons
        self.slots = Slots(self.static)
        self.dynamic = Dynamic()
        self.wants_low = False
        self.finalizer: Section | None = None
        self.layout: Layout

    # -- what has to be made

    def scan(self) -> None:
        """Looks what the relocations ask for."""
        self._define_own()
        for file, symbols in zip(self.files, self.table.of_file, strict=True):
            for section in file.sections.values():
                if section.kept:
                    self._check(file, section)
                    for relocation in section.relocations:
                        if self._kind(file, relocation).call:
                            symbols[relocation.symbol].called = True
        for file, symbols in zip(self.files, self.table.of_file, strict=True):
            for section in file.sections.values():
                if section.kept:
                    for relocation in section.relocations:
                        self._scan_one(self._kind(file, relocation), symbols[relocation.symbol])
        self.slots.fill()
        self.sections += [section for section in (self.slots.got, self.slots.plt) if section.size or section is self.slots.got]
        unwinding = [section for section in self.sections if section.name == ".eh_frame"]
        if unwinding:
            self.sections += [made(".eh_frame", bytes(4), False, 1), made(".eh_frame_hdr", bytes(8), False, 4)]

    def _define_own(self) -> None:
        define(self.table, "_GLOBAL_OFFSET_TABLE_", self.slots.got)
        handle = self.table.names.get("__dso_handle")
        if handle is not None and handle.undefined:
            self._make_finalizer()
        for symbol in list(self.table.names.values()):
            prefix, _, name = symbol.name.partition("_start_") if symbol.name.startswith("__start_") else symbol.name.partition("_stop_")
            if symbol.undefined and prefix == "_" and name.isidentifier():
                same = [section for section in self.sections if section.name == name]
                if same:
                    last = same[-1]
                    define(self.table, symbol.name, *((same[0], 0) if symbol.name.startswith("__start_") else (last, last.size)))

    def _make_finalizer(self) -> None:
        """What crtbegin.o does in other objects: a handle for __cxa_atexit, and a finaliser that has its functions called."""
        handle = made(".data.dso_handle", bytes(8), True, 8)
        define(self.table, "__dso_handle", handle)
        function = self.table.names.get("__cxa_finalize") or Symbol("__cxa_finalize", None, 2, 2, 0)
        self.table.names["__cxa_finalize"] = function
        self.slots.want(GOT, function)
        self.finalizer = made(".text.finalizer", self.static.finalizer.code, False, 16, code=True)
        array = made(".fini_array", bytes(8), True, 8)
        array.type = SHT_FINI_ARRAY
        self.sections = [array, handle, self.finalizer, *self.sections]

    def _kind(self, file: ObjectFile, relocation: Relocation) -> StaticRelocation:
        kind = self.static.relocations.get(relocation.type)
        if kind is None:
            raise self._failure(file.name, relocation, "is of a kind that is not known", "")
        return kind

    def _check(self, file: ObjectFile, section: Section) -> None:
        """All places are in the section."""
        for relocation in section.relocations:
            field = self._kind(file, relocation).field
            if field is not None and not relocation.offset <= len(section.data) - field.size:
                raise self._failure(file.name, relocation, "its place is outside its section", "")

    def _scan_one(self, kind: StaticRelocation, symbol: Symbol) -> None:
        if kind.about in (GOT, MODULE_PAIR, OWN_PAIR, TP_SLOT, DESCRIPTOR):
            self.slots.want(kind.about, symbol)
        elif kind.about == SYMBOL and self._by_stub(kind, symbol):
            self.slots.want_stub(symbol)
        elif kind.about == SYMBOL and kind.action == STORE and kind.field and not symbol.absolute and not symbol.gone:
            self.wants_low |= kind.relative == ABSOLUTE and kind.field.limits is not None
            if symbol.undefined and (kind.relative != ABSOLUTE or kind.field.limits is not None):
                self.slots.want_stub(symbol)  # should it turn out to be a function that is too far away

    def _by_stub(self, kind: StaticRelocation, symbol: Symbol) -> bool:
        """Whether the reference goes to a stub: calls of what another object defines, and, where the address itself is wanted by code, of what
        is known for a function because it is called."""
        if not symbol.resolved_late or symbol.gone or kind.action != STORE or symbol.type == STT_TLS:
            return False
        whole_word = kind.relative == ABSOLUTE and kind.field is not None and kind.field.size == 8 and kind.field.limits is None
        return kind.call or (not whole_word and (symbol.called or symbol.type == STT_GNU_IFUNC))

    # -- where it goes

    def lay_out(self, base: int, budget: int) -> None:
        """Addresses for all sections."""
        self.layout = lay_out(self.name, self.sections, base, max(architectures.get(self.arch).max_page, 4096), budget)

    # -- relocation

    def relocate(self) -> None:
        """Fills everything in, and notes what is left to the dynamic linker."""
        self._fill_slots()
        self.dynamic.stubs = {symbol: self.slots.stub(symbol) for symbol in self.slots.stubs if symbol.undefined}
        for file, symbols in zip(self.files, self.table.of_file, strict=True):
            for section in file.sections.values():
                if section.kept:
                    self._relocate_section(file, symbols, section)
        if self.finalizer is not None:
            function, handle = self.table.names["__cxa_finalize"], self.table.names["__dso_handle"]
            address = self.finalizer.address
            self.finalizer.data[:] = make_stub(self.static, self.static.finalizer, address, self.slots.slot(GOT, function), handle.address)
            array = next(section for section in self.sections if kind_of(section) == FINALISERS and section.index == 0)
            self._dynamic(RELATIVE, array.address, 0, address)

    def _fill_slots(self) -> None:
        for (what, symbol), offset in self.slots.table.items():
            place = self.slots.got.address + offset
            if what == OWN_PAIR:
                self._dynamic(MODULE, place, 0, 0)
            elif what == GOT:
                assert symbol is not None
                self._address_word(symbol, place, 0)
            else:
                assert symbol is not None
                self._thread_slot(what, symbol, place)
        for symbol, offset in self.slots.stubs.items():
            address = self.slots.plt.address + offset
            stub = make_stub(self.static, self.static.stub, address, self.slots.slot(GOT, symbol))
            self.slots.plt.data[offset : offset + len(stub)] = stub

    def _thread_slot(self, what: int, symbol: Symbol, place: int) -> None:
        number, offset = (self.dynamic.number(symbol), 0) if symbol.undefined else (0, self._block_offset(symbol))
        if what == MODULE_PAIR:
            self._dynamic(MODULE, place, number, 0)
            self._dynamic(OFFSET, place + 8, number, offset)
        else:
            self.dynamic.fixed_tls |= what == TP_SLOT
            self._dynamic(THREAD_OFFSET if what == TP_SLOT else TLSDESC, place, number, offset)

    def _address_word(self, symbol: Symbol, place: int, addend: int) -> None:
        """A 64-bit address."""
        if symbol.undefined:
            self._dynamic(ADDRESS_OF, place, self.dynamic.number(symbol), addend)
        elif symbol.type == STT_GNU_IFUNC:
            self._dynamic(IRELATIVE, place, 0, symbol.address + addend)
        elif symbol.absolute:
            self._store(place, (symbol.value + addend & (1 << 64) - 1).to_bytes(8, "little"))
        else:
            self._dynamic(RELATIVE, place, 0, symbol.address + addend)

    def _store(self, place: int, data: bytes) -> None:
        section = self.slots.got
        section.data[place - section.address : place - section.address + len(data)] = data

    def _dynamic(self, operation: int, place: int, number: int, addend: int) -> None:
        self.dynamic.relocations.append((place, self.dynamic_type[operation], number, addend))

    def _block_offset(self, symbol: Symbol) -> int:
        if symbol.section is None or not symbol.section.flags & SHF_TLS:
            raise RelocationError(self.name, "is not thread-local", field="symbol", value=symbol.name)
        return symbol.address - self.layout.thread.start

    def _relocate_section(self, file: ObjectFile, symbols: list[Symbol], section: Section) -> None:
        uppers = {entry.offset: entry for entry in section.relocations}
        if len(uppers) != len(section.relocations):  # with R_RISCV_RELAX, the same place stands twice
            uppers = {entry.offset: entry for entry in section.relocations if self.static.relocations[entry.type].field is not None}
        for relocation in section.relocations:
            kind = self.static.relocations[relocation.type]
            symbol = symbols[relocation.symbol]
            try:
                if kind.about == UPPER:
                    self._lower_half(section, relocation, kind, symbol, uppers, symbols)
                elif kind.field is not None:
                    self._one(section, relocation, kind, symbol, relocation.addend, relocation.offset)
            except (FieldError, IndexError) as wrong:
                raise self._failure(file.name, relocation, str(wrong), symbol.name) from None

    def _lower_half(
        self, section: Section, relocation: Relocation, kind: StaticRelocation, label: Symbol, uppers: dict[int, Relocation], symbols: list[Symbol]
    ) -> None:
        """The symbol is the label of the instruction with the upper half, whose relocation says what it is about."""
        upper = uppers.get(label.value) if label.section is section else None
        of = self.static.relocations[upper.type] if upper else None
        if upper is None or of is None or of.about not in (SYMBOL, GOT, MODULE_PAIR, TP_SLOT, DESCRIPTOR) or of.relative != PLACE:
            raise FieldError("no upper half is at its symbol")
        assert kind.field is not None
        half = type(of)(kind.name, of.about, of.relative, kind.field)
        self._one(section, relocation, half, symbols[upper.symbol], upper.addend, upper.offset)

    def _one(self, section: Section, relocation: Relocation, kind: StaticRelocation, symbol: Symbol, addend: int, base: int) -> None:
        """`base`: the offset of the place that distances count from."""
        field, at = kind.field, relocation.offset
        assert field is not None
        place = section.address + base
        if symbol.gone and kind.about == SYMBOL:
            if kind.action == STORE:
                put(section.data, at, field, 0)
            return
        value = self._value(kind, symbol)
        if kind.action != STORE:
            combine(section.data, at, kind, (value or 0) + addend)
        elif value is not None:
            put(section.data, at, field, amount(kind.relative, value + addend, place, self.slots.got.address))
        else:
            self._leave(section, relocation, kind, symbol, addend + (at - base), section.address + at)

    def _value(self, kind: StaticRelocation, symbol: Symbol) -> int | None:
        """What the relocation is about, as far as it is known now."""
        about = kind.about
        if about == SYMBOL:
            if self._by_stub(kind, symbol):
                return self.slots.stub(symbol)
            known = symbol.section is not None and kind.relative != ABSOLUTE and symbol.type != STT_GNU_IFUNC
            fixed = symbol.absolute and kind.relative in (ABSOLUTE, IN_PAGE)
            return symbol.address if known or fixed or kind.action != STORE else None
        if about == BLOCK_OFFSET:
            return self._block_offset(symbol)
        if about == GOT_BASE:
            return self.slots.got.address
        if about == SIZE:
            return symbol.size
        if about == TP_OFFSET:
            return None
        return self.slots.slot(about, symbol)

    def _leave(self, section: Section, relocation: Relocation, kind: StaticRelocation, symbol: Symbol, addend: int, place: int) -> None:
        """To the dynamic linker."""
        self.dynamic.text |= not section.flags & 1
        if kind.about == TP_OFFSET:
            self.dynamic.fixed_tls = True
            if symbol.undefined:
                raise FieldError("thread-local, and defined nowhere here: it would have to be reached through the GOT (-fPIC)")
            self._late(relocation, place, 0, self._block_offset(symbol) + addend)
        elif kind.field is not None and kind.relative == ABSOLUTE and kind.field.size == 8 and kind.field.limits is None:
            self._address_word(symbol, place, addend)
        elif symbol.undefined:
            self._late(relocation, place, self.dynamic.number(symbol), addend)
        elif symbol.absolute:
            raise FieldError("a distance to an absolute symbol changes with where it is loaded")
        else:
            self._late(relocation, place, 0, symbol.address + addend)

    def _late(self, relocation: Relocation, place: int, number: int, addend: int) -> None:
        self.dynamic.relocations.append((place, relocation.type | LATE, number, addend))

    def _failure(self, name: str, relocation: Relocation, reason: str, symbol: str) -> RelocationError:
        called = self.static.name_of(relocation.type)
        error = RelocationError(name, reason, field=f"{called} at {relocation.offset:#x}", value=symbol or None)
        error.relocation, error.symbol = called, symbol
        return error

    # -- the result

    def write(self) -> bytes:
        """The file."""
        exported = [symbol for symbol in self.table.names.values() if not symbol.undefined and symbol.visibility in (0, 3) and not symbol.gone]
        if len(self.dynamic.symbols) + len(exported) > 1 << 24:
            raise ElfError(self.name, "too many symbols", field="e_shnum")
        return write(self.linking.machine, self.flags, self.layout, self.sections, self.dynamic, exported)
