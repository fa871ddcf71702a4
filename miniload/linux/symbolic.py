"""Prints the numbers that system calls take as strace 6.1 prints them: `O_RDONLY|O_CLOEXEC`, `SEEK_SET`, `S_IFREG|0644`, `[INT TERM]`.

`symbol(kind, value, own)` is the way in: it knows which function prints each kind. `own` is arch/<name>/abi.py's FLAGS. A value is taken as the
kernel takes it, an int of 32 bits, except where a function says otherwise; negative ones and ones with more bits are welcome.
KeyError for a kind that there is not.
"""

from __future__ import annotations

from miniload.linux.choices import CHOICES
from miniload.linux.flags import FLAGS
from miniload.linux.ioctls import IOCTLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Own = Mapping[str, Mapping[str, int]]

WORD = 0xFFFF_FFFF
QUAD = 0xFFFF_FFFF_FFFF_FFFF
NO_OWN: Own = {}
QUAD_KINDS = frozenset(
    ("clone", "mremap", "mount", "prot", "resolve", "sched_flags", "sigaction", "unshare", "seals", "dnotify", "perf_event_open", "statx_attributes")
)
"""Flags that the kernel takes as an unsigned long."""

_named: dict[str, list[tuple[int, str]]] = {}
_chosen: dict[str, dict[int, str]] = {}


def number(value: int) -> str:
    """Hexadecimal, as C's %#x: zero has no 0x."""
    return f"{value:#x}" if value else "0"


def pairs(text: str) -> list[tuple[int, str]]:
    """ "NAME=VALUE NAME ..." as (value, name) in order. A name without a value is one more than the last; one whose value is `none` is (-1, name)."""
    found = []
    value = -1
    for word in text.split():
        name, has_value, digits = word.partition("=")
        value = (-1 if digits == "none" else int(digits, 0)) if has_value else value + 1
        found.append((value, name))
    return found


def names(kind: str, own: Own = NO_OWN) -> list[tuple[int, str]]:
    """The (value, name) of a kind of flags in the order of printing, with the architecture's own values."""
    if kind not in _named:
        _named[kind] = pairs(FLAGS[kind][1])
    values = own.get(kind)
    return _named[kind] if values is None else [(values.get(name, value), name) for value, name in _named[kind]]


def chosen(kind: str) -> dict[int, str]:
    """The names of a kind of choice by value, as 32 bits unsigned."""
    if kind not in _chosen:
        _chosen[kind] = {value & WORD: name for value, name in pairs(CHOICES[kind][1])}
    return _chosen[kind]


def known(kind: str, value: int, own: Own = NO_OWN) -> tuple[list[str], int]:
    """The names of the flags in a value that is not negative, and what is left of it."""
    found = []
    for bits, name in names(kind, own):
        if bits > 0 and value & bits == bits:
            found.append(name)
            value &= ~bits
    return found, value


def flags(kind: str, value: int, own: Own = NO_OWN) -> str:
    """ "A|B|0x40", "0x40 /* A_??? */" if no bit is known; for 0 the name of 0, or "0"."""
    value &= QUAD if kind in QUAD_KINDS else WORD
    if value == 0:
        return next((name for bits, name in names(kind, own) if bits == 0), "0")
    found, rest = known(kind, value, own)
    unknown = FLAGS[kind][0]
    if not found and unknown:
        return f"{number(rest)} /* {unknown} */"
    return "|".join([*found, number(rest)] if rest else found)


def choice(kind: str, value: int, _own: Own = NO_OWN) -> str:
    """ "SEEK_SET"; "0x7 /* SEEK_??? */" if unknown."""
    value &= WORD
    name = chosen(kind).get(value)
    if name is not None:
        return name
    unknown = CHOICES[kind][0]
    return f"{number(value)} /* {unknown} */" if unknown else number(value)


def field(kind: str, kind_of_flags: str, mask: int, value: int, own: Own) -> str:
    """A number that has a choice in the bits of `mask` and flags in the others: "O_RDONLY|O_CLOEXEC"."""
    value &= WORD
    found, rest = known(kind_of_flags, value & ~mask, own)
    return "|".join([choice(kind, value & mask), *found, *([number(rest)] if rest else [])])


def huge(kind: str, shift_name: str, value: int, own: Own) -> str:
    """Flags with the logarithm of a page size above bit 26: "MFD_HUGETLB|21<<MFD_HUGE_SHIFT"."""
    value &= WORD
    size = [f"{value >> 26}<<{shift_name}"] if value >> 26 else []
    rest = value & 0x3FF_FFFF
    return "|".join(size if size and not rest else [flags(kind, rest, own), *size])


def open_flags(value: int, own: Own = NO_OWN) -> str:
    """open(2)'s and F_SETFL's."""
    return field("open_access", "open", 3, value, own)


def mapping_flags(value: int, own: Own = NO_OWN) -> str:
    """mmap(2)'s."""
    value &= WORD
    size = value >> 26
    text = field("map_type", "map_flags", 0xF, value & 0x3FF_FFFF, own)
    return f"{text}|{size}<<MAP_HUGE_SHIFT" if size else text


def statx_flags(value: int, own: Own = NO_OWN) -> str:
    """statx(2)'s: AT_* with the kind of synchronisation."""
    found, rest = known("at", value & WORD & ~0x6000, own)
    return "|".join([flags("statx_sync", value & 0x6000), *found, *([number(rest)] if rest else [])])


def persona(value: int, own: Own = NO_OWN) -> str:
    """personality(2)'s; 0xffffffff only asks."""
    return number(WORD) if value & WORD == WORD else field("personality_type", "personality_flags", 0xFF, value, own)


def memfd_flags(value: int, own: Own = NO_OWN) -> str:
    """memfd_create(2)'s."""
    return huge("memfd_flags", "MFD_HUGE_SHIFT", value, own)


def socket_type(value: int, own: Own = NO_OWN) -> str:
    """socket(2)'s type with its flags."""
    value &= WORD
    kind = chosen("socket_kind").get(value & 0xF)
    if kind is None:
        return flags("socket_flags", value, own)
    return kind if value < 0x10 else f"{kind}|{flags('socket_flags', value & ~0xF, own)}"


def protocol(family: int, value: int) -> str:
    """socket(2)'s protocol, which is one of its address family's."""
    kind = {2: "ip_protocol", 10: "ip_protocol", 16: "netlink", 31: "bluetooth"}.get(family)
    if family == 17:  # AF_PACKET has it in network byte order
        value &= 0xFFFF
        return f"htons({choice('ethernet', value >> 8 | (value & 0xFF) << 8)})"
    return choice(kind, value) if kind else str(value)


def socket_option(level: int, value: int) -> str:
    """setsockopt(2)'s option, which is one of its level's."""
    kind = {0: "ip", 1: "so", 6: "tcp", 17: "udp", 41: "ipv6", 255: "raw", 263: "packet", 270: "netlink_option"}.get(level)
    return choice(kind, value) if kind else str(value & WORD)


def futex(value: int, _own: Own = NO_OWN) -> str:
    """futex(2)'s operation with its flags, of which FUTEX_CLOCK_REALTIME goes with the operations that had it by Linux 5.13."""
    value &= WORD
    name = chosen("futex_op").get(value & ~0x180)
    if name is None or (value & 0x100 and value & ~0x180 not in (0, 9, 11)):
        return f"{number(value)} /* FUTEX_??? */"
    return name + ("_PRIVATE" if value & 0x80 else "") + ("|FUTEX_CLOCK_REALTIME" if value & 0x100 else "")


def clone_flags(value: int, own: Own = NO_OWN) -> str:
    """clone(2)'s: flags with the signal at exit in the low byte. clone3's have no signal: kind "clone3"."""
    value &= WORD
    parts = [flags("clone", value & ~0xFF, own)] if value & ~0xFF else []
    return "|".join([*parts, signal(value & 0xFF)] if value & 0xFF else parts) or "0"


def ipc_command(kind: str, value: int) -> str:
    """The command of shmctl, semctl or msgctl; IPC_64 is a flag in it."""
    return f"IPC_64|{choice(kind, value & ~0x100)}" if value & 0x100 else choice(kind, value)


def ipc_flags(kind: str, value: int, own: Own, size: str | None = None) -> str:
    """The flags of shmget, semget or msgget with the permissions: "IPC_CREAT|0600"."""
    value &= WORD
    above = value & ~0o777
    if not above:
        return octal(value)
    text = huge(kind, size, above, own) if size else flags(kind, above, own)
    return f"{text}|{octal(value & 0o777)}"


def signal(value: int, _own: Own = NO_OWN) -> str:
    """ "SIGINT", "SIGRTMIN" for 32 (the kernel's, not the C library's), "SIGRT_1" for 33; a number that is no signal as it is."""
    if 32 < value <= 64:
        return f"SIGRT_{value - 32}"
    return chosen("signal").get(value) or str((value + 0x8000_0000 & WORD) - 0x8000_0000)


def sigset(value: int, _own: Own = NO_OWN) -> str:
    """A set of signals, bit 0 for signal 1: "[INT TERM]"; "~[KILL STOP]" if it has two thirds of them. 64 bits."""
    value &= QUAD
    inverted = bin(value).count("1") >= 64 * 2 // 3
    if inverted:
        value ^= QUAD
    members = [signal(index + 1).removeprefix("SIG") for index in range(64) if value >> index & 1]
    return f"{'~' if inverted else ''}[{' '.join(members)}]"


def wait_status(value: int, _own: Own = NO_OWN) -> str:
    """wait4(2)'s status: "[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]"."""
    value &= WORD
    event, low = value >> 16, value & 0xFFFF
    if low == 0xFFFF and not event:
        return "[{WIFCONTINUED(s)}]"
    if low & 0x7F == 0:
        text = f"{{WIFEXITED(s) && WEXITSTATUS(s) == {low >> 8}}}"
        text += "|0x80" if low & 0x80 else ""
    elif low & 0xFF == 0x7F and low >> 8 != 0xFF and low >> 8 != 0x7F:
        stop = low >> 8
        text = f"{{WIFSTOPPED(s) && WSTOPSIG(s) == {signal(stop & 0x7F)}{' | 0x80' if stop & 0x80 else ''}}}"
    elif low & 0x7F != 0x7F and low < 0x100:
        text = f"{{WIFSIGNALED(s) && WTERMSIG(s) == {signal(low & 0x7F)}{' && WCOREDUMP(s)' if low & 0x80 else ''}}}"
    else:
        return f"[{number(value)}]"
    return f"[{text}|{choice('ptrace_event', event)}<<16]" if event else f"[{text}]"


def octal(value: int, _own: Own = NO_OWN) -> str:
    """Permissions as a number: "0644", "000"."""
    return f"0{value & 0xFFFF:02o}" if value & 0xFFFF < 0o100 else f"0{value & 0xFFFF:o}"


def mode(value: int, _own: Own = NO_OWN) -> str:
    """A file's type and permissions: "S_IFREG|S_ISUID|0755"; octal if the type is none that there is."""
    value &= 0xFFFF
    kind = chosen("file_type").get(value & 0o170000)
    if kind is None and value & 0o170000:
        return octal(value)
    found, rest = known("mode_bits", value & 0o7777)
    return "|".join([*([kind] if kind else []), *found, octal(rest)])


def si_code(signal_number: int, value: int) -> str:
    """siginfo's si_code for a signal: "SI_USER", "SEGV_MAPERR"."""
    value &= WORD
    kind = f"si_code_{signal(signal_number)}"
    return chosen("si_code").get(value) or (choice(kind, value) if kind in CHOICES else number(value))


def ioctl(value: int, _own: Own = NO_OWN) -> str:
    """ioctl(2)'s request; an unknown one by its parts, as _IOC() makes it."""
    if "ioctl" not in _chosen:
        _chosen["ioctl"] = {request: name.replace("/", " or ") for request, name in pairs(IOCTLS)}
    value &= WORD
    name = _chosen["ioctl"].get(value)
    if name is not None:
        return name
    direction = ("_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE")[value >> 30]
    return f"_IOC({direction}, {number(value >> 8 & 0xFF)}, {number(value & 0xFF)}, {number(value >> 16 & 0x3FFF)})"


PRINTERS: dict[str, Callable[[int, Own], str]] = {
    "open": open_flags,
    "map": mapping_flags,
    "statx_flags": statx_flags,
    "personality": persona,
    "memfd": memfd_flags,
    "socket_type": socket_type,
    "futex": futex,
    "clone": clone_flags,
    "clone3": lambda value, own: flags("clone", value, own),
    "poll": lambda value, own: flags("poll", value & 0xFFFF, own),
    "ipc": lambda value, own: ipc_flags("ipc_flags", value, own),
    "shmget": lambda value, own: ipc_flags("shmget_flags", value, own, "SHM_HUGE_SHIFT"),
    "ipc_command": lambda value, _own: ipc_command("ipc_command", value),
    "shm_command": lambda value, _own: ipc_command("shm_command", value),
    "sem_command": lambda value, _own: ipc_command("sem_command", value),
    "msg_command": lambda value, _own: ipc_command("msg_command", value),
    "signal": signal,
    "sigset": sigset,
    "wait_status": wait_status,
    "mode": octal,
    "file_mode": mode,
    "ioctl": ioctl,
    "timerfd_set": lambda value, own: flags("timerfd", value, own),
    "pipe": lambda value, own: flags("open", value, own),
}
"""The kinds that are neither flags nor a choice and nothing else. "mode" is the number that open and chmod take, "file_mode" has the type, as mknod's
and stat's; "pipe" is the O_* flags without an access mode, of pipe2 and dup3."""


def symbol(kind: str, value: int, own: Own = NO_OWN) -> str:
    """A number of any kind."""
    printer = PRINTERS.get(kind)
    if printer is not None:
        return printer(value, own)
    return flags(kind, value, own) if kind in FLAGS else choice(kind, value)


def has(kind: str) -> bool:
    """Whether there is such a kind."""
    return kind in PRINTERS or kind in FLAGS or kind in CHOICES
