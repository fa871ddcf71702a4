"""STB_GNU_UNIQUE symbols: one definition of each in all objects of a loader (unique.c)."""

from __future__ import annotations

from ctypes import POINTER, addressof, c_uint64, cast

from miniload.linker import core
from miniload.linker.core import CUnique

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.linker.object import Object


class Unique:
    """The last member of a loader's scopes. An object that has given a definition stays loaded: its HAS_UNIQUE is set.

    What the address space's own dynamic linker has loaded comes first, as its objects have been bound to their definitions already.
    """

    __slots__ = ("_array", "_residents", "objects", "raw", "where")

    def __init__(self, objects: list[Object]) -> None:
        self.objects = objects
        self.raw = CUnique(core.MEMBER_UNIQUE)
        self.where = addressof(self.raw)
        self._residents: Sequence[Object] = ()

    def set_residents(self, residents: Sequence[Object]) -> None:
        """Tells of the objects that are there already. Those that have gone are forgotten."""
        if residents is self._residents:
            return
        for loaded in self._residents:
            if loaded.raw.traits & core.HAS_UNIQUE and loaded not in residents:
                self.forget(loaded)
        self._residents = residents
        self._array = (c_uint64 * len(residents))(*[loaded.where for loaded in residents])
        self.raw.residents = cast(self._array, POINTER(c_uint64))
        self.raw.resident_count = len(residents)

    def forget(self, loaded: Object) -> None:
        """Takes the definitions out that an object has given."""
        core.unique_forget(self.where, loaded.where)

    def object_at(self, where: int) -> Object | None:
        """The object with that record, wherever it is."""
        return next((loaded for group in (self.objects, self._residents) for loaded in group if loaded.where == where), None)

    def __del__(self) -> None:
        core.unique_free(self.where)
