"""Socket calls whose structs hold addresses, or whose lengths are in memory."""

from __future__ import annotations

import ctypes
from errno import EFAULT, EINVAL, EMSGSIZE, ENOPROTOOPT
from struct import pack, unpack

from miniload.linux.dispatch import UIO_MAXIOV, pointer, translate_iovec
from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

SOL_SOCKET = 1
WITH_ADDRESSES = frozenset({(SOL_SOCKET, 26), (SOL_SOCKET, 51), (0, 64), (41, 64)})
"""SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF, IPT_SO_SET_REPLACE, IP6T_SO_SET_REPLACE: (level, option) pairs with addresses in their structs."""
FILTERS = frozenset({(SOL_SOCKET, 26), (SOL_SOCKET, 51)})
MESSAGE = "<QI4xQQQQi4x"
MESSAGE_SIZE = 56
MMSG_SIZE = 64
MOST_OPTION = 1 << 16


def address_length(task: Task, length: int) -> int:
    """The value behind an in/out length."""
    if not length:
        raise error(EFAULT)
    value = unpack("<i", task.process.space.read(length, 4))[0]
    if value < 0:
        raise error(EINVAL)
    return int(value)


def _named(task: Task, name: str, fd: int, address: int, length: int, *rest: int) -> int:
    """A call that stores an address, which may be left out."""
    space = task.process.space
    if not address:
        return task.host(name, task.process.checked(fd), 0, 0, *rest)
    size = address_length(task, length)
    return task.host(name, task.process.checked(fd), space.host(address, size), space.host(length, 4), *rest)


def bind(task: Task, fd: int, address: int, length: int) -> int:
    """bind(2)."""
    return task.host("bind", task.process.checked(fd), task.process.space.host(address, max(length, 0)), length)


def connect(task: Task, fd: int, address: int, length: int) -> int:
    """connect(2)."""
    return task.host("connect", task.process.checked(fd), task.process.space.host(address, max(length, 0)), length)


def accept(task: Task, fd: int, address: int, length: int) -> int:
    """accept(2)."""
    return _named(task, "accept", fd, address, length)


def accept4(task: Task, fd: int, address: int, length: int, flags: int) -> int:
    """accept4(2)."""
    return _named(task, "accept4", fd, address, length, flags)


def getsockname(task: Task, fd: int, address: int, length: int) -> int:
    """getsockname(2)."""
    return _required(task, "getsockname", fd, address, length)


def getpeername(task: Task, fd: int, address: int, length: int) -> int:
    """getpeername(2)."""
    return _required(task, "getpeername", fd, address, length)


def _required(task: Task, name: str, fd: int, address: int, length: int) -> int:
    space = task.process.space
    size = address_length(task, length) if length else 0
    return task.host(name, task.process.checked(fd), space.host(address, size), space.host(length, 4))


def sendto(task: Task, fd: int, buffer: int, size: int, flags: int, address: int, length: int) -> int:
    """sendto(2)."""
    space = task.process.space
    where = space.host(address, max(length, 0))
    return task.host("sendto", task.process.checked(fd), space.host(buffer, size), size, flags, where, length)


def recvfrom(task: Task, fd: int, buffer: int, size: int, flags: int, address: int, length: int) -> int:
    """recvfrom(2)."""
    space = task.process.space
    where = space.host(address, address_length(task, length)) if address else 0
    return task.host("recvfrom", task.process.checked(fd), space.host(buffer, size), size, flags, where, space.host(length, 4))


def host_message(task: Task, data: bytes, keep: list[object]) -> bytes:
    """struct msghdr with the host's addresses; the control part is in guest memory, too, and has none inside."""
    space = task.process.space
    name, name_size, iov, iov_count, control, control_size, flags = unpack(MESSAGE, data)
    if iov_count > UIO_MAXIOV:
        raise error(EMSGSIZE)
    vectors = pointer(translate_iovec(task, iov, iov_count), keep) if iov_count else 0
    where = space.host(name, name_size) if name else 0
    return pack(MESSAGE, where, name_size if name else 0, vectors, iov_count, space.host(control, control_size), control_size if control else 0, flags)


def sendmsg(task: Task, fd: int, message: int, flags: int) -> int:
    """sendmsg(2)."""
    keep: list[object] = []
    header = host_message(task, task.process.space.read(message, MESSAGE_SIZE), keep)
    return task.host("sendmsg", task.process.checked(fd), pointer(header, keep), flags)


def recvmsg(task: Task, fd: int, message: int, flags: int) -> int:
    """recvmsg(2): lengths and flags are written back."""
    keep: list[object] = []
    place = pointer(host_message(task, task.process.space.read(message, MESSAGE_SIZE), keep), keep)
    got = task.host("recvmsg", task.process.checked(fd), place, flags)
    store_message(task, message, ctypes.string_at(place, MESSAGE_SIZE))
    return got


def store_message(task: Task, message: int, header: bytes) -> None:
    """What recvmsg changes of a msghdr: msg_namelen, msg_controllen, msg_flags."""
    space = task.process.space
    _, name_size, _, _, _, control_size, flags = unpack(MESSAGE, header)
    space.write(message + 8, pack("<I", name_size))
    space.write(message + 40, pack("<Qi", control_size, flags))


def sendmmsg(task: Task, fd: int, messages: int, count: int, flags: int) -> int:
    """sendmmsg(2)."""
    space, keep = task.process.space, []  # type: ignore[var-annotated]
    count = min(count, UIO_MAXIOV)
    array = b""
    for index in range(count):
        array += host_message(task, space.read(messages + MMSG_SIZE * index, MESSAGE_SIZE), keep) + bytes(8)
    place = pointer(array or b"\0", keep)
    sent = task.host("sendmmsg", task.process.checked(fd), place, count, flags)
    for index in range(sent):
        space.write(messages + MMSG_SIZE * index + MESSAGE_SIZE, ctypes.string_at(place + MMSG_SIZE * index + MESSAGE_SIZE, 4))
    return sent


def recvmmsg(task: Task, fd: int, messages: int, count: int, flags: int, timeout: int) -> int:
    """recvmmsg(2)."""
    space, keep = task.process.space, []  # type: ignore[var-annotated]
    count = min(count, UIO_MAXIOV)
    array = b""
    for index in range(count):
        array += host_message(task, space.read(messages + MMSG_SIZE * index, MESSAGE_SIZE), keep) + bytes(8)
    place = pointer(array or b"\0", keep)
    got = task.host("recvmmsg", task.process.checked(fd), place, count, flags, space.host(timeout, 16))
    for index in range(got):
        header = ctypes.string_at(place + MMSG_SIZE * index, MMSG_SIZE)
        store_message(task, messages + MMSG_SIZE * index, header[:MESSAGE_SIZE])
        space.write(messages + MMSG_SIZE * index + MESSAGE_SIZE, header[MESSAGE_SIZE : MESSAGE_SIZE + 4])
    return got


def setsockopt(task: Task, fd: int, level: int, option: int, value: int, length: int) -> int:
    """setsockopt(2)."""
    space, keep = task.process.space, []  # type: ignore[var-annotated]
    if (level, option) in FILTERS and length == 16:
        count, program = unpack("<H6xQ", space.read(value, 16))
        return task.host("setsockopt", task.process.checked(fd), level, option, pointer(pack("<H6xQ", count, space.host(program, 8 * count)), keep), 16)
    if (level, option) in WITH_ADDRESSES:
        raise error(ENOPROTOOPT)
    return task.host("setsockopt", task.process.checked(fd), level, option, space.host(value, max(length, 0)), length)


def getsockopt(task: Task, fd: int, level: int, option: int, value: int, length: int) -> int:
    """getsockopt(2)."""
    space = task.process.space
    size = address_length(task, length)
    if size > MOST_OPTION:
        size = MOST_OPTION
    return task.host("getsockopt", task.process.checked(fd), level, option, space.host(value, size), space.host(length, 4))
