"""--report-deadlock: when all threads of the process wait for each other, says where each of them is, and ends the process, which would hang.

That is proved, not guessed: every thread sleeps in a futex call without a time limit, on a word that no other process can wake at; no signal that the guest
has a handler for can come to any of them; no timer of the process runs. Who waits in read, poll or nanosleep is waiting for the world outside.
"""

from __future__ import annotations

import _thread
import os
from time import sleep

from miniload.ffi import addressof, c_uint64
from miniload.record import Record
from miniload.space import MAP_SHARED, MAP_TYPE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.backtrace import Backtraces
    from miniload.linux.process import Process
    from miniload.linux.task import Task

STATUS = 124
"""The exit status of a process that was ended for that: what timeout(1) gives for one that would not end."""
OF_LIBC = 0b111 << 31
"""Signals 32 to 34, as a mask: the C libraries send them from one thread to another, and to nobody else."""
LOOK_AGAIN = 0.02
"""Seconds between two looks: a thread that was woken has run, or is seen running, by then."""
FUTEX_PRIVATE = 0x80
ITIMER_REAL = 0


class Wait(Record):
    """A futex call without a time limit: a guest address, and the operation."""

    address: int
    operation: int


class Asleep(Record):
    """A sleeping thread, as /proc has it: the call in which it sleeps with its arguments, how often it has slept before, what it blocks."""

    call: bytes
    switches: bytes
    blocked: int


class Watch:
    """The watch over a process. Its own thread sleeps until all of the guest's may be waiting for each other."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.bell = _thread.allocate_lock()
        self.bell.acquire()
        self.started = False

    def wait(self, task: Task, wait: Wait, call: list[int]) -> int:
        """The futex call of a thread that may never come back: its result. The turn is given up even by an only thread: the watch has to look at it."""
        vcpu = self.process.vcpu
        task.waiting = wait
        self.suspect()
        vcpu.give_turn(task.core)
        try:
            return vcpu.host_call(self.process.host_numbers["futex"], *call)
        finally:
            vcpu.take_turn(task.core)
            task.waiting = None

    def suspect(self) -> None:
        """To be called when a thread begins to wait, or ends."""
        tasks = list(self.process.tasks.values())
        if not tasks or any(task.waiting is None for task in tasks):
            return
        if not self.started:
            self.started = True
            mask = tasks[0].host_mask(2, (1 << 64) - 1)  # the guest's signals are not for the watch
            try:
                _thread.start_new_thread(self._run, ())
            finally:
                tasks[0].host_mask(2, mask)
        if self.bell.locked():
            self.bell.release()

    def _run(self) -> None:
        while True:
            self.bell.acquire()
            tasks = list(self.process.tasks.values())
            while tasks and all(task.waiting is not None for task in tasks):
                if self._is_proved(tasks):
                    self._end(tasks)
                sleep(LOOK_AGAIN)
                tasks = list(self.process.tasks.values())

    def _is_proved(self, tasks: list[Task]) -> bool:
        """Whether nothing can wake any of them. All that slept at the first look and have slept ever since slept together in between."""
        before = [self._asleep(task) for task in tasks]
        if None in before or not self._nothing_else_wakes(tasks, [one for one in before if one is not None]):
            return False
        sleep(LOOK_AGAIN)
        return before == [self._asleep(task) for task in tasks] and len(self.process.tasks) == len(tasks)

    def _asleep(self, task: Task) -> Asleep | None:
        """None if it is not asleep in its futex call."""
        wait = task.waiting
        try:
            with open(f"/proc/self/task/{task.tid}/syscall", "rb") as file:
                call = file.read()
            with open(f"/proc/self/task/{task.tid}/status", "rb") as file:
                status = dict(line.split(b":", 1) for line in file.read().splitlines())
        except OSError:
            return None
        words = call.split()
        if wait is None or len(words) < 2 or words[0] != b"%d" % self.process.host_numbers["futex"]:
            return None
        if int(words[1], 16) != self.process.space.base + wait.address:
            return None
        return Asleep(call, status[b"voluntary_ctxt_switches"], int(status[b"SigBlk"], 16))

    def _nothing_else_wakes(self, tasks: list[Task], asleep: list[Asleep]) -> bool:
        caught = sum(1 << signal - 1 for signal, action in self.process.actions.items() if action.handler > 1) & ~OF_LIBC
        if any(caught & ~one.blocked for one in asleep):
            return False
        return not any(task.waiting is None or self._is_shared(task.waiting) for task in tasks) and not self._timer_runs()

    def _is_shared(self, wait: Wait) -> bool:
        """Whether another process may have that word."""
        vma = self.process.space.vmas.find(wait.address)
        return not wait.operation & FUTEX_PRIVATE and (vma is None or vma.flags & MAP_TYPE == MAP_SHARED)

    def _timer_runs(self) -> bool:
        """An interval timer, or any POSIX timer: it ends the process, if it does not wake it."""
        left = (c_uint64 * 4)()
        self.process.vcpu.host_call(self.process.host_numbers["getitimer"], ITIMER_REAL, addressof(left))
        try:
            with open("/proc/self/timers", "rb") as file:
                timers = file.read()
        except OSError:
            timers = b""
        return bool(left[2] or left[3] or timers)

    def _end(self, tasks: list[Task]) -> None:
        """Says where everybody is, and ends the process."""
        try:
            from miniload.linux.backtrace import Backtraces

            text = report(self.process, tasks, Backtraces(self.process))
        except Exception as error:  # half a report is better than a process that hangs
            text = f"miniload: {os.fsdecode(self.process.exe)}: deadlock, and an error while it was looked at: {error!r}\n"
        try:
            os.write(2, text.encode("utf-8", "backslashreplace"))
        finally:
            os._exit(STATUS)


def report(process: Process, tasks: list[Task], backtraces: Backtraces) -> str:
    """What is written to stderr: a line for each thread, and one for each of its calls, innermost first."""
    count = f"all {len(tasks)} threads wait for each other" if len(tasks) > 1 else "the only thread waits, and nobody is there to wake it"
    lines = [f"miniload: {os.fsdecode(process.exe)}: deadlock: {count}"]
    for task in sorted(tasks, key=lambda one: one.tid):
        with open(f"/proc/self/task/{task.tid}/comm", encoding="utf-8", errors="replace") as file:
            name = file.read().rstrip("\n")
        where = f" at {task.waiting.address:#x}" if task.waiting is not None else ""
        lines.append(f'thread {task.tid} "{name}" waits{where}:')
        lines += [f"  {place}" for place in backtraces.of(task)]
    return "\n".join(lines) + "\n"
