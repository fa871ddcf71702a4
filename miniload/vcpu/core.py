"""The Python face of vcpu.c: one object for one emulated CPU and its address space. ctypes only; Unicorn's own binding, whose import
costs 33 ms, is not used."""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock
from errno import EFAULT, ENOMEM

from miniload.errors import MiniloadError
from miniload.ffi import (
    CDLL,
    Structure,
    byref,
    c_char,
    c_int,
    c_int32,
    c_int64,
    c_long,
    c_size_t,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
    create_string_buffer,
)
from miniload.record import Record
from miniload.vcpu.cache import copy_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from miniload.vcpu.arch import VcpuArch

PAGE = 4096
ARGS = 6
TRAPS, REGISTERS = 8, 32
"""Instructions that trap and are executed by the core, at most; general registers."""
READ, WRITE, EXEC, FILE, BUS = 1, 2, 4, 8, 16
"""Protection of a page (vcpu.h, enum vcpu_prot)."""
SYSCALL, FAULT, INTERRUPT, INVALID, STOP, ERROR, BUDGET, BREAKPOINT = range(1, 9)
"""Reasons to leave (vcpu.h, enum vcpu_reason), and, from here on, what the architecture makes of INTERRUPT and INVALID:"""
ILLEGAL, DIVIDE, FLOATING, ALIGNMENT, PROTECTION = range(9, 14)
"""Undefined or privileged instruction, integer division, floating-point exception, misaligned access, and what is forbidden without an address of its own."""
REASON_NAMES = (
    "none", "syscall", "fault", "interrupt", "invalid", "stop", "error", "budget", "breakpoint", "illegal", "divide", "floating", "alignment", "protection",
)  # fmt: skip
PLANTED = 0
"""`number` of an exit at a breakpoint of add_breakpoint; not the number of any architecture's breakpoint exception."""
ADDRESS_BITS = 46
WORD = (1 << 64) - 1


class VcpuError(MiniloadError):
    """The vCPU core refused a call; `errno` says why."""


class CTrap(Structure):
    """struct vcpu_trap."""

    _fields_ = (("instruction", c_uint32), ("action", c_uint32), ("value", c_uint32))


class CArch(Structure):
    """struct vcpu_arch."""

    _fields_ = (
        ("uc_arch", c_int32),
        ("uc_mode", c_int32),
        ("cpu_model", c_int32),
        ("page_size", c_uint32),
        ("pc", c_int32),
        ("result", c_int32),
        ("number", c_int32),
        ("args", c_int32 * ARGS),
        ("syscall_interrupt", c_uint32),
        ("syscall_instruction", c_int32),
        ("syscall_size", c_int32),
        ("return_address", c_int32),
        ("saved_flags", c_int32),
        ("flags", c_int32),
        ("engine_suffix", c_char * 16),
        ("trap_interrupt", c_uint32),
        ("traps", CTrap * TRAPS),
        ("general", c_int32 * REGISTERS),
        ("data_address", c_uint64),
    )


class CSyscall(Structure):
    """struct vcpu_syscall."""

    _fields_ = (("host_number", c_int32), ("flags", c_uint32), ("kinds", c_uint8 * ARGS), ("sizes", c_uint16 * ARGS))


class CExit(Structure):
    """struct vcpu_exit."""

    _fields_ = (
        ("reason", c_uint32),
        ("access", c_uint32),
        ("pc", c_uint64),
        ("address", c_uint64),
        ("number", c_uint64),
        ("args", c_uint64 * ARGS),
        ("interrupted", c_int64),
    )


class CCall(Structure):
    """struct vcpu_call."""

    _fields_ = (
        ("ids", c_void_p), ("result_ids", c_void_p), ("values", c_void_p), ("stack", c_void_p),
        ("stack_address", c_uint64), ("stack_size", c_uint64), ("trap", c_uint64), ("count", c_uint32), ("result_count", c_uint32),
    )  # fmt: skip


class SignalSlot(Structure):
    """struct signal_slot (hostsig.h): a signal that the host has caught for this thread."""

    _fields_ = (("pending", c_int32), ("mask", c_uint64), ("info", c_uint8 * 128), ("running", c_void_p))


class CCounts(Structure):
    """struct vcpu_counts."""

    _fields_ = (("blocks", c_uint64), ("syscalls_passed", c_uint64), ("tlb_fills", c_uint64), ("instructions", c_uint64))


class Exit(Record):
    """Why guest code was left.

    `pc`: of a system call, the address behind the instruction; of everything else the instruction's own, or, of a stop or a spent budget, the next
    one's. `number`: of the system call, the exception or the engine's error. `args`: of a system call. `address`: of a FAULT, the first byte that
    may not be accessed, and of ALIGNMENT, the whole access's. `access`: READ, WRITE or EXEC. `bus`: what may be accessed is not there, since the
    mapped file is too short.
    """

    reason: int
    pc: int
    number: int
    args: tuple[int, ...]
    address: int
    access: int
    interrupted: int = 0
    """Of a system call that a signal cut short on the host: -EINTR, or -512 if it had not begun."""
    bus: bool = False


class PassThrough(Record):
    """A system call that the core makes on the host by itself: host number, and for each argument its kind (vcpu.h, enum
    vcpu_argument) and size."""

    host_number: int
    arguments: tuple[tuple[int, int], ...] = ()
    blocks: bool = False


NONE, VALUE, FD, POINTER_ARG, BUFFER, STRING, INT, ARRAY, IOVEC, FUTEX_ARG, EVENT, EVENTS = range(12)


def _c_row(row: PassThrough | None) -> CSyscall:
    if row is None:
        return CSyscall(-1)
    kinds, sizes = (c_uint8 * ARGS)(), (c_uint16 * ARGS)()
    for index, (kind, size) in enumerate(row.arguments):
        kinds[index], sizes[index] = kind, size
    return CSyscall(row.host_number, int(row.blocks), kinds, sizes)


def library_path() -> str:
    """Where the build has put the core."""
    here = __file__.rsplit("/", 2)[0]
    return f"{here}/_built/vcpu-{os.uname().machine}.so"


def _core() -> CDLL:
    path = library_path()
    try:
        library = CDLL(path)
    except OSError as error:
        raise VcpuError(path, f"cannot be loaded: {error}", remedy="make stub") from None
    library.vcpu_region.restype = c_void_p
    library.signal_slot.restype = c_void_p
    library.signal_mask.restype = c_uint64
    library.vcpu_read_string.restype = library.vcpu_changes.restype = c_int64
    library.host_call.restype = library.vcpu_blocking_call.restype = c_long
    library.vcpu_call.argtypes = (c_void_p, c_void_p, c_void_p, c_void_p)
    library.vcpu_task_destroy.restype = None
    library.vcpu_destroy.restype = None
    library.vcpu_free_context.restype = None
    return library


SIZES = (46, 42, 39, 36, 33)
"""Bits of the address space that are tried, where the host does not allow the largest (RLIMIT_AS, vm.overcommit_memory)."""
M_ARENA_MAX = -8
_loading = allocate_lock()
_loaded: list[CDLL] = []


def load_library() -> CDLL:
    """The core with the engine's library behind it, loaded once; from any thread."""
    with _loading:
        if not _loaded:
            library, unicorn = _core(), find_unicorn()
            code = library.vcpu_open_library(os.fsencode(unicorn))
            if code < 0:
                raise VcpuError(unicorn, os.strerror(-code), errno=-code)
            _loaded.append(library)
        return _loaded[0]


def find_unicorn() -> str:
    """Path of libunicorn in the installed `unicorn` package, which is not imported; nor is importlib.util, which costs 3 ms. VcpuError if it is not there."""
    for entry in sys.path:
        path = f"{entry}/unicorn/lib/libunicorn.so.2"
        if os.access(path, os.F_OK):
            return path
    raise VcpuError("unicorn", "the package or its libunicorn.so.2 is not installed", remedy="pip install 'unicorn>=2.1.4,<2.2'")


def describe(arch: VcpuArch, model: str) -> CArch:
    """What the core has to know of the architecture. VcpuError if it has no such CPU model."""
    ids = arch.registers
    args = (c_int32 * ARGS)(*(ids[name] for name in arch.args))
    hooked = arch.hooked_call
    trap = (hooked.instruction, hooked.size, ids[hooked.return_address], ids[hooked.saved_flags], ids[hooked.flags]) if hooked else ()
    numbers = (ids["pc"], ids[arch.result], ids[arch.number])
    if model and model not in arch.models:
        raise VcpuError("", f"no such CPU model, there are {', '.join(arch.models)}", field="--cpu", value=model)
    cpu_model = arch.models[model] if model else arch.cpu_model
    described = CArch(arch.uc_arch, arch.uc_mode, cpu_model, arch.page_size, *numbers, args, arch.syscall_interrupt, *trap)
    described.data_address = arch.data_address
    described.engine_suffix = arch.engine_suffix.encode()
    if arch.traps:
        described.trap_interrupt = arch.traps.interrupt
        described.traps = (CTrap * TRAPS)(*(CTrap(*row) for row in arch.traps.instructions))
        described.general = (c_int32 * REGISTERS)(*(ids.get(name, -1) for name in arch.traps.registers))
    return described


class Vcpu:
    """One emulated CPU in user mode, and its address space: `size` bytes, guest address A at host address `base` + A.

    What is mapped there is the caller's business, by mmap at `base` + A; what the guest may do with it is said by `protect`. `model`: a key of
    arch.models, VcpuError if it is none. One thread at a time may use it, but `stop` may be called from any.
    """

    def __init__(self, arch: VcpuArch, size: int = 1 << ADDRESS_BITS, model: str = "", made: c_void_p | None = None) -> None:
        """`made`: one that the core has made already."""
        self._core = load_library()
        self.arch = arch
        self.size = size
        self._handle = made or c_void_p()
        self._exit = CExit()
        self._limited = False
        if made is None:
            described = describe(arch, model)
            self._check("vcpu_create", self._core.vcpu_create(byref(described), c_uint64(size), byref(self._handle)))
        self.base: int = self._core.vcpu_region(self._handle)
        try:
            arch.enter_user(self)
        except BaseException:
            self.close()
            raise

    def _check(self, name: str, code: int) -> int:
        if code < 0:
            raise VcpuError(name, os.strerror(-code), errno=-code)
        return code

    def close(self) -> None:
        """Frees the engine and unmaps the address space. Idempotent."""
        if self._handle:
            self._core.vcpu_destroy(self._handle)
            self._handle = c_void_p()

    def __enter__(self) -> Vcpu:
        return self

    def __exit__(self, *_what: object) -> None:
        self.close()

    def run(self, budget: int | None = None) -> Exit:
        """Runs guest code from where it is until something needs the caller, or, with a budget, `budget` instructions have been executed."""
        if budget is not None or self._limited:
            self._limited = budget is not None
            self._core.vcpu_set_budget(self._handle, c_int(self._limited), c_uint64(budget or 0))
        left = self._exit
        while True:
            self._check("vcpu_run", self._core.vcpu_run(self._handle, byref(left)))
            found = self.described(left)
            if found is not None:
                return found

    def described(self, left: CExit) -> Exit | None:
        """An exit of the core's. None if it was at an instruction that is executed now: then the guest goes on."""
        reason = left.reason
        if reason == SYSCALL:
            return Exit(reason, left.pc, left.number, tuple(left.args), 0, 0, left.interrupted)
        if reason in (INTERRUPT, INVALID):
            raised = self._exception(left)
            return None if raised.reason == ILLEGAL and self.arch.emulate(self, raised.pc) else raised
        return Exit(reason, left.pc, left.number, (), left.address, left.access & 7, bus=left.access & BUS != 0)

    @property
    def call(self) -> Callable[[int, int, int, int], int]:
        """vcpu_call(vcpu, call, results, exit), with addresses as arguments: for calls that have to be quick. `handle`: the first of them."""
        call: Callable[[int, int, int, int], int] = self._core.vcpu_call
        return call

    @property
    def handle(self) -> int:
        """The core's own address of this vCPU."""
        return self._handle.value or 0

    def limit(self, instructions: int | None) -> None:
        """A budget for all the runs from now on, together, or none."""
        self._check("vcpu_set_budget", self._core.vcpu_set_budget(self._handle, c_int(instructions is not None), c_uint64(instructions or 0)))

    def _exception(self, left: CExit) -> Exit:
        """An exit with what the architecture says of an exception: its program counter and ours are where Linux would have them (U16, U17)."""
        reason, pc, register, address = self.arch.classify(self, left.reason, left.number, left.pc)
        if register != left.pc:
            self.write_registers({"pc": register})
        return Exit(reason, pc, left.number, (), address, 0)

    def run_privileged(self, code: bytes, registers: Mapping[str, int]) -> None:
        """Runs code with which an architecture leaves for user mode, in a page that is there for that moment only. It has to end with a fetch from
        address 0, where nothing is mapped; VcpuError if it does not."""
        at = PAGE  # any page but that at 0
        libc, host = CDLL(None), c_void_p(self.base + at)
        libc.mprotect(host, c_size_t(PAGE), 3)
        page = (c_char * PAGE).from_address(self.base + at)
        page.raw = code
        self.protect(at, PAGE, READ | EXEC)
        self.write_registers({**registers, "pc": at})
        left = self.run()
        self.protect(at, PAGE, 0)
        page.raw = bytes(PAGE)
        libc.mprotect(host, c_size_t(PAGE), 0)
        if (left.reason, left.pc) != (FAULT, 0):
            raise VcpuError("vcpu", f"cannot enter user mode: {left}")

    def code_at(self, pc: int, size: int) -> bytes:
        """At most `size` bytes of the instruction there, fewer at the end of what is mapped."""
        try:
            return self.copy_in(pc, size)
        except OSError:
            try:
                return self.copy_in(pc, min(size, -pc % PAGE))
            except OSError:
                return b""

    def add_breakpoint(self, address: int) -> None:
        """The run is left with BREAKPOINT before the instruction there; the next one executes it."""
        self._check("vcpu_add_breakpoint", self._core.vcpu_add_breakpoint(self._handle, c_uint64(address)))

    def remove_breakpoint(self, address: int) -> None:
        """VcpuError ENOENT if there is none."""
        self._check("vcpu_remove_breakpoint", self._core.vcpu_remove_breakpoint(self._handle, c_uint64(address)))

    def is_quick(self) -> bool:
        """Whether the core has found all that it needs of the engine: without, loads, stores and short blocks are slow, and faults exact to their page."""
        return bool(self._core.vcpu_quick(self._handle))

    def share_memory(self, on: bool) -> None:
        """Whether atomic instructions are atomic to other processes too, which makes them slower. Nothing, where that cannot be had."""
        self._core.vcpu_share_memory(self._handle, c_int(on))

    def shares_memory(self) -> bool:
        """Whether code has been translated so."""
        return bool(self._core.vcpu_shares_memory(self._handle))

    def stop(self) -> None:
        """Makes a run in progress, or the next one, leave with STOP. From any thread."""
        self._check("vcpu_stop", self._core.vcpu_stop(self._handle))

    def slot(self) -> SignalSlot:
        """This host thread's slot for signals."""
        slot: SignalSlot = SignalSlot.from_address(self._core.signal_slot())
        return slot

    def signal_action(self, signal: int, mode: int, child_flags: int) -> int:
        """What the host does with a signal: 0 its default, 1 nothing, 2 puts it into the thread's slot. `child_flags`: SA_NOCLDSTOP, SA_NOCLDWAIT."""
        return self._check("signal_action", self._core.signal_action(c_int(signal), c_int(mode), c_int(child_flags)))

    def signal_mask(self, how: int, mask: int) -> int:
        """sigprocmask for this host thread, whether or not a signal is in its slot: the mask before."""
        before: int = self._core.signal_mask(c_int(how), c_uint64(mask))
        return before

    def protect(self, start: int, size: int, protection: int) -> None:
        """Sets what the guest may do with whole pages: READ, WRITE, EXEC or 0, and FILE if the mapped file may be too short. Forgets what was
        translated of them."""
        self._check("vcpu_protect", self._core.vcpu_protect(self._handle, c_uint64(start), c_uint64(size), c_uint8(protection)))

    def protection(self, address: int) -> int:
        """The protection of the page at `address`, 0 outside the address space."""
        found: int = self._core.vcpu_protection(self._handle, c_uint64(address))
        return found

    def invalidate(self, start: int, size: int) -> None:
        """Forgets translations of code that the host has written."""
        self._check("vcpu_invalidate", self._core.vcpu_invalidate(self._handle, c_uint64(start), c_uint64(size)))

    def flush(self) -> None:
        """Makes the next access to every page be checked again: after a mapped file has been cut short, for one."""
        self._check("vcpu_flush", self._core.vcpu_flush(self._handle))

    def read_registers(self, names: Sequence[str]) -> tuple[int, ...]:
        """Values of registers of at most 64 bits."""
        count = len(names)
        ids, values = (c_int32 * count)(*(self.arch.registers[name] for name in names)), (c_uint64 * count)()
        self._check("vcpu_read_registers", self._core.vcpu_read_registers(self._handle, ids, values, c_uint32(count)))
        return tuple(values)

    def write_registers(self, values: Mapping[str, int]) -> None:
        """Sets registers of at most 64 bits; values are taken modulo 2^64."""
        count = len(values)
        ids = (c_int32 * count)(*(self.arch.registers[name] for name in values))
        words = (c_uint64 * count)(*(value & (1 << 64) - 1 for value in values.values()))
        self._check("vcpu_write_registers", self._core.vcpu_write_registers(self._handle, ids, words, c_uint32(count)))

    def read_bytes(self, name: str) -> bytes:
        """A register of any size, low byte first; 16 bytes, or 8 for those that VcpuArch.wide does not name."""
        buffer = create_string_buffer(64)
        self._check("vcpu_read_register_bytes", self._core.vcpu_read_register_bytes(self._handle, c_int32(self.arch.registers[name]), buffer))
        return buffer.raw[: self.arch.wide.get(name, 8)]

    def read_structure(self, number: int, request: bytes) -> bytes:
        """A register that Unicorn reads through a structure, by its number."""
        buffer = create_string_buffer(request, len(request))
        self._check("vcpu_read_register_bytes", self._core.vcpu_read_register_bytes(self._handle, c_int32(number), buffer))
        return buffer.raw

    def write_bytes(self, name: str, value: bytes) -> None:
        """Sets a register of any size."""
        buffer = create_string_buffer(value, 64)
        self._check("vcpu_write_register_bytes", self._core.vcpu_write_register_bytes(self._handle, c_int32(self.arch.registers[name]), buffer))

    def read_all(self) -> dict[str, int]:
        """All registers that user code has, by name; vector registers as numbers, too."""
        names = tuple(name for name in self.arch.registers if name not in self.arch.hidden)
        ids, values = (c_int32 * len(names))(*(self.arch.registers[name] for name in names)), (c_uint64 * (2 * len(names)))()
        self._check("vcpu_read_wide_registers", self._core.vcpu_read_wide_registers(self._handle, ids, values, c_uint32(len(names))))
        return {name: values[2 * index] | values[2 * index + 1] << 64 for index, name in enumerate(names)}

    def write_all(self, values: Mapping[str, int]) -> None:
        """Sets registers of any size: those that read_all gave, or some of them."""
        ids = (c_int32 * len(values))(*(self.arch.registers[name] for name in values))
        words = (c_uint64 * (2 * len(values)))(*(word for value in values.values() for word in (value & WORD, value >> 64)))
        self._check("vcpu_write_wide_registers", self._core.vcpu_write_wide_registers(self._handle, ids, words, c_uint32(len(values))))

    def set_syscalls(self, table: Mapping[int, PassThrough]) -> None:
        """The system calls, by guest number, that the core makes on the host itself."""
        count = max(table, default=-1) + 1
        rows = (CSyscall * count)(*(_c_row(table.get(number)) for number in range(count)))
        self._check("vcpu_set_syscalls", self._core.vcpu_set_syscalls(self._handle, rows, c_uint32(count)))

    def pass_row(self, number: int, row: PassThrough) -> None:
        """Adds one system call to those that the core makes on the host itself."""
        self._check("vcpu_set_syscall", self._core.vcpu_set_syscall(self._handle, c_uint32(number), byref(_c_row(row))))

    def host_call(self, number: int, *args: int) -> int:
        """A system call of the host with plain numbers: its result, -errno, or -512 if a signal is in this thread's slot."""
        result: int = self._core.host_call(c_long(number), (c_uint64 * ARGS)(*(arg & WORD for arg in args)))
        return result

    def blocking_call(self, number: int, *args: int) -> int:
        """host_call, while other threads of the guest may run."""
        words = (c_uint64 * ARGS)(*(arg & WORD for arg in args))
        result: int = self._core.vcpu_blocking_call(self._handle, c_long(number), words)
        return result

    def track_writes(self, on: bool) -> None:
        """From now on notes what the guest writes; forgets what was noted before."""
        self._check("vcpu_track", self._core.vcpu_track(self._handle, c_int(on)))

    def changes(self) -> bytes:
        """What the guest has written since, byte for byte, as apply_changes() takes it."""
        size = self._core.vcpu_changes(self._handle, None, c_uint64(0))
        buffer = create_string_buffer(size)
        self._core.vcpu_changes(self._handle, buffer, c_uint64(size))
        return buffer.raw

    def apply_changes(self, changes: bytes) -> None:
        """What changes() has told of a copy of this memory, but for what is not mapped here."""
        self._check("vcpu_apply_changes", self._core.vcpu_apply_changes(self._handle, changes, c_uint64(len(changes))))

    def create_task(self) -> c_void_p:
        """A thread of the guest, with the present registers."""
        task = c_void_p()
        self._check("vcpu_task_create", self._core.vcpu_task_create(self._handle, byref(task)))
        return task

    def destroy_task(self, task: c_void_p) -> None:
        """Frees a task, which must have the turn."""
        self._core.vcpu_task_destroy(self._handle, task)

    def retire(self, task: c_void_p) -> None:
        """Frees a task that has the turn, and lets the next thread run."""
        self._core.vcpu_task_destroy(self._handle, task)
        self._core.vcpu_give_turn(self._handle, None)

    def take_turn(self, task: c_void_p) -> None:
        """Waits until no other thread runs; from then on the registers are the task's."""
        self._check("vcpu_take_turn", self._core.vcpu_take_turn(self._handle, task))

    def give_turn(self, task: c_void_p) -> None:
        """Lets the next thread run."""
        self._check("vcpu_give_turn", self._core.vcpu_give_turn(self._handle, task))

    def robust_list(self, head: int) -> None:
        """The calling thread, which has the turn, keeps its robust mutexes there; nowhere if that is 0."""
        self._check("vcpu_robust_list", self._core.vcpu_robust_list(self._handle, c_uint64(head)))

    def mark_dead(self, address: int, owner: int) -> bool:
        """Takes the word of a robust mutex from its owner, who is dead, if it is his. Whether somebody waits for it. OSError EFAULT."""
        got: int = self._core.vcpu_mark_dead(self._handle, c_uint64(address & WORD), c_uint32(owner))
        if got < 0:
            raise OSError(-got, os.strerror(-got))
        return got == 1

    def forked(self, task: c_void_p) -> None:
        """In a child process: `task`, which had the turn, is the only one."""
        self._check("vcpu_forked", self._core.vcpu_forked(self._handle, task))

    def copy_in(self, address: int, size: int) -> bytes:
        """Bytes of the guest's memory. OSError EFAULT if not all of them can be read."""
        if not 0 <= address <= self.size or size > self.size - address:
            raise OSError(EFAULT, os.strerror(EFAULT))
        buffer = create_string_buffer(size)
        if self._core.vcpu_copy_in(self._handle, c_uint64(address), buffer, c_uint64(size)):
            raise OSError(EFAULT, os.strerror(EFAULT))
        return buffer.raw

    def copy_out(self, address: int, data: bytes) -> None:
        """Stores bytes in the guest's memory. OSError EFAULT if not all of them can be written; some may be by then."""
        if self._core.vcpu_copy_out(self._handle, c_uint64(address & WORD), data, c_uint64(len(data))):
            raise OSError(EFAULT, os.strerror(EFAULT))

    def read_string(self, address: int, limit: int) -> bytes:
        """A string without its NUL. OSError EFAULT, or ENAMETOOLONG if `limit` bytes hold no NUL."""
        buffer = create_string_buffer(limit)
        length = self._core.vcpu_read_string(self._handle, c_uint64(address & WORD), buffer, c_uint64(limit))
        if length < 0:
            raise OSError(-length, os.strerror(-length))
        return buffer.raw[:length]

    def reserve_fds(self, low: int, high: int) -> None:
        """Descriptors that passed-through system calls may not touch."""
        self._check("vcpu_reserve_fds", self._core.vcpu_reserve_fds(self._handle, c_int32(low), c_int32(high)))

    def save(self, context: c_void_p | None = None) -> c_void_p:
        """The CPU's registers, into a new context or over an old one."""
        context = context or c_void_p()
        self._check("vcpu_save", self._core.vcpu_save(self._handle, byref(context)))
        return context

    def restore(self, context: c_void_p) -> None:
        """The registers that `save` put there."""
        self._check("vcpu_restore", self._core.vcpu_restore(self._handle, context))

    def free_context(self, context: c_void_p) -> None:
        """Frees what `save` made."""
        self._core.vcpu_free_context(context)
        context.value = None

    def count(self, on: bool) -> None:
        """Turns the counting of executed blocks on or off."""
        self._check("vcpu_count", self._core.vcpu_count(self._handle, c_int(on)))

    def counts(self) -> dict[str, int]:
        """Blocks executed while counting was on, system calls passed through, TLB fills, instructions begun while there was a budget or a breakpoint."""
        counts = CCounts()
        self._check("vcpu_counts", self._core.vcpu_counts(self._handle, byref(counts)))
        return {name: getattr(counts, name) for name, _ in CCounts._fields_}


def open_largest(name: str, model: str = "", sizes: Sequence[int] = SIZES) -> Vcpu:
    """A vCPU of the architecture with as large an address space as there may be. VcpuError if there may be none."""
    arch = arch_of(name)
    for bits in sizes[:-1]:
        try:
            return Vcpu(arch, 1 << bits, model)
        except VcpuError as error:
            if error.errno != ENOMEM:
                raise
    return Vcpu(arch, 1 << sizes[-1], model)


def arch_of(name: str) -> VcpuArch:
    """What the architecture of that name has to say of its vCPU."""
    arch: VcpuArch = __import__(f"miniload.arch.{name}.vcpu", fromlist=["VCPU"]).VCPU
    return arch


class Early:
    """A vCPU as open_largest makes it, which the core makes in a thread of its own, while the caller does something else. VcpuError."""

    def __init__(self, name: str, model: str) -> None:
        self.arch = arch_of(name)
        self.path = find_unicorn()
        self.core = _core()
        # One arena for all threads: a second one grows by mprotect, page by page, and guest threads take turns anyway.
        mallopt = getattr(self.core, "mallopt", None)
        if mallopt is not None:
            mallopt(M_ARENA_MAX, 1)
        described, sizes = describe(self.arch, model), (c_uint64 * len(SIZES))(*(1 << bits for bits in SIZES))
        self.begun = c_void_p()
        path, copy = os.fsencode(self.path), os.fsencode(copy_of(self.path))
        code = self.core.vcpu_begin(path, copy, byref(described), sizes, c_uint32(len(SIZES)), byref(self.begun))
        if code < 0:
            raise VcpuError("vcpu_begin", os.strerror(-code), errno=-code)

    def opened(self) -> Vcpu:
        """Waits for it; once. VcpuError."""
        made, size, no_library = c_void_p(), c_uint64(), c_int()
        code = self.core.vcpu_finish(self.begun, byref(made), byref(size), byref(no_library))
        if code < 0:
            raise VcpuError(self.path if no_library.value else "vcpu_create", os.strerror(-code), errno=-code)
        with _loading:
            _loaded[:] = [self.core]
        return Vcpu(self.arch, size.value, made=made)


_early: list[Early] = []


def open_early(name: str, model: str) -> None:
    """Begins with what `opened` will be asked for. VcpuError."""
    _early.append(Early(name, model))


def opened(name: str, model: str) -> Vcpu:
    """The vCPU of open_early, or one that is opened now. VcpuError."""
    return _early.pop().opened() if _early else open_largest(name, model)
