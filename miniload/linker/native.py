"""This process as a target: objects that ld.so has loaded are there to bind to, code is called by ctypes, thread-local storage is libc's."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_size_t, c_uint16, c_uint64, c_ulonglong, c_void_p, string_at
from functools import cache, cached_property
from threading import RLock

from miniload import arch as architectures
from miniload.errors import UnsupportedError
from miniload.linker import core
from miniload.linker.arch import TLSDESC, TP_OFFSET, get_linking
from miniload.linker.core import CImage, CObject
from miniload.linker.donor import ANSWERS, donor_image, make_donor
from miniload.linker.object import Object, attach
from miniload.linker.scope import Shortcut
from miniload.space.native import NativeSpace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from ctypes import Array

AT_HWCAP, AT_HWCAP2, AT_HWCAP3, AT_HWCAP4 = 16, 26, 29, 30
DESCRIPTOR_ROOM = 24


class PhdrInfo(Structure):
    """struct dl_phdr_info."""

    _fields_ = (
        ("addr", c_uint64), ("name", c_char_p), ("phdr", c_void_p), ("phnum", c_uint16), ("adds", c_ulonglong), ("subs", c_ulonglong),
        ("tls_modid", c_size_t), ("tls_data", c_void_p),
    )  # fmt: skip


CALLBACK = CFUNCTYPE(c_int, POINTER(PhdrInfo), c_size_t, c_void_p)


@cache
def prototype(count: int) -> Callable[[int], Callable[..., int]]:
    """A C function of `count` integers that returns one."""
    return CFUNCTYPE(c_uint64, *[c_uint64] * count)


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
        self._counters = -1
        self._known: dict[int, Object] = {}
        self._order: list[Object] = []
        self._shared: list[Object] = []
        self._shortcut: Shortcut | None = None
        self._named: dict[str, Object] = {}
        self._donors: dict[Object, Donor] = {}
        self._vector: object = None
        self.existing()

    # -- code

    def call(self, address: int, *arguments: int) -> int:
        """Calls a function, without the interpreter's lock."""
        result: int = prototype(len(arguments))(address)(*arguments)
        return result

    def call_all(self, functions: list[int], arguments: tuple[int, int, int] = (0, 0, 0)) -> None:
        """Calls functions one after the other, with the same arguments."""
        core.call_all((c_uint64 * len(functions))(*functions), len(functions), *arguments)

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
            return self._order
        with self.lock:
            counters = core.counters()
            seen: list[tuple[int, bytes, int, int, int]] = []

            def note(info: object, _size: int, _data: object) -> int:
                entry = info.contents  # type: ignore[attr-defined]
                seen.append((entry.addr, entry.name or b"", entry.phdr or 0, entry.phnum, entry.tls_modid))
                return 0

            self._libc.dl_iterate_phdr(CALLBACK(note), None)
            self._take(seen)
            self._index()
            self._counters = counters
            return self._order

    def _index(self) -> None:
        """What is asked about them often."""
        order = self._order
        names = [(key, loaded) for loaded in reversed(order) for key in (os.path.basename(loaded.name), loaded.soname) if key]
        self._named = dict(names)
        queue = order[:1]
        for loaded in queue:
            queue += [needed for name in loaded.needed if (needed := self._named.get(name)) is not None and needed not in queue]
        self._shared, self._shortcut = queue, Shortcut(queue)

    def named(self, name: str) -> Object | None:
        """The object with that DT_SONAME, or of a file so called, that is there already."""
        return self._named.get(name)

    def shared(self) -> list[Object]:
        """The global scope: the program and what it needs, breadth first."""
        return self._shared

    def shortcut(self) -> Shortcut | None:
        """For the scopes that begin with the global one."""
        return self._shortcut

    def bring(self, name: str) -> Object | None:
        """Has ld.so load an object of the C library's family, for good. None if there is none of that name."""
        try:
            ctypes.CDLL(name)
        except OSError:
            return None
        self.existing()
        return self.named(name)

    def _take(self, seen: list[tuple[int, bytes, int, int, int]]) -> None:
        known, self._known, self._order = self._known, {}, []
        for base, name, phdr, count, module in seen:
            loaded = known.get(phdr)
            if loaded is None or loaded.bias != base:
                loaded = self._adopt(base, os.fsdecode(name), phdr, count, module)
            if loaded is not None:
                self._known[phdr] = loaded
                self._order.append(loaded)

    def _adopt(self, base: int, name: str, phdr: int, count: int, module: int) -> Object | None:
        image, wrong = CImage(), core.Trouble()
        if core.parse_mapped(string_at(phdr, 56 * count), count, self.space.page_size, ctypes.addressof(image), ctypes.byref(wrong)):
            return None
        image.machine = get_linking(self.arch).machine
        loaded = Object(name or (sys.executable if not self._order else ""), self, base, CObject(memory=base, bias=base, image=image))
        attach(loaded, True)
        loaded.path = name or None
        loaded.phdr_place = phdr
        loaded.relocated = loaded.started = True
        if module:
            loaded.raw.tls_module, loaded.raw.tls_state = module, 1
        try:
            status = os.stat(name) if name else None
            loaded.identity = (status.st_dev, status.st_ino) if status else None
        except OSError:
            pass
        return loaded

    # -- thread-local storage

    def place_tls(self, loaded: Object) -> None:
        fixed = bool(loaded.raw.traits & core.STATIC_TLS) or core.uses(loaded.where, TP_OFFSET, self.arch)
        donor = Donor(loaded, fixed)
        self._donors[loaded] = donor
        loaded.raw.tls_module = donor.module
        loaded.raw.tls_state = 1
        if fixed:
            loaded.raw.tls_offset, loaded.raw.tls_state = donor.offset, 2

    def tls_descriptor(self, definer: Object | None, offset: int) -> tuple[int, int]:
        if definer is None or definer not in self._donors:
            name = definer.name if definer else "a weak variable that nothing defines"
            raise UnsupportedError(name, "its thread-local storage cannot be described", field="TLSDESC")
        return self._donors[definer].descriptor(offset)

    def start_tls(self, loaded: Object) -> None:
        pass

    def tls_address(self, definer: Object, offset: int) -> int:
        """Where this thread's copy of a thread-local variable is."""
        function = self._libc["__tls_get_addr"]
        function.restype = c_void_p
        index = (c_uint64 * 2)(definer.raw.tls_module, offset - get_linking(self.arch).dtp_bias)
        address: int = function(index)
        return address

    def drop_tls(self, loaded: Object) -> None:
        donor = self._donors.pop(loaded, None)
        if donor:
            donor.close()


class Donor:
    """A donor that ld.so has loaded for an object: what it tells of the place (donor.py)."""

    def __init__(self, loaded: Object, fixed: bool) -> None:
        from miniload.linker.relocate import initial_tls

        tls = loaded.raw.image.tls
        align = max(tls.align, 1)
        phase = tls.address % align
        contents = initial_tls(loaded)
        described = core.uses(loaded.where, TLSDESC, loaded.target.arch)
        self._handle = self._open(make_donor(loaded.target.arch, contents, tls.size, align, phase, fixed, described), loaded.name)
        base = c_uint64.from_address(self._handle).value  # struct link_map: l_addr
        answers = (c_uint64 * 4).from_address(base + ANSWERS)
        self.module = answers[0]
        self.offset = answers[1] - (answers[1] >> 63 << 64)
        self._pair = answers[2], answers[3]
        self.image = base + donor_image(align, phase)
        self._arguments: dict[int, object] = {}
        self._fixed = fixed

    @staticmethod
    def _open(data: bytes, name: str) -> int:
        fd = os.memfd_create("miniload-tls", os.MFD_CLOEXEC)
        try:
            os.write(fd, data)
            return int(ctypes.CDLL(f"/proc/self/fd/{fd}", mode=os.RTLD_NOW)._handle)
        except OSError as error:
            raise UnsupportedError(name, f"no place for its thread-local storage: {error}", field="PT_TLS") from None
        finally:
            os.close(fd)

    def descriptor(self, offset: int) -> tuple[int, int]:
        """The descriptor of the block's variable at `offset`. ld.so has made that of the block's first byte: its argument is the offset from the thread
        pointer, or, where the block has no fixed one, the address of a record whose second word is the offset in the block (tlsdesc_dynamic_arg)."""
        function, argument = self._pair
        if self._is_static(argument):
            return function, argument + offset & (1 << 64) - 1
        if offset not in self._arguments:
            self._arguments[offset] = (ctypes.c_char * DESCRIPTOR_ROOM).from_buffer_copy(string_at(argument, DESCRIPTOR_ROOM))
            record = ctypes.addressof(self._arguments[offset])  # type: ignore[arg-type]
            c_uint64.from_address(record + 8).value += offset
        return function, ctypes.addressof(self._arguments[offset])  # type: ignore[arg-type]

    def _is_static(self, argument: int) -> bool:
        """An offset from the thread pointer is within the static blocks of a thread, no address is."""
        return argument < 1 << 30 or argument >= 1 << 63

    def close(self) -> None:
        """Has ld.so unload it."""
        close: Callable[[c_void_p], int] = ctypes.CDLL(None).dlclose
        close(c_void_p(self._handle))


@cache
def native_target() -> NativeTarget:
    """This process."""
    return NativeTarget()
