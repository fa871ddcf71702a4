"""An emulated process within this one, and calls into it. One guest thread stands for all of this process's: calls take turns. Threads that the guest has
started run while a call does: between calls the vCPU's turn stays here, so that memory can be mapped and changed.

Where a call returns to, and what stands for functions of Python's, are *slots*: addresses from which nothing can be fetched. The emulator stops there, and the
address tells what is meant.
"""

from __future__ import annotations

import os
from _thread import get_native_id
from contextlib import contextmanager
from ctypes import addressof, c_void_p
from errno import EFAULT
from threading import RLock, Timer
from weakref import finalize

from miniload import arch as architectures
from miniload.errors import BudgetError, CallError, GuestExit, GuestFault, UnsupportedError
from miniload.linker.guest.abi import get_calls
from miniload.linker.guest.own import guard_host
from miniload.linux import loop, signals, threads
from miniload.linux.execute import guest_arch
from miniload.linux.paths import Paths
from miniload.linux.process import Options, Process
from miniload.linux.signals import SIGSEGV
from miniload.linux.task import Task
from miniload.space import MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_READ
from miniload.vcpu import core
from miniload.vcpu.core import open_largest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn, TypeVar

    from miniload.linker.guest.prepared import Prepared
    from miniload.vcpu.core import Exit, Vcpu

    E = TypeVar("E", bound=CallError)

REGION_BITS = (39, 36, 33)
"""512 GiB of addresses, or less where the host does not allow that; many guests have room beside each other."""
SLOT, SLOTS = 16, 1 << 16
DEPTH = 256
"""The first slots are what calls return to, one for each level of calls from Python functions that the guest has called. They fill a page, which can be read:
the unwinder of libgcc looks at the instructions there for those of a signal's return (MD_FALLBACK_FRAME_STATE_FOR), finds none, and knows that the stack
ends."""
LEVELS = 128
"""As many of these calls are allowed."""
STACK_READY = 256 << 10
"""Bytes below the stack pointer that are there from the start."""

KICK = 64
"""The signal that ends a call of the host when time is over: the last real-time one, which nobody else uses."""


def _free(vcpu: Vcpu, context: c_void_p) -> None:
    vcpu.free_context(context)
    vcpu.close()


class Unwound(BaseException):
    """The guest has left inner calls by longjmp, and now an outer one has returned."""

    def __init__(self, depth: int) -> None:
        super().__init__(depth)
        self.depth = depth


class Machine:
    """The vCPU, its memory, and the personality that serves its system calls. `sp`: below it is what calls may use of the stack."""

    def __init__(self, arch: str, sysroot: str = "", cpu: str = "") -> None:
        options = Options()
        options.sysroot, options.cpu, options.embedded = os.fsencode(sysroot), cpu, True
        self.arch = arch
        self.vcpu = open_largest(arch, cpu, REGION_BITS)
        self.calls = get_calls(arch)
        self.paths = Paths(options.sysroot)
        self.process = Process(guest_arch(architectures.get(arch), self.vcpu.size), options, self.paths, self.vcpu)
        self.space = self.process.space
        self.task = Task(self.process)
        self.process.tasks[self.task.tid] = self.task
        self.vcpu.take_turn(self.task.core)
        guard_host(self.process)
        self.lock = RLock()
        self.depth = 0
        self.sp = 0
        self.slots = 0
        self.handlers: dict[int, Callable[[], None]] = {}
        self.names: dict[int, str] = {}
        """What slots are called, for messages."""
        self.backtrace: Callable[[int], tuple[str, ...]] = lambda pc: (f"{pc:#x}",)
        self.function = ""
        self.ended = False
        """Whether the C library has ended the process: much of it does not work any more."""
        self._next = DEPTH
        self._free: list[int] = []
        self._expired = False
        self._mask = self.task.host_mask(0, 0)
        self._pid = os.getpid()
        self._exit = self.vcpu._exit
        self._exit_address = addressof(self._exit)
        self._call, self._handle = self.vcpu.call, self.vcpu.handle
        self._clean = self.vcpu.save()
        self._freed = finalize(self, _free, self.vcpu, self._clean)

    def prepare(self, sp: int) -> None:
        """The program is in memory: makes room for slots, and for the calls' part of the stack, which begins below `sp`."""
        self.slots = self.space.map(0, SLOT * SLOTS, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
        self.space.protect(self.slots, SLOT * DEPTH, PROT_READ)
        self.settle(sp)

    def settle(self, sp: int) -> None:
        """From now on calls use the stack below `sp`, and the registers are as they should be between calls."""
        self.sp = sp & -16
        self.space.grow_stack(self.sp - STACK_READY)
        self.vcpu.save(self._clean)

    def close(self) -> None:
        """Frees the engine and the guest's memory. Idempotent; happens by itself when nothing refers to the machine any more."""
        self._freed()

    # -- slots

    def add_slot(self, name: str, handler: Callable[[], None]) -> int:
        """An address that stands for a Python function: `handler` is called when the guest jumps there, and has to set registers as for what comes next."""
        if not self._free and self._next == SLOTS:
            raise UnsupportedError(name, f"more than {SLOTS - DEPTH} functions of Python's", field="slot")
        index = self._free.pop() if self._free else self._next
        self._next += index == self._next
        self.handlers[index] = handler
        self.names[index] = name
        return self.slots + SLOT * index

    def free_slot(self, address: int) -> None:
        """Gives the address back."""
        index = (address - self.slots) // SLOT
        self.handlers.pop(index)
        self.names.pop(index)
        self._free.append(index)

    def slot_name(self, address: int) -> str | None:
        """What the slot is called that an address lies in."""
        return self.names.get((address - self.slots) // SLOT) if 0 <= address - self.slots < SLOT * SLOTS else None

    # -- calls

    def invoke(self, prepared: Prepared, address: int, name: str, sp: int, stack: bytes) -> None:
        """Calls the function at `address` with what `prepared` has of arguments. `sp`: its stack pointer; `stack`: what is to be stored there. Returns when it
        has; the caller has the lock. CallError; whatever a Python function raises that the guest has called."""
        depth, function = self.depth, self.function
        if depth == LEVELS:
            raise RecursionError(f"{name}: more than {LEVELS} calls from the guest and back within each other")
        outer = self.vcpu.save() if depth else None
        self.depth, self.function = depth + 1, name
        trap = self.slots + SLOT * depth
        try:
            prepared.aim(address, sp, trap, stack)
            returned = self._call(self._handle, prepared.address, prepared.results_address, self._exit_address)
            if returned == -EFAULT:
                self.space.write_stack(sp, prepared.stack())
                prepared.drop_stack()
                returned = self._call(self._handle, prepared.address, prepared.results_address, self._exit_address)
            if returned < 0:
                raise CallError(name, os.strerror(-returned), errno=-returned)
            if not returned:
                self._finish(trap, depth)
                prepared.collect(self.vcpu)
        except Unwound:
            raise  # the registers are what the outer call has returned with
        except BaseException:
            self._recover(outer)
            raise
        finally:
            self.depth, self.function = depth, function
            if outer is not None:
                self.vcpu.free_context(outer)

    def _recover(self, outer: object) -> None:
        """After a call that has not returned: registers as they were before it, and the signal mask that only a handler or a raise has left changed."""
        self.vcpu.restore(outer or self._clean)  # type: ignore[arg-type]
        if outer is None:
            self.task.host_mask(2, self._mask)

    def _finish(self, trap: int, depth: int) -> None:
        """The run goes on until the call returns, or another one that is around it."""
        try:
            self.run_until(trap, self.vcpu.described(self._exit))
        except Unwound as unwound:
            if unwound.depth != depth:
                raise

    def run_until(self, trap: int, left: Exit | None = None) -> None:
        """Serves what the run was left for, and runs on, until the address is fetched from."""
        task, vcpu = self.task, self.vcpu
        slot = vcpu.slot()
        while True:
            if left is not None:
                if left.reason == core.FAULT and left.access == core.EXEC and (left.pc == trap or self._is_slot(left.pc)):
                    if left.pc == trap:
                        return
                    self._enter_slot(left.pc)
                elif self._expired or left.reason == core.BUDGET:
                    raise self._over_budget(left, slot)
                else:
                    try:
                        loop.serve(task, left, slot)
                    except loop.Exited as ended:
                        raise self._ended(left, ended) from None
                    except threads.Ended:
                        raise self._error(GuestExit, "the thread has ended", left.pc) from None
            left = vcpu.run()

    def _is_slot(self, pc: int) -> bool:
        index, beyond = divmod(pc - self.slots, SLOT)
        return not beyond and (0 <= index < self.depth or index in self.handlers)

    def _enter_slot(self, pc: int) -> None:
        index = (pc - self.slots) // SLOT
        if index < DEPTH:
            raise Unwound(index)
        sp = self.sp
        self.sp = self.vcpu.read_registers(("sp",))[0] & -16
        try:
            self.handlers[index]()
        finally:
            self.sp = sp

    # -- calls that do not return

    def _exit_error(self, status: int, pc: int) -> GuestExit:
        error = self._error(GuestExit, f"has called exit({status})", pc)
        error.exit_status = status
        return error

    def is_child(self) -> bool:
        """Whether this is a process that the guest has forked."""
        return os.getpid() != self._pid

    def exit(self, status: int) -> NoReturn:
        """exit(3) of a library's: nothing of the C library is put to an end, so all can be called as before."""
        raise self._exit_error(status & 255, self._back())

    def _back(self) -> int:
        """The end of the instruction that has called a slot: behind it may be another function, if the compiler knows that the called one does not return."""
        link = self.calls.link
        back = self.vcpu.read_registers((link,))[0] if link else int.from_bytes(self.space.read(self.vcpu.read_registers(("sp",))[0], 8), "little")
        return back - 1

    def error(self, kind: type[CallError], reason: str) -> CallError:
        """For a Python function that the guest must not come back from."""
        return self._error(kind, reason, self._back())

    def bad_call(self, name: str) -> GuestFault:
        """The arguments of a call to a Python function are not where they have to be, or point to nothing."""
        error = self._error(GuestFault, f"SIGSEGV: a call of {name} whose arguments cannot be read", self.vcpu.read_registers(("pc",))[0])
        error.signal = SIGSEGV
        return error

    def _error(self, kind: type[E], reason: str, pc: int) -> E:
        error = kind(self.function, f"{reason} at {pc:#x}")
        error.function, error.pc, error.backtrace = self.function, pc, self.backtrace(pc)
        return error

    def _ended(self, left: Exit, ended: loop.Exited) -> CallError:
        """What has ended the process. In a child that the guest has forked, it ends."""
        if self.is_child():
            from miniload.linux.exec import end

            end(ended.status, ended.signal)
        if not ended.signal:
            self.ended = True
            return self._exit_error(ended.status, left.pc)
        text, address = _describe(left, ended.signal, self.slot_name)
        error = self._error(GuestFault, text, left.pc)
        error.signal, error.address = ended.signal, address
        return error

    def _over_budget(self, left: Exit, slot: core.SignalSlot) -> CallError:
        if slot.pending:
            slot.pending = 0
            self.task.host_mask(2, slot.mask)
        return self._error(BudgetError, "its time is over" if self._expired else "its instructions are used up", left.pc)

    @contextmanager
    def limits(self, instructions: int | None = None, seconds: float | None = None) -> Iterator[None]:
        """All calls within, together, get so many instructions, which makes them ten times slower, or so much time, or both. BudgetError if they need more."""
        timer = Timer(seconds, self._expire, (get_native_id(),)) if seconds is not None else None
        self.vcpu.limit(instructions)
        if timer:
            self.process.actions[KICK] = signals.IGNORE_ACTION  # to the guest it means nothing
            self.vcpu.signal_action(KICK, signals.CATCH, 0)
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            self.vcpu.limit(None)
            if timer:
                timer.cancel()
                timer.join()
                slot = self.vcpu.slot()
                if slot.pending == KICK:
                    slot.pending = 0
                    self.task.host_mask(2, slot.mask)
                self.vcpu.signal_action(KICK, signals.DEFAULT, 0)
                self.process.actions.pop(KICK, None)
                self._expired = False

    def _expire(self, thread: int) -> None:
        """Ends the run, and a call of the host that it may wait in."""
        self._expired = True
        self.vcpu.stop()
        self.vcpu.host_call(self.process.host_numbers["tgkill"], os.getpid(), thread, KICK)


def _describe(left: Exit, signal: int, slot_name: Callable[[int], str | None]) -> tuple[str, int | None]:
    """In words what a signal was for, and the address, if one was accessed."""
    from signal import Signals

    name = Signals(signal).name if signal in Signals.__members__.values() else f"signal {signal}"
    if left.reason != core.FAULT:
        return name, None
    what = {core.READ: "reading", core.WRITE: "writing", core.EXEC: "execution"}.get(left.access, "access")
    missing = slot_name(left.address)
    return f"{name}: {what} of {left.address:#x}" + (f", which stands for {missing}" if missing else ""), left.address
