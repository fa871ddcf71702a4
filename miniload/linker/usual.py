"""Loads of the usual kind: what the core needs to know to do one in a single call (usual.c)."""

from __future__ import annotations

from array import array
from ctypes import addressof

from miniload.linker import core
from miniload.linker.core import CUsual
from miniload.linker.family import in_family
from miniload.linker.scope import Names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence, Set
    from typing import Protocol

    from miniload.linker.native import NativeTarget
    from miniload.linker.object import Object
    from miniload.linker.registrar import Registrar
    from miniload.linker.scope import Member

    class Listing(Registrar, Protocol):
        """A registrar whose list the core keeps."""

        def listed(self, loaded: Object, handle: int, name: bytes) -> None:
            """The core has put the object on it."""

        def forget(self, loaded: Object) -> int:
            """The core will take it off: its handle there."""


class Usual:
    """How things stand: what there is to bind to, and the members of every scope before and behind an object and what it needs. `taken`: names that do not mean
    what is there, since the loader has objects of its own that are called so."""

    def __init__(self, target: NativeTarget, before: Sequence[Member], after: Sequence[Member], taken: Set[str], listing: Listing) -> None:
        self.registered: Sequence[Registrar] = (listing,)
        self.listed, self.forget = listing.listed, listing.forget
        self._target = target
        self._residents = target.existing()
        there = {loaded.soname: loaded for loaded in reversed(target.shared()) if loaded.soname}
        there.update({name: loaded for name, loaded in target.names().items() if in_family(name)})
        self._taken = there.keys() & taken
        self._there = {name: loaded for name, loaded in there.items() if name not in taken}
        self._names = Names({name: loaded.where for name, loaded in self._there.items()})
        self._members = [*before, *after]
        self._words = array("Q", [member.where for member in self._members])
        linking, kinds = core.kinds_of(target.arch)
        self.raw = CUsual(
            addressof(kinds), self._names.where, target.space.page_size, target.counters, tuple(target.resolver_words), len(before), len(after),
            self._words.buffer_info()[0], 0, linking.machine,
        )  # fmt: skip
        self.where = addressof(self.raw)

    def is_up_to_date(self) -> bool:
        """Whether what ld.so has loaded is still, or again, the same."""
        if self._target.existing() is not self._residents:
            return False
        self.raw.counters = self._target.counters
        return True

    def means(self, name: str | None) -> bool:
        """Whether it says what a name stands for."""
        return name in self._there or name in self._taken

    def needed_by(self, loaded: Object) -> list[Object]:
        """What an object that was loaded by it needs."""
        return [self._there[name] for name in loaded.needed]
