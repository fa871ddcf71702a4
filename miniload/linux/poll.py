"""Waiting for descriptors: what of it is not the host's own call with the host's own structs."""

from __future__ import annotations

from errno import EINVAL
from struct import pack, unpack

from miniload.ffi import addressof, create_string_buffer
from miniload.linux.dispatch import pointer
from miniload.space.guest import error
from miniload.vcpu import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.process import Process
    from miniload.linux.task import Task

MOST_EVENTS = 1024
"""Events that one epoll_wait gives at most: the kernel's own limit is far above what anybody has room for, and fewer than asked for is no error."""
FD_SETSIZE_LIMIT, INT_MAX = 1 << 20, (1 << 31) - 1


def event_size(packed: bool) -> int:
    """Bytes of struct epoll_event."""
    return 12 if packed else 16


def quick(process: Process, name: str) -> core.PassThrough:
    """What the core makes of an epoll call by itself, once it has been made."""
    fd, number, size = (core.FD, 0), (core.INT, 0), event_size(process.abi.epoll_packed)
    if name == "epoll_ctl":
        return core.PassThrough(process.host_numbers[name], (fd, number, fd, (core.EVENT, size)))
    timeout = (core.POINTER_ARG, 16) if name == "epoll_pwait2" else number
    mask = () if name == "epoll_wait" else ((core.POINTER_ARG, 8), (core.VALUE, 0))
    host = process.host_numbers["epoll_pwait2" if name == "epoll_pwait2" else "epoll_pwait"]
    return core.PassThrough(host, (fd, (core.EVENTS, 2 | size << 8), number, timeout, *mask), blocks=True)


def event_format(packed: bool) -> str:
    """struct epoll_event: packed on x86-64 only (include/uapi/linux/eventpoll.h)."""
    return "<IQ" if packed else "<I4xQ"


def epoll_ctl(task: Task, epoll: int, operation: int, fd: int, event: int) -> int:
    """epoll_ctl(2)."""
    process, keep = task.process, []  # type: ignore[var-annotated]
    place = 0
    if event:
        form = event_format(process.abi.epoll_packed)
        size = event_size(process.abi.epoll_packed)
        place = pointer(pack(event_format(process.host_abi.epoll_packed), *unpack(form, process.space.read(event, size))), keep)
    return task.host("epoll_ctl", process.checked(epoll), operation, process.checked(fd), place)


def _wait(task: Task, name: str, epoll: int, events: int, count: int, *rest: int) -> int:
    process = task.process
    guest, host = process.abi.epoll_packed, process.host_abi.epoll_packed
    if not 0 < count <= INT_MAX // event_size(guest):  # EP_MAX_EVENTS
        raise error(EINVAL)
    if guest == host:
        return task.host(name, process.checked(epoll), process.space.host(events, count * event_size(host)), count, *rest)
    count = min(count, MOST_EVENTS)
    size = event_size(host)
    buffer = create_string_buffer(count * size)
    process.space.host(events, count * event_size(guest))
    got = task.host(name, process.checked(epoll), addressof(buffer), count, *rest)
    form, other = event_format(host), event_format(guest)
    process.space.write(events, b"".join(pack(other, *unpack(form, buffer.raw[size * i : size * (i + 1)])) for i in range(got)))
    return got


def epoll_wait(task: Task, epoll: int, events: int, count: int, timeout: int) -> int:
    """epoll_wait(2)."""
    return _wait(task, "epoll_pwait", epoll, events, count, timeout, 0, 8)


def epoll_pwait(task: Task, epoll: int, events: int, count: int, timeout: int, mask: int, size: int) -> int:
    """epoll_pwait(2)."""
    return _wait(task, "epoll_pwait", epoll, events, count, timeout, task.process.space.host(mask, 8), size)


def epoll_pwait2(task: Task, epoll: int, events: int, count: int, timeout: int, mask: int, size: int) -> int:
    """epoll_pwait2(2)."""
    space = task.process.space
    return _wait(task, "epoll_pwait2", epoll, events, count, space.host(timeout, 16), space.host(mask, 8), size)


def _sets(task: Task, count: int, *sets: int) -> list[int]:
    if not count >= 0:
        raise error(EINVAL)
    size = (min(count, FD_SETSIZE_LIMIT) + 63) // 64 * 8
    return [task.process.space.host(address, size) for address in sets]


def select(task: Task, count: int, reads: int, writes: int, errors: int, timeout: int) -> int:
    """select(2)."""
    return task.host("select", count, *_sets(task, count, reads, writes, errors), task.process.space.host(timeout, 16))


def pselect6(task: Task, count: int, reads: int, writes: int, errors: int, timeout: int, mask: int) -> int:
    """pselect6(2), whose last argument points to a mask's address and size."""
    space, keep = task.process.space, []  # type: ignore[var-annotated]
    place = 0
    if mask:
        address, size = unpack("<QQ", space.read(mask, 16))
        place = pointer(pack("<QQ", space.host(address, 8), size), keep)
    return task.host("pselect6", count, *_sets(task, count, reads, writes, errors), space.host(timeout, 16), place)
