"""A thread of the guest."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.process import Process


class Task:
    """What the kernel keeps of a thread (struct task_struct). One host thread carries it; its registers are in the process's vCPU."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.tid = process.gettid()
        self.clear_tid = 0
        self.robust_list = 0
        self.alt_stack = (0, 2, 0)
        """Address, flags (SS_DISABLE), size."""
        self.saved_mask: int | None = None
        """The signal mask to go back to after the handler that rt_sigsuspend and its like waited for."""

    def host_call(self, number: int, *args: int) -> int:
        """A system call of the host for this thread, -errno included."""
        return self.process.vcpu.host_call(number, *args)

    def host(self, name: str, *args: int) -> int:
        """A system call of the host by name. OSError if it fails."""
        got = self.process.vcpu.host_call(self.process.host_numbers[name], *args)
        if -4096 < got < 0:
            raise OSError(-got, os.strerror(-got))
        return got
