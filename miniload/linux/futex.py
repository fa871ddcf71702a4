"""futex(2): the host's own, on the guest's memory, since guest threads are host threads."""

from __future__ import annotations

from miniload.vcpu import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.linux.task import Task

WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, LOCK_PI, UNLOCK_PI, TRYLOCK_PI = 0, 1, 3, 4, 5, 6, 7, 8
WAIT_BITSET, WAKE_BITSET, WAIT_REQUEUE_PI, CMP_REQUEUE_PI, LOCK_PI2 = 9, 10, 11, 12, 13
COMMAND = 0x7F
TAKES_TIMEOUT = frozenset({WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2})
TAKES_SECOND = frozenset({REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_REQUEUE_PI, CMP_REQUEUE_PI})


def quick(host_number: int) -> core.PassThrough:
    """What the core makes of the call by itself."""
    timeout, second = (sum(1 << command for command in commands) for commands in (TAKES_TIMEOUT, TAKES_SECOND))
    number = (core.INT, 0)
    return core.PassThrough(host_number, ((core.POINTER_ARG, 4), number, number, (core.FUTEX_ARG, timeout), (core.FUTEX_ARG, second), number), blocks=True)


def waits(args: Sequence[int]) -> bool:
    """Whether that call may: those commands that take a time limit."""
    return args[1] & COMMAND in TAKES_TIMEOUT


def futex(task: Task, address: int, operation: int, value: int, timeout: int, second: int, third: int) -> int:
    """futex(2)."""
    space = task.process.space
    command = operation & COMMAND
    if command in TAKES_TIMEOUT:
        timeout = space.host(timeout, 16)
    if command in TAKES_SECOND:
        second = space.host(second, 4)
    call = [space.host(address, 4), operation, value, timeout, second, third]
    if task.process.deadlocks is not None and command in TAKES_TIMEOUT and not timeout:
        from miniload.linux.deadlock import Wait

        return task.process.deadlocks.wait(task, Wait(address, operation), call)
    return task.host("futex", *call)
