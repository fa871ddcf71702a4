"""Socket calls whose structs hold addresses, or whose options might."""

from __future__ import annotations

from errno import EBADF, EINVAL, EMSGSIZE, ENOBUFS, ENOPROTOOPT
from struct import pack, unpack, unpack_from

from miniload.ffi import string_at
from miniload.linux.dispatch import UIO_MAXIOV, pointer, translate_iovec
from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

SOL_SOCKET, SOL_RDS = 1, 276
SCM_RIGHTS = 1
SO_ATTACH_FILTER = SO_GET_FILTER = 26
SO_ATTACH_REUSEPORT_CBPF = 51
PROGRAM, INSTRUCTION = "<H6xQ", 8
"""struct sock_fprog: a number of instructions and their address; bytes of an instruction."""
LEVELS = frozenset((0, 1, 6, 17, 41, 58, 132, 136, 255, 262, 263, 268, 269, 270, 271, 273, 274, 279, 280, 281, 282, 284, 18, 40))
"""SOL_* (include/linux/socket.h) whose options are plain, but for those of WITH_ADDRESSES. Not served: SOL_RDS and SOL_XDP, which are all about memory."""
WITH_ADDRESSES = frozenset({
    (0, 64), (0, 96), (0, 128), (0, 130), (0, 131), (41, 64),  # {IPT,ARPT,EBT,IP6T}_SO_SET_*, EBT_SO_GET_*: netfilter's tables
    (6, 35), (132, 111), (263, 22), (284, 4),  # TCP_ZEROCOPY_RECEIVE, SCTP_SOCKOPT_CONNECTX3, PACKET_FANOUT_DATA, MPTCP_FULL_INFO
})  # fmt: skip
MESSAGE, MESSAGE_SIZE = "<QI4xQQQQi4x", 56
"""struct msghdr: name, its size, iovec array, its length, control, its size, flags."""
MMSG_SIZE = 64
"""struct mmsghdr: a msghdr, and the number of bytes that were sent or received."""
CONTROL_HEAD = 16
"""struct cmsghdr: length, level, type."""
NAME_MAX_SIZE = 128
"""sizeof(struct sockaddr_storage): a longer name is an error, or cut off."""
MOST_CONTROL = 1 << 20
"""Bytes of control messages, far above what net.core.optmem_max usually is."""


def host_message(task: Task, address: int, sends: bool, keep: list[object]) -> bytes:
    """struct msghdr with the host's addresses; what it points to is still in guest memory, but for control messages that are sent."""
    space = task.process.space
    name, name_size, iov, iov_count, control, control_size, flags = unpack(MESSAGE, space.read(address, MESSAGE_SIZE))
    if name and name_size >> 31:
        raise error(EINVAL)
    if iov_count > UIO_MAXIOV:
        raise error(EMSGSIZE)
    vectors = pointer(translate_iovec(task, iov, iov_count), keep) if iov_count else 0
    copied = pointer(checked_control(task, control, control_size), keep) if sends and control_size else 0
    control = copied if sends else space.host(control, control_size)
    return pack(MESSAGE, space.host(name, NAME_MAX_SIZE), name_size if name else 0, vectors, iov_count, control, control_size, flags)


def checked_control(task: Task, address: int, size: int) -> bytes:
    """A copy of control messages, in which no descriptor of the emulator's own is passed on."""
    if size > MOST_CONTROL:
        raise error(ENOBUFS)
    data = task.process.space.read(address, size)
    at = 0
    while at + CONTROL_HEAD <= size:
        length, level, kind = unpack_from("<Qii", data, at)
        if not CONTROL_HEAD <= length <= size - at:
            break  # EINVAL, says the host
        if level == SOL_RDS:
            raise error(EINVAL)  # its messages hold addresses
        if (level, kind) == (SOL_SOCKET, SCM_RIGHTS):
            count = (length - CONTROL_HEAD) // 4
            if any(task.process.is_reserved(fd) for fd in unpack_from(f"<{count}i", data, at + CONTROL_HEAD)):
                raise error(EBADF)
        at += length + 7 & -8
    return data


def sendmsg(task: Task, fd: int, message: int, flags: int) -> int:
    """sendmsg(2)."""
    keep: list[object] = []
    return task.host("sendmsg", task.process.checked(fd), pointer(host_message(task, message, True, keep), keep), flags)


def recvmsg(task: Task, fd: int, message: int, flags: int) -> int:
    """recvmsg(2): lengths and flags are written back."""
    keep: list[object] = []
    place = pointer(host_message(task, message, False, keep), keep)
    got = task.host("recvmsg", task.process.checked(fd), place, flags)
    store_message(task, message, string_at(place, MESSAGE_SIZE))
    return got


def store_message(task: Task, message: int, header: bytes) -> None:
    """What recvmsg changes of a msghdr: msg_namelen if there is a name, msg_controllen, msg_flags."""
    space = task.process.space
    name, name_size, _, _, _, control_size, flags = unpack(MESSAGE, header)
    if name:
        space.write(message + 8, pack("<I", name_size))
    space.write(message + 40, pack("<Qi", control_size, flags))


def host_messages(task: Task, messages: int, count: int, sends: bool, keep: list[object]) -> tuple[int, int]:
    """An array of mmsghdr, and its length: those before the first that is not sound, since the call stops there with what it has done. OSError if
    already the first is not."""
    headers: list[bytes] = []
    for index in range(min(count, UIO_MAXIOV)):
        try:
            headers.append(host_message(task, messages + MMSG_SIZE * index, sends, keep) + bytes(8))
        except OSError:
            if not index:
                raise
            break
    return pointer(b"".join(headers) or b"\0", keep), len(headers)


def sendmmsg(task: Task, fd: int, messages: int, count: int, flags: int) -> int:
    """sendmmsg(2)."""
    space = task.process.space
    keep: list[object] = []
    place, sound = host_messages(task, messages, count, True, keep)
    sent = task.host("sendmmsg", task.process.checked(fd), place, sound, flags)
    for index in range(sent):
        at = MMSG_SIZE * index + MESSAGE_SIZE
        space.write(messages + at, string_at(place + at, 4))
    return sent


def recvmmsg(task: Task, fd: int, messages: int, count: int, flags: int, timeout: int) -> int:
    """recvmmsg(2)."""
    space = task.process.space
    keep: list[object] = []
    place, sound = host_messages(task, messages, count, False, keep)
    got = task.host("recvmmsg", task.process.checked(fd), place, sound, flags, space.host(timeout, 16))
    for index in range(got):
        header = string_at(place + MMSG_SIZE * index, MMSG_SIZE)
        store_message(task, messages + MMSG_SIZE * index, header[:MESSAGE_SIZE])
        space.write(messages + MMSG_SIZE * index + MESSAGE_SIZE, header[MESSAGE_SIZE : MESSAGE_SIZE + 4])
    return got


def check_option(task: Task, level: int, option: int) -> None:
    """OSError ENOPROTOOPT for an option in whose struct the kernel might look for addresses."""
    if level not in LEVELS or (level, option) in WITH_ADDRESSES:
        task.process.report(f"socket option {option} of level {level} is not served")
        raise error(ENOPROTOOPT)


def setsockopt(task: Task, fd: int, level: int, option: int, value: int, length: int) -> int:
    """setsockopt(2)."""
    space = task.process.space
    keep: list[object] = []
    fd = task.process.checked(fd)
    if level == SOL_SOCKET and option in (SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF) and length == 16:
        count, program = unpack(PROGRAM, space.read(value, 16))
        place = pointer(pack(PROGRAM, count, space.host(program, INSTRUCTION * count)), keep)
        return task.host("setsockopt", fd, level, option, place, length)
    if level == SOL_SOCKET and option in (SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF):
        # No other length is right: with the first address that is not looked at.
        return task.host("setsockopt", fd, level, option, 0, min(length, 0))
    check_option(task, level, option)
    return task.host("setsockopt", fd, level, option, space.host(value, max(length, 0)), length)


def getsockopt(task: Task, fd: int, level: int, option: int, value: int, length: int) -> int:
    """getsockopt(2). What is wrong with the length is the host's to say."""
    space = task.process.space
    fd = task.process.checked(fd)
    check_option(task, level, option)
    try:
        size = max(unpack("<i", space.read(length, 4))[0], 0)
    except OSError:
        size = 0
    if (level, option) == (SOL_SOCKET, SO_GET_FILTER):
        size *= INSTRUCTION
    return task.host("getsockopt", fd, level, option, space.host(value, size), space.host(length, 4))
