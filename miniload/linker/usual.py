"""Loads of the usual kind, in a single call of the core (usual.c): of a file in this process, all that it needs there already. All others, and what goes wrong,
are the loader's, step by step."""

from __future__ import annotations

from array import array
from ctypes import addressof
from errno import EAGAIN, ESTALE

from miniload.linker import core
from miniload.linker.core import CObject, CUsual
from miniload.linker.family import in_family
from miniload.linker.object import Object
from miniload.linker.scope import Names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence, Set
    from typing import Protocol

    from miniload.linker.image import Readable
    from miniload.linker.native import NativeTarget
    from miniload.linker.registrar import Registrar
    from miniload.linker.scope import Member
    from miniload.linker.target import Target
    from miniload.linker.traps import Traps
    from miniload.linker.unique import Unique

    class Listing(Registrar, Protocol):
        """A registrar whose list the core keeps."""

        def listed(self, loaded: Object, name: bytes) -> None:
            """The core has put the object on it, and refers to the name."""

        def unlisted(self, loaded: Object, handle: int) -> None:
            """The core has taken it off. The handle may be another's already."""


class Usual:
    """How things stand: what there is to bind to, and the members of every scope before and behind an object and what it needs. `taken`: names that do not mean
    what is there, since the loader has objects of its own that are called so."""

    def __init__(self, target: NativeTarget, before: Sequence[Member], after: Sequence[Member], taken: Set[str], listing: Listing) -> None:
        self.registered: Sequence[Registrar] = (listing,)
        self.listed, self.unlisted = listing.listed, listing.unlisted
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
            self._words.buffer_info()[0], linking.machine,
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


class UsualLoads:
    """A loader's part."""

    target: Target
    registrars: list[Registrar]
    traps: Traps | None
    objects: list[Object]
    globals: list[Object]
    _opened: dict[Object, int]
    _pinned: set[Object]
    _first: list[Names]
    _last: list[Names]
    _unique: Unique
    _preload: list[Readable]
    _preloaded: list[Object]
    _linked: set[Object]
    """Those of `objects` that have to do with others of them, which then must not go before."""
    _usual: Usual | None
    _unusual: set[str]
    """Files that were found not to be of the usual kind: it is not tried again."""

    if TYPE_CHECKING:

        def close(self, root: Object) -> None: ...
        def global_members(self, quick: bool = True) -> list[Member]: ...
        def _initialize(self, loaded: Object) -> None: ...
        def _finalize(self, loaded: Object) -> None: ...

    def _load_at_once(self, path: str) -> Object | None:
        """Loader.load of a file of the usual kind. None if it, or something else, is not as usual: then nothing is done."""
        usual = self._usual or self._how_things_stand()
        if usual is None or len(self.registrars) != 1 or path in self._unusual or "$" in path or "\0" in path or in_family(path[path.rfind("/") + 1 :]):
            return None
        loaded, name = Object(path, self.target, CObject()), path.encode("utf-8", "surrogateescape")
        try:
            code = core.load_here(name, usual.where, loaded.where)
            if code == -ESTALE:
                usual = usual if usual.is_up_to_date() else self._how_things_stand()
                code = core.load_here(name, usual.where, loaded.where) if usual is not None else code
            if code or usual is None:
                if code == -EAGAIN and len(self._unusual) < UNUSUAL_MAX:
                    self._unusual.add(path)
                return None
            loaded.path, loaded.usual, loaded.registered = path, usual, usual.registered
            usual.listed(loaded, name)
            loaded.relocated = True
            self.objects.append(loaded)
            self._opened[loaded] = 1
            self._initialize(loaded)
        except BaseException:  # of an initialiser's, or a signal's
            if loaded in self._opened:
                self.close(loaded)
            elif loaded.raw.handle and usual is not None:
                self._take_out(loaded, usual)
            raise
        return loaded

    def _how_things_stand(self) -> Usual | None:
        """What usual loads go by; None if there cannot be any at present."""
        listing: Listing = self.registrars[0] if len(self.registrars) == 1 else None  # type: ignore[assignment]
        if not hasattr(listing, "listed") or self.traps or self._preload or self._preloaded or self.globals:
            return None
        target: NativeTarget = self.target  # type: ignore[assignment]
        self._usual = None
        self._unique.set_residents(target.existing())
        taken = {name for loaded in self.objects for name in (loaded.soname, loaded.name) if name}
        self._usual = Usual(target, [*self._first, *self.global_members()], [*self._last, self._unique], taken, listing)
        return self._usual

    def _note_names(self, loaded: Object) -> None:
        """It comes or goes, and may be called as something that is there."""
        if self._usual is not None and (self._usual.means(loaded.name) or self._usual.means(loaded.soname)):
            self._usual = None

    def _is_alone(self, root: Object) -> bool:
        """Whether it is plain to see that an object that has been closed can go, and no other with it: all others are open, and have to do with none."""
        simple = not (self._linked or self._pinned or self.globals) and len(self.objects) == len(self._opened) + 1
        return simple and not root.stays

    def _unload_at_once(self, root: Object, usual: Usual) -> None:
        self.objects.remove(root)
        try:
            if root.started:
                self._finalize(root)
        finally:
            self._take_out(root, usual)

    def _take_out(self, loaded: Object, usual: Usual) -> None:
        handle = loaded.raw.handle
        core.unload_here(loaded.where)
        usual.unlisted(loaded, handle)
        loaded.relocated = False


UNUSUAL_MAX = 1000
