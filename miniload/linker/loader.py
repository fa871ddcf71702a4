"""Loading an object with all that it needs, as dlopen does (glibc 2.42 elf/dl-open.c, dl-deps.c, dl-close.c), and unloading it."""

from __future__ import annotations

import os
from threading import RLock

from miniload.errors import LinkError, NotFoundError, SymbolError
from miniload.linker import core
from miniload.linker.core import STT_GNU_IFUNC, STT_TLS
from miniload.linker.family import in_family
from miniload.linker.hooks import NO_HOOKS, Hooks, overrides
from miniload.linker.image import read
from miniload.linker.object import Object, map_object, open_object, unmap_object
from miniload.linker.relocate import call_resolver, relocate
from miniload.linker.scope import Names, Scope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from miniload.linker.core import Found
    from miniload.linker.image import Readable
    from miniload.linker.scope import Member
    from miniload.linker.search import Search
    from miniload.linker.target import Target

NO_FUNCTION = (0, (1 << 64) - 1)
"""What an array of functions may have in place of one (gABI, "Initialization and Termination Functions")."""


class Loader:
    """A set of loaded objects with one global scope: what dlopen calls a namespace.

    `first` and `last`: symbols of the caller's, found before and after those of all objects. `missing(object, name)`: the address for a symbol that is defined
    nowhere, None for an error. `search` finds files by name. All methods may be called from any thread, and from initialisers.
    """

    def __init__(
        self,
        target: Target,
        search: Search,
        *,
        hooks: Hooks = NO_HOOKS,
        first: Mapping[str, int] | None = None,
        last: Mapping[str, int] | None = None,
        missing: Callable[[Object, str], int | None] | None = None,
    ) -> None:
        self.target = target
        self.search = search
        self.hooks = hooks
        self.missing = missing
        self.lock = RLock()
        self._quick = target.native and hooks is NO_HOOKS
        self.objects: list[Object] = []
        """Those loaded here, in the order in which they were mapped."""
        self.globals: list[Object] = []
        """Those of them that RTLD_GLOBAL has put into the global scope."""
        self._first = [Names(first)] if first else []
        self._last = [Names(last)] if last else []
        self._opened: dict[Object, int] = {}
        self._pinned: set[Object] = set()
        self._started: list[Object] = []

    # -- loading

    def load(self, what: Readable, mode: int = os.RTLD_NOW, name: str | None = None) -> Object:
        """The object, loaded with all that it needs, relocated and initialised. `what`: a name to search for, a path (with a slash), a descriptor,
        bytes, or anything that linker.image.read takes; `mode`: RTLD_* as for dlopen(3).

        A file that is loaded already is the same object once more, to be closed once more; bytes are always a new one. NotFoundError, ElfError, LinkError,
        OSError; nothing is left loaded then.
        """
        with self.lock:
            self.target.existing()
            new: list[Object] = []
            try:
                root = self._root(what, name, mode, new)
                self._add_dependencies(root, new)
                if new:
                    self._relocate(root, mode)
            except BaseException:
                self._discard(new)
                raise
            self._opened[root] = self._opened.get(root, 0) + 1
            if mode & os.RTLD_NODELETE or root.raw.dynamic_flags_1 & DF_1_NODELETE:
                self._pinned.add(root)
            if mode & os.RTLD_GLOBAL:
                self._promote(root)
            self._start(new)
            return root

    def _root(self, what: Readable, name: str | None, mode: int, new: list[Object]) -> Object:
        if isinstance(what, str) and "/" not in what:
            found = self._by_soname(what) or self._of_family(what)
            if found is not None:
                return found
            what = self.search.find(what, None)
        return self._open(what, name, mode, new)

    def _open(self, what: Readable, name: str | None, mode: int, new: list[Object]) -> Object:
        """The object of a file, or of bytes, mapped unless it is there already."""
        if isinstance(what, os.PathLike):
            what = os.fspath(what)
        path = (what if what[:1] == "/" else os.path.abspath(what)) if isinstance(what, str) else None
        if self._quick and isinstance(what, str) and not mode & os.RTLD_NOLOAD:
            found = self._by_identity(_identity(what)) if self.objects else None
            loaded = found or open_object(what, self.target)
            if loaded is not None:
                return found or self._add(loaded, path, new)
        with read(what, name, self.target.space.page_size) as image:
            found = self._by_identity(image.identity)
            if found is not None:
                return found
            if mode & os.RTLD_NOLOAD:
                raise NotFoundError(image.name, "is not loaded", field="RTLD_NOLOAD")
            if self.hooks is not NO_HOOKS:
                self.hooks.before_map(image)
            return self._add(map_object(image, self.target), path, new)

    def _add(self, loaded: Object, path: str | None, new: list[Object]) -> Object:
        loaded.path = path
        new.append(loaded)
        self.objects.append(loaded)
        if self.hooks is not NO_HOOKS:
            self.hooks.mapped(loaded)
        return loaded

    def _by_soname(self, name: str) -> Object | None:
        return next((loaded for loaded in self.objects if name in (loaded.soname, loaded.name)), None)

    def _by_identity(self, identity: tuple[int, int] | None) -> Object | None:
        return next((loaded for loaded in self.objects if loaded.identity == identity), None) if identity else None

    def _of_family(self, name: str) -> Object | None:
        """The C library's own object of that name, which the target has or gets."""
        return self.target.named(name) or self.target.bring(name) if in_family(name) else None

    def _add_dependencies(self, root: Object, new: list[Object]) -> None:
        """Maps what is needed, breadth first."""
        queue = [root] if root in new else []
        for loaded in queue:
            for name in loaded.needed:
                needed = self._dependency(name, loaded, new)
                loaded.dependencies.append(needed)
                if needed in new and needed not in queue:
                    queue.append(needed)

    def _dependency(self, name: str, requester: Object, new: list[Object]) -> Object:
        found = self._by_soname(name) or self._of_family(name) or next((loaded for loaded in self.target.shared() if loaded.soname == name), None)
        if found is not None:
            return found
        return self._open(name if "/" in name else self.search.find(name, requester), None, 0, new)

    # -- relocating

    def _relocate(self, root: Object, mode: int) -> None:
        """Dependencies first, so that an IFUNC's resolver has its own object relocated."""
        local = closure(root)
        for loaded in reversed(local):
            if not loaded.relocated:
                loaded.scope = self._scope(loaded, local, mode)
                others = [member for member in self.objects if member is not loaded]
                for member in others:
                    member.raw.touched = 0
                relocate(loaded, loaded.scope, hooks=self.hooks, missing=self.missing)
                loaded.refers = {member for member in others if member.raw.touched}

    def _scope(self, loaded: Object, local: list[Object], mode: int) -> Scope:
        shared: list[Member] = [*self.target.shared(), *self.globals]
        if mode & os.RTLD_DEEPBIND:
            order = [*local, *shared]
        else:
            shortcut = self.target.shortcut()
            order = [shortcut, *shared, *local] if shortcut else [*shared, *local]
        if loaded.raw.traits & core.SYMBOLIC:
            order.insert(0, loaded)
        return Scope([*self._first, *dict.fromkeys(order), *self._last])

    def _promote(self, root: Object) -> None:
        self.globals += [loaded for loaded in closure(root) if loaded in self.objects and loaded not in self.globals]

    # -- initialising and finalising

    def _start(self, new: list[Object]) -> None:
        """Initialisers, those of dependencies first; cycles are broken where they are entered."""
        if len(new) < 2:
            for loaded in new:
                self._initialize(loaded)
            return
        waiting = set(new)

        def visit(loaded: Object) -> None:
            waiting.discard(loaded)
            for needed in loaded.dependencies:
                if needed in waiting:
                    visit(needed)
            self._initialize(loaded)

        for loaded in new:
            if loaded in waiting:
                visit(loaded)

    def _initialize(self, loaded: Object) -> None:
        loaded.started = True
        self._started.append(loaded)
        if self._quick or not overrides(self.hooks, "before_init"):
            self.target.initialize(loaded)
        else:
            self._call(self.hooks.before_init(loaded, initializers(loaded)))

    def _finalize(self, loaded: Object) -> None:
        self._started.remove(loaded)
        if self._quick or not overrides(self.hooks, "before_fini"):
            self.target.finalize(loaded)
        else:
            self._call(self.hooks.before_fini(loaded, finalizers(loaded)))

    def _call(self, functions: list[int]) -> None:
        for function in functions:
            self.target.call(function, *self.target.initializer_arguments)

    # -- looking up

    def address(self, root: Object, name: str, version: str | None = None) -> int:
        """Where a symbol is in the target, as dlsym(handle, name), or with a version dlvsym, finds it: in the object or, breadth first, in what it needs.
        SymbolError. A function that an IFUNC stands for is the one that its resolver picks."""
        scope = root.search_scope
        if scope is None:
            root.search_scope = scope = Scope(closure(root))
        if version is None:
            plain: int = core.plain_address(scope.where, name.encode("utf-8", "surrogateescape"))
            if plain:
                return plain
        found = scope.find(name, version)
        if found is None:
            raise SymbolError(root.name, f"has no symbol {name}" + (f"@{version}" if version else ""), field=name)
        if found.type in (STT_GNU_IFUNC, STT_TLS):
            return self._special(scope, found)
        address: int = found.address
        return address

    def _special(self, scope: Scope, found: Found) -> int:
        definer = scope.object_of(found)
        assert definer is not None
        if found.type == STT_TLS:
            return self.target.tls_address(definer, found.address)
        return call_resolver(definer, found.address)

    # -- unloading

    def close(self, root: Object) -> None:
        """Gives up one load of the object. What nothing needs any more is finalised, in reverse order of its initialisation, and unmapped."""
        with self.lock:
            count = self._opened.get(root, 0)
            if not count:
                raise LinkError(root.name, "is not open")
            if count > 1:
                self._opened[root] = count - 1
                return
            del self._opened[root]
            live = self._live()
            dead = [loaded for loaded in self.objects if loaded not in live]
            for loaded in reversed(dead) if len(dead) < 2 else [loaded for loaded in reversed(self._started) if loaded in dead]:
                self._finalize(loaded)
            self._discard(dead)

    def _live(self) -> set[Object]:
        live: set[Object] = set()
        queue = [*self._opened, *self._pinned]
        while queue:
            loaded = queue.pop()
            if loaded not in live:
                live.add(loaded)
                queue += loaded.dependencies
                queue += loaded.refers
        return live

    def _discard(self, dead: Iterable[Object]) -> None:
        for loaded in dead:
            if loaded in self.objects:
                self.objects.remove(loaded)
            if loaded in self.globals:
                self.globals.remove(loaded)
            self.target.drop_tls(loaded)
            unmap_object(loaded)
            if self.hooks is not NO_HOOKS:
                self.hooks.unloaded(loaded)


DF_1_NODELETE = 8


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def initializers(loaded: Object) -> list[int]:
    """DT_INIT, then those of DT_INIT_ARRAY."""
    raw = loaded.raw
    return [loaded.bias + raw.init] * bool(raw.init) + [address for address in loaded.words(raw.init_array) if address not in NO_FUNCTION]


def finalizers(loaded: Object) -> list[int]:
    """Those of DT_FINI_ARRAY backwards, then DT_FINI."""
    raw = loaded.raw
    return [address for address in reversed(loaded.words(raw.fini_array)) if address not in NO_FUNCTION] + [loaded.bias + raw.fini] * bool(raw.fini)


def closure(root: Object) -> list[Object]:
    """The object and all that it needs, breadth first."""
    order = {root: None}
    queue = [root]
    for loaded in queue:
        for needed in loaded.dependencies:
            if needed not in order:
                order[needed] = None
                queue.append(needed)
    return list(order)
