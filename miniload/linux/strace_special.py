"""Calls whose arguments --strace cannot print by kind alone: what is there depends on a command, on flags, or on the result.

A printer is a generator. It gives the arguments that are known before the call, then, once the call has returned, those that are known after it.
"""

from __future__ import annotations

from struct import unpack, unpack_from

from miniload.linux.strace_call import SHOWN, pointer
from miniload.linux.symbolic import choice, flags, signal
from miniload.linux.symbolic import number as hexadecimal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from miniload.linux.strace_call import Call
    from miniload.linux.table import Argument

    Parts = Iterator[list[str]]

O_CREAT, O_TMPFILE_BIT = 0o100, 0o20000000
S_IFMT, S_IFCHR, S_IFBLK = 0o170000, 0o20000, 0o60000
MREMAP_MOVED = 3
"""MREMAP_MAYMOVE and MREMAP_FIXED."""
MEMBARRIER_CMD_FLAG_CPU = 1
SECCOMP_MODE_FILTER = 2
INTERRUPTED = frozenset((-4, -512, -513, -514, -516))
CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_SETTLS, CLONE_PIDFD = 0x100000, 0x200000, 0x1000000, 0x80000, 0x1000
FD_SETSIZE = 1024
NEW_UTS_LEN = 64
SYSLOG_WITHOUT = frozenset((0, 1, 5, 6, 7, 9, 10))
"""SYSLOG_ACTION_CLOSE, OPEN, CLEAR, CONSOLE_OFF, CONSOLE_ON, SIZE_UNREAD, SIZE_BUFFER: nothing but the action."""
ALL_BITS = 0xFFFFFFFF


def by_row(call: Call, arguments: tuple[Argument, ...]) -> Parts:
    """Any call: each argument by its kind."""
    shows_last = LAST_IF.get(call.name)
    if shows_last is not None and not shows_last(call):
        arguments = arguments[:-1]
    before = [call.before(arguments, index) for index in range(len(arguments))]
    known = next((i for i, text in enumerate(before) if text is None or arguments[i].kind == "inout"), len(before))
    yield [text for text in before[:known] if text is not None]
    yield [call.after(arguments, index, before[index]) for index in range(known, len(before))]


LAST_IF = {
    "open": lambda call: bool(call.args[1] & (O_CREAT | O_TMPFILE_BIT)),
    "openat": lambda call: bool(call.args[2] & (O_CREAT | O_TMPFILE_BIT)),
    "mknod": lambda call: call.args[1] & S_IFMT in (S_IFCHR, S_IFBLK),
    "mknodat": lambda call: call.args[2] & S_IFMT in (S_IFCHR, S_IFBLK),
    "mremap": lambda call: bool(call.args[3] & MREMAP_MOVED == MREMAP_MOVED),
    "membarrier": lambda call: bool(call.args[1] & MEMBARRIER_CMD_FLAG_CPU),
}
"""Calls whose last argument means something only sometimes."""


# -- files


def fcntl(call: Call) -> Parts:
    """fcntl(2), by its command."""
    command, value = call.unsigned(1), call.args[2]
    name = choice("fcntl", command)
    shown = [str(call.signed(0)), name]
    if name in FCNTL_RESULTS:
        yield shown
        if call.result >= 0:
            fcntl_result(call, name)
        return
    if name in ("F_GETLK", "F_OFD_GETLK", "F_GETOWN_EX"):
        yield shown
        yield [call.struct("owner" if name == "F_GETOWN_EX" else "flock_got", value) if call.result >= 0 else pointer(value)]
        return
    if name in ("F_SETLK", "F_SETLKW", "F_OFD_SETLK", "F_OFD_SETLKW"):
        text = call.struct("flock", value)
    elif name == "F_SETOWN_EX":
        text = call.struct("owner", value)
    elif name in FCNTL_KINDS:
        text = call.symbol(FCNTL_KINDS[name], value & ALL_BITS)
    elif name in ("F_DUPFD", "F_DUPFD_CLOEXEC", "F_SETOWN", "F_SETPIPE_SZ"):
        text = str(call.signed(2))
    else:
        text = hexadecimal(value)
    yield [*shown, text]


FCNTL_RESULTS = frozenset(("F_GETFD", "F_GETFL", "F_GETOWN", "F_GETSIG", "F_GETLEASE", "F_GETPIPE_SZ", "F_GET_SEALS"))
FCNTL_KINDS = {"F_SETFD": "fd_flags", "F_SETFL": "open", "F_SETSIG": "signal", "F_SETLEASE": "lock_type", "F_NOTIFY": "dnotify", "F_ADD_SEALS": "seals"}


def fcntl_result(call: Call, name: str) -> None:
    """What the commands without an argument return."""
    value = call.result
    if name == "F_GETFL":
        call.shown_result, call.note = hexadecimal(value), f"flags {call.symbol('open', value)}"
    elif name == "F_GETFD" and value:
        call.shown_result, call.note = hexadecimal(value), f"flags {flags('fd_flags', value)}"
    elif name == "F_GET_SEALS" and value:
        call.shown_result, call.note = hexadecimal(value), f"seals {flags('seals', value)}"
    elif name == "F_GETLEASE":
        call.shown_result, call.note = hexadecimal(value), choice("lock_type", value)
    elif name == "F_GETSIG" and value:
        call.note = signal(value)


def vectors_and_flags(call: Call) -> Parts:
    """preadv2 and pwritev2: the offset's upper half has no room of its own on 64-bit machines."""
    address, count = call.args[1:3]
    rest = [str(count), str(call.args[3] - (call.args[3] >> 63 << 64)), flags("rwf", call.unsigned(5))]
    if call.name == "pwritev2":
        yield [str(call.signed(0)), call.vectors(address, count), *rest]
        return
    yield [str(call.signed(0))]
    yield [call.vectors(address, count, call.result, plain=call.result < 0), *rest]


def directory(call: Call) -> Parts:
    """getdents: how many entries there are."""
    address = call.args[1]
    yield [str(call.signed(0))]
    text = pointer(address)
    if call.result >= 0:
        try:
            data = call.read(address, min(call.result, 1 << 20))
            place = count = 0
            while place + 18 <= len(data):
                count += 1
                place += max(unpack_from("<H", data, place + 16)[0], 1)
            text = f"{pointer(address)} /* {count} entries */"
        except OSError:
            pass
    yield [text, str(call.unsigned(2))]


def mq_open(call: Call) -> Parts:
    """mq_open(2): what a new queue is to be like only where one may be made."""
    shown = [call.string(call.args[0]), call.symbol("open", call.unsigned(1))]
    if call.args[1] & O_CREAT:
        shown += [call.symbol("mode", call.unsigned(2)), call.struct("mq_attr_new", call.args[3])]
    yield shown


# -- waiting


def polled(call: Call) -> Parts:
    """poll and ppoll: what is ready goes with the result."""
    address, count = call.args[0], call.unsigned(1)
    shown = [call.struct("pollfd", address, count), str(count)]
    if call.name == "ppoll":
        shown += [call.struct("timespec", call.args[2]), call.sigset(call.args[3], call.args[4]), str(call.args[4])]
    else:
        shown.append(str(call.signed(2)))
    yield shown
    if call.result > 0:
        call.note = f"[{', '.join(ready(call, address, count))}]" + time_left(call, call.args[2] if call.name == "ppoll" else 0, "timespec")
    elif call.result == 0:
        call.note = "Timeout"


def ready(call: Call, address: int, count: int) -> list[str]:
    """The descriptors with something to tell."""
    found: list[str] = []
    try:
        for index in range(min(count, FD_SETSIZE)):
            fd, _, events = unpack("<ihH", call.read(address + 8 * index, 8))
            if events:
                if len(found) == SHOWN:
                    return [*found, "..."]
                found.append(f"{{fd={fd}, revents={flags('poll', events)}}}")
    except OSError:
        pass
    return found


def time_left(call: Call, address: int, kind: str) -> str:
    """What the kernel has made of a timeout."""
    return f", left {call.struct(kind, address)}" if address else ""


def selected(call: Call) -> Parts:
    """select and pselect6: sets of descriptors, and what is left of them."""
    count, kind = call.signed(0), "timeval" if call.name == "select" else "timespec"
    shown = [str(count), *(fd_set(call, call.args[index], count) for index in (1, 2, 3)), call.struct(kind, call.args[4])]
    if call.name == "pselect6":
        shown.append(mask_and_size(call, call.args[5]))
    yield shown
    if call.result == 0:
        call.note = "Timeout"
    elif call.result > 0:
        sets = zip(("in", "out", "except"), call.args[1:4], strict=False)
        parts = [f"{name} {text}" for name, address in sets if address and (text := fd_set(call, address, count)) != "[]"]
        call.note = ", ".join(parts) + time_left(call, call.args[4], kind)


def fd_set(call: Call, address: int, count: int) -> str:
    """Descriptors whose bits are set."""
    if not address or count <= 0:
        return pointer(address)
    size = (min(count, FD_SETSIZE) + 7) // 8
    try:
        bits = int.from_bytes(call.read(address, (size + 7) // 8 * 8), "little")
    except OSError:
        return pointer(address)
    return f"[{' '.join(str(fd) for fd in range(min(count, FD_SETSIZE)) if bits >> fd & 1)}]"


def mask_and_size(call: Call, address: int) -> str:
    """pselect6's last argument."""
    if not address:
        return "NULL"
    try:
        mask, size = call.word(address), call.word(address + 8)
    except OSError:
        return pointer(address)
    return f"{{sigmask={call.struct('sigset', mask)}, sigsetsize={size}}}"


def epoll_waited(call: Call) -> Parts:
    """epoll_wait and its like: as many events as the result says."""
    yield [str(call.signed(0))]
    good = call.result >= 0
    shown = [call.struct("epoll_event", call.args[1], call.result) if good else pointer(call.args[1]), str(call.signed(2))]
    if call.name == "epoll_pwait2":
        shown.append(call.struct("timespec", call.args[3]) if good else pointer(call.args[3]))
    else:
        shown.append(str(call.signed(3)))
    if call.name != "epoll_wait":
        shown += [call.sigset(call.args[4], call.args[5]) if good else pointer(call.args[4]), str(call.args[5])]
    yield shown


def epoll_ctl(call: Call) -> Parts:
    """epoll_ctl(2): EPOLL_CTL_DEL has no event."""
    operation = choice("epoll_op", call.unsigned(1))
    event = pointer(call.args[3]) if operation == "EPOLL_CTL_DEL" else call.struct("epoll_event", call.args[3])
    yield [str(call.signed(0)), operation, str(call.signed(2)), event]


def slept(call: Call) -> Parts:
    """nanosleep and clock_nanosleep: the time that is left only if it was stored."""
    if call.name == "nanosleep":
        yield [call.struct("timespec", call.args[0])]
        left = call.args[1]
    else:
        yield [choice("clock", call.unsigned(0)), flags("timer", call.unsigned(1)), call.struct("timespec", call.args[2])]
        left = call.args[3]
    stored = call.result in INTERRUPTED and not (call.name == "clock_nanosleep" and call.args[1] & 1)
    yield [call.struct("timespec", left) if stored else pointer(left)]


def futex(call: Call) -> Parts:
    """futex(2): each operation has its own arguments."""
    operation, third = call.unsigned(1), call.unsigned(5)
    name = choice("futex_op", operation & ~0x180)
    value, value2 = str(call.unsigned(2)), str(call.args[3] & ALL_BITS)
    other, timeout = pointer(call.args[4]), call.struct("timespec", call.args[3])
    bits = "FUTEX_BITSET_MATCH_ANY" if third == ALL_BITS else hexadecimal(third)
    shown = [pointer(call.args[0]), call.symbol("futex", operation)]
    rest = {
        "FUTEX_WAIT": [value, timeout],
        "FUTEX_LOCK_PI": [timeout],
        "FUTEX_LOCK_PI2": [timeout],
        "FUTEX_UNLOCK_PI": [],
        "FUTEX_TRYLOCK_PI": [],
        "FUTEX_WAIT_BITSET": [value, timeout, bits],
        "FUTEX_WAKE_BITSET": [value, bits],
        "FUTEX_WAKE": [value],
        "FUTEX_FD": [signal(call.unsigned(2))],
        "FUTEX_REQUEUE": [value, value2, other],
        "FUTEX_CMP_REQUEUE": [value, value2, other, str(third)],
        "FUTEX_CMP_REQUEUE_PI": [value, value2, other, str(third)],
        "FUTEX_WAIT_REQUEUE_PI": [value, timeout, other],
        "FUTEX_WAKE_OP": [value, value2, other, wake_operation(third)],
    }.get(name, [value, pointer(call.args[3]), other, hexadecimal(third)])
    yield [*shown, *rest]


def wake_operation(value: int) -> str:
    """FUTEX_WAKE_OP's last argument (include/uapi/linux/futex.h, FUTEX_OP())."""
    operation = choice("futex_wake_op", value >> 28 & 7)
    shift = "FUTEX_OP_OPARG_SHIFT<<28|" if value >> 31 else ""
    comparison = choice("futex_wake_cmp", value >> 24 & 15)
    return f"{shift}{operation}<<28|{hexadecimal(value >> 12 & 0xFFF)}<<12|{comparison}<<24|{hexadecimal(value & 0xFFF)}"


# -- signals, processes


def wait4(call: Call) -> Parts:
    """wait4(2): there is a status only if a child was found."""
    yield [str(call.signed(0))]
    found = call.result > 0
    status = call.struct("status", call.args[1]) if found else pointer(call.args[1])
    yield [status, flags("wait", call.unsigned(2)), call.struct("rusage", call.args[3]) if found else pointer(call.args[3])]


def waitid(call: Call) -> Parts:
    """waitid(2)."""
    yield [choice("idtype", call.unsigned(0)), str(call.signed(1))]
    good = call.result >= 0
    info, usage = (call.struct(kind, call.args[i]) if good else pointer(call.args[i]) for kind, i in (("siginfo", 2), ("rusage", 4)))
    yield [info, flags("wait", call.unsigned(3)), usage]


def waited_for_signal(call: Call) -> Parts:
    """rt_sigtimedwait(2): the result is the signal."""
    yield [call.sigset(call.args[0], call.args[3])]
    if call.result > 0:
        call.note = signal(call.result)
    info = call.struct("siginfo", call.args[1]) if call.result >= 0 else pointer(call.args[1])
    yield [info, call.struct("timespec", call.args[2]), str(call.args[3])]


def sigreturn(call: Call) -> Parts:
    """rt_sigreturn(2): the mask that it brings back; its result is whatever was in the register."""
    yield []
    task = call.task
    vcpu = task.process.vcpu
    slot = vcpu.slot()
    mask = slot.mask if slot.pending else task.host_mask(0, 0)
    value = vcpu.read_registers((vcpu.arch.result,))[0]
    call.result = value - (value >> 63 << 64)
    yield [f"{{mask={call.symbol('sigset', mask)}}}"]


def clone(call: Call) -> Parts:
    """clone(2): only the arguments that its flags ask for, by name."""
    asked = call.args[0]
    if call.task.process.abi.clone_tls_first:
        parent, tls, child = call.args[2:5]
    else:
        parent, child, tls = call.args[2:5]
    yield [f"child_stack={pointer(call.args[1])}", f"flags={call.symbol('clone', asked & ALL_BITS)}"]
    shown = []
    if asked & (CLONE_PARENT_SETTID | CLONE_PIDFD):
        name = "parent_tid" if asked & CLONE_PARENT_SETTID or call.result < 0 else "pidfd"
        shown.append(f"{name}={call.struct('int', parent) if call.result >= 0 else pointer(parent)}")
    if asked & CLONE_SETTLS:
        shown.append(f"tls={pointer(tls)}")
    if asked & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID):
        shown.append(f"child_tidptr={pointer(child)}")
    yield shown


def clone3(call: Call) -> Parts:
    """clone3(2)."""
    address, size = call.args[:2]
    try:
        asked, pidfd, child, parent, end, stack, stack_size, tls = unpack_from("<8Q", call.read(address, 64)) if size >= 64 else (0,) * 8
    except OSError:
        size = 0
    if size < 64:
        yield [pointer(address), str(call.args[1])]
        return
    fields = [f"flags={call.symbol('clone3', asked)}"]
    fields += [f"pidfd={pointer(pidfd)}"] if asked & CLONE_PIDFD else []
    fields += [f"child_tid={pointer(child)}"] if asked & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID) else []
    fields += [f"parent_tid={pointer(parent)}"] if asked & CLONE_PARENT_SETTID else []
    fields += [f"exit_signal={signal(end)}", f"stack={pointer(stack)}", f"stack_size={hexadecimal(stack_size)}"]
    fields += [f"tls={pointer(tls)}"] if asked & CLONE_SETTLS else []
    yield [f"{{{', '.join(fields)}}}", str(size)]


def kcmp(call: Call) -> Parts:
    """kcmp(2): two descriptors for KCMP_FILE, one and a place for KCMP_EPOLL_TFD."""
    name = choice("kcmp", call.unsigned(2))
    shown = [str(call.signed(0)), str(call.signed(1)), name]
    if name == "KCMP_FILE":
        shown += [str(call.signed(3)), str(call.signed(4))]
    elif name == "KCMP_EPOLL_TFD":
        shown += [str(call.unsigned(3)), pointer(call.args[4])]
    elif "???" in name:
        shown += [hexadecimal(call.args[3]), hexadecimal(call.args[4])]
    yield shown


def prctl(call: Call) -> Parts:
    """prctl(2), by its option."""
    name, args = choice("prctl", call.unsigned(0)), call.args
    if name in PRCTL_PLAIN:
        yield [name]
        if name == "PR_GET_DUMPABLE" and call.result >= 0:
            call.note = choice("dumpable", call.result)
        return
    if name in PRCTL_OUT:
        yield [name]
        yield [call.struct(PRCTL_OUT[name], args[1]) if call.result >= 0 else pointer(args[1])]
        return
    if name == "PR_GET_NAME":
        yield [name]
        yield [call.string(args[1], 15) if call.result >= 0 else pointer(args[1])]
        return
    if name in PRCTL_KINDS:
        shown = [call.symbol(PRCTL_KINDS[name], args[1] & ALL_BITS)]
    elif name == "PR_SET_NAME":
        shown = [call.string(args[1], 15)]
    elif name in ("PR_SET_KEEPCAPS", "PR_SET_CHILD_SUBREAPER", "PR_SET_TIMERSLACK"):
        shown = [str(args[1])]
    elif name == "PR_SET_NO_NEW_PRIVS":
        shown = [str(args[1]), *(hexadecimal(value) for value in args[2:5])]
    elif name == "PR_SET_SECCOMP":
        shown = [choice("seccomp_mode", args[1] & ALL_BITS), *([pointer(args[2])] if args[1] == SECCOMP_MODE_FILTER else [])]
    elif name == "PR_SET_MM":
        shown = [choice("set_mm", args[1] & ALL_BITS), *(hexadecimal(value) for value in args[2:5])]
    elif name == "PR_SET_VMA":
        shown = [choice("set_vma", args[1] & ALL_BITS), pointer(args[2]), str(args[3]), call.string(args[4], 80)]
    else:
        shown = [hexadecimal(value) for value in args[1:5]]
    yield [name, *shown]


PRCTL_PLAIN = frozenset(("PR_GET_DUMPABLE", "PR_GET_KEEPCAPS", "PR_GET_SECCOMP", "PR_GET_TIMERSLACK", "PR_GET_TIMING", "PR_GET_SECUREBITS"))
PRCTL_OUT = {"PR_GET_PDEATHSIG": "signal", "PR_GET_CHILD_SUBREAPER": "int", "PR_GET_TID_ADDRESS": "address", "PR_GET_TSC": "int", "PR_GET_UNALIGN": "int"}
PRCTL_KINDS = {"PR_SET_PDEATHSIG": "signal", "PR_CAPBSET_READ": "capability", "PR_CAPBSET_DROP": "capability", "PR_SET_DUMPABLE": "dumpable"}


def capabilities(call: Call) -> Parts:
    """capget and capset: version 1 has sets of half the size."""
    header, data = call.args[:2]
    text = call.struct("cap_header", header)
    kind = "cap_data_1" if "VERSION_1" in text else "cap_data" if text.startswith("{") else ""
    if call.name == "capset":
        yield [text, call.struct(kind, data)]
        return
    yield [text]
    yield [call.struct(kind, data) if call.result >= 0 else pointer(data)]


def groups(call: Call) -> Parts:
    """getgroups(2): as many as the result says."""
    yield [str(call.signed(0))]
    there = call.result if call.signed(0) else 0
    yield [pointer(call.args[1]) if call.result < 0 else call.struct("id", call.args[1], there)]


# -- machine, limits


def host_name(call: Call) -> Parts:
    """sethostname and setdomainname: not longer than there may be one."""
    size = call.unsigned(1)
    yield [call.data(call.args[0], size) if size <= NEW_UTS_LEN else pointer(call.args[0]), str(size)]


def processors(call: Call) -> Parts:
    """sched_getaffinity and sched_setaffinity: a set of CPUs."""
    shown = [str(call.signed(0)), str(call.unsigned(1))]
    if call.name == "sched_setaffinity":
        yield [*shown, cpu_set(call, call.args[2], call.unsigned(1))]
        return
    yield shown
    yield [cpu_set(call, call.args[2], call.result) if call.result >= 0 else pointer(call.args[2])]


def cpu_set(call: Call, address: int, size: int) -> str:
    """The CPUs whose bits are set, of the first thousand."""
    if not address:
        return "NULL"
    try:
        bits = int.from_bytes(call.read(address, min(size, FD_SETSIZE // 8)), "little")
    except OSError:
        return pointer(address)
    return f"[{' '.join(str(cpu) for cpu in range(bits.bit_length()) if bits >> cpu & 1)}{' ...' if size > FD_SETSIZE // 8 else ''}]"


def input_priority(call: Call) -> Parts:
    """ioprio_get and ioprio_set: a class above 13 bits of data."""
    shown = [choice("ioprio_who", call.unsigned(0)), str(call.signed(1))]
    if call.name == "ioprio_set":
        yield [*shown, priority_value(call.unsigned(2))]
        return
    yield shown
    if call.result >= 0:
        call.shown_result, call.note = hexadecimal(call.result), priority_value(call.result)


def priority_value(value: int) -> str:
    """include/uapi/linux/ioprio.h, IOPRIO_PRIO_VALUE()."""
    return f"IOPRIO_PRIO_VALUE({choice('ioprio_class', value >> 13)}, {value & 0x1FFF})"


def scheduler(call: Call) -> Parts:
    """sched_getscheduler(2)."""
    yield [str(call.signed(0))]
    if call.result >= 0:
        call.shown_result, call.note = hexadecimal(call.result), choice("sched", call.result)


def personality(call: Call) -> Parts:
    """personality(2): the result is one, too."""
    yield [call.symbol("personality", call.unsigned(0))]
    if call.result >= 0:
        call.shown_result, call.note = hexadecimal(call.result), call.symbol("personality", call.result)


def syslog(call: Call) -> Parts:
    """syslog(2): an unknown action is a decimal number."""
    name = choice("syslog", call.unsigned(0))
    yield [f"{call.signed(0)} /* {name if name.startswith('SYSLOG') else 'SYSLOG_ACTION_???'} */"]
    if call.unsigned(0) in SYSLOG_WITHOUT:
        return
    reads = call.result >= 0 and call.unsigned(0) in (2, 3, 4)
    yield [call.data(call.args[1], call.result) if reads else pointer(call.args[1]), str(call.signed(2))]


def resident(call: Call) -> Parts:
    """mincore(2): one number for each page."""
    address, pages = call.args[2], (call.args[1] + 4095) // 4096
    yield [pointer(call.args[0]), str(call.args[1])]
    if call.result < 0:
        yield [pointer(address)]
        return
    try:
        data = call.read(address, min(pages, SHOWN))
        yield [f"[{', '.join(str(byte & 1) for byte in data)}{', ...' if pages > SHOWN else ''}]"]
    except OSError:
        yield [pointer(address)]


def message(call: Call) -> Parts:
    """msgsnd and msgrcv: a type and text."""
    address, size = call.args[1:3]
    if call.name == "msgsnd":
        yield [str(call.signed(0)), message_text(call, address, size), str(size), call.symbol("msgrcv", call.unsigned(3))]
        return
    yield [str(call.signed(0))]
    text = message_text(call, address, size) if call.result >= 0 else pointer(address)
    kind = call.args[3] - (call.args[3] >> 63 << 64)
    yield [text, str(size), str(kind), call.symbol("msgrcv", call.unsigned(4))]


def message_text(call: Call, address: int, size: int) -> str:
    """struct msgbuf."""
    try:
        kind = unpack("<q", call.read(address, 8))[0]
    except OSError:
        return pointer(address)
    return f"{{mtype={kind}, mtext={call.data(address + 8, size)}}}"


PRINTERS = {
    "fcntl": fcntl, "preadv2": vectors_and_flags, "pwritev2": vectors_and_flags, "getdents": directory, "getdents64": directory, "mq_open": mq_open,
    "poll": polled, "ppoll": polled, "select": selected, "pselect6": selected, "epoll_wait": epoll_waited, "epoll_pwait": epoll_waited,
    "epoll_pwait2": epoll_waited, "epoll_ctl": epoll_ctl, "nanosleep": slept, "clock_nanosleep": slept, "futex": futex,
    "wait4": wait4, "waitid": waitid, "rt_sigtimedwait": waited_for_signal, "rt_sigreturn": sigreturn, "clone": clone, "clone3": clone3, "kcmp": kcmp,
    "prctl": prctl,
    "capget": capabilities, "capset": capabilities, "sched_getaffinity": processors, "sched_setaffinity": processors, "ioprio_get": input_priority,
    "ioprio_set": input_priority, "sched_getscheduler": scheduler, "personality": personality, "syslog": syslog, "mincore": resident,
    "msgsnd": message, "msgrcv": message, "getgroups": groups, "sethostname": host_name, "setdomainname": host_name,
}  # fmt: skip
