"""Socket calls as --strace prints them: addresses with lengths that the call changes, options, messages with what goes along with them."""

from __future__ import annotations

from struct import unpack, unpack_from

from miniload.linux import strace_structs as structs
from miniload.linux.errnos import ERRNOS
from miniload.linux.strace_call import SHOWN, pointer
from miniload.linux.symbolic import choice, flags, protocol, socket_option
from miniload.linux.symbolic import number as hexadecimal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from miniload.linux.strace_call import Call

    Parts = Iterator[list[str]]

SOL_SOCKET = 1
SO_ERROR, SO_PEERCRED = 4, 17
OPTION_STRUCTS = {
    (SOL_SOCKET, 13): ("linger", 8),
    **dict.fromkeys(((0, 35), (0, 36)), ("ip_mreq", 8)),
    **dict.fromkeys(((41, 20), (41, 21)), ("ipv6_mreq", 20)),
}
"""(Level, option) to struct and size: SO_LINGER, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, and IPv6's."""
SCM_RIGHTS, SCM_CREDENTIALS = 1, 2
CONTROL_HEAD = 16
CONTROL_MAX = 4096
"""Bytes of control messages that are looked at."""


def length_at(call: Call, place: int) -> int | None:
    """A length in memory; None if it cannot be read."""
    try:
        return int.from_bytes(call.read(place, 4), "little", signed=True) if place else None
    except OSError:
        return None


def lengths(call: Call, place: int, before: int | None) -> str:
    """ "[16]", "[128 => 16]" after a call that changed it."""
    if before is None:
        return pointer(place)
    now = length_at(call, place) if call.result >= 0 else before
    return f"[{before}]" if now in (before, None) else f"[{before} => {now}]"


def socket(call: Call) -> Parts:
    """socket(2): the protocol is one of the address family's."""
    family = call.unsigned(0)
    yield [choice("address_family", family), call.symbol("socket_type", call.unsigned(1)), protocol(family, call.unsigned(2))]


def named(call: Call) -> Parts:
    """accept, getsockname and their like: the kernel stores an address."""
    before = length_at(call, call.args[2]) if call.args[1] else None
    yield [str(call.signed(0))]
    yield [
        stored_address(call, 1, before),
        lengths(call, call.args[2], before),
        *([call.symbol("socket_flags", call.unsigned(3))] if call.name == "accept4" else []),
    ]


def stored_address(call: Call, index: int, before: int | None) -> str:
    """The address that a call has stored; `before`: the room there was."""
    place = call.args[index]
    if call.result < 0 or before is None or not place:
        return pointer(place)
    now = length_at(call, call.args[index + 1])
    return call.sockaddr(place, min(before, now or 0))


def sendto(call: Call) -> Parts:
    """sendto(2)."""
    args = call.args
    shown = [str(call.signed(0)), call.data(args[1], args[2]), str(args[2]), flags("msg", call.unsigned(3))]
    yield [*shown, call.sockaddr(args[4], call.signed(5)), str(call.signed(5))]


def recvfrom(call: Call) -> Parts:
    """recvfrom(2)."""
    args = call.args
    before = length_at(call, args[5]) if args[4] else None
    yield [str(call.signed(0))]
    data = call.data(args[1], call.result) if call.result >= 0 else pointer(args[1])
    yield [data, str(args[2]), flags("msg", call.unsigned(3)), stored_address(call, 4, before), lengths(call, args[5], before)]


# -- options


def setsockopt(call: Call) -> Parts:
    """setsockopt(2): a number if it is as long as one, bytes otherwise."""
    level, option, place, size = call.unsigned(1), call.unsigned(2), call.args[3], call.signed(4)
    shown = [str(call.signed(0)), choice("socket_level", level), socket_option(level, option)]
    yield [*shown, option_value(call, level, option, place, size), str(size)]


def option_value(call: Call, level: int, option: int, place: int, size: int) -> str:
    """An option's value."""
    if not place or size < 0:
        return pointer(place)
    if (level, option) in OPTION_STRUCTS:
        kind, least = OPTION_STRUCTS[level, option]
        return call.struct(kind, place) if size >= least else pointer(place)
    return call.struct("int", place) if size == 4 else call.data(place, size)


def getsockopt(call: Call) -> Parts:
    """getsockopt(2)."""
    level, option, place = call.unsigned(1), call.unsigned(2), call.args[3]
    before = length_at(call, call.args[4])
    yield [str(call.signed(0)), choice("socket_level", level), socket_option(level, option)]
    value = pointer(place)
    if call.result >= 0 and before is not None:
        size = length_at(call, call.args[4]) or 0
        if level == SOL_SOCKET and option == SO_ERROR:
            value = pending_error(call, place, size)
        elif level == SOL_SOCKET and option == SO_PEERCRED and size == 12:
            value = call.struct("ucred", place)
        else:
            value = option_value(call, level, option, place, size)
    yield [value, lengths(call, call.args[4], before)]


def pending_error(call: Call, place: int, size: int) -> str:
    """SO_ERROR: an error's name."""
    if size < 4:
        return call.data(place, size, force_hex=True)
    try:
        number = unpack("<i", call.read(place, 4))[0]
    except OSError:
        return pointer(place)
    return f"[{ERRNOS[number][0] if number in ERRNOS else number}]"


# -- messages


def sendmsg(call: Call) -> Parts:
    """sendmsg(2)."""
    yield [str(call.signed(0)), header(call, call.args[1], -1, None), flags("msg", call.unsigned(2))]


def recvmsg(call: Call) -> Parts:
    """recvmsg(2): of a failed one, the room for an address is all that is known."""
    place = call.args[1]
    before = length_at(call, place + 8) if place and length_at(call, place + 52) is not None else None
    yield [str(call.signed(0))]
    text = pointer(place)
    if before is not None:
        text = header(call, place, call.result, before) if call.result >= 0 else f"{{msg_namelen={before}}}"
    yield [text, flags("msg", call.unsigned(2))]


def header(call: Call, place: int, received: int, room: int | None) -> str:
    """struct msghdr. `received`: bytes of its data that are there, all if negative; `room`: msg_namelen before the call."""
    if not place:
        return "NULL"
    try:
        name, name_size, iov, count, control, control_size, asked = unpack("<Qi4xQQQQI4x", call.read(place, 56))
    except OSError:
        return pointer(place)
    length = f"{room} => {name_size}" if room not in (None, name_size) else str(name_size)
    where = call.sockaddr(name, min(name_size, room) if room is not None else name_size)
    fields = [f"msg_name={where}", f"msg_namelen={length}", f"msg_iov={call.vectors(iov, count, received)}", f"msg_iovlen={count}"]
    if control_size:
        fields.append(f"msg_control={control_messages(call, control, control_size)}")
    fields += [f"msg_controllen={control_size}", f"msg_flags={flags('msg', asked)}"]
    return f"{{{', '.join(fields)}}}"


def control_messages(call: Call, place: int, size: int) -> str:
    """The control messages of a msghdr (include/linux/socket.h, CMSG_NXTHDR())."""
    if size < CONTROL_HEAD:
        return pointer(place)
    try:
        data = call.read(place, min(size, CONTROL_MAX))
    except OSError:
        return pointer(place)
    shown: list[str] = []
    start = 0
    while start + CONTROL_HEAD <= len(data):
        length, level, kind = unpack_from("<QII", data, start)
        if len(shown) == SHOWN:
            shown.append("...")
            break
        body = data[start + CONTROL_HEAD : start + min(length, len(data))]
        shown.append(control_message(length, level, kind, body))
        if length < CONTROL_HEAD:
            shown.append(f"... /* {place + start + CONTROL_HEAD:#x} */")
            break
        start += (length + 7) // 8 * 8
    return f"[{', '.join(shown)}]"


def control_message(length: int, level: int, kind: int, body: bytes) -> str:
    """One of them."""
    kind_name = choice("scm", kind) if level == SOL_SOCKET else hexadecimal(kind)
    text = f"cmsg_len={length}, cmsg_level={choice('socket_level', level)}, cmsg_type={kind_name}"
    if level == SOL_SOCKET and kind == SCM_RIGHTS and body:
        fds = unpack(f"<{len(body) // 4}i", body[: len(body) // 4 * 4])
        return f"{{{text}, cmsg_data=[{', '.join([*map(str, fds[:SHOWN]), *(['...'] if len(fds) > SHOWN else [])])}]}}"
    if level == SOL_SOCKET and kind == SCM_CREDENTIALS and len(body) >= 12:
        return f"{{{text}, cmsg_data={structs.ucred(body[:12])}}}"
    return f"{{{text}}}"


def several(call: Call) -> Parts:
    """sendmmsg and recvmmsg: as many messages as the result says."""
    place, count, asked = call.args[1], call.unsigned(2), flags("msg", call.unsigned(3))
    rest = [str(count), asked]
    if call.name == "sendmmsg":
        yield [str(call.signed(0))]
        yield [message_array(call, place, count, call.result), *rest]
        return
    timeout = call.struct("timespec", call.args[4])
    yield [str(call.signed(0))]
    yield [message_array(call, place, call.result, call.result) if call.result >= 0 else pointer(place), *rest, timeout]
    if call.result == 0:
        call.note = "Timeout"
    elif call.result > 0 and call.args[4]:
        call.note = f"left {call.struct('timespec', call.args[4])}"


def message_array(call: Call, place: int, count: int, done: int) -> str:
    """struct mmsghdr; msg_len of those that are done."""
    shown = []
    for index in range(min(count, SHOWN)):
        start = place + 64 * index
        length = length_at(call, start + 56)
        if length is None:
            if not index:
                return pointer(place)
            shown.append(f"... /* {start:#x} */")
            break
        received = length if call.name == "recvmmsg" else -1
        text = header(call, start, received, None)
        shown.append(f"{{msg_hdr={text}, msg_len={length}}}" if index < done else f"{{msg_hdr={text}}}")
    return f"[{', '.join(shown)}{', ...' if count > SHOWN else ''}]" if place else "NULL"


PRINTERS = {
    "socket": socket, "accept": named, "accept4": named, "getsockname": named, "getpeername": named, "sendto": sendto,
    "recvfrom": recvfrom, "setsockopt": setsockopt, "getsockopt": getsockopt, "sendmsg": sendmsg, "recvmsg": recvmsg, "sendmmsg": several,
    "recvmmsg": several,
}  # fmt: skip
