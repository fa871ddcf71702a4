"""Calls that are bound when they are first made: what Python prepares for it, and keeps up to date. The binding is the core's (lazy.c)."""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, addressof, c_uint32, c_uint64, c_void_p

from miniload.linker import core
from miniload.linker.hooks import overrides
from miniload.linker.object import Object
from miniload.linker.scope import Scope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from miniload.linker.hooks import Hooks
    from miniload.linker.relocate import Missing
    from miniload.linker.scope import Member

MISSING = CFUNCTYPE(c_uint64, c_void_p, c_uint32)


def may_be_lazy(loaded: Object, hooks: Hooks) -> bool:
    """Whether calls of the object can be bound later: it is in this process, does not ask for BIND_NOW, has a GOT for it, and no hook wants to see bindings."""
    return (
        loaded.target.native
        and not loaded.raw.traits & core.BIND_NOW
        and not overrides(hooks, "bind")
        and not overrides(hooks, "relocated")
        and bool(core.lazy_possible(loaded.where, loaded.target.space.page_size))
    )


class Lazy:
    """How one object's calls are bound. The core may use the present record at any time, so changes make a new one; old ones are kept, since what they say
    has been referred to stays true."""

    __slots__ = ("_callback", "_kinds", "_loaded", "_name", "_records", "_scope")

    def __init__(self, loaded: Object, scope: Scope, missing: Missing | None) -> None:
        self._loaded = loaded
        self._name = (loaded.path or loaded.name).encode("utf-8", "surrogateescape")
        self._callback = MISSING(lambda _object, symbol: missing(loaded, loaded.symbol_name(symbol)) or 0) if missing else None
        self._kinds = core.kinds_of(loaded.target.arch)[1]
        self._records: list[tuple[core.CLazy, Scope, ctypes.Array[ctypes.c_uint8]]] = []
        self._scope = scope
        core.lazy_start(loaded.where, addressof(self._record(scope)))

    def _record(self, scope: Scope) -> core.CLazy:
        referred = (ctypes.c_uint8 * len(scope.members))()
        arguments = (*self._loaded.target.resolver_arguments(), 0, 0, 0)[:3]
        callback = ctypes.cast(self._callback, c_void_p) if self._callback else None
        record = core.CLazy(scope.where, addressof(self._kinds), addressof(referred), self._name, callback, arguments)
        self._records.append((record, scope, referred))
        self._scope = scope
        return record

    def _replace(self, members: Sequence[Member]) -> None:
        core.lazy_replace(self._loaded.where, addressof(self._record(Scope(members))))
        self._loaded.scope = self._scope

    def add(self, promoted: Sequence[Object], shared: Sequence[Object]) -> None:
        """Objects have become global: they are found behind those that were (`shared` and those that were promoted earlier), as ld.so adds them."""
        members: list[Member] = list(self._scope.members)
        new = [loaded for loaded in promoted if loaded not in members]
        if new:
            own = set(self._loaded.local)
            last = max((at for at, member in enumerate(members) if member in shared or (isinstance(member, Object) and member not in own)), default=-1)
            self._replace([*members[: last + 1], *new, *members[last + 1 :]])

    def remove(self, dead: Sequence[Object]) -> bool:
        """Objects go. Whether the scope had any of them: the caller then waits until nobody looks there."""
        members = [member for member in self._scope.members if member not in dead]
        if len(members) == len(self._scope.members):
            return False
        self._replace(members)
        return True

    def referred(self) -> Iterator[Object]:
        """The objects that calls have been bound to. They have to stay."""
        for _, scope, referred in self._records:
            for member, used in zip(scope.members, referred, strict=True):
                if used and isinstance(member, Object) and member is not self._loaded:
                    yield member

    def leave(self) -> None:
        """The interpreter ends: nobody can be asked for what is missing."""
        for record, _, _ in self._records:
            record.missing = None
