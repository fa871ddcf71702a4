"""futex(2): the host's own, on the guest's memory, since guest threads are host threads."""

from __future__ import annotations

from errno import EFAULT, EINVAL

from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, LOCK_PI, UNLOCK_PI, TRYLOCK_PI = 0, 1, 3, 4, 5, 6, 7, 8
WAIT_BITSET, WAKE_BITSET, WAIT_REQUEUE_PI, CMP_REQUEUE_PI, LOCK_PI2 = 9, 10, 11, 12, 13
COMMAND = 0x7F
TAKES_TIMEOUT = frozenset({WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2})
TAKES_SECOND = frozenset({REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_REQUEUE_PI, CMP_REQUEUE_PI})


def futex(task: Task, address: int, operation: int, value: int, timeout: int, second: int, third: int) -> int:
    """futex(2)."""
    space = task.process.space
    if address % 4:
        raise error(EINVAL)
    if not address:
        raise error(EFAULT)
    command = operation & COMMAND
    if command in TAKES_TIMEOUT:
        timeout = space.host(timeout, 16)
    if command in TAKES_SECOND:
        second = space.host(second, 4)
    return task.host("futex", space.host(address, 4), operation, value, timeout, second, third)
