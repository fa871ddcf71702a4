"""What can be asked of a loader: dlsym's pseudo-handles, dladdr, dl_iterate_phdr, dlinfo (dlfcn(3), dladdr(3), dl_iterate_phdr(3), dlinfo(3))."""

from __future__ import annotations

import os

from miniload.errors import LinkError, SymbolError
from miniload.linker.order import closure, root_of
from miniload.linker.scope import Scope
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from miniload.linker.core import Found
    from miniload.linker.object import Object
    from miniload.linker.scope import Member, Names
    from miniload.linker.search import Search
    from miniload.linker.target import Target
    from miniload.linker.unique import Unique


class AddressInfo(Record):
    """struct Dl_info: the object that an address is in, where it starts, and the symbol at or before the address; None and 0 if there is none."""

    file: str
    base: int
    symbol: str | None
    symbol_address: int


class PhdrInfo(Record):
    """struct dl_phdr_info: what is added to link addresses, the file, where the program headers are (0 if they are not in memory) and how many, the
    module number of the thread-local segment (0 for none)."""

    bias: int
    name: str
    phdr: int
    count: int
    tls_module: int


class LinkInfo(Record):
    """What dlinfo tells: struct link_map's name, bias and dynamic section, the directory of RTLD_DI_ORIGIN, the directories of RTLD_DI_SERINFO, the module
    number of RTLD_DI_TLS_MODID and the block of RTLD_DI_TLS_DATA (0 for none)."""

    name: str
    bias: int
    dynamic: int
    origin: str
    search_path: tuple[str, ...]
    tls_module: int
    tls_data: int


class Queries:
    """A loader's answers."""

    target: Target
    search: Search
    objects: list[Object]
    _first: list[Names]
    _last: list[Names]
    _preloaded: list[Object]
    _unique: Unique

    if TYPE_CHECKING:

        def global_members(self, quick: bool = True) -> list[Member]: ...
        def value(self, scope: Scope, found: Found) -> int: ...

    def global_scope(self) -> Scope:
        """The global scope, as of now."""
        return Scope([*self._first, *self.global_members(), *self._last, self._unique])

    def default(self, name: str, version: str | None = None) -> int:
        """dlsym(RTLD_DEFAULT, name): in the global scope. SymbolError."""
        scope = self.global_scope()
        return self._address(scope, scope.find(name, version), "the global scope", name, version)

    def following(self, loaded: Object) -> list[Member]:
        """Where dlsym(RTLD_NEXT) looks: what comes after an object among those that were loaded with it; after a preloaded one, or one that was there before,
        in the global scope (dl-sym.c, do_sym())."""
        members: list[Member] = []
        if loaded in self._preloaded or loaded not in self.objects:
            members += self.global_members(quick=False)
        else:
            members += [member for member in closure(root_of(loaded)) if member.relocated]
        if loaded not in members:
            raise LinkError(loaded.name, "is in no scope that has a next object")
        return [*members[members.index(loaded) + 1 :], self._unique]

    def next(self, loaded: Object, name: str, version: str | None = None) -> int:
        """dlsym(RTLD_NEXT, name) called by `loaded`. SymbolError."""
        scope = Scope(self.following(loaded))
        return self._address(scope, scope.find(name, version), f"what comes after {loaded.name}", name, version)

    def _address(self, scope: Scope, found: Found | None, where: str, name: str, version: str | None) -> int:
        if found is None:
            raise SymbolError(where, f"has no symbol {name}" + (f"@{version}" if version else ""), field=name)
        return self.value(scope, found)

    def object_at(self, address: int) -> Object | None:
        """The object that an address is in, one of the loader's or one that was there before."""
        for group in (self.objects, self.target.existing()):
            for loaded in group:
                if loaded.start <= address < loaded.end and loaded.segment_at(address):
                    return loaded
        return None

    def describe(self, address: int) -> AddressInfo | None:
        """dladdr: None if no object is there."""
        loaded = self.object_at(address)
        if loaded is None:
            return None
        name, at = loaded.symbol_at(address) or (None, 0)
        return AddressInfo(loaded.path or loaded.name, loaded.start, name, at)

    def phdrs(self) -> Iterator[PhdrInfo]:
        """dl_iterate_phdr: those that were there before, then the loader's own, in the order in which they were loaded."""
        for loaded in [*self.target.existing(), *self.objects]:
            raw = loaded.raw
            module = raw.tls_module if raw.image.tls.present else 0
            yield PhdrInfo(loaded.bias, loaded.path or loaded.name, loaded.phdr_address, raw.image.phdr_count, module)

    def info(self, loaded: Object) -> LinkInfo:
        """dlinfo."""
        raw, path = loaded.raw, loaded.path or ""
        module = raw.tls_module if raw.image.tls.present else 0
        block = self.target.tls_address(loaded, 0) if module else 0
        dynamic = loaded.bias + raw.image.dynamic.address if raw.image.dynamic.present else 0
        places = self.search.places(loaded, next(iter(self.target.shared()), None))
        return LinkInfo(path or loaded.name, loaded.bias, dynamic, os.path.dirname(path), tuple(places), module, block)
