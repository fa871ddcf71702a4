"""What an exception of the CPU means: a stack that grows, an instruction that Linux emulates, or a signal."""

from __future__ import annotations

from miniload.vcpu import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task
    from miniload.vcpu.core import Exit

SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV = 4, 5, 7, 8, 11


def handle(task: Task, left: Exit) -> None:
    """Makes the guest go on after an exit that is no system call, or signals it."""
    from miniload.linux import signals

    if left.reason == core.FAULT:
        if task.process.space.grow_stack(left.address):
            return
        mapped = task.process.space.vmas.find(left.address) is not None
        signals.force(task, SIGSEGV, 2 if mapped else 1, left.address)
        return
    signals.force(task, SIGILL, 1, left.pc)
