"""Loading an object with all that it needs, as dlopen does (glibc 2.42 elf/dl-open.c, dl-deps.c, dl-close.c), and unloading it."""

from __future__ import annotations

import os
from threading import RLock

from miniload.errors import ElfError, LinkError, NotFoundError, SymbolError, UnresolvedError
from miniload.linker import core
from miniload.linker.callbacks import addresses
from miniload.linker.core import STT_GNU_IFUNC, STT_TLS
from miniload.linker.family import in_family
from miniload.linker.hooks import NO_HOOKS, Hooks, overrides
from miniload.linker.image import identity_of, read
from miniload.linker.lazy import Lazy, may_be_lazy
from miniload.linker.object import Object, map_object, open_object, unmap_object
from miniload.linker.order import closure, dependencies_first
from miniload.linker.queries import Queries
from miniload.linker.relocate import call_resolver, relocate
from miniload.linker.scope import Names, Scope
from miniload.linker.traps import Traps
from miniload.linker.unique import Unique
from miniload.linker.unresolved import with_others
from miniload.linker.usual import UsualLoads
from miniload.linker.versions import check_versions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from miniload.linker.callbacks import Symbol
    from miniload.linker.core import Found
    from miniload.linker.image import Readable
    from miniload.linker.registrar import Registrar
    from miniload.linker.scope import Member
    from miniload.linker.search import Search
    from miniload.linker.target import Target
    from miniload.linker.usual import Usual

NO_FUNCTION = (0, (1 << 64) - 1)
"""What an array of functions may have in place of one (gABI, "Initialization and Termination Functions")."""


class Loader(UsualLoads, Queries):
    """A set of loaded objects with one global scope: what dlopen calls a namespace.

    `first` and `last`: symbols of the caller's, found before and after those of all objects; addresses, or Python functions (callbacks.py).
    `missing(object, name)`: the address for a symbol that is defined nowhere, None for an error; traps.Traps raises when such a function is called.
    `preload`: objects that come before all others but the program, as LD_PRELOAD's. `search` finds files by name. `registrars` are told of
    each object: when it is relocated, before anything of it runs, and before it is unmapped. All methods may be called from any thread, and from
    initialisers.
    """

    def __init__(
        self,
        target: Target,
        search: Search,
        *,
        hooks: Hooks = NO_HOOKS,
        first: Mapping[str, Symbol] | None = None,
        last: Mapping[str, Symbol] | None = None,
        missing: Callable[[Object, str], int | None] | None = None,
        preload: Sequence[Readable] = (),
        registrars: Sequence[Registrar] = (),
    ) -> None:
        self.registrars = list(registrars)
        self.target = target
        self.search = search
        self.hooks = hooks
        self.missing = missing
        self.lock = RLock()
        self._quick = target.native and hooks is NO_HOOKS
        self._linked: set[Object] = set()
        self._usual: Usual | None = None
        self._unusual: set[str] = set()
        self.objects: list[Object] = []
        """Those loaded here, in the order in which they were mapped."""
        self.globals: list[Object] = []
        """Those of them that RTLD_GLOBAL has put into the global scope."""
        self._first = [Names(*addresses(first, target))] if first else []
        self._last = [Names(*addresses(last, target))] if last else []
        self._unique = Unique(self.objects)
        self.traps = missing if isinstance(missing, Traps) else None
        self._preload = list(preload)
        self._preloaded: list[Object] = []
        self._opened: dict[Object, int] = {}
        self._pinned: set[Object] = set()
        self._started: list[Object] = []
        self._collecting = self._again = False
        self._now = bool(os.environ.get("LD_BIND_NOW"))

    # -- loading

    def load(self, what: Readable, mode: int = os.RTLD_NOW, name: str | None = None, requester: Object | None = None) -> Object:
        """The object, loaded with all that it needs, relocated and initialised. `what`: a name to search for, a path (with a slash), a descriptor,
        bytes, or anything that linker.image.read takes; `mode`: RTLD_* as for dlopen(3). `requester`: the object whose code asks for it.

        A file that is loaded already is the same object once more, to be closed once more; bytes are always a new one. NotFoundError, ElfError, LinkError,
        OSError; nothing is left loaded then.
        """
        with self.lock:
            if self._quick and mode == os.RTLD_NOW and name is None and isinstance(what, str):
                if "/" not in what and not in_family(what) and not self._by_soname(what):
                    what = self.search.find(what, requester, self._program())
                quickly = self._load_at_once(what) if what[:1] == "/" else None
                if quickly is not None:
                    return quickly
            self._unique.set_residents(self.target.existing())
            if self._preload:
                self._load_preloads()
            new: list[Object] = []
            try:
                root = self._root(what, name, mode, new, requester)
                self._add_dependencies(root, new)
                if new:
                    for loaded in new:
                        check_versions(loaded)
                        if loaded.raw.traits & core.EXECUTABLE_STACK:
                            self.target.executable_stack(loaded)
                    self._relocate(root, mode)
                    self._linked.update(
                        loaded for loaded in new if loaded.refers or loaded.lazy or any(needed in self.objects for needed in loaded.dependencies)
                    )
                order = [loaded for loaded in dependencies_first(closure(new[0])) if not loaded.started] if len(new) > 1 else new
                self._announce(order)
            except BaseException:
                self._discard(new)
                raise
            self._opened[root] = self._opened.get(root, 0) + 1
            if mode & os.RTLD_NODELETE:
                self._pinned.add(root)
            if mode & os.RTLD_GLOBAL:
                self._promote(root)
            try:
                for loaded in order:
                    if not loaded.started:
                        self._initialize(loaded)
            except BaseException:
                if root in new:
                    self._pinned.discard(root)
                self.close(root)
                raise
            return root

    def _load_preloads(self) -> None:
        waiting, self._preload = self._preload, []
        try:
            for what in waiting:
                self._preloaded.append(self.load(what, os.RTLD_NOW | os.RTLD_GLOBAL))
        except BaseException:
            while self._preloaded:
                self.close(self._preloaded.pop())
            self._preload = waiting
            raise

    def _program(self) -> Object | None:
        """What loads come from that nothing else has asked for."""
        return next(iter(self.target.shared()), None)

    def _root(self, what: Readable, name: str | None, mode: int, new: list[Object], requester: Object | None) -> Object:
        if isinstance(what, str):
            if "/" not in what:
                found = self._by_soname(what) or self._of_family(what, mode)
                if found is not None:
                    return found
            if "/" not in what or "$" in what:
                what = self.search.find(what, requester, self._program())
        return self._open_file(what, name, mode, new)

    def _open_file(self, what: Readable, name: str | None, mode: int, new: list[Object]) -> Object:
        """The object of a file, or, where that is a text that stands for some, the first of them; it needs the others then."""
        others: list[str] = []
        for remaining in reversed(range(SCRIPTS_MAX)):
            try:
                loaded = self._open(what, name, mode, new)
                break
            except ElfError as error:
                members = self.search.script(os.fspath(what)) if error.field == "e_ident" and isinstance(what, (str, os.PathLike)) else None
                if not members or not remaining:
                    raise
                what, others = members[0], [*others, *members[1:]]
        if others and loaded in new:
            loaded.needed += tuple(others)
        return loaded

    def _open(self, what: Readable, name: str | None, mode: int, new: list[Object]) -> Object:
        """The object of a file, or of bytes, mapped unless it is there already."""
        if isinstance(what, os.PathLike):
            what = os.fspath(what)
        path = (what if what[:1] == "/" else os.path.join(os.getcwd(), what)) if isinstance(what, str) else None
        if path is not None:
            found = self._of_family(path[path.rfind("/") + 1 :], mode)
            if found is not None:
                return found
        if self._quick and isinstance(what, str) and not mode & os.RTLD_NOLOAD:
            found = self._by_identity(identity_of(what)) if self.objects else None
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
        if loaded.soname is not None and in_family(loaded.soname):  # by a file name that does not say so
            twin = self.target.named(loaded.soname)
            if twin is not None:
                unmap_object(loaded)
                return twin
        loaded.path = path
        new.append(loaded)
        self.objects.append(loaded)
        self._note_names(loaded)
        if self.hooks is not NO_HOOKS:
            self.hooks.mapped(loaded)
        return loaded

    def _by_soname(self, name: str) -> Object | None:
        return next((loaded for loaded in self.objects if name in (loaded.soname, loaded.name)), None)

    def _by_identity(self, identity: tuple[int, int] | None) -> Object | None:
        return next((loaded for loaded in self.objects if loaded.identity == identity), None) if identity else None

    def _of_family(self, name: str, mode: int = 0) -> Object | None:
        """The C library's own object of that name, which the target has or gets."""
        if not in_family(name):
            return None
        return self.target.named(name) or (None if mode & os.RTLD_NOLOAD else self.target.bring(name))

    def _add_dependencies(self, root: Object, new: list[Object]) -> None:
        """Maps what is needed, breadth first."""
        queue = [root] if root in new else []
        for loaded in queue:
            for name in loaded.needed:
                needed = self._dependency(name, loaded, new)
                loaded.dependencies.append(needed)
                if needed in new and needed not in queue:
                    needed.needed_by = loaded
                    queue.append(needed)

    def _dependency(self, name: str, requester: Object, new: list[Object]) -> Object:
        found = self._by_soname(name) or self._of_family(name) or next((loaded for loaded in self.target.shared() if loaded.soname == name), None)
        if found is not None:
            return found
        return self._open_file(self.search.find(name, requester, self._program()), None, 0, new)

    # -- relocating

    def _relocate(self, root: Object, mode: int) -> None:
        """Dependencies first, so that an IFUNC's resolver has its own object relocated."""
        local = closure(root)
        waiting = [loaded for loaded in local if not loaded.relocated]
        if len(waiting) > 1:
            waiting = [loaded for loaded in dependencies_first(local) if not loaded.relocated]
        for index, loaded in enumerate(waiting):
            if not loaded.relocated:
                loaded.scope = self._scope(loaded, local, mode)
                others = [member for member in self.objects if member is not loaded]
                for member in others:
                    member.raw.touched = 0
                loaded.local = local
                lazy = mode & os.RTLD_LAZY and not self._now and may_be_lazy(loaded, self.hooks)
                if lazy:
                    loaded.lazy = Lazy(loaded, loaded.scope, self.missing)
                try:
                    relocate(loaded, loaded.scope, lazy=bool(lazy), hooks=self.hooks, missing=self.missing)
                except UnresolvedError as error:
                    raise with_others(error, [(other, self._scope(other, local, mode)) for other in waiting[index + 1 :]]) from None
                loaded.refers = {member for member in others if member.raw.touched}

    def _scope(self, loaded: Object, local: list[Object], mode: int) -> Scope:
        deep = mode & os.RTLD_DEEPBIND
        shared = self.global_members(quick=not deep)
        order = [*local, *shared] if deep else [*shared, *local]
        if loaded.raw.traits & core.SYMBOLIC:
            order.insert(0, loaded)
        return Scope([*self._first, *dict.fromkeys(order), *self._last, self._unique])

    def global_members(self, quick: bool = True) -> list[Member]:
        """What every object's references are looked up in, but for `first` and `last`: the program, what is preloaded, what the program needs, and
        what RTLD_GLOBAL has put there. `quick`: with a shortcut, behind which nothing may be taken out."""
        shared = self.target.shared()
        if self._preloaded:
            return [*dict.fromkeys([*shared[:1], *self._preloaded, *shared[1:], *self.globals])]
        shortcut = self.target.shortcut() if quick else None
        return [shortcut, *shared, *self.globals] if shortcut else [*shared, *self.globals]

    def _promote(self, root: Object) -> None:
        promoted = [loaded for loaded in closure(root) if loaded in self.objects and loaded not in self.globals]
        self.globals += promoted
        self._usual = None
        for loaded in self.objects:
            if loaded.lazy is not None and promoted:
                loaded.lazy.add(promoted, self.target.shared())

    # -- initialising and finalising

    def _announce(self, order: Sequence[Object]) -> None:
        for loaded in order:
            for registrar in self.registrars:
                loaded.registered = (*loaded.registered, registrar)
                registrar.added(loaded)

    def _initialize(self, loaded: Object) -> None:
        loaded.started = True
        self._started.append(loaded)
        try:
            if self._quick or not overrides(self.hooks, "before_init"):
                self.target.initialize(loaded)
            else:
                self._call(self.hooks.before_init(loaded, initializers(loaded)))
            if self.traps is not None:
                self.traps.check()
        except BaseException:
            loaded.started = False
            self._started.remove(loaded)
            raise

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
        scope = root.search_scope or self.search_scope(root)
        if version is None:
            plain: int = core.plain_address(scope.where, name.encode("utf-8", "surrogateescape"))
            if plain:
                return plain
        found = scope.find(name, version)
        if found is None:
            raise SymbolError(root.name, f"has no symbol {name}" + (f"@{version}" if version else ""), field=name)
        return self.value(scope, found)

    def search_scope(self, root: Object) -> Scope:
        """The object and, breadth first, what it needs."""
        if root.search_scope is None:
            root.search_scope = Scope([*closure(root), self._unique])
        return root.search_scope

    def value(self, scope: Scope, found: Found) -> int:
        """The address that a definition stands for: this thread's copy of a variable, the function that a resolver picks, or just its address."""
        if found.type in (STT_GNU_IFUNC, STT_TLS):
            definer = scope.object_of(found)
            assert definer is not None
            return self.target.tls_address(definer, found.address) if found.type == STT_TLS else call_resolver(definer, found.address)
        address: int = found.address
        return address

    def scope_of(self, loaded: Object) -> Scope:
        """Where the object's references are looked up, as of now."""
        return self._scope(loaded, [member for member in loaded.local if member.relocated], 0)

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
            self._again = True
            if self._collecting:  # a finaliser closes what it has opened: when it has returned
                return
            self._collecting = True
            try:
                if root.usual is not None and self._is_alone(root):
                    self._again = False
                    self._unload_at_once(root, root.usual)
                while self._again:
                    self._again = False
                    self._collect()
            finally:
                self._collecting = False

    def _collect(self) -> None:
        """Finalises and unmaps all that nothing needs. What goes cannot be found any more when finalisers run, which may load something."""
        live = self._live()
        dead = [loaded for loaded in self.objects if loaded not in live]
        self.objects[:] = [loaded for loaded in self.objects if loaded in live]
        self.globals = [loaded for loaded in self.globals if loaded in live]
        try:
            for loaded in [loaded for loaded in reversed(self._started) if loaded in dead]:
                self._finalize(loaded)
        finally:
            self._discard(dead)

    def _live(self) -> set[Object]:
        live: set[Object] = set()
        queue = [*self._opened, *self._pinned, *[loaded for loaded in self.objects if loaded.stays]]
        while queue:
            loaded = queue.pop()
            if loaded not in live:
                live.add(loaded)
                queue += loaded.dependencies
                queue += loaded.refers
                if loaded.lazy is not None:
                    queue += loaded.lazy.referred()
        return live

    def _discard(self, dead: Sequence[Object]) -> None:
        changed = [loaded for loaded in self.objects if loaded.lazy is not None and loaded not in dead and loaded.lazy.remove(dead)]
        if changed:
            core.readers_wait()
        for loaded in dead:
            for registrar in reversed(loaded.registered):
                registrar.removed(loaded)
            if loaded.raw.traits & core.HAS_UNIQUE:  # its load has failed
                self._unique.forget(loaded)
            self._linked.discard(loaded)
            self._note_names(loaded)
            if loaded in self.objects:
                self.objects.remove(loaded)
            if loaded in self.globals:
                self.globals.remove(loaded)
            self.target.drop_tls(loaded)
            loaded.relocated = False
            unmap_object(loaded)
            if self.hooks is not NO_HOOKS:
                self.hooks.unloaded(loaded)


SCRIPTS_MAX = 10
"""How many linker scripts may name each other, in a row."""


def initializers(loaded: Object) -> list[int]:
    """DT_INIT, then those of DT_INIT_ARRAY."""
    raw = loaded.raw
    return [loaded.bias + raw.init] * bool(raw.init) + [address for address in loaded.words(raw.init_array) if address not in NO_FUNCTION]


def finalizers(loaded: Object) -> list[int]:
    """Those of DT_FINI_ARRAY backwards, then DT_FINI."""
    raw = loaded.raw
    return [address for address in reversed(loaded.words(raw.fini_array)) if address not in NO_FUNCTION] + [loaded.bias + raw.fini] * bool(raw.fini)
