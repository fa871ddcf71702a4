"""ptrace(2) is refused, since the host's own would show the emulator instead of the guest; and what becomes of those who do not look at the answer."""

from __future__ import annotations

import os
from errno import EPERM

from miniload.errors import MiniloadError
from miniload.linux.loop import Exited
from miniload.linux.signals import SIGSTOP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

PTRACE_TRACEME = 0
REASON = "ptrace is not served: it would show the emulator"


def ptrace(task: Task, request: int, pid: int, address: int, data: int) -> int:
    """ptrace(2)."""
    process = task.process
    process.report(f"system call {REASON}")
    if request == PTRACE_TRACEME:
        process.wants_tracer = os.getpid()  # of a child that it forks this is not true
    return -EPERM


def kill(task: Task, pid: int, signal: int) -> int:
    """kill(2)."""
    _stops(task, pid == os.getpid(), signal)
    return _send(task, "kill", pid, signal)


def tkill(task: Task, tid: int, signal: int) -> int:
    """tkill(2)."""
    _stops(task, tid == task.tid, signal)
    return _send(task, "tkill", tid, signal)


def tgkill(task: Task, pid: int, tid: int, signal: int) -> int:
    """tgkill(2)."""
    _stops(task, tid == task.tid, signal)
    return _send(task, "tgkill", pid, tid, signal)


def _send(task: Task, name: str, *arguments: int) -> int:
    return task.host_call(task.process.host_numbers[name], *arguments)


def _stops(task: Task, itself: bool, signal: int) -> None:
    """gdb and gdbserver try ptrace out in a child that asks to be traced and stops itself, whatever the answer was, and wait for that without
    WUNTRACED: for ever, if the child is not traced. So it ends there, and they say what they think of it."""
    process = task.process
    if not itself or signal != SIGSTOP or process.wants_tracer != os.getpid():
        return
    message = f"miniload: {os.fsdecode(process.exe)}: stops for a tracer that it cannot have: {REASON}\n"
    os.write(2, message.encode("utf-8", "backslashreplace"))
    raise Exited(MiniloadError.status)
