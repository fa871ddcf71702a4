"""System V inter-process communication: calls whose arguments depend on a command (ipc/shm.c, sem.c, msg.c)."""

from __future__ import annotations

from errno import EINVAL
from struct import pack, pack_into, unpack, unpack_from

from miniload.ffi import string_at
from miniload.linux.dispatch import pointer
from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

COMMAND = 0xFF
"""Without IPC_64, which 64-bit architectures do not look at."""
IPC_SET, IPC_STAT, IPC_INFO = 1, 2, 3
SHM_SIZES = {IPC_SET: 112, IPC_STAT: 112, IPC_INFO: 72, 13: 112, 14: 48, 15: 112}
"""Bytes behind the address for each command: struct shmid64_ds, shminfo64, shm_info."""
MSG_SIZES = {IPC_SET: 120, IPC_STAT: 120, IPC_INFO: 32, 11: 120, 12: 32, 13: 120}
GETALL, SETALL, SEM_INFO = 13, 17, 19
SEM_STATUS = frozenset({IPC_SET, IPC_STAT, 18, 20})
SEM_PLAIN, SEM_PADDED = "<48sqqQQQ", "<48sqQqQQQQ"
"""struct semid64_ds; x86-64 has a word behind each time."""
LONGEST_MESSAGE = 1 << 20
SIGEVENT_SIZE, SIGEV_THREAD, NOTIFY_COOKIE_LEN = 64, 2, 32


def shmctl(task: Task, identifier: int, command: int, buffer: int) -> int:
    """shmctl(2)."""
    size = SHM_SIZES.get(command & COMMAND, 0)
    return task.host("shmctl", identifier, command, task.process.space.host(buffer, size))


def msgctl(task: Task, identifier: int, command: int, buffer: int) -> int:
    """msgctl(2)."""
    size = MSG_SIZES.get(command & COMMAND, 0)
    return task.host("msgctl", identifier, command, task.process.space.host(buffer, size))


def _unpack_semaphores(padded: bool, data: bytes) -> tuple[bytes, int, int, int]:
    if padded:
        permissions, last, _, changed, _, count, _, _ = unpack(SEM_PADDED, data)
    else:
        permissions, last, changed, count, _, _ = unpack(SEM_PLAIN, data)
    return permissions, last, changed, count


def _pack_semaphores(padded: bool, permissions: bytes, last: int, changed: int, count: int) -> bytes:
    if padded:
        return pack(SEM_PADDED, permissions, last, 0, changed, 0, count, 0, 0)
    return pack(SEM_PLAIN, permissions, last, changed, count, 0, 0)


def _sizes(padded: bool) -> int:
    return 104 if padded else 88


def semctl(task: Task, identifier: int, number: int, command: int, argument: int) -> int:
    """semctl(2)."""
    process, keep = task.process, []  # type: ignore[var-annotated]
    space, plain = process.space, command & COMMAND
    if plain in (GETALL, SETALL):
        return task.host("semctl", identifier, number, command, space.host(argument, 2 * _count(task, identifier)))
    if plain in (IPC_INFO, SEM_INFO):
        return task.host("semctl", identifier, number, command, space.host(argument, 40))
    if plain not in SEM_STATUS:
        return task.host("semctl", identifier, number, command, argument)
    host = process.host_abi.sem_padded
    given = bytes(_sizes(host))
    if plain == IPC_SET:
        given = _pack_semaphores(host, *_unpack_semaphores(process.abi.sem_padded, space.read(argument, _sizes(process.abi.sem_padded))))
    place = pointer(given, keep)
    result = task.host("semctl", identifier, number, command, place)
    if plain != IPC_SET:
        fields = _unpack_semaphores(host, string_at(place, _sizes(host)))
        space.write(argument, _pack_semaphores(process.abi.sem_padded, *fields))
    return result


def _count(task: Task, identifier: int) -> int:
    keep: list[object] = []
    host = task.process.host_abi.sem_padded
    place = pointer(bytes(_sizes(host)), keep)
    task.host("semctl", identifier, 0, IPC_STAT, place)
    return _unpack_semaphores(host, string_at(place, _sizes(host)))[3]


def msgsnd(task: Task, identifier: int, message: int, size: int, flags: int) -> int:
    """msgsnd(2): a type, and `size` bytes."""
    if size > LONGEST_MESSAGE:
        raise error(EINVAL)
    return task.host("msgsnd", identifier, task.process.space.host(message, size + 8), size, flags)


def msgrcv(task: Task, identifier: int, message: int, size: int, kind: int, flags: int) -> int:
    """msgrcv(2)."""
    if size >> 63:
        raise error(EINVAL)
    return task.host("msgrcv", identifier, task.process.space.host(message, min(size, LONGEST_MESSAGE) + 8), min(size, LONGEST_MESSAGE), kind, flags)


def mq_notify(task: Task, queue: int, event: int) -> int:
    """mq_notify(2). Told by SIGEV_THREAD, the kernel copies a cookie from where sigev_value points, for the libc's thread at a netlink socket."""
    queue = task.process.checked(queue)
    if not event:
        return task.host("mq_notify", queue, 0)
    space = task.process.space
    content = bytearray(space.read(event, SIGEVENT_SIZE))
    value, _, how = unpack_from("<Qii", content)
    if how == SIGEV_THREAD:
        pack_into("<Q", content, 0, space.host(value, NOTIFY_COOKIE_LEN))
    keep: list[object] = []
    return task.host("mq_notify", queue, pointer(bytes(content), keep))
