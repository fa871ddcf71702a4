"""This process as a target: objects that ld.so has loaded are there to bind to, code is called by ctypes, thread-local storage is libc's."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import CFUNCTYPE, c_char_p, c_uint64, c_void_p, string_at
from functools import cache, cached_property
from threading import RLock, get_native_id

from miniload import arch as architectures
from miniload.errors import UnsupportedError
from miniload.linker import core
from miniload.linker.adopt import Adopted, Seen
from miniload.linker.arch import get_linking
from miniload.linker.once import once
from miniload.linker.tls import Donors, open_data
from miniload.space.native import NativeSpace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ctypes import Array
    from typing import TypeVar

    from miniload.linker.object import Object
    from miniload.linker.scope import Shortcut

    Kind = TypeVar("Kind", bound=ctypes._CData)

AT_HWCAP, AT_HWCAP2, AT_HWCAP3, AT_HWCAP4 = 16, 26, 29, 30


@cache
def prototype(count: int) -> Callable[[int], Callable[..., int]]:
    """A C function of `count` integers that returns one."""
    return CFUNCTYPE(c_uint64, *[c_uint64] * count)


class NativeFunction(ctypes._CFuncPtr):  # type: ignore[name-defined,misc]
    """A function in this process: ctypes' own kind, with `argtypes`, `restype` and `errcheck`."""

    _flags_ = 1  # FUNCFLAG_CDECL
    _restype_ = ctypes.c_int


class NativeTarget:
    """See target.Target. One for the process: `native_target()`."""

    native = True

    def __init__(self) -> None:
        host = architectures.host()
        if host is None:
            raise UnsupportedError("", f"no architecture of ours: {os.uname().machine}")
        self.arch = host.name
        self.space = NativeSpace()
        self.lock = RLock()
        self._libc = ctypes.CDLL(None)
        self._counters, self._signature = -1, -1
        self._adopted = Adopted(self, 0, string_at, str, sys.executable)
        self._donors = Donors(self)
        self._vector: object = None
        self.existing()

    # -- code

    def function(self, address: int, name: str) -> NativeFunction:
        """The function at an address, as ctypes has them."""
        function = NativeFunction(address)
        function.__name__ = name
        return function

    def call(self, address: int, *arguments: int) -> int:
        """Calls a function, without the interpreter's lock."""
        result: int = prototype(len(arguments))(address)(*arguments)
        return result

    def resolver_arguments(self) -> tuple[int, ...]:
        return self._resolver_arguments

    @cached_property
    def resolver_words(self) -> Array[c_uint64]:
        """The same, as the core takes them."""
        return (c_uint64 * 3)(*self._resolver_arguments)

    @cached_property
    def initializer_words(self) -> Array[c_uint64]:
        """argc, argv and envp, as the core takes them."""
        return (c_uint64 * 3)(*self.initializer_arguments)

    def initialize(self, loaded: Object) -> None:
        """Calls the object's initialisers."""
        core.initialize_here(loaded.where, self.initializer_words)

    def finalize(self, loaded: Object) -> None:
        """Calls its finalisers."""
        core.finalize_here(loaded.where)

    @cached_property
    def _resolver_arguments(self) -> tuple[int, ...]:
        getauxval = self._libc.getauxval
        getauxval.restype, getauxval.argtypes = ctypes.c_ulong, (ctypes.c_ulong,)
        values = [getauxval(kind) for kind in (AT_HWCAP, AT_HWCAP2, AT_HWCAP3, AT_HWCAP4)]
        self._vector = (c_uint64 * 5)(40, *values)
        return get_linking(self.arch).resolver_arguments(values[0], values[1], ctypes.addressof(self._vector))

    @cached_property
    def initializer_arguments(self) -> tuple[int, int, int]:
        """argc, argv and envp, which glibc passes to initialisers. argv is a copy."""
        words = [os.fsencode(word) for word in getattr(sys, "orig_argv", sys.argv)]
        self._argv = (c_char_p * (len(words) + 1))(*words, None)
        return len(words), ctypes.addressof(self._argv), c_uint64.in_dll(self._libc, "environ").value

    # -- what is there already

    def existing(self) -> list[Object]:
        """The objects that ld.so has loaded, in its order: the program, what it needs, what was opened later."""
        if core.counters() == self._counters:
            return self._adopted.order
        with self.lock:
            now, signature = core.counters(), core.signature()
            if signature == self._signature and now == core.counters():  # what came has gone, as after a ctypes.CDLL that is closed
                self._counters = now
                return self._adopted.order
            counters, room = c_uint64(), 0
            while True:
                list_of = (core.CSeen * room)()
                count = core.list_objects(list_of, room, ctypes.byref(counters))
                if count <= room:
                    break
                room = count + 8
            self._adopted.take(
                [Seen(entry.base, os.fsdecode(entry.name), entry.phdrs, entry.count, entry.module, entry.signature) for entry in list_of[:count]]
            )
            self._counters = counters.value
            self._signature = signature if now == counters.value else -1
            return self._adopted.order

    def named(self, name: str) -> Object | None:
        """The object with that DT_SONAME, or of a file so called, that is there already."""
        return self._adopted.named.get(name)

    def names(self) -> Mapping[str, Object]:
        """All objects that are there already, by DT_SONAME and by the file's name."""
        return self._adopted.named

    @property
    def counters(self) -> int:
        """What the core's counters were when `existing` was called last."""
        return self._counters

    def shared(self) -> list[Object]:
        """The global scope: the program and what it needs, breadth first."""
        return self._adopted.shared

    def shortcut(self) -> Shortcut | None:
        """For the scopes that begin with the global one."""
        return self._adopted.shortcut

    def bring(self, name: str) -> Object | None:
        """Has ld.so load an object of the C library's family, for good. None if there is none of that name."""
        try:
            ctypes.CDLL(name)
        except OSError:
            return None
        self.existing()
        return self.named(name)

    # -- thread-local storage

    def place_tls(self, loaded: Object) -> None:
        self._donors.give(loaded)

    def tls_descriptor(self, definer: Object | None, offset: int) -> tuple[int, int]:
        return self._donors.descriptor(definer, offset, self.arch)

    def tls_address(self, definer: Object, offset: int) -> int:
        """Where this thread's copy of a thread-local variable is."""
        function = self._libc["__tls_get_addr"]
        function.restype = c_void_p
        index = (c_uint64 * 2)(definer.raw.tls_module, offset - get_linking(self.arch).dtp_bias)
        address: int = function(index)
        return address

    def drop_tls(self, loaded: Object) -> None:
        self._donors.drop(loaded)

    def held_address(self, candidate: object) -> int:
        """Of a function object."""
        if not isinstance(candidate, ctypes._CFuncPtr):  # type: ignore[attr-defined]
            return 0
        return ctypes.c_void_p.from_buffer_copy(candidate).value or 0  # ctypes.cast would make it refer to itself

    def variable(self, address: int, kind: type[Kind]) -> Kind:
        variable: Kind = kind.from_address(address)  # type: ignore[attr-defined]
        return variable

    def executable_stack(self, loaded: Object) -> None:
        self._donors.allow_stack(loaded)

    def open_donor(self, data: bytes) -> int:
        return open_data(data, lambda path: int(ctypes.CDLL(path, mode=os.RTLD_NOW)._handle), f"/proc/self/task/{get_native_id()}/")

    def close_donor(self, handle: int) -> None:
        self._libc.dlclose(c_void_p(handle))

    def peek(self, address: int, size: int) -> bytes:
        return string_at(address, size)

    def keep(self, data: bytes) -> tuple[int, object]:
        buffer = ctypes.create_string_buffer(data, len(data))
        return ctypes.addressof(buffer), buffer


@once
def native_target() -> NativeTarget:
    """This process."""
    return NativeTarget()
