"""What a guest that is a part of this process may not do to it: end it, or put another program in its place."""

from __future__ import annotations

import os
from errno import ENOSYS

from miniload.linux.loop import Exited
from miniload.linux.signals import SIG_DFL, action_of
from miniload.vcpu.core import PassThrough

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.linux.dispatch import Service
    from miniload.linux.process import Process
    from miniload.linux.task import Task

FATAL = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, *range(32, 65)})
"""Signals whose default is to end the process (signal(7))."""


def guard_host(process: Process) -> None:
    """Has those calls served in its own way."""
    numbers = {name: number for number, name in process.dispatcher.names.items()}
    for name in ("kill", "tkill", "tgkill"):
        _replace(process, numbers, name, _Deadly)
    for name in ("execve", "execveat"):
        _replace(process, numbers, name, _Exec)


def _replace(process: Process, numbers: dict[str, int], name: str, wrap: type[_Deadly] | type[_Exec]) -> None:
    number = numbers.get(name)
    if number is not None:
        process.dispatcher.services[number] = wrap(process, name, number)
        process.vcpu.pass_row(number, PassThrough(-1))


class _Exec:
    """A child process may; this one goes on with what it is."""

    def __init__(self, process: Process, name: str, number: int) -> None:
        self.pid = os.getpid()
        self.served: Service = process.dispatcher.compile(number)
        self.signal = 2 if name == "tgkill" else 1
        """The argument that is one."""

    def __call__(self, task: Task, args: Sequence[int]) -> int | None:
        return -ENOSYS if os.getpid() == self.pid else self.served(task, args)


class _Deadly(_Exec):
    """A signal that a thread sends to itself or its process, and that would end it (abort(3)), ends the call."""

    def __call__(self, task: Task, args: Sequence[int]) -> int | None:
        to, signal = args[0] & 0xFFFFFFFF, args[self.signal] & 0xFFFFFFFF
        if to in (os.getpid(), task.tid) and signal in FATAL and action_of(task, signal).handler == SIG_DFL:
            raise Exited(128 + signal, signal)
        return self.served(task, args)
