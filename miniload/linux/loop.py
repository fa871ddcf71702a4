"""Runs a guest: the vCPU until it needs something, that something, and again."""

from __future__ import annotations

from miniload.linux import signals, threads
from miniload.vcpu import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task


class Exited(Exception):
    """The process ends: with an exit status, or by a signal."""

    def __init__(self, status: int, signal: int = 0) -> None:
        super().__init__(status)
        self.status = status
        self.signal = signal


def run(task: Task) -> None:
    """Until the process ends, by Exited."""
    process = task.process
    vcpu, serve = process.vcpu, process.dispatcher.serve
    result_register = vcpu.arch.result
    slot = vcpu.slot()
    while True:
        left = vcpu.run()
        if task.ended:
            raise threads.Ended
        if left.reason == core.SYSCALL:
            task.last_number = left.number
            result = left.interrupted or serve(task, left.number, left.args)
            if task.ended:
                raise threads.Ended
            if slot.pending:
                result = signals.deliver_pending(task, left.number, result, left.args)
            if result is not None:
                vcpu.write_registers({result_register: result})
        elif left.reason != core.STOP:
            from miniload.linux import faults

            faults.handle(task, left)
        if slot.pending:
            signals.deliver_pending(task)
