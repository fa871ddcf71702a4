"""Runs a guest: the vCPU until it needs something, that something, and again."""

from __future__ import annotations

from miniload.linux import signals, threads
from miniload.vcpu import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task
    from miniload.vcpu.core import Exit, SignalSlot


class Exited(Exception):
    """The process ends: with an exit status, or by a signal."""

    def __init__(self, status: int, signal: int = 0) -> None:
        super().__init__(status)
        self.status = status
        self.signal = signal


def run(task: Task) -> None:
    """Until the process ends, by Exited."""
    vcpu = task.process.vcpu
    slot = vcpu.slot()
    while True:
        serve(task, vcpu.run(), slot)


def serve(task: Task, left: Exit, slot: SignalSlot) -> None:
    """What the guest was left for, and the signals that have come meanwhile. Exited, Ended."""
    process = task.process
    if task.ended:
        raise threads.Ended
    if left.reason == core.SYSCALL:
        task.last_number = left.number
        result = left.interrupted or process.dispatcher.serve(task, left.number, left.args)
        if task.ended:
            raise threads.Ended
        if slot.pending:
            result = signals.deliver_pending(task, left.number, result, left.args)
        if result is not None:
            process.vcpu.write_registers({process.vcpu.arch.result: result})
    elif left.reason != core.STOP:
        from miniload.linux import faults

        faults.handle(task, left)
    if slot.pending:
        signals.deliver_pending(task)
