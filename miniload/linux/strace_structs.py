"""The structs of system calls as strace prints them."""

from __future__ import annotations

from _socket import inet_ntop
from os import major, minor
from struct import unpack, unpack_from
from time import localtime, strftime

from miniload.linux.errnos import ERRNOS
from miniload.linux.symbolic import choice, flags, mode, number, si_code, signal, sigset, symbol, wait_status
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.linux.process import Process

ESCAPES = {9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
RLIM_INFINITY = (1 << 64) - 1
LAST_CAPABILITY = 40
ST_VALID = 0x20
SIGCHLD, SIGIO, FAULTS = 17, 29, (4, 5, 7, 8, 11)
SI_USER, SI_KERNEL, SI_TIMER, SI_TKILL, CLD_EXITED = 0, 128, -2, -6, 1
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2


class Decoder(Record):
    """`size(process)` bytes make one; `show(process, data)` prints it."""

    size: Callable[[Process], int]
    show: Callable[[Process, bytes], str]


def quoted(data: bytes, force_hex: bool = False) -> str:
    """A string in quotes: escapes of C, octal where there is none, as short as what follows allows."""
    shown = []
    for index, byte in enumerate(data):
        if force_hex:
            shown.append(f"\\x{byte:02x}")
        elif byte in ESCAPES:
            shown.append(ESCAPES[byte])
        elif 32 <= byte < 127:
            shown.append(chr(byte))
        else:
            digit_follows = data[index + 1 : index + 2].isdigit() and data[index + 1 : index + 2] < b"8"
            shown.append(f"\\{byte:03o}" if digit_follows else f"\\{byte:o}")
    return '"' + "".join(shown) + '"'


def address(value: int) -> str:
    return f"{value:#x}" if value else "NULL"


def timespec(data: bytes) -> str:
    return "{{tv_sec={}, tv_nsec={}}}".format(*unpack("<qQ", data))


def timeval(data: bytes) -> str:
    return "{{tv_sec={}, tv_usec={}}}".format(*unpack("<qQ", data))


def file_timeval(data: bytes) -> str:
    """utimes's."""
    seconds, part = unpack("<qQ", data)
    return timeval(data) + date(seconds, part, 6)


def file_time(data: bytes) -> str:
    """utimensat's: with the date, or one of the two that mean something else."""
    seconds, part = unpack("<qQ", data)
    special = {UTIME_NOW: "UTIME_NOW", UTIME_OMIT: "UTIME_OMIT"}.get(part)
    return special or timespec(data) + date(seconds, part, 9)


def date(seconds: int, part: int, digits: int) -> str:
    """A comment with the local time; nothing for a time that there is not."""
    if not (seconds or part) or part >= 10**digits:
        return ""
    try:
        broken = localtime(seconds)
        text = strftime("%Y-%m-%dT%H:%M:%S", broken)
    except (OverflowError, ValueError, OSError):
        return ""
    return f" /* {text}{f'.{part:0{digits}}' if part else ''}{strftime('%z', broken)} */"


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
    """As it is asked: what is returned goes with the result. A negative descriptor is left out by the kernel."""
    fd, events = unpack_from("<iH", data)
    return f"{{fd={fd}, events={flags('poll', events)}}}" if fd >= 0 else f"{{fd={fd}}}"


def stat(process: Process, data: bytes) -> str:
    """The abbreviated form: mode, and size or device."""
    if len(data) == 144:
        kind, size, device = unpack_from("<I", data, 24)[0], unpack_from("<q", data, 48)[0], unpack_from("<Q", data, 40)[0]
    else:
        kind, size, device = unpack_from("<I", data, 16)[0], unpack_from("<q", data, 48)[0], unpack_from("<Q", data, 32)[0]
    del process
    if kind & 0o170000 in (0o20000, 0o60000):
        return f"{{st_mode={mode(kind)}, st_rdev=makedev({number(major(device))}, {number(minor(device))}), ...}}"
    return f"{{st_mode={mode(kind)}, st_size={size}, ...}}"


def statx(data: bytes) -> str:
    mask, _, attributes = unpack_from("<IIQ", data)
    kind, size = unpack_from("<H", data, 28)[0], unpack_from("<Q", data, 40)[0]
    shown = flags("statx_attributes", attributes)
    return f"{{stx_mask={flags('statx', mask)}, stx_attributes={shown}, stx_mode={mode(kind)}, stx_size={size}, ...}}"


def sigaction(process: Process, data: bytes) -> str:
    """struct sigaction: the restorer only where it is there and used."""
    words = unpack(f"<{len(data) // 8}Q", data)
    handler = {0: "SIG_DFL", 1: "SIG_IGN"}.get(words[0], f"{words[0]:#x}")
    text = f"{{sa_handler={handler}, sa_mask={sigset(words[-1])}, sa_flags={flags('sigaction', words[1])}"
    if process.abi.has_restorer and words[1] & 0x04000000:
        text += f", sa_restorer={words[2]:#x}"
    return text + "}"


def stack(data: bytes) -> str:
    place, asked, size = unpack("<Qi4xQ", data)
    return f"{{ss_sp={f'{place:#x}' if place else 'NULL'}, ss_flags={flags('sigaltstack', asked)}, ss_size={size}}}"


def siginfo(data: bytes) -> str:
    """By the signal: who sent it, where it happened, which child, which timer."""
    signo, error, code = unpack_from("<iii", data)
    if not (signo or error or code):
        return "{}"
    text = f"si_signo={signal(signo)}, si_code={si_code(signo, code)}"
    if error:
        text += f", si_errno={errno_name(error)}"
    if signo == SIGCHLD and code > 0 and code != SI_KERNEL:
        pid, user, status = unpack_from("<iIi", data, 16)
        shown = str(status) if code == CLD_EXITED else signal(status)
        times = ", ".join(f"{name}={clock_ticks(value)}" for name, value in zip(("si_utime", "si_stime"), unpack_from("<qq", data, 32), strict=False))
        return f"{{{text}, si_pid={pid}, si_uid={user}, si_status={shown}, {times}}}"
    if code == SI_KERNEL:
        return f"{{{text}}}"
    if code > 0 and signo in FAULTS:
        return f"{{{text}, si_addr={address(unpack_from('<Q', data, 16)[0])}}}"
    if code > 0 and signo == SIGIO:
        return "{{{}, si_band={}, si_fd={}}}".format(text, *unpack_from("<qi", data, 16))
    return f"{{{text}{sender(code, data)}}}"


def sender(code: int, data: bytes) -> str:
    """Of a siginfo whose code is not the kernel's own: the process or the timer, and the value that was sent along."""
    first, second = unpack_from("<iI", data, 16)
    who = f", si_timerid={number(first)}, si_overrun={second}" if code == SI_TIMER else f", si_pid={first}, si_uid={second}"
    value = unpack_from("<Q", data, 24)[0]
    sent = f", si_int={unpack_from('<i', data, 24)[0]}, si_ptr={address(value)}"
    if code in (SI_USER, SI_TKILL):
        return who
    return (who if code == SI_TIMER or first or second else "") + (sent if code == SI_TIMER or value else "")


def clock_ticks(value: int) -> str:
    """Times of SIGCHLD, in hundredths of a second."""
    return f"{value} /* {value / 100:.2f} s */" if value else "0"


def errno_name(value: int) -> str:
    return ERRNOS[value][0] if value in ERRNOS else str(value)


def sockaddr(data: bytes) -> str:
    """By the family. `data`: at least two bytes, at most a struct sockaddr_storage."""
    family = unpack_from("<H", data)[0]
    name = symbol("address_family", family)
    if len(data) == 2:
        return f"{{sa_family={name}}}"
    text = None
    if family == AF_UNIX:
        text = unix_path(data[2:])
    elif family == AF_INET and len(data) >= 8:
        text = f"sin_port=htons({int.from_bytes(data[2:4], 'big')}), sin_addr=inet_addr({dotted(data[4:8])})"
    elif family == AF_INET6 and len(data) >= 24:
        port, info = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big")
        text = f"sin6_port=htons({port}), sin6_flowinfo=htonl({info}), inet_pton(AF_INET6, {colons(data[8:24])}, &sin6_addr)"
        text += f", sin6_scope_id={unpack_from('<I', data, 24)[0]}" if len(data) >= 28 else ""
    elif family == AF_NETLINK and len(data) >= 12:
        pid, groups = unpack_from("<II", data, 4)
        text = f"nl_pid={pid}, nl_groups={f'{groups:#08x}' if groups else '00000000'}"
    return f"{{sa_family={name}, {text or f'sa_data={quoted(data[2:])}'}}}"


def unix_path(path: bytes) -> str:
    """A path up to its NUL, or an abstract name, which may have some."""
    return f"sun_path=@{quoted(path[1:])}" if path[:1] == b"\0" else f"sun_path={quoted(path.split(bytes(1), 1)[0])}"


def dotted(data: bytes) -> str:
    """An IPv4 address in quotes."""
    return f'"{".".join(map(str, data))}"'


def colons(data: bytes) -> str:
    """An IPv6 address in quotes."""
    return f'"{inet_ntop(AF_INET6, data)}"'


def utsname(data: bytes) -> str:
    system, node = (data[65 * i : 65 * (i + 1)].split(b"\0", 1)[0] for i in range(2))
    return f"{{sysname={quoted(system)}, nodename={quoted(node)}, ...}}"


def statfs(data: bytes) -> str:
    kind, block, blocks, free, available, files, free_files, low, high, longest, fragment, asked = unpack_from("<qqQQQQQiiqqq", data)
    text = f"{{f_type={symbol('fs_magic', kind & 0xFFFFFFFF)}, f_bsize={block}, f_blocks={blocks}, f_bfree={free}, f_bavail={available}, f_files={files}"
    shown = f", f_flags={symbol('statfs', asked)}" if asked & ST_VALID else ""
    ids = f"f_fsid={{val=[{number(low & 0xFFFFFFFF)}, {number(high & 0xFFFFFFFF)}]}}"
    return f"{text}, f_ffree={free_files}, {ids}, f_namelen={longest}, f_frsize={fragment}{shown}}}"


def rusage(data: bytes) -> str:
    return f"{{ru_utime={timeval(data[:16])}, ru_stime={timeval(data[16:32])}, ...}}"


def epoll_event(process: Process, data: bytes) -> str:
    events, word = unpack("<IQ" if process.abi.epoll_packed else "<I4xQ", data)
    return f"{{events={flags('epoll', events)}, data={{u32={word & 0xFFFFFFFF}, u64={word}}}}}"


def sysinfo(data: bytes) -> str:
    up, one, five, fifteen, *memory = unpack_from("<qQQQQQQQQQ", data)
    sizes = ", ".join(f"{name}={value}" for name, value in zip(("totalram", "freeram", "sharedram", "bufferram", "totalswap", "freeswap"), memory, strict=True))
    processes, high, free_high, unit = unpack_from("<H6xQQI", data, 80)
    loads = f"loads=[{one}, {five}, {fifteen}]"
    return f"{{uptime={up}, {loads}, {sizes}, procs={processes}, totalhigh={high}, freehigh={free_high}, mem_unit={unit}}}"


def tms(data: bytes) -> str:
    names = ("tms_utime", "tms_stime", "tms_cutime", "tms_cstime")
    return f"{{{', '.join(f'{name}={clock_ticks(value)}' for name, value in zip(names, unpack('<4Q', data), strict=True))}}}"


def termios(data: bytes) -> str:
    """The kernel's struct termios (asm-generic/termbits.h), without the control characters."""
    into, out, control, local = unpack_from("<IIII", data)
    delays = (("nl_delay", 0x100), ("cr_delay", 0x600), ("tab_delay", 0x1800), ("bs_delay", 0x2000), ("vt_delay", 0x4000), ("ff_delay", 0x8000))
    mask = sum(bits for _, bits in delays)
    shown = [choice(kind, out & bits) for kind, bits in delays] + [set_bits("c_oflag", out & ~mask)]
    speed, input_speed = control & 0x100F, control >> 16 & 0x100F
    speeds = [choice("baud", speed)] + ([f"{choice('baud', input_speed)}<<IBSHIFT"] if input_speed else [])
    rest = control & ~0x100F & ~(0x100F << 16) & ~0x30
    controls = [*speeds, choice("character_size", control & 0x30), set_bits("c_cflag", rest)]
    texts = f"c_iflag={set_bits('c_iflag', into)}, c_oflag={'|'.join(shown)}, c_cflag={'|'.join(controls)}, c_lflag={set_bits('c_lflag', local)}"
    return f"{{{texts}, ...}}"


def set_bits(kind: str, value: int) -> str:
    """Flags; nothing at all for none."""
    return flags(kind, value) if value else ""


def flock(data: bytes, got: bool = False) -> str:
    kind, whence, start, length, pid = unpack_from("<hh4xqqi", data)
    owner = f", l_pid={pid}" if got else ""
    return f"{{l_type={choice('lock_type', kind)}, l_whence={choice('seek', whence)}, l_start={start}, l_len={length}{owner}}}"


def owner(data: bytes) -> str:
    kind, pid = unpack("<Ii", data)
    return f"{{type={choice('owner_type', kind)}, pid={pid}}}"


def open_how(process: Process, data: bytes) -> str:
    asked, mode_bits, resolve = unpack("<QQQ", data)
    own = __import__(f"miniload.arch.{process.arch.name}.abi", fromlist=["FLAGS"]).FLAGS
    shown = [f"flags={symbol('open', asked & 0xFFFFFFFF, own)}"]
    if mode_bits or asked & 0o20000100:
        shown.append(f"mode={symbol('mode', mode_bits)}")
    shown.append(f"resolve={flags('resolve', resolve)}")
    return f"{{{', '.join(shown)}}}"


def sigevent(data: bytes) -> str:
    value, signo, notify, function, attributes = unpack_from("<QIIQQ", data)
    kind = choice("sigev", notify)
    shown = signal(signo) if kind in ("SIGEV_SIGNAL", "SIGEV_THREAD", "SIGEV_THREAD_ID") else str(signo)
    low = unpack_from("<i", data)[0]
    text = f"sigev_value={{sival_int={low}, sival_ptr={address(value)}}}, " if value else ""
    text += f"sigev_signo={shown}, sigev_notify={kind}"
    if kind == "SIGEV_THREAD_ID":
        text += f", sigev_notify_thread_id={unpack_from('<i', data, 16)[0]}"
    elif kind == "SIGEV_THREAD":
        text += f", sigev_notify_function={address(function)}, sigev_notify_attributes={address(attributes)}"
    return f"{{{text}}}"


def cap_header(data: bytes) -> str:
    return "{{version={}, pid={}}}".format(choice("cap_version", unpack_from("<I", data)[0]), unpack_from("<i", data, 4)[0])


def cap_data(data: bytes) -> str:
    """The sets are in two halves, of version 1 only the first."""
    words = unpack("<6I", data.ljust(24, b"\0"))
    sets = (f"{name}={capability_set(words[i] | words[i + 3] << 32)}" for i, name in enumerate(("effective", "permitted", "inheritable")))
    return f"{{{', '.join(sets)}}}"


def capability_set(value: int) -> str:
    names = [f"1<<{choice('capability', bit)}" for bit in range(LAST_CAPABILITY + 1) if value >> bit & 1]
    rest = value >> LAST_CAPABILITY + 1 << LAST_CAPABILITY + 1
    if rest:
        names.append(f"{rest:#x} /* CAP_??? */")
    return "|".join(names) or "0"


def sembuf(data: bytes) -> str:
    return "{{sem_num={}, sem_op={}, sem_flg={}}}".format(*unpack_from("<Hh", data), flags("semop", unpack_from("<H", data, 4)[0]))


def mq_attr(data: bytes, new: bool = False) -> str:
    """`new`: of a queue that is made, where the flags mean nothing."""
    asked, *rest = unpack_from("<4q", data)
    return "{{mq_flags={}, mq_maxmsg={}, mq_msgsize={}, mq_curmsgs={}}}".format(number(asked & (1 << 64) - 1) if new else flags("mq_flags", asked), *rest)


def sched_attr(data: bytes) -> str:
    size, policy, asked, nice, priority, runtime, deadline, period = unpack_from("<IIQiIQQQ", data)
    if size < 48:
        return f"{{size={size}}}"
    text = f"size={size}, sched_policy={choice('sched', policy)}, sched_flags={flags('sched_flags', asked)}, sched_nice={nice}"
    return f"{{{text}, sched_priority={priority}, sched_runtime={runtime}, sched_deadline={deadline}, sched_period={period}}}"


def one_id(data: bytes) -> str:
    value = int.from_bytes(data, "little")
    return f"[{-1 if value == 0xFFFFFFFF else value}]"


def fields(form: str, *names: str) -> Callable[[bytes], str]:
    """A struct of plain numbers."""
    return lambda data: f"{{{', '.join(f'{name}={value}' for name, value in zip(names, unpack_from(form, data), strict=True))}}}"


ucred = fields("<iII", "pid", "uid", "gid")


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
    "utimes": fixed(32, several(file_time)),
    "utimes_old": fixed(32, several(file_timeval)),
    "timezone": fixed(8, fields("<ii", "tz_minuteswest", "tz_dsttime")),
    "utimbuf": fixed(16, lambda data: "{{actime={}{}, modtime={}{}}}".format(*(part for time in unpack("<qq", data) for part in (time, date(time, 0, 9))))),
    "tms": fixed(32, tms),
    "termios": fixed(36, termios),
    "winsize": fixed(8, fields("<HHHH", "ws_row", "ws_col", "ws_xpixel", "ws_ypixel")),
    "linger": fixed(8, fields("<ii", "l_onoff", "l_linger")),
    "ucred": fixed(12, ucred),
    "flock": fixed(32, flock),
    "flock_got": fixed(32, lambda data: flock(data, True)),
    "owner": fixed(8, owner),
    "open_how": Decoder(lambda _process: 24, open_how),
    "sigevent": fixed(64, sigevent),
    "cap_header": fixed(8, cap_header),
    "cap_data": fixed(24, cap_data),
    "cap_data_1": fixed(12, cap_data),
    "ip_mreq": fixed(8, lambda data: f"{{imr_multiaddr=inet_addr({dotted(data[:4])}), imr_interface=inet_addr({dotted(data[4:])})}}"),
    "ipv6_mreq": fixed(20, lambda data: f"{{inet_pton(AF_INET6, {colons(data[:16])}, &ipv6mr_multiaddr), ipv6mr_interface={unpack_from('<I', data, 16)[0]}}}"),
    "sembuf": fixed(6, sembuf),
    "mq_attr": fixed(64, mq_attr),
    "mq_attr_new": fixed(64, lambda data: mq_attr(data, True)),
    "sched_attr": fixed(48, sched_attr),
    "id": fixed(4, one_id),
    "signal": fixed(4, lambda data: f"[{signal(int.from_bytes(data, 'little', signed=True))}]"),
    "address": fixed(8, lambda data: f"[{address(int.from_bytes(data, 'little'))}]"),
}
