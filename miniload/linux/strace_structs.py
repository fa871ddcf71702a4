"""The structs of system calls as strace prints them."""

from __future__ import annotations

import os
from struct import unpack, unpack_from

from miniload.linux.symbolic import flags, mode, si_code, signal, sigset, symbol, wait_status
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.linux.process import Process

ESCAPES = {9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
RLIM_INFINITY = (1 << 64) - 1


class Decoder(Record):
    """`size(process)` bytes make one; `show(process, data)` prints it."""

    size: Callable[[Process], int]
    show: Callable[[Process, bytes], str]


def quoted(data: bytes) -> str:
    """A string in quotes: escapes of C, octal where there is none, as short as what follows allows."""
    shown = []
    for index, byte in enumerate(data):
        if byte in ESCAPES:
            shown.append(ESCAPES[byte])
        elif 32 <= byte < 127:
            shown.append(chr(byte))
        else:
            digit_follows = data[index + 1 : index + 2].isdigit() and data[index + 1 : index + 2] < b"8"
            shown.append(f"\\{byte:03o}" if digit_follows else f"\\{byte:o}")
    return '"' + "".join(shown) + '"'


def timespec(data: bytes) -> str:
    return "{{tv_sec={}, tv_nsec={}}}".format(*unpack("<qq", data))


def timeval(data: bytes) -> str:
    return "{{tv_sec={}, tv_usec={}}}".format(*unpack("<qq", data))


def pair(first: str, second: str, one: Callable[[bytes], str]) -> Callable[[bytes], str]:
    """Two of the same in a struct."""
    return lambda data: f"{{{first}={one(data[: len(data) // 2])}, {second}={one(data[len(data) // 2 :])}}}"


def several(one: Callable[[bytes], str]) -> Callable[[bytes], str]:
    """Two of the same in an array."""
    return lambda data: f"[{one(data[: len(data) // 2])}, {one(data[len(data) // 2 :])}]"


def rlimit(data: bytes) -> str:
    soft, hard = (limit_text(value) for value in unpack("<QQ", data))
    return f"{{rlim_cur={soft}, rlim_max={hard}}}"


def limit_text(value: int) -> str:
    if value == RLIM_INFINITY:
        return "RLIM64_INFINITY"
    return f"{value // 1024}*1024" if value and value % 1024 == 0 else str(value)


def pollfd(data: bytes) -> str:
    fd, events, returned = unpack("<ihh", data)
    text = f"{{fd={fd}, events={flags('poll', events & 0xFFFF)}"
    return text + (f", revents={flags('poll', returned & 0xFFFF)}}}" if returned else "}")


def stat(process: Process, data: bytes) -> str:
    """The abbreviated form: mode, and size or device."""
    if len(data) == 144:
        kind, size, device = unpack_from("<I", data, 24)[0], unpack_from("<q", data, 48)[0], unpack_from("<Q", data, 40)[0]
    else:
        kind, size, device = unpack_from("<I", data, 16)[0], unpack_from("<q", data, 48)[0], unpack_from("<Q", data, 32)[0]
    del process
    if kind & 0o170000 in (0o20000, 0o60000):
        return f"{{st_mode={mode(kind)}, st_rdev=makedev({os.major(device):#x}, {os.minor(device):#x}), ...}}"
    return f"{{st_mode={mode(kind)}, st_size={size}, ...}}"


def statx(data: bytes) -> str:
    mask, kind, size = unpack_from("<I", data, 0)[0], unpack_from("<H", data, 28)[0], unpack_from("<Q", data, 40)[0]
    return f"{{stx_mask={flags('statx', mask)}, stx_attributes=0, stx_mode={mode(kind)}, stx_size={size}, ...}}"


def sigaction(process: Process, data: bytes) -> str:
    """struct sigaction: the restorer only where it is there and used."""
    words = unpack(f"<{len(data) // 8}Q", data)
    handler = {0: "SIG_DFL", 1: "SIG_IGN"}.get(words[0], f"{words[0]:#x}")
    text = f"{{sa_handler={handler}, sa_mask={sigset(words[-1])}, sa_flags={flags('sigaction', words[1] & 0xFFFFFFFF)}"
    if process.abi.has_restorer and words[1] & 0x04000000:
        text += f", sa_restorer={words[2]:#x}"
    return text + "}"


def stack(data: bytes) -> str:
    place, asked, size = unpack("<Qi4xQ", data)
    return f"{{ss_sp={f'{place:#x}' if place else 'NULL'}, ss_flags={flags('sigaltstack', asked)}, ss_size={size}}}"


def siginfo(data: bytes) -> str:
    """By the signal: who sent it, where it happened, which child."""
    number, error, code = unpack_from("<iii", data)
    text = f"si_signo={signal(number)}, si_code={si_code(number, code)}"
    if error:
        text += f", si_errno={error}"
    if number == 17 and code > 0:
        pid, user, status = unpack_from("<iii", data, 16)
        shown = str(status) if code == 1 else signal(status)
        return f"{{{text}, si_pid={pid}, si_uid={user}, si_status={shown}, si_utime=0, si_stime=0}}"
    if code > 0 and number in (4, 5, 7, 8, 11):
        address = unpack_from("<Q", data, 16)[0]
        return f"{{{text}, si_addr={f'{address:#x}' if address else 'NULL'}}}"
    if code <= 0:
        text += ", si_pid={}, si_uid={}".format(*unpack_from("<ii", data, 16))
    return f"{{{text}}}"


def sockaddr(data: bytes) -> str:
    """By the family."""
    if len(data) < 2:
        return quoted(data)
    family = unpack_from("<H", data)[0]
    name = symbol("address_family", family)
    if family == AF_UNIX:
        path = data[2:]
        if path[:1] == b"\0":
            return f"{{sa_family={name}, sun_path=@{quoted(path[1:])}}}"
        return f"{{sa_family={name}, sun_path={quoted(path.split(bytes(1), 1)[0])}}}"
    if family == AF_INET and len(data) >= 8:
        address = ".".join(map(str, data[4:8]))
        return f'{{sa_family={name}, sin_port=htons({int.from_bytes(data[2:4], "big")}), sin_addr=inet_addr("{address}")}}'
    if family == AF_INET6 and len(data) >= 28:
        import socket

        address = socket.inet_ntop(socket.AF_INET6, data[8:24])
        port, info, scope = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big"), unpack_from("<I", data, 24)[0]
        inner = f'inet_pton(AF_INET6, "{address}", &sin6_addr)'
        return f"{{sa_family={name}, sin6_port=htons({port}), sin6_flowinfo=htonl({info}), {inner}, sin6_scope_id={scope}}}"
    if family == AF_NETLINK and len(data) >= 12:
        return "{{sa_family={}, nl_pid={}, nl_groups={:08x}}}".format(name, *unpack_from("<II", data, 4))
    return f"{{sa_family={name}, sa_data={quoted(data[2:])}}}"


def utsname(data: bytes) -> str:
    system, node = (data[65 * i : 65 * (i + 1)].split(b"\0", 1)[0] for i in range(2))
    return f"{{sysname={quoted(system)}, nodename={quoted(node)}, ...}}"


def statfs(data: bytes) -> str:
    kind, block, blocks, free, available, files, free_files, low, high, longest, fragment, asked = unpack_from("<qqQQQQQiiqqq", data)
    text = f"{{f_type={symbol('fs_magic', kind & 0xFFFFFFFF)}, f_bsize={block}, f_blocks={blocks}, f_bfree={free}, f_bavail={available}, f_files={files}"
    ids = f"f_fsid={{val=[{low & 0xFFFFFFFF:#x}, {high & 0xFFFFFFFF:#x}]}}"
    return f"{text}, f_ffree={free_files}, {ids}, f_namelen={longest}, f_frsize={fragment}, f_flags={symbol('statfs', asked)}}}"


def rusage(data: bytes) -> str:
    return f"{{ru_utime={timeval(data[:16])}, ru_stime={timeval(data[16:32])}, ...}}"


def epoll_event(process: Process, data: bytes) -> str:
    events, word = unpack("<IQ" if process.abi.epoll_packed else "<I4xQ", data)
    return f"{{events={flags('epoll', events)}, data={{u32={word & 0xFFFFFFFF}, u64={word}}}}}"


def sysinfo(data: bytes) -> str:
    up, one, five, fifteen, total, free = unpack_from("<qQQQQQ", data)
    return f"{{uptime={up}, loads=[{one}, {five}, {fifteen}], totalram={total}, freeram={free}, ...}}"


def integer(data: bytes) -> str:
    return f"[{int.from_bytes(data, 'little', signed=True)}]"


def fixed(size: int, show: Callable[[bytes], str]) -> Decoder:
    """A struct that is the same everywhere."""
    return Decoder(lambda _process: size, lambda _process, data: show(data))


DECODERS = {
    "int": fixed(4, integer),
    "long": fixed(8, integer),
    "off": fixed(8, integer),
    "status": fixed(4, lambda data: wait_status(int.from_bytes(data, "little"))),
    "fds": fixed(8, lambda data: "[{}, {}]".format(*unpack("<ii", data))),
    "timespec": fixed(16, timespec),
    "timespec2": fixed(32, several(timespec)),
    "timeval": fixed(16, timeval),
    "timeval2": fixed(32, several(timeval)),
    "itimerval": fixed(32, pair("it_interval", "it_value", timeval)),
    "itimerspec": fixed(32, pair("it_interval", "it_value", timespec)),
    "rlimit": fixed(16, rlimit),
    "pollfd": fixed(8, pollfd),
    "stat": Decoder(lambda process: 144 if process.abi.epoll_packed else 128, stat),
    "statx": fixed(256, statx),
    "statfs": fixed(120, statfs),
    "sigset": fixed(8, lambda data: sigset(int.from_bytes(data, "little"))),
    "sigaction": Decoder(lambda process: 32 if process.abi.has_restorer else 24, sigaction),
    "stack": fixed(24, stack),
    "siginfo": fixed(128, siginfo),
    "utsname": fixed(390, utsname),
    "rusage": fixed(144, rusage),
    "epoll_event": Decoder(lambda process: 12 if process.abi.epoll_packed else 16, epoll_event),
    "sysinfo": fixed(112, sysinfo),
}
