"""Where symbols are looked up: objects and tables of names, in order."""

from __future__ import annotations

from array import array
from ctypes import addressof, byref, c_char_p, c_uint64
from errno import ENOENT, ENOMEM

from miniload.errors import MiniloadError
from miniload.linker import core
from miniload.linker.core import CNames, CShortcut, Found
from miniload.linker.unique import Unique

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    from miniload.linker.object import Object


class Names:
    """Symbols from somewhere else than an object: names to addresses of the target."""

    __slots__ = ("_keep", "raw", "where")

    def __init__(self, symbols: Mapping[str, int], keep: object = None) -> None:
        """`keep`: what has to live as long as the names."""
        texts = (c_char_p * len(symbols))(*(name.encode("utf-8", "surrogateescape") for name in symbols))
        self._keep = texts, keep
        self.raw = CNames()
        self.where = addressof(self.raw)
        addresses = (c_uint64 * len(symbols))(*symbols.values())
        if core.make_names(texts, addresses, len(symbols), self.where):
            raise MiniloadError("", "out of memory", errno=ENOMEM)

    def __del__(self) -> None:
        core.free_names(self.where)


class Shortcut:
    """Stands in a scope before some objects that nearly every look-up goes through in vain: those that a process has from the start."""

    __slots__ = ("raw", "where")

    def __init__(self, objects: Sequence[Object]) -> None:
        self.raw = CShortcut()
        self.where = addressof(self.raw)
        if core.make_shortcut((c_uint64 * len(objects))(*[loaded.where for loaded in objects]), len(objects), self.where):
            raise MiniloadError("", "out of memory", errno=ENOMEM)

    def __del__(self) -> None:
        core.free_shortcut(self.where)


class Scope:
    """An order of look-up. The first member that has a matching definition wins, weak or strong, as in ld.so."""

    __slots__ = ("_words", "members", "where")

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        # One array of words holds the record and what it points to: a third of the cost of making them apart.
        self._words = words = array("Q", [len(members), 0, *[member.where for member in members]])
        self.where: int = words.buffer_info()[0]
        words[1] = self.where + 16

    def find(self, name: str, version: str | None = None, flags: int = core.LOOKUP_DLSYM) -> Found | None:
        """The definition that dlsym (or dlvsym) finds; None if there is none."""
        found = Found()
        code = core.lookup(self.where, name.encode("utf-8", "surrogateescape"), version.encode() if version else None, flags, byref(found))
        return None if code == -ENOENT else found

    def object_of(self, found: Found) -> Object | None:
        """The object that a definition is in; None if it comes from a table of names."""
        where: int | None = found.object
        if not where:
            return None
        last = self.members[-1]
        if isinstance(last, Unique) and (other := last.object_at(where)) is not None:
            return other
        return next((member for member in self.members if member.where == where), None)  # type: ignore[return-value]


if TYPE_CHECKING:
    Member: TypeAlias = Object | Names | Shortcut | Unique
