"""Errors about symbols that are defined nowhere: all of them, not only those of the object that was relocated first."""

from __future__ import annotations

from miniload.errors import UnresolvedError
from miniload.linker import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from miniload.linker.object import Object
    from miniload.linker.scope import Scope

SHOWN = 10


def unresolved_in(loaded: Object, scope: Scope) -> tuple[str, ...]:
    """The symbols of an object that have to be defined somewhere and are not, with the versions that are needed."""
    names: list[str] = []
    for symbol in loaded.symbols():
        if symbol.defined or symbol.bind == "WEAK" or not symbol.name:
            continue
        if scope.find(symbol.name, symbol.version, core.LOOKUP_NEED if symbol.version else 0) is None:
            names.append(f"{symbol.name}@{symbol.version}" if symbol.version else symbol.name)
    return tuple(names)


def with_others(first: UnresolvedError, others: Iterable[tuple[Object, Scope]]) -> UnresolvedError:
    """The error with what other objects lack, too."""
    parts, symbols = [first.reason], list(first.symbols)
    for loaded, scope in others:
        names = unresolved_in(loaded, scope)
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            parts.append(f"{loaded.name} lacks {', '.join(names[:SHOWN])}{more}")
            symbols += [name for name in names if name not in symbols]
    if len(parts) == 1:
        return first
    error = UnresolvedError(first.file, "; ".join(parts))
    error.symbols, error.symbol, error.relocation = tuple(symbols), first.symbol, first.relocation
    return error
