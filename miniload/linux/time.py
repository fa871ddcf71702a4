"""timer_create(2), whose sigevent holds a value of the guest's own."""

from __future__ import annotations

from miniload.linux.dispatch import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

SIGEVENT_SIZE = 64


def timer_create(task: Task, clock: int, event: int, timer: int) -> int:
    """timer_create(2): sigev_value is handed back to the guest as it is, and no other field is an address to the kernel."""
    keep: list[object] = []
    space = task.process.space
    place = pointer(space.read(event, SIGEVENT_SIZE), keep) if event else 0
    return task.host("timer_create", clock, place, space.host(timer, 4))
