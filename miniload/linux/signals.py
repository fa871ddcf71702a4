"""Signals (kernel/signal.c)."""

from __future__ import annotations

import os

from miniload.linux.loop import Exited

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task


def force(task: Task, signal: int, _code: int, _address: int) -> None:
    """force_sig_fault(): the signal of an exception, which cannot be ignored."""
    raise Exited(128 + signal, signal)


def rt_sigaction(task: Task, signal: int, action: int, old: int, size: int) -> int:
    """rt_sigaction(2)."""
    if old:
        task.process.space.write(old, bytes(32))
    return 0


def rt_sigprocmask(task: Task, how: int, new: int, old: int, size: int) -> int:
    """rt_sigprocmask(2)."""
    space = task.process.space
    return task.host("rt_sigprocmask", how, space.host(new, 8), space.host(old, 8), size)


def sigaltstack(task: Task, new: int, old: int) -> int:
    """sigaltstack(2)."""
    return 0


def tgkill(task: Task, pid: int, tid: int, signal: int) -> int:
    """tgkill(2)."""
    if signal and tid == task.tid:
        raise Exited(128 + signal, signal)
    return task.host("tgkill", pid, tid, signal)


def kill(task: Task, pid: int, signal: int) -> int:
    """kill(2)."""
    if signal and pid == os.getpid():
        raise Exited(128 + signal, signal)
    return task.host("kill", pid, signal)
