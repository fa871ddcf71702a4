"""dlopen(3) and its family for code that is loaded into this process: it gets these functions in place of libc's. They know the objects that are loaded here,
and leave the rest to ld.so. What only looks is done by the core (dlfcn.c); here is what loads, unloads, or needs scopes."""

from __future__ import annotations

import atexit
import ctypes
import os
from ctypes import CFUNCTYPE, addressof, c_char_p, c_int, c_uint64, c_void_p

from miniload.linker import core
from miniload.linker.dlfcn import Known, Resident, Residents
from miniload.linker.native import native_target
from miniload.linker.once import once
from miniload.linker.unwinding import find_unwinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.loader import Loader
    from miniload.linker.object import Object

FUNCTIONS = (
    "dlopen", "dlmopen", "dlclose", "dlsym", "dlvsym", "dlerror", "dlinfo", "dladdr", "dladdr1", "dl_iterate_phdr", "_dl_find_object",
    "__cxa_thread_atexit_impl",
)  # fmt: skip
OPEN, CLOSE, SYMBOL = CFUNCTYPE(c_uint64, c_char_p, c_int, c_uint64), CFUNCTYPE(c_int, c_uint64), CFUNCTYPE(c_uint64, c_uint64, c_char_p, c_char_p, c_uint64)


class Inside(Residents):
    """One for the process: `inside()`. `functions`: what stands for libc's, by name, as symbols that loaders look up first."""

    def __init__(self) -> None:
        super().__init__()
        self.functions = {name: address for name in FUNCTIONS if (address := core.dl_function(name.encode()))}
        core.debug_list()
        find_unwinder(native_target(), self.functions)
        self._libc = ctypes.CDLL(None)
        self._libc.dlopen.restype, self._libc.dlopen.argtypes = c_void_p, (c_char_p, c_int)
        for function in (self._libc.dlsym, self._libc.dlvsym):
            function.restype = c_void_p
        self._libc.dlsym.argtypes, self._libc.dlvsym.argtypes = (c_void_p, c_char_p), (c_void_p, c_char_p, c_char_p)
        self._callbacks = OPEN(self.open), CLOSE(self.close), SYMBOL(self.symbol)
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

    def add(self, loader: Loader, loaded: Object) -> None:
        name = os.fsencode(loaded.path or loaded.name)
        handle = core.resident_add(loaded.where, name)
        if not handle:
            raise MemoryError
        self.enter(handle, Resident(loader, loaded, name))

    def remove(self, loaded: Object) -> None:
        handle = loaded.raw.handle
        if handle:
            core.resident_remove(handle)
            self.forget(loaded, handle)

    def forget(self, loaded: Object, handle: int) -> None:
        """The core refers to it no longer. Another thread may have got the same handle meanwhile."""
        resident = self.by_handle.get(handle)
        if resident is not None and resident.loaded is loaded:
            del self.by_handle[handle]

    def host_open(self, name: bytes, mode: int) -> int:
        return self._libc.dlopen(name, mode) or 0

    def host_symbol(self, name: bytes, version: bytes | None) -> int:
        return (self._libc.dlvsym(None, name, version) if version else self._libc.dlsym(None, name)) or 0

    def fail(self, text: bytes) -> None:
        core.dl_error(text)


@once
def inside() -> Inside:
    """The one for this process."""
    return Inside()


class KnownHere(Known):
    """The same of this process: see usual.Listing."""

    def __init__(self, residents: Inside, loader: Loader) -> None:
        super().__init__(residents, loader)
        self._by_handle = residents.by_handle
        self.unlisted = residents.forget

    def listed(self, loaded: Object, name: bytes) -> None:
        self._by_handle[loaded.raw.handle] = Resident(self._loader, loaded, name)
