"""dlopen(3) and its family for code that is loaded into this process: it gets these functions in place of libc's. They know the objects that are loaded here,
and leave the rest to ld.so. What only looks is done by the core (dlfcn.c); here is what loads, unloads, or needs scopes."""

from __future__ import annotations

import atexit
import ctypes
import os
from ctypes import CFUNCTYPE, addressof, c_char_p, c_int, c_uint64, c_void_p

from miniload.errors import MiniloadError
from miniload.linker import core
from miniload.linker.core import STT_GNU_IFUNC, STT_TLS
from miniload.linker.native import native_target
from miniload.linker.once import once
from miniload.linker.scope import Scope
from miniload.linker.unwinding import find_unwinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.loader import Loader
    from miniload.linker.object import Object

FUNCTIONS = (
    "dlopen", "dlmopen", "dlclose", "dlsym", "dlvsym", "dlerror", "dlinfo", "dladdr", "dladdr1", "dl_iterate_phdr", "_dl_find_object",
    "__cxa_thread_atexit_impl",
)  # fmt: skip
DEFAULT, NEXT = 0, (1 << 64) - 1
OPEN, CLOSE, SYMBOL = CFUNCTYPE(c_uint64, c_char_p, c_int, c_uint64), CFUNCTYPE(c_int, c_uint64), CFUNCTYPE(c_uint64, c_uint64, c_char_p, c_char_p, c_uint64)


class Resident:
    """An object that code may know: the loader that it belongs to, and the name that the core refers to."""

    __slots__ = ("loaded", "loader", "name")

    def __init__(self, loader: Loader, loaded: Object, name: bytes) -> None:
        self.loader = loader
        self.loaded = loaded
        self.name = name


class Inside:
    """One for the process: `inside()`. `functions`: what stands for libc's, by name, as symbols that loaders look up first."""

    def __init__(self) -> None:
        self.functions = {name: address for name in FUNCTIONS if (address := core.dl_function(name.encode()))}
        self.by_handle: dict[int, Resident] = {}
        core.debug_list()
        find_unwinder(native_target(), self.functions)
        self._libc = ctypes.CDLL(None)
        self._libc.dlopen.restype, self._libc.dlopen.argtypes = c_void_p, (c_char_p, c_int)
        for function in (self._libc.dlsym, self._libc.dlvsym):
            function.restype = c_void_p
        self._libc.dlsym.argtypes, self._libc.dlvsym.argtypes = (c_void_p, c_char_p), (c_void_p, c_char_p, c_char_p)
        self._callbacks = OPEN(self._open), CLOSE(self._close), SYMBOL(self._symbol)
        self._calls = core.CDlCalls(*(ctypes.cast(callback, c_void_p) for callback in self._callbacks))
        core.dl_calls(addressof(self._calls))
        atexit.register(self._leave)

    def _leave(self) -> None:
        """The interpreter ends, and what is loaded goes on a little: destructors run, calls are bound. So all that the core refers to stays, for ever, and
        nothing calls Python any more."""
        core.dl_calls(None)
        for resident in self.by_handle.values():
            if resident.loaded.lazy is not None:
                resident.loaded.lazy.leave()
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))

    def _owner(self, address: int) -> Resident | None:
        return next((resident for resident in [*self.by_handle.values()] if resident.loaded.start <= address < resident.loaded.end), None)

    # -- what code calls

    def _open(self, name: bytes, mode: int, caller: int) -> int:
        """dlopen. What is not to be found here, ld.so may have, or find; its words are also the better ones for dlerror."""
        owner = self._owner(caller)
        if owner is None:
            return self._host_open(name, mode)
        loader = owner.loader
        try:
            root = loader.load(os.fsdecode(name), mode, requester=owner.loaded)
        except (MiniloadError, OSError) as error:
            handle = self._host_open(name, mode)
            if not handle and isinstance(error, MiniloadError) and error.file != os.fsdecode(name):
                core.dl_error(str(error).encode("utf-8", "replace"))  # it is about something that was needed
            return handle
        except BaseException as error:
            core.dl_error(repr(error).encode("utf-8", "replace"))
            return 0
        if root.raw.handle:
            return int(root.raw.handle)
        loader.close(root)  # one of ld.so's
        return self._host_open(name, mode)

    def _host_open(self, name: bytes, mode: int) -> int:
        return self._libc.dlopen(name, mode) or 0

    def _close(self, handle: int) -> int:
        resident = self.by_handle.get(handle)
        try:
            if resident is not None:
                resident.loader.close(resident.loaded)
                return 0
        except Exception as error:
            core.dl_error(str(error).encode("utf-8", "replace"))
        return -1

    def _symbol(self, handle: int, name: bytes, version: bytes | None, caller: int) -> int:
        """dlsym and dlvsym. 0 without an error leaves it to ld.so."""
        try:
            return self._find(handle, name.decode("utf-8", "surrogateescape"), version.decode() if version else None, caller)
        except Exception as error:
            core.dl_error(str(error).encode("utf-8", "replace"))
            return 0

    def _find(self, handle: int, name: str, version: str | None, caller: int) -> int:
        owner = self._owner(caller) if handle in (DEFAULT, NEXT) else self.by_handle.get(handle)
        if owner is None:
            return 0
        scope = self._scope(owner, handle)
        found = scope.find(name, version)
        if found is not None:
            return owner.loader.value(scope, found) if found.type in (STT_GNU_IFUNC, STT_TLS) else found.address
        address = self._host_symbol(name, version) if handle == DEFAULT else 0
        if not address:
            where = owner.loaded.path or owner.loaded.name
            core.dl_error(f"{where}: undefined symbol: {name}{f', version {version}' if version else ''}".encode("utf-8", "replace"))
        return address

    def _host_symbol(self, name: str, version: str | None) -> int:
        """What ld.so's global scope has, with what has been opened since the process began."""
        text = name.encode("utf-8", "surrogateescape")
        return (self._libc.dlvsym(None, text, version.encode()) if version else self._libc.dlsym(None, text)) or 0

    @staticmethod
    def _scope(owner: Resident, handle: int) -> Scope:
        """Where to look: all that the caller's own references are bound to, what comes behind the caller among what was loaded with it, or an object and what
        it needs."""
        loader, loaded = owner.loader, owner.loaded
        if handle == DEFAULT:
            return loader.scope_of(loaded)
        if handle == NEXT:
            local = [member for member in loaded.local if member.relocated]
            return Scope(local[local.index(loaded) + 1 :])
        return loader.search_scope(loaded)


@once
def inside() -> Inside:
    """The one for this process."""
    return Inside()


class Residents:
    """A registrar: code in this process can see the loader's objects, and the unwinder goes through them. See registrar.Registrar and usual.Listing."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._by_handle = inside().by_handle

    def added(self, loaded: Object) -> None:
        name = os.fsencode(loaded.path or loaded.name)
        if not core.resident_add(loaded.where, name):
            raise MemoryError
        self.listed(loaded, name)

    def listed(self, loaded: Object, name: bytes) -> None:
        self._by_handle[loaded.raw.handle] = Resident(self._loader, loaded, name)

    def removed(self, loaded: Object) -> None:
        handle = loaded.raw.handle
        if handle:
            core.resident_remove(handle)
            self.unlisted(loaded, handle)

    def unlisted(self, loaded: Object, handle: int) -> None:
        resident = self._by_handle.get(handle)
        if resident is not None and resident.loaded is loaded:
            del self._by_handle[handle]
