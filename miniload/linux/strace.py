"""--strace: the guest's system calls as strace 6.1 prints them, a line each, when the call has returned.

To stderr as `strace` does, with the thread's number once there are several; to a file as `strace -f -o FILE` does, with the number in every line.
"""

from __future__ import annotations

import os
from _thread import get_native_id

from miniload.linux import strace_ioctl, strace_sockets, strace_special, threads
from miniload.linux.errnos import failure
from miniload.linux.strace_call import Call
from miniload.linux.strace_rows import ROWS
from miniload.linux.strace_structs import siginfo
from miniload.linux.symbolic import octal, signal
from miniload.linux.table import TABLE, parse_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from miniload.linux.dispatch import Service
    from miniload.linux.process import Process
    from miniload.linux.strace_call import Printer
    from miniload.linux.task import Task

RESULT_COLUMN = 40
"""Where the result begins if the call is shorter."""
HEX_RESULTS = frozenset(("mmap", "brk", "mremap", "shmat"))
EINTR, EINVAL = 4, 22
ERESTARTSYS, ERESTARTNOHAND, ERESTART_RESTARTBLOCK = 512, 514, 516
NO_HANDLER = frozenset(("ppoll", "select", "pselect6", "pause", "rt_sigsuspend", "msgsnd", "msgrcv"))
RESTART_BLOCK = frozenset(("poll", "nanosleep", "clock_nanosleep"))
JUST_INTERRUPTED = frozenset(("epoll_wait", "epoll_pwait", "epoll_pwait2", "rt_sigtimedwait", "semop", "semtimedop"))
PRINTERS = {**strace_special.PRINTERS, **strace_sockets.PRINTERS, **strace_ioctl.PRINTERS}


class Tracer:
    """Prints what passes, to a descriptor."""

    def __init__(self, process: Process, fd: int) -> None:
        self.process = process
        self.fd = fd
        self.to_file = not same_file(fd, 2)
        self.first = os.getpid()
        self.forked = False
        self.own = __import__(f"miniload.arch.{process.arch.name}.abi", fromlist=["FLAGS"]).FLAGS

    # -- lines

    def write(self, text: str, result: str = "") -> None:
        """One line, at once. What cannot be written is lost: the guest goes on."""
        line = self.prefix() + text
        if result:
            line = f"{line.ljust(RESULT_COLUMN - 1)} = {result}"
        try:
            os.write(self.fd, f"{line}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            return

    def prefix(self) -> str:
        """Which thread it is."""
        if self.to_file:
            return f"{get_native_id():<5d} "
        several = self.forked or len(self.process.tasks) > 1 or os.getpid() != self.first
        return f"[pid {get_native_id():5d}] " if several else ""

    def signal(self, _task: Task, number: int, info: bytes) -> None:
        """A signal that a handler gets, or that ends the process."""
        self.write(f"--- {signal(number)} {siginfo(info)} ---")

    def ended(self, status: int, number: int) -> None:
        """The end of the process."""
        self.write(f"+++ killed by {signal(number)} +++" if number else f"+++ exited with {status} +++")

    # -- calls

    def wrap(self, name: str, service: Service) -> Service:
        """The service, with a line for each call of it."""
        show = printer_of(name)
        blocks = TABLE.get(name, "").partition(" ")[0].endswith("!")

        def serve(task: Task, args: Sequence[int]) -> int | None:
            call = Call(task, name, args, self.own)
            phases = show(call)
            shown = parts(phases, call)
            pid = os.getpid()
            try:
                result = service(task, args)
            except OSError as error:
                result = -(error.errno or EINVAL)
            except (ValueError, OverflowError):
                result = -EINVAL
            except BaseException as end:
                self.unfinished(name, shown, end)
                raise
            if os.getpid() != pid:
                return result  # a new process: the line is its parent's
            call.result = before_handlers(call, result or 0) if blocks else result or 0
            shown += parts(phases, call)
            self.write(f"{name}({', '.join(shown)})", result_of(call))
            if name in ("clone", "fork", "vfork") and call.result > 0:
                self.forked = True
            return result

        return serve

    def unfinished(self, name: str, shown: list[str], end: BaseException) -> None:
        """A call that does not return."""
        goes_over = isinstance(end, threads.Ended) and name.startswith("exec")  # to the first thread
        self.write(f"{name}({', '.join(shown)})", "0" if goes_over else "?")
        if isinstance(end, threads.Ended) and not goes_over:
            self.write(f"+++ exited with {shown[0] if shown else 0} +++")


def same_file(first: int, second: int) -> bool:
    """Whether two descriptors are of the same file."""
    try:
        return os.path.samestat(os.fstat(first), os.fstat(second))
    except OSError:
        return False


def printer_of(name: str) -> Printer:
    """What prints the arguments of that call."""
    special = PRINTERS.get(name)
    if special is not None:
        return special
    row = ROWS.get(name) or (None if TABLE.get(name, "no:").startswith("no:") else TABLE[name].partition(" ")[2])
    if row is None:
        return unknown
    arguments = parse_row(f"- {row}")[1]
    return lambda call: strace_special.by_row(call, arguments)


def unknown(call: Call) -> Iterator[list[str]]:
    """A call of which no more is known."""
    yield [f"{value:#x}" if value else "0" for value in call.args]


def parts(phases: Iterator[list[str]], call: Call) -> list[str]:
    """The arguments of the next phase. A guest may pass whatever it likes: what cannot be printed may not hurt it."""
    try:
        return next(phases, [])
    except Exception:
        return [f"{value:#x}" for value in call.args]


def before_handlers(call: Call, result: int) -> int:
    """What the kernel's own functions say of an interrupted call, before there is a result (kernel/signal.c)."""
    if result != -EINTR or call.name in JUST_INTERRUPTED:
        return result
    if call.name in NO_HANDLER or (call.name == "clock_nanosleep" and call.args[1] & 1):
        return -ERESTARTNOHAND
    if call.name in RESTART_BLOCK or (call.name == "futex" and call.args[3]):
        return -ERESTART_RESTARTBLOCK
    return -ERESTARTSYS


def result_of(call: Call) -> str:
    """What a call returned."""
    value = call.result
    if -4096 < value < 0:
        return failure(-value)
    if call.name == "umask":
        return octal(value)
    text = call.shown_result or (f"{value & (1 << 64) - 1:#x}" if value and call.name in HEX_RESULTS else str(value))
    return f"{text} ({call.note})" if call.note else text
