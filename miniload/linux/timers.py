"""Timers of timer_create(2), which the host's kernel keeps for the guest."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task


def delete_timers(task: Task) -> None:
    """What exec does with them (kernel/time/posix-timers.c, exit_itimers()): none is left. Where there is no /proc/self/timers (CONFIG_CHECKPOINT_RESTORE)
    nobody knows which there are, and they stay."""
    try:
        with open("/proc/self/timers", "rb", buffering=0) as file:
            lines = file.readall().splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith(b"ID:"):
            try:
                task.host("timer_delete", int(line[3:]))
            except OSError:
                continue
