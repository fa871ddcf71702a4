"""Signals (kernel/signal.c): what the guest does with them, and their delivery to its handlers.

The host's kernel queues, blocks and sends: the guest's mask is the host thread's mask, and what the guest has no handler for is the host's
to do by default. A signal with a handler comes to vcpu/hostsig.c, and from there here.
"""

from __future__ import annotations

import os
from errno import EFAULT, EINTR, EINVAL, ENOMEM, EPERM
from struct import pack, unpack

from miniload.ffi import addressof, c_uint64, create_string_buffer
from miniload.record import Record
from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.linux.process import Process
    from miniload.linux.task import Task

SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGKILL, SIGSEGV, SIGCHLD, SIGSTOP = 4, 5, 7, 8, 9, 11, 17, 19
SIG_DFL, SIG_IGN = 0, 1
DEFAULT, IGNORE, CATCH = 0, 1, 2
"""vcpu/hostsig.h, enum signal_mode."""
SA_NOCLDSTOP, SA_NOCLDWAIT, SA_SIGINFO, SA_RESTORER = 1, 2, 4, 0x04000000
SA_ONSTACK, SA_RESTART, SA_NODEFER, SA_RESETHAND = 0x08000000, 0x10000000, 0x40000000, 0x80000000
SS_ONSTACK, SS_DISABLE, SS_AUTODISARM = 1, 2, 1 << 31
ERESTART = 512
NEVER_RESTARTED = frozenset({
    "poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2", "nanosleep", "clock_nanosleep", "pause",
    "rt_sigsuspend", "rt_sigtimedwait", "semop", "semtimedop", "msgrcv", "msgsnd", "connect",
})  # fmt: skip
"""Calls that SA_RESTART does not restart (signal(7)); connect has got on its way already."""
MASK_ARGUMENT = {"rt_sigsuspend": 0, "ppoll": 3, "pselect6": 5, "epoll_pwait": 4, "epoll_pwait2": 4}
PSELECT_MASK = 5
"""pselect6's is behind one more address."""
SENDING = frozenset({"write", "writev", "sendto", "sendmsg", "sendmmsg", "sendfile"})
SOCKET_CALLS = SENDING | {"read", "readv", "recvfrom", "recvmsg", "recvmmsg", "accept", "accept4"}
SOL_SOCKET, SO_RCVTIMEO, SO_SNDTIMEO = 1, 20, 21
UNBLOCKABLE = 1 << SIGKILL - 1 | 1 << SIGSTOP - 1
SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK = 0, 1, 2
SI_TKILL = -6
FLAGS_32 = 0xFFFFFFFF


class Action(Record):
    """struct sigaction. `mask` as the kernel has it, bit 0 for signal 1."""

    handler: int = SIG_DFL
    flags: int = 0
    restorer: int = 0
    mask: int = 0


class Frame(Record):
    """What a handler is entered with; arch/<name>/signal_frame.py lays it out. `mask`, `alt_stack`: to be put back by rt_sigreturn."""

    signal: int
    info: bytes
    handler: int
    flags: int
    trampoline: int
    mask: int
    alt_stack: tuple[int, int, int]
    on_alt_stack: bool
    address: int
    trap: int


DEFAULT_ACTION, IGNORE_ACTION = Action(), Action(SIG_IGN)


def inherited_actions(process: Process, ignored: frozenset[int]) -> dict[int, Action]:
    """At the start: ignored signals stay ignored, Python's own settings go."""
    for signal in (2, 13, 25):
        process.vcpu.signal_action(signal, IGNORE if signal in ignored else DEFAULT, 0)
    return dict.fromkeys(ignored, IGNORE_ACTION)


def ignored_by_host(launched: str | None) -> frozenset[int]:
    """The signals that were ignored when the command was started. Python ignores SIGPIPE and SIGXFSZ by itself; the launcher has looked before it."""
    from miniload.plan.host import process_status

    bits = int(process_status(b"SigIgn") or b"0", 16)
    found = {signal for signal in range(1, 65) if bits >> signal - 1 & 1}
    for signal, letter in ((13, "p"), (25, "x")):
        if letter not in (launched or ""):
            found.discard(signal)
    return frozenset(found)


def reset_for_exec(process: Process) -> None:
    """flush_signal_handlers(): caught signals get their default back."""
    for signal, action in list(process.actions.items()):
        if action.handler > SIG_IGN:
            process.vcpu.signal_action(signal, DEFAULT, 0)
            del process.actions[signal]


def restore_action(process: Process, signal: int) -> None:
    """Has the host do with a signal what the guest wants, whatever it has done with it meanwhile. Those that are pending are forgotten."""
    action = process.actions.get(signal, DEFAULT_ACTION)
    process.vcpu.signal_action(signal, IGNORE, 0)
    process.vcpu.signal_action(signal, min(action.handler, CATCH), action.flags & (SA_NOCLDSTOP | SA_NOCLDWAIT))


def action_of(task: Task, signal: int) -> Action:
    return task.process.actions.get(signal, DEFAULT_ACTION)


# -- delivery


def deliver_pending(task: Task, nr: int = -1, result: int | None = None, args: Sequence[int] = ()) -> int | None:
    """Delivers what the host has caught for this thread. `nr`, `result`, `args` are of the system call that just ended, if one did; the result that
    its caller has to store, None if there is none any more."""
    slot = task.process.vcpu.slot()
    while slot.pending:
        signal, info, mask = slot.pending, bytes(slot.info), slot.mask
        slot.pending = 0
        action = action_of(task, signal)
        if action.handler > SIG_IGN:
            blocked = mask
            if result is not None:
                if result == -EINTR:
                    blocked = waiting_mask(task, nr, args, mask)
                finish_call(task, nr, result, args, action)
                result = None
            enter_handler(task, signal, info, mask, action, 0, 0, blocked)
        else:
            set_mask(task, mask)
            if action.handler == SIG_DFL:
                task.host("tgkill", os.getpid(), task.tid, signal)
    if result in (-EINTR, -ERESTART) and result is not None:
        restart_call(task, args)
        result = None
    return result


def waiting_mask(task: Task, nr: int, args: Sequence[int], mask: int) -> int:
    """What was blocked while a call waited that brings its own mask, and stays blocked in the handler that ends it (signal_delivered()); `mask` for others."""
    at = MASK_ARGUMENT.get(task.process.dispatcher.name(nr))
    if at is None or not args[at]:
        return mask
    space = task.process.space
    try:
        address = args[at]
        if at == PSELECT_MASK:
            address = unpack("<Q", space.read(address, 8))[0]
        return int(unpack("<Q", space.read(address, 8))[0]) if address else mask
    except OSError:
        return mask


def has_time_limit(task: Task, name: str, args: Sequence[int]) -> bool:
    """Whether the call is about a socket with SO_RCVTIMEO or SO_SNDTIMEO: then it is not restarted (sock_intr_errno())."""
    if name not in SOCKET_CALLS:
        return False
    fd = args[0] & 0x7FFFFFFF
    option = SO_SNDTIMEO if name in SENDING else SO_RCVTIMEO
    limit, length = (c_uint64 * 2)(), c_uint64(16)
    number = task.process.host_numbers["getsockopt"]
    return task.process.vcpu.host_call(number, fd, SOL_SOCKET, option, addressof(limit), addressof(length)) == 0 and any(limit)


def finish_call(task: Task, nr: int, result: int, args: Sequence[int], action: Action) -> None:
    """What an interrupted call gives before its signal's handler runs (handle_signal(): -EINTR, or begun anew afterwards)."""
    process = task.process
    if result in (-EINTR, -ERESTART):
        name = process.dispatcher.name(nr)
        begun_anew = restarts(task, name, args, action) if process.dispatcher.may_wait(nr, args) else result == -ERESTART
        if begun_anew:
            restart_call(task, args)
            return
        result = -EINTR
    process.vcpu.write_registers({process.vcpu.arch.result: result})


def restarts(task: Task, name: str, args: Sequence[int], action: Action) -> bool:
    """Whether SA_RESTART begins the call anew."""
    return bool(action.flags & SA_RESTART) and name not in NEVER_RESTARTED and not has_time_limit(task, name, args)


def restart_call(task: Task, args: Sequence[int]) -> None:
    """Back before the instruction, whose first argument is in the result's register."""
    vcpu = task.process.vcpu
    pc = vcpu.read_registers(("pc",))[0]
    values = {"pc": pc - task.process.abi.syscall_size, vcpu.arch.args[0]: args[0]}
    if task.process.abi.restores_number:
        values[vcpu.arch.number] = task.last_number
    vcpu.write_registers(values)


def enter_handler(task: Task, signal: int, info: bytes, mask: int, action: Action, address: int, trap: int, waited: int | None = None) -> None:
    """setup_rt_frame() and signal_delivered(). `waited`: what is blocked now, if that is not `mask`, which the handler's return puts back."""
    process = task.process
    vcpu = process.vcpu
    sp = vcpu.read_registers((process.vcpu.arch.stack_pointer,))[0]
    on_alt = False
    base, flags, size = task.alt_stack
    if action.flags & SA_ONSTACK and not flags & SS_DISABLE and not on_stack(task, sp):
        sp, on_alt = base + size, True
    trampoline = action.restorer if action.flags & SA_RESTORER and process.abi.has_restorer else process.trampoline
    shown = (base, flags | (SS_ONSTACK if on_stack(task, sp) and not on_alt else 0), size)
    frame = Frame(signal, info, action.handler, action.flags, trampoline, mask, shown, on_alt, address, trap)
    start, data, entered = process.abi.push_frame(vcpu, sp, frame)
    try:
        if on_alt and start < base:
            raise error(EFAULT)
        process.space.write(start, data)
    except OSError:
        fatal(task, SIGSEGV)
    vcpu.write_registers(entered)
    if flags & SS_AUTODISARM:
        task.alt_stack = (0, SS_DISABLE, 0)
    if action.flags & SA_RESETHAND:
        process.actions.pop(signal, None)
        vcpu.signal_action(signal, DEFAULT, 0)
    blocked = (mask if waited is None else waited) | action.mask
    if not action.flags & SA_NODEFER:
        blocked |= 1 << signal - 1
    if process.trace is not None:
        process.trace.signal(task, signal, info)
    set_mask(task, blocked)


def set_mask(task: Task, mask: int) -> None:
    """The thread's signal mask; signals that this lets through come at once, to the slot."""
    task.host_mask(SIG_SETMASK, mask & ~UNBLOCKABLE)


def force(task: Task, signal: int, code: int, address: int) -> None:
    """force_sig_fault(): the signal of an exception, which cannot be ignored or blocked."""
    action = action_of(task, signal)
    mask = task.host_mask(SIG_BLOCK, 0)
    info = pack("<iiiiQ", signal, 0, code, 0, address).ljust(128, b"\0")
    if action.handler <= SIG_IGN or mask >> signal - 1 & 1:
        if task.process.trace is not None:
            task.process.trace.signal(task, signal, info)
        fatal(task, signal)
    enter_handler(task, signal, info, mask, action, address, 14 if signal == SIGSEGV else 0)


def fatal(task: Task, signal: int) -> None:
    """The process dies of `signal`, whatever the guest said of it."""
    from miniload.linux.loop import Exited

    raise Exited(128 + signal, signal)


def rt_sigreturn(task: Task) -> None:
    """rt_sigreturn(2)."""
    process = task.process
    sp = process.vcpu.read_registers((process.vcpu.arch.stack_pointer,))[0]
    try:
        mask, stack = process.abi.pop_frame(process.vcpu, process.space, sp)
    except OSError:
        force(task, SIGSEGV, 1, sp)
        return
    if not stack[1] & SS_ONSTACK:
        task.alt_stack = stack
    set_mask(task, mask)


# -- a thread that ends


def take_private(task: Task) -> list[bytes]:
    """The siginfo of each signal that waits for this thread alone, and for it no longer. All signals have to be blocked, so that none is delivered
    meanwhile."""
    found = empty_slot(task)
    number, place, none = task.process.host_numbers["rt_sigtimedwait"], create_string_buffer(128), create_string_buffer(16)
    while waiting := private_signals():
        # Those of the thread come before the process's of the same number.
        wanted = c_uint64(waiting & -waiting)
        if task.process.vcpu.host_call(number, addressof(wanted), addressof(place), addressof(none), 8) <= 0:
            break
        found.append(place.raw)
    return found


def empty_slot(task: Task) -> list[bytes]:
    """The siginfo of a signal that has been caught for this thread and not been delivered. One that was meant for the process is given back to it."""
    slot = task.process.vcpu.slot()
    if not slot.pending:
        return []
    info = bytes(slot.info)
    slot.pending = 0
    if unpack("<i", info[8:12])[0] == SI_TKILL:
        return [info]
    requeue(task, info, 0)
    return []


def private_signals() -> int:
    """The signals that are pending for this thread alone, as a mask; none if that cannot be found out."""
    from miniload.linux.procstat import read_host

    try:
        lines = read_host(b"/proc/thread-self", b"status").split(b"\n")
    except OSError:
        return 0
    return next((int(line[7:], 16) for line in lines if line.startswith(b"SigPnd:")), 0)


def requeue(task: Task, info: bytes, tid: int) -> None:
    """Sends a signal once more, to the thread, or to the process if that is 0. What it says of its sender can only be kept by the first thread."""
    process = task.process
    signal, keep = unpack("<i", info[:4])[0], create_string_buffer(info)
    if tid:
        process.vcpu.host_call(process.host_numbers["rt_tgsigqueueinfo"], os.getpid(), tid, signal, addressof(keep))
    elif process.vcpu.host_call(process.host_numbers["rt_sigqueueinfo"], os.getpid(), signal, addressof(keep)) < 0:
        os.kill(os.getpid(), signal)


# -- system calls


def rt_sigaction(task: Task, signal: int, new: int, old: int, size: int) -> int:
    """rt_sigaction(2)."""
    process = task.process
    if size != 8 or not 1 <= signal <= 64 or (new and signal in (SIGKILL, SIGSTOP)):
        raise error(EINVAL)
    before = action_of(task, signal)
    action = None
    restorer = process.abi.has_restorer
    if new:
        words = unpack("<4Q" if restorer else "<3Q", process.space.read(new, 32 if restorer else 24))
        action = Action(words[0], words[1] & FLAGS_32, words[2] if restorer else 0, words[-1] & ~UNBLOCKABLE)
    if old:
        fields = (before.handler, before.flags, before.restorer, before.mask) if restorer else (before.handler, before.flags, before.mask)
        process.space.write(old, pack(f"<{len(fields)}Q", *fields))
    if action is not None:
        process.actions[signal] = action
        mode = action.handler if action.handler <= SIG_IGN else CATCH
        process.vcpu.signal_action(signal, mode, action.flags & (SA_NOCLDSTOP | SA_NOCLDWAIT))
    return 0


def on_stack(task: Task, sp: int) -> bool:
    """on_sig_stack()."""
    base, flags, size = task.alt_stack
    return not flags & SS_AUTODISARM and not flags & SS_DISABLE and base < sp <= base + size


def sigaltstack(task: Task, new: int, old: int) -> int:
    """sigaltstack(2)."""
    process = task.process
    sp = process.vcpu.read_registers((process.vcpu.arch.stack_pointer,))[0]
    base, flags, size = task.alt_stack
    wanted = None
    if new:
        address, asked, _, length = unpack("<QIIQ", process.space.read(new, 24))
        mode = asked & ~SS_AUTODISARM
        if on_stack(task, sp):
            raise error(EPERM)
        if mode not in (0, SS_ONSTACK, SS_DISABLE):
            raise error(EINVAL)
        if mode == SS_DISABLE:
            wanted = (0, SS_DISABLE | asked & SS_AUTODISARM, 0)
        else:
            if length < process.abi.min_stack:
                raise error(ENOMEM)
            wanted = (address, asked & SS_AUTODISARM, length)
    if old:
        shown = flags | (SS_ONSTACK if on_stack(task, sp) else 0)
        process.space.write(old, pack("<QIIQ", base, shown & FLAGS_32, 0, size))
    if wanted is not None:
        task.alt_stack = wanted
    return 0


def restart_syscall(_task: Task) -> int:
    """restart_syscall(2): calls are begun anew by their own number here."""
    return -EINTR
