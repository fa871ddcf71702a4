"""vfork: parent and child share their memory until the child execs or ends, and the parent waits for that.

The child is a copy here; what it has written by then is sent back to the parent. So posix_spawn, whose child tells its parent through memory that exec
has failed, works.
"""

from __future__ import annotations

import os

from miniload.linux.files import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.process import Process
    from miniload.linux.task import Task


class Borrowed:
    """The child's side: a pipe to the parent, and the record of what is written since."""

    def __init__(self, process: Process, pipe: int) -> None:
        self.process = process
        self.pipe = process.keep(pipe)
        process.vcpu.track_writes(True)

    def give_back(self) -> None:
        """Sends what was written, and lets the parent go on."""
        vcpu = self.process.vcpu
        try:  # noqa: SIM105  (contextlib would have to be imported)
            write_all(self.pipe, vcpu.changes())
        except OSError:
            pass  # the parent was killed
        vcpu.track_writes(False)
        os.close(self.pipe)


def wait_for_child(task: Task, pipe: int) -> None:
    """The parent's side: waits until the child has given the memory back. Its other threads go on."""
    process = task.process
    received = bytearray()
    process.vcpu.give_turn(task.core)
    try:
        while part := os.read(pipe, 65536):
            received += part
    finally:
        os.close(pipe)
        process.vcpu.take_turn(task.core)
    process.vcpu.apply_changes(bytes(received))
