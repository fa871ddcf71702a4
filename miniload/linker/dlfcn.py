"""dlopen(3), dlclose(3) and dlsym(3) for code that is loaded here, as far as it needs Python: which loader is meant, and what is left to the address space's
own dynamic linker."""

from __future__ import annotations

import os

from miniload.errors import MiniloadError
from miniload.linker.core import STT_GNU_IFUNC, STT_TLS
from miniload.linker.scope import Scope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.loader import Loader
    from miniload.linker.object import Object

DEFAULT, NEXT = 0, (1 << 64) - 1


class Resident:
    """An object that code may know: the loader that it belongs to, and the name that code is told."""

    __slots__ = ("loaded", "loader", "name")

    def __init__(self, loader: Loader, loaded: Object, name: bytes) -> None:
        self.loader = loader
        self.loaded = loaded
        self.name = name


class Residents:
    """Those of an address space, by handle."""

    def __init__(self) -> None:
        self.by_handle: dict[int, Resident] = {}

    def add(self, loader: Loader, loaded: Object) -> None:
        """The object can be seen by code, and unwound."""
        raise NotImplementedError

    def remove(self, loaded: Object) -> None:
        """It goes."""
        raise NotImplementedError

    def host_open(self, name: bytes, mode: int) -> int:
        """dlopen of the address space's own dynamic linker."""
        raise NotImplementedError

    def host_symbol(self, name: bytes, version: bytes | None) -> int:
        """dlsym(RTLD_DEFAULT) or dlvsym of it: what its global scope has, with what has been opened since the process began."""
        raise NotImplementedError

    def fail(self, text: bytes) -> None:
        """What dlerror will say."""
        raise NotImplementedError

    def enter(self, handle: int, resident: Resident) -> None:
        """It is known from now on."""
        self.by_handle[handle] = resident
        resident.loaded.raw.handle = handle

    def _owner(self, address: int) -> Resident | None:
        return next((resident for resident in [*self.by_handle.values()] if resident.loaded.start <= address < resident.loaded.end), None)

    def _only_loader(self) -> Loader | None:
        """The one that is meant where the caller is none of ours: a function of ours has jumped to dlopen or dlsym as the last thing that it did."""
        loaders = {id(resident.loader): resident.loader for resident in [*self.by_handle.values()]}
        return loaders.popitem()[1] if len(loaders) == 1 else None

    def open(self, name: bytes, mode: int, caller: int) -> int:
        """dlopen. What is not to be found here, the dynamic linker may have, or find; its words are also the better ones for dlerror."""
        owner = self._owner(caller)
        loader = owner.loader if owner else self._only_loader()
        if loader is None:
            return self.host_open(name, mode)
        try:
            root = loader.load(os.fsdecode(name), mode, requester=owner.loaded if owner else None)
        except (MiniloadError, OSError) as error:
            handle = self.host_open(name, mode)
            if not handle and isinstance(error, MiniloadError) and error.file != os.fsdecode(name):
                self.fail(str(error).encode("utf-8", "replace"))  # it is about something that was needed
            return handle
        except BaseException as error:
            self.fail(repr(error).encode("utf-8", "replace"))
            return 0
        if root.raw.handle:
            return int(root.raw.handle)
        loader.close(root)  # one of the dynamic linker's
        return self.host_open(name, mode)

    def close(self, handle: int) -> int:
        """dlclose."""
        resident = self.by_handle.get(handle)
        try:
            if resident is not None:
                resident.loader.close(resident.loaded)
                return 0
        except Exception as error:
            self.fail(str(error).encode("utf-8", "replace"))
        return -1

    def symbol(self, handle: int, name: bytes, version: bytes | None, caller: int) -> int:
        """dlsym and dlvsym. 0 without an error leaves it to the dynamic linker."""
        try:
            return self._find(handle, name, version, caller)
        except Exception as error:
            self.fail(str(error).encode("utf-8", "replace"))
            return 0

    def _find(self, handle: int, name: bytes, version: bytes | None, caller: int) -> int:
        owner = self._owner(caller) if handle in (DEFAULT, NEXT) else self.by_handle.get(handle)
        loader = owner.loader if owner else self._only_loader() if handle == DEFAULT else None
        if loader is None:
            return 0
        scope = self._scope(owner, loader, handle)
        found = scope.find(name.decode("utf-8", "surrogateescape"), version.decode() if version else None)
        if found is not None:
            return loader.value(scope, found) if found.type in (STT_GNU_IFUNC, STT_TLS) else found.address
        address = self.host_symbol(name, version) if handle == DEFAULT else 0
        if not address and owner:
            self.fail(os.fsencode(owner.loaded.path or owner.loaded.name) + b": undefined symbol: " + name + (b", version " + version if version else b""))
        return address

    @staticmethod
    def _scope(owner: Resident | None, loader: Loader, handle: int) -> Scope:
        """Where to look: all that the caller's own references are bound to, what comes behind the caller among what was loaded with it, or an object and what
        it needs."""
        if owner is None:
            return loader.global_scope()
        if handle == DEFAULT:
            return loader.scope_of(owner.loaded)
        return Scope(loader.following(owner.loaded)) if handle == NEXT else loader.search_scope(owner.loaded)


class Known:
    """A registrar: code can see the loader's objects, and the unwinder goes through them."""

    def __init__(self, residents: Residents, loader: Loader) -> None:
        self._residents, self._loader = residents, loader
        self.removed = residents.remove

    def added(self, loaded: Object) -> None:
        """See registrar.Registrar."""
        self._residents.add(self._loader, loaded)
