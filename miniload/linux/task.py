"""A thread of the guest."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.deadlock import Wait
    from miniload.linux.process import Process


class Task:
    """What the kernel keeps of a thread (struct task_struct). One host thread carries it; its registers are in the process's vCPU."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.tid = process.gettid()
        self.core = process.vcpu.create_task()
        """The vCPU core's own record of this thread."""
        self.waits = False
        """Whether the system call being served may block: other threads run meanwhile."""
        self.ended = False
        self.clear_tid = 0
        self.robust_list = 0
        self.alt_stack = (0, 2, 0)
        """Address, flags (SS_DISABLE), size."""
        self.waiting: Wait | None = None
        """The futex call that this thread is in, if it has no time limit; kept under --report-deadlock."""
        self.last_number = 0
        """Of the system call that is being served."""

    def keep_robust_list(self, head: int) -> None:
        """set_robust_list(2), of this very thread: the host's kernel is told as well, for it alone sees a death by SIGKILL."""
        self.robust_list = head
        if not self.process.options.embedded:  # where the thread has a list of its own C library's
            self.process.vcpu.robust_list(head)

    def host_call(self, number: int, *args: int) -> int:
        """A system call of the host for this thread, -errno included."""
        vcpu = self.process.vcpu
        return vcpu.blocking_call(number, *args) if self.waits else vcpu.host_call(number, *args)

    def host(self, name: str, *args: int) -> int:
        """A system call of the host by name. OSError if it fails."""
        got = self.host_call(self.process.host_numbers[name], *args)
        if -4096 < got < 0:
            raise OSError(-got, os.strerror(-got))
        return got

    def host_mask(self, how: int, mask: int) -> int:
        """rt_sigprocmask(2) for this thread: the mask before."""
        return self.process.vcpu.signal_mask(how, mask)
