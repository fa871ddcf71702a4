"""Static relocations that only the place where an object is loaded, or another object's address, decides: left in the dynamic table by link.py, applied here.

Objects that a linker has made have none of these; for those they are unknown types.
"""

from __future__ import annotations

import ctypes

from miniload.errors import RelocationError, UnresolvedError
from miniload.linker import core
from miniload.linker.relocatable.encode import FieldError, amount, put
from miniload.linker.relocatable.facts import PLACE, TP_OFFSET, UPPER, get_static
from miniload.linker.relocate import LATE, call_resolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.core import Pending
    from miniload.linker.object import Object
    from miniload.linker.relocatable.facts import Static
    from miniload.linker.relocate import Missing
    from miniload.linker.scope import Scope

PF_W = 2
NEAR = 1 << 30
"""What is so near is within reach of every kind of reference."""
CODE_TYPES = (0, 2)
"""STT_NOTYPE (symbols of the caller's have no type) and STT_FUNC."""


def apply_late(loaded: Object, scope: Scope, entries: list[Pending], missing: Missing | None) -> None:
    """UnresolvedError, RelocationError."""
    static = get_static(loaded.target.arch)
    addresses: dict[int, tuple[int, int] | None] = {}
    for entry in entries:
        if entry.symbol not in addresses:
            addresses[entry.symbol] = _address(loaded, scope, entry.symbol, missing)
    unresolved = tuple(loaded.symbol_name(symbol) for symbol, address in addresses.items() if address is None)
    if unresolved:
        error = UnresolvedError(loaded.name, f"defined nowhere: {', '.join(unresolved[:10])}")
        error.symbols, error.symbol = unresolved, unresolved[0]
        raise error
    for entry in entries:
        _apply(loaded, static, entry, *(addresses[entry.symbol] or (0, 0)))


def _apply(loaded: Object, static: Static, entry: Pending, address: int, stub: int) -> None:
    kind = static.relocations.get(entry.type & ~LATE)
    if kind is None or kind.field is None:
        raise _failure(loaded, static, entry, "no relocation of this architecture")
    if kind.about == TP_OFFSET:
        address, stub = loaded.raw.tls_offset, 0
        if loaded.raw.tls_state < 2:
            raise _failure(loaded, static, entry, "its thread-local storage has no place at a fixed offset from the thread pointer")
    place = _place(loaded, static, entry, kind.field.size)
    relative = PLACE if kind.about == UPPER else kind.relative
    if stub and not -NEAR < address - loaded.start < NEAR:
        address = stub  # always, and not only where it has to be, so that both halves of an address agree
    try:
        put(place, 0, kind.field, amount(relative, address + entry.addend, loaded.bias + entry.place, 0))
    except FieldError as wrong:
        raise _failure(loaded, static, entry, f"{wrong}: the object has to be compiled with -fPIC, or to be loaded nearer") from None


def _address(loaded: Object, scope: Scope, symbol: int, missing: Missing | None) -> tuple[int, int] | None:
    """A symbol's address, and that of its stub if it is a function; None if it is defined nowhere."""
    if not symbol:
        return loaded.bias, 0
    if symbol >= loaded.raw.symbols_room:
        raise RelocationError(loaded.name, "no such symbol", field="r_sym", value=symbol)
    name = loaded.symbol_name(symbol)
    found = scope.find(name, None, 0)
    entry = core.CSymbol.from_address(loaded.raw.symbols + 24 * symbol)
    stub = loaded.bias + entry.value if entry.value and entry.section == 0 else 0
    if found is not None and found.type == core.STT_GNU_IFUNC:
        return call_resolver(loaded, found.address), stub
    if found is not None:
        return found.address, stub if found.type in CODE_TYPES else 0
    given = missing(loaded, name) if missing else None
    if given is not None:
        return given, stub
    return (0, 0) if entry.info >> 4 == core.STB_WEAK else None


def _place(loaded: Object, static: Static, entry: Pending, size: int) -> memoryview:
    """The bytes at the place, which has to be in a writable segment."""
    for segment in loaded.raw.image.segments[: loaded.raw.image.segment_count]:
        if segment.flags & PF_W and segment.address <= entry.place and entry.place + size <= segment.address + segment.size:
            memory = (ctypes.c_ubyte * size).from_address(loaded.raw.memory + entry.place)
            return memoryview(memory).cast("B")
    raise _failure(loaded, static, entry, "its place is not in a writable segment")


def _failure(loaded: Object, static: Static, entry: Pending, reason: str) -> RelocationError:
    name = static.name_of(entry.type & ~LATE)
    error = RelocationError(loaded.name, reason, field=f"{name} at {entry.place:#x}", value=loaded.symbol_name(entry.symbol) or None)
    error.relocation, error.symbol = name, loaded.symbol_name(entry.symbol)
    return error
