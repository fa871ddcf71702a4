"""Threads of the guest: each is a thread of the host, which has the vCPU's turn while guest code runs (kernel/fork.c, exit.c, futex/core.c)."""

from __future__ import annotations

import _thread
import os
from errno import EAGAIN, EINVAL
from struct import pack, unpack
from time import sleep

from miniload.linux import signals
from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.handover import Given
    from miniload.linux.process import Process
    from miniload.linux.task import Task

CLONE_VM, CLONE_SIGHAND, CLONE_VFORK, CLONE_THREAD = 0x100, 0x800, 0x4000, 0x10000
CLONE_SETTLS, CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID = 0x80000, 0x100000, 0x200000, 0x1000000
NEEDED = CLONE_VM | CLONE_SIGHAND
FUTEX_WAKE = 1
ROBUST_LIST_LIMIT = 2048
WAKING = 33
"""One of the two that glibc keeps to itself and lets nobody block."""
PATIENCE = 200
"""Milliseconds that exec waits for other threads to go."""


class Ended(Exception):
    """This thread ends, others go on."""


class Place:
    """Where the first thread waits when it has ended before the others."""

    def __init__(self) -> None:
        self.waits = False
        self.given: Given | None = None
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def wait(self) -> Given:
        """Until a thread execs; in most processes none does."""
        self.waits = True
        self._lock.acquire()
        given, self.given = self.given, None
        assert given is not None
        return given

    def give(self, given: Given) -> None:
        """Lets the first thread go on."""
        self.waits = False
        self.given = given
        self._lock.release()


def start(task: Task, flags: int, stack: int, parent_tid: int, child_tid: int, tls: int) -> int:
    """clone(2) with CLONE_THREAD: the new thread's number."""
    if flags & NEEDED != NEEDED:
        raise error(EINVAL)
    process = task.process
    registers = {process.vcpu.arch.result: 0, **cloned_registers(process, flags, stack, tls)}
    begin = _thread.allocate_lock()
    begin.acquire()
    child = type(task)(process)
    child.tid = 0
    # Signals wait until the new thread is ready for them: it inherits the mask.
    mask = task.host_mask(2, (1 << 64) - 1)
    try:
        _thread.start_new_thread(_main, (child, begin, registers, mask))
        begin.acquire()
    except RuntimeError:
        process.vcpu.destroy_task(child.core)
        raise error(EAGAIN) from None
    finally:
        task.host_mask(2, mask)
    process.tasks[child.tid] = child
    child.clear_tid = child_tid if flags & CLONE_CHILD_CLEARTID else 0
    for wanted, address in ((CLONE_PARENT_SETTID, parent_tid), (CLONE_CHILD_SETTID, child_tid)):
        if flags & wanted:
            process.space.write(address, pack("<I", child.tid))
    return child.tid


def cloned_registers(process: Process, flags: int, stack: int, tls: int) -> dict[str, int]:
    """Those registers in which a new thread or process differs from the one that made it, besides clone's result (copy_thread())."""
    registers = {process.vcpu.arch.stack_pointer: stack} if stack else {}
    if flags & CLONE_SETTLS:
        registers[process.vcpu.arch.thread_pointer] = tls
    return registers


def _main(task: Task, begin: _thread.LockType, registers: dict[str, int], mask: int) -> None:
    """The host thread's life."""
    from miniload.linux import exec

    process = task.process
    task.tid = process.gettid()
    begin.release()
    process.vcpu.take_turn(task.core)  # not before the parent has finished clone and leaves the turn
    process.vcpu.write_registers(registers)
    task.host_mask(2, mask)
    exec.live(task)


def leave(task: Task) -> None:
    """What exit of one thread does: the robust mutexes that it holds and the word that pthread_join waits for (mm_release()). From then on all signals
    are blocked: the process's are for others."""
    process = task.process
    task.host_mask(signals.SIG_SETMASK, (1 << 64) - 1)
    signals.empty_slot(task)
    if not task.ended:
        release_memory(task)
    process.tasks.pop(task.tid, None)
    if process.deadlocks is not None:
        process.deadlocks.suspect()
    core = task.core
    process.vcpu.retire(core)


def end_others(task: Task) -> None:
    """de_thread(): before exec all other threads go. Those that wait in a call of the host are woken by a signal; one that blocks even that is left
    waiting, and ends when its call does."""
    process = task.process
    others = [other for other in process.tasks.values() if other is not task]
    if not others:
        return
    process.vcpu.signal_action(WAKING, signals.CATCH, 0)
    for other in others:
        other.ended = True
    for _ in range(PATIENCE):
        for other in list(process.tasks.values()):
            if other is not task:
                process.vcpu.host_call(process.host_numbers["tgkill"], os.getpid(), other.tid, WAKING)
        process.vcpu.give_turn(task.core)
        sleep(0.001)
        process.vcpu.take_turn(task.core)
        if len(process.tasks) == 1:
            break
    process.tasks = {task.tid: task}
    for other in others:
        release_memory(other)
    signals.restore_action(process, WAKING)


def release_memory(task: Task) -> None:
    """exit_robust_list() and clear_child_tid."""
    if task.robust_list:
        release_mutexes(task)
    if task.clear_tid:
        try:
            task.process.space.write(task.clear_tid, bytes(4))
            wake(task, task.clear_tid)
        except OSError:
            pass  # as in release_mutexes()


def release_mutexes(task: Task) -> None:
    """exit_robust_list()."""
    try:
        exit_robust_list(task)
    except OSError:
        return  # the guest's own addresses are wrong: as the kernel, which says nothing


def wake(task: Task, address: int) -> None:
    task.process.vcpu.host_call(task.process.host_numbers["futex"], task.process.space.host(address, 4), FUTEX_WAKE, 1, 0, 0, 0)


def exit_robust_list(task: Task) -> None:
    """Marks the mutexes of a dead thread as such, and wakes one waiter of each."""
    space = task.process.space
    head = task.robust_list
    entry, offset, waiting = unpack("<QqQ", space.read(head, 24))
    for _ in range(ROBUST_LIST_LIMIT):
        if entry & ~1 == head:
            break
        following = unpack("<Q", space.read(entry & ~1, 8))[0]
        if entry != waiting:
            mark_dead(task, (entry & ~1) + offset)
        entry = following
    if waiting:
        mark_dead(task, (waiting & ~1) + offset)


def mark_dead(task: Task, address: int) -> None:
    """handle_futex_death()."""
    if task.process.vcpu.mark_dead(address, task.tid):
        wake(task, address)
