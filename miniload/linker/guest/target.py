"""Emulated processes as targets of the Loader: with a C library of a sysroot's, or bare."""

from __future__ import annotations

import ctypes
import os
from struct import pack, unpack

from miniload.errors import NotFoundError
from miniload.linker.adopt import Adopted, Seen
from miniload.linker.arch import get_linking
from miniload.linker.guest.anchor import ANSWERS, ENTRY, WANTED, make_anchor
from miniload.linker.guest.callback import GuestCallback, word_arguments
from miniload.linker.guest.function import GuestFunction
from miniload.linker.guest.machine import Machine
from miniload.linker.guest.pointer import GuestPointer
from miniload.linker.guest.residents import GuestResidents, helper_path
from miniload.linker.loader import finalizers, initializers
from miniload.linker.tls import Donors, open_data
from miniload.space import MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE, page_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from miniload.linker.loader import Loader
    from miniload.linker.object import Object
    from miniload.linker.scope import Shortcut

AT_ENTRY, AT_HWCAP, AT_HWCAP2 = 9, 16, 26
ARENA = 64 << 10
GLIBC, MUSL, DYNAMIC_LINKING = "libc.so.6", "libc.so", "libdl.so.2"
STRING_LIMIT = 1 << 28
NOT_PASSED = ("LD_",)
"""Variables of this process's dynamic linker, which are not meant for the guest's."""


class GuestTarget:
    """What both kinds have in common: memory, functions, callbacks. `machine`: the emulated process; `loader`: the one that loads into it, for symbols in
    messages."""

    native = False

    def __init__(self, arch: str, sysroot: str = "", cpu: str = "") -> None:
        self.arch = arch
        self.machine = Machine(arch, sysroot, cpu)
        self.space = self.machine.space
        self.loader: Loader | None = None
        self.machine.backtrace = self._backtrace
        self._callers: dict[int, GuestFunction] = {}
        self._callbacks: dict[object, GuestCallback] = {}
        self._arena = (0, 0)

    # -- for users

    def function(self, address: int, name: str, restype: Any = ctypes.c_int, argtypes: Sequence[Any] | None = None) -> GuestFunction:
        """The function at an address."""
        found = GuestFunction(self, address, name)
        if restype is not ctypes.c_int:
            found.restype = restype
        if argtypes is not None:
            found.argtypes = argtypes
        return found

    def callback(self, function: Callable[..., Any], prototype: Any = None, name: str = "") -> GuestCallback:
        """A Python function as one of the guest's, whose `address` can be passed and stored there until `free()`. `prototype`: a CFUNCTYPE; without it
        arguments and result are 64-bit numbers. An exception that it raises ends the guest's call, and comes out of it."""
        restype, argtypes = (ctypes.c_long, word_arguments(function)) if prototype is None else (prototype._restype_, prototype._argtypes_)
        return GuestCallback(self, function, restype, argtypes, name or getattr(function, "__name__", "callback"))

    def callback_address(self, function: Any, kind: Any) -> int:
        """For an argument that is a Python function: the same address each time."""
        if isinstance(function, ctypes._CFuncPtr):  # type: ignore[attr-defined]
            kind = kind or type(function)
        key = (function, kind)
        if key not in self._callbacks:
            self._callbacks[key] = self.callback(function, kind)
        return self._callbacks[key].address

    def limits(self, instructions: int | None = None, seconds: float | None = None) -> AbstractContextManager[None]:
        """Within it calls have a budget: see Machine.limits."""
        return self.machine.limits(instructions, seconds)

    def string(self, address: int) -> bytes:
        """Up to the NUL. OSError EFAULT."""
        data, step = b"", 256
        while b"\0" not in data and len(data) < STRING_LIMIT:
            room = min(step, 4096 - (address + len(data)) % 4096)
            data += self.space.read(address + len(data), room)
            step *= 2
        return data.partition(b"\0")[0]

    def wide_string(self, address: int) -> str:
        """The same of 32-bit characters."""
        data = b""
        while data[-4:] != bytes(4) and len(data) < STRING_LIMIT:
            data += self.space.read(address + len(data), 4)
        return (data[:-4] if data[-4:] == bytes(4) else data).decode("utf-32-le")

    def close(self) -> None:
        """Everything of it goes. Nothing of it may be used any more."""
        self.machine.close()

    def variable(self, address: int, kind: Any) -> Any:
        """A variable of a ctypes type: `value`."""
        return GuestPointer(self, address, kind)

    # -- for the linker

    def held_address(self, candidate: object) -> int:
        """Of a function or a pointer of this process's."""
        return candidate.address if isinstance(candidate, (GuestFunction, GuestPointer)) and candidate.target is self else 0

    def call(self, address: int, *arguments: int) -> int:
        count = len(arguments)
        caller = self._callers.get(count)
        if caller is None:
            caller = self._callers[count] = self.function(0, "", ctypes.c_uint64, (ctypes.c_uint64,) * count)
        with self.machine.lock:
            caller.address, caller.__name__ = address, f"{address:#x}"
            try:
                result: int = caller(*arguments)
            finally:
                caller.address = 0  # it holds nothing
            return result

    @property
    def resolver_words(self) -> Any:
        raise NotImplementedError

    def resolver_arguments(self) -> tuple[int, ...]:
        hwcap, hwcap2 = (self.machine.process.cpu_auxv.get(kind, 0) for kind in (AT_HWCAP, AT_HWCAP2))
        if not hasattr(self, "_resolver_record"):
            self._resolver_record = self.keep(pack("<5Q", 40, hwcap, hwcap2, 0, 0))[0]
        return get_linking(self.arch).resolver_arguments(hwcap, hwcap2, self._resolver_record)

    @property
    def initializer_arguments(self) -> tuple[int, int, int]:
        """argc, argv and envp."""
        return self._initializer_arguments

    _initializer_arguments = (0, 0, 0)

    def initialize(self, loaded: Object) -> None:
        for function in initializers(loaded):
            self.call(function, *self.initializer_arguments)

    def finalize(self, loaded: Object) -> None:
        for function in finalizers(loaded):
            self.call(function)

    def shortcut(self) -> Shortcut | None:
        return None

    def existing(self) -> Sequence[Object]:
        return ()

    def shared(self) -> Sequence[Object]:
        return ()

    def named(self, _name: str) -> Object | None:
        return None

    def bring(self, _name: str) -> Object | None:
        return None

    def known(self) -> Sequence[Object]:
        """existing(), as it was when it was last asked for."""
        return ()

    # -- memory of its own

    def keep(self, data: bytes) -> tuple[int, object]:
        """The address of a copy that stays."""
        at, end = self._arena
        if end - at < len(data):
            size = page_up(max(ARENA, len(data)))
            at = self.space.map(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS)
            end = at + size
        self._arena = at + len(data) + 15 & -16, end
        self.space.write(at, data)
        return at, None

    def peek(self, address: int, size: int) -> bytes:
        return self.space.read(address, size)

    def _backtrace(self, pc: int) -> tuple[str, ...]:
        from miniload.linker.guest.backtrace import backtrace

        return backtrace(self, pc)


class SysrootTarget(GuestTarget):
    """A process with the C library of a sysroot's, glibc or musl, set up by its own dynamic linker as for any program. `interpreter`: that linker's path
    in the sysroot; by default the first that is there. `env`: the environment that it sees."""

    def __init__(self, arch: str, sysroot: str, *, cpu: str = "", interpreter: str | None = None, env: Mapping[str, str] | None = None) -> None:
        super().__init__(arch, sysroot, cpu)
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED)} if env is None else dict(env)
        interpreter = interpreter or self._find_interpreter()
        self.musl = os.path.basename(interpreter).startswith("ld-musl")
        helper = helper_path(arch)
        self._exports = self._start(interpreter, [helper, MUSL if self.musl else GLIBC])
        if not self._exports["dlopen"]:
            self._exports = self._start(interpreter, [helper, GLIBC, DYNAMIC_LINKING])  # glibc before 2.34
        self.residents = GuestResidents(self, *(self._exports[name] for name in ("miniload_start", "miniload_residents", "dlsym")))
        paths = self.machine.paths
        self._adopted = Adopted(self, self.space.base, self.space.read, lambda name: os.fsdecode(paths.host(os.fsencode(name))), "<anchor>")
        self._donors = Donors(self)
        self._counters = b""
        self._seen: list[Seen] = []
        self._note = self.callback(self._on_object, ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p), "dl_iterate_phdr")
        self.existing()

    def functions(self) -> dict[str, int]:
        """What loaded code gets in place of the C library's, by name: exit(3) and dlopen(3)'s family."""
        helper = self._adopted.named[os.path.basename(helper_path(self.arch))]
        return {"exit": self._exit_address(), **self.residents.functions(helper)}

    def _find_interpreter(self) -> str:
        paths, candidates = self.machine.paths, self.machine.calls.interpreters
        for path in candidates:
            if os.path.exists(paths.host(path.encode())):
                return path
        raise NotFoundError(os.fsdecode(paths.sysroot), f"has no C library: neither {' nor '.join(candidates)} is there", field="sysroot")

    def _start(self, interpreter: str, needed: Sequence[str]) -> dict[str, int]:
        """The anchor is run up to where a program's main() would be: the addresses of what it asked for."""
        from miniload.linux.exec import plan_for
        from miniload.linux.execute import execute

        machine = self.machine
        process, vcpu = machine.process, machine.vcpu
        fd = os.memfd_create("miniload-anchor", os.MFD_CLOEXEC)
        try:
            os.write(fd, make_anchor(self.arch, interpreter, needed))
            env = [f"{name}={value}".encode("utf-8", "surrogateescape") for name, value in self._environment.items()]
            plan = plan_for(process.arch, process.paths, b"/proc/self/fd/%d" % fd, [b"miniload"], env)
            execute(process, plan)
        finally:
            os.close(fd)
        vector = dict(zip(*[iter(unpack(f"<{len(process.auxv) // 8}Q", process.auxv))] * 2, strict=True))
        entry = vector[AT_ENTRY]
        machine.function = os.path.basename(interpreter)
        machine.run_until(entry)
        sp = vcpu.read_registers(("sp",))[0]
        exports = dict(zip(WANTED, unpack(f"<{len(WANTED)}Q", self.space.read(entry - ENTRY + ANSWERS, 8 * len(WANTED))), strict=True))
        machine.prepare(sp)
        argc = int.from_bytes(self.space.read(sp, 8), "little")
        self._initializer_arguments = argc, sp + 8, sp + 16 + 8 * argc
        self._enter_main(exports["__libc_start_main"], argc, sp)
        return exports

    def _enter_main(self, start: int, argc: int, sp: int) -> None:
        """What a program's _start does; main() is never left."""
        machine = self.machine
        main = machine.add_slot("main", lambda: None)
        function = self.function(start, "__libc_start_main", None, (ctypes.c_void_p,) * 7)
        prepared, stack = function.fill((main, argc, sp + 8, 0, 0, 0, sp))
        at = prepared.frame(sp)
        prepared.aim(start, at, 0, stack)
        self.space.write(at, prepared.stack())
        prepared.registers.write(machine.vcpu)
        machine.function = "__libc_start_main"
        machine.run_until(main)
        machine.settle(machine.vcpu.read_registers(("sp",))[0])

    def _exit_address(self) -> int:
        """What libraries get for exit(3): see Machine.exit. A child process that the guest has forked gets the C library's own."""
        machine, real = self.machine, self._exports["exit"]
        stand_in = self.callback(machine.exit, ctypes.CFUNCTYPE(None, ctypes.c_int), "exit")

        def enter() -> None:
            if machine.is_child():
                machine.vcpu.write_registers({"pc": real})
            else:
                stand_in.enter()

        return machine.add_slot("exit", enter)

    # -- what is there already

    def _on_object(self, info: int, _size: int, _data: int) -> int:
        data = self.space.read(info, 64)
        base, name, phdr, count, adds, subs, module, _block = unpack("<QQQH6xQQQQ", data)
        counters = pack("<QQ", adds, subs)
        if counters == self._counters:
            return 1
        self._latest = counters
        self._seen.append(Seen(base, os.fsdecode(self.string(name)) if name else "", phdr, count, module))
        return 0

    def existing(self) -> Sequence[Object]:
        with self.machine.lock:
            self._seen = []
            if not self.call(self.residents.libc["dl_iterate_phdr"], self._note.address, 0):
                self._counters = self._latest
                self._adopted.take(self._seen)
        return self._adopted.order

    def known(self) -> Sequence[Object]:
        return self._adopted.order if hasattr(self, "_adopted") else ()

    def shared(self) -> Sequence[Object]:
        return self._adopted.shared

    def shortcut(self) -> Shortcut | None:
        return self._adopted.shortcut

    def named(self, name: str) -> Object | None:
        return self._adopted.named.get(name)

    def bring(self, name: str) -> Object | None:
        """An object of the C library's family, for good: by the guest's dlopen."""
        try:
            handle = self._dlopen(name)
        except OSError:
            return None
        base = int.from_bytes(self.space.read(handle, 8), "little")
        order = self.existing()
        return self.named(name) or next((loaded for loaded in order if loaded.bias == base), None)

    def _dlopen(self, name: str) -> int:
        """The handle. OSError with what dlerror says."""
        function = self.function(self._exports["dlopen"], "dlopen", ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int))
        handle = function(name.encode(), os.RTLD_NOW)
        if handle is None:
            reason = self.function(self._exports["dlerror"], "dlerror", ctypes.c_char_p, ())()
            raise OSError((reason or b"").decode("utf-8", "replace"))
        return int(handle)

    # -- thread-local storage

    def place_tls(self, loaded: Object) -> None:
        self._donors.give(loaded)

    def tls_descriptor(self, definer: Object | None, offset: int) -> tuple[int, int]:
        return self._donors.descriptor(definer, offset, self.arch)

    def tls_address(self, definer: Object, offset: int) -> int:
        index = self.keep(pack("<Qq", definer.raw.tls_module, offset - get_linking(self.arch).dtp_bias))[0]
        return self.call(self._exports["__tls_get_addr"], index)

    def drop_tls(self, loaded: Object) -> None:
        self._donors.drop(loaded)

    def executable_stack(self, loaded: Object) -> None:
        self._donors.allow_stack(loaded)

    def open_donor(self, data: bytes) -> int:
        return open_data(data, self._dlopen)

    def close_donor(self, handle: int) -> None:
        self.call(self._exports["dlclose"], handle)
