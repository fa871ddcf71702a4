"""--strace: the guest's system calls as strace prints them, a line each, when the call has returned."""

from __future__ import annotations

import os
from struct import unpack

from miniload.linux import strace_structs as structs
from miniload.linux.dispatch import extent, number
from miniload.linux.errnos import failure
from miniload.linux.symbolic import has, ioctl, octal, signal, symbol
from miniload.linux.table import TABLE, parse_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.linux.dispatch import Service
    from miniload.linux.process import Process
    from miniload.linux.table import Argument
    from miniload.linux.task import Task

SHOWN = 32
"""Bytes of a string, elements of an array."""
NEVER_RETURN = frozenset({"exit", "exit_group", "rt_sigreturn"})
HEX_RESULTS = frozenset({"mmap", "brk", "mremap", "shmat"})
F_GETFD, F_GETFL = 1, 3
O_CREAT, O_TMPFILE = 0o100, 0o20000000


class Tracer:
    """Prints what passes, to a descriptor."""

    def __init__(self, process: Process, fd: int) -> None:
        self.process = process
        self.fd = fd
        self.first = os.getpid()
        self.own = __import__(f"miniload.arch.{process.arch.name}.abi", fromlist=["FLAGS"]).FLAGS

    # -- lines

    def write(self, line: str) -> None:
        """One line, at once; with the thread's number where there are several."""
        several = len(self.process.tasks) > 1 or os.getpid() != self.first
        prefix = f"[pid {self.process.gettid():5d}] " if several else ""
        os.write(self.fd, f"{prefix}{line}\n".encode("utf-8", "backslashreplace"))

    def wrap(self, name: str, service: Service) -> Service:
        """The service, with a line for each call of it."""
        known = name in TABLE and not TABLE[name].startswith("no:")
        arguments = parse_row(TABLE[name])[1] if known else ()

        def serve(task: Task, args: Sequence[int]) -> int | None:
            shown = [self.before(task, name, arguments, index, args) for index in range(len(arguments))] if known else [f"{value:#x}" for value in args]
            if name in NEVER_RETURN:
                self.write(f"{name}({', '.join(map(str, shown))}) = ?")
                return service(task, args)
            try:
                result = service(task, args)
            except OSError as error:
                result = -(error.errno or 22)
            except (ValueError, OverflowError):
                result = -22
            got = 0 if result is None else result
            for index, text in enumerate(shown):
                if text is None:
                    shown[index] = self.after(task, arguments, index, args, got)
            self.write(f"{name}({', '.join(filter(None, shown))}) = {self.result(name, got, args)}{self.ready(task, name, got, args)}")
            return result

        return serve

    def result(self, name: str, value: int, args: Sequence[int]) -> str:
        """What a call returned."""
        if -4096 < value < 0:
            return failure(-value)
        if name == "fcntl" and args[1] & 0xFFFFFFFF in (F_GETFD, F_GETFL):
            if args[1] & 0xFFFFFFFF == F_GETFL:
                return f"{value:#x} (flags {symbol('open', value, self.own)})"
            return f"{value:#x} (flags FD_CLOEXEC)" if value else "0"
        if name == "umask":
            return octal(value)
        if name in ("poll", "ppoll", "select", "pselect6") and not value:
            return "0 (Timeout)"
        if name in HEX_RESULTS:
            return f"{value:#x}" if value else "0"
        return str(value)

    def ready(self, task: Task, name: str, value: int, args: Sequence[int]) -> str:
        """What poll adds to its result: the descriptors with something to tell, and the time that is left."""
        if name not in ("poll", "ppoll") or value <= 0:
            return ""
        space = task.process.space
        found: list[str] = []
        for index in range(min(args[1], SHOWN)):
            fd, _, events = unpack("<ihh", space.read(args[0] + 8 * index, 8))
            if events:
                found.append(f"{{fd={fd}, revents={symbol('poll', events & 0xFFFF)}}}")
        left = f", left {structs.timespec(space.read(args[2], 16))}" if name == "ppoll" and args[2] else ""
        return f" ([{', '.join(found)}]{left})"

    def signal(self, _task: Task, number: int, info: bytes) -> None:
        """A signal that a handler gets, or that ends the process."""
        self.write(f"--- {signal(number)} {structs.siginfo(info)} ---")

    def ended(self, status: int, number: int) -> None:
        """The end of the process."""
        self.write(f"+++ killed by {signal(number)} +++" if number else f"+++ exited with {status} +++")

    # -- arguments

    def before(self, task: Task, name: str, arguments: tuple[Argument, ...], index: int, args: Sequence[int]) -> str | None:
        """What is known of an argument before the call; None if only afterwards."""
        argument, value = arguments[index], args[index]
        kind = argument.kind
        if kind in ("out", "iovout"):
            return None if value else "NULL"
        if kind == "io":
            return self.pointed(task, arguments, index, args)
        if kind == "in":
            return self.pointed(task, arguments, index, args)
        if kind == "iovin":
            return self.vectors(task, value, number("int", args[argument.count or 0]), -1)
        if kind in ("path", "lpath", "apath", "str"):
            return self.string(task, value)
        if kind == "argv":
            return self.strings(task, value)
        if kind == "envp":
            return f"{value:#x} /* {self.count_strings(task, value)} vars */" if value else "NULL"
        if kind == "mode" and name in ("openat", "open") and not args[index - 1] & (O_CREAT | O_TMPFILE):
            return ""
        return self.plain(name, kind, value, args)

    def plain(self, name: str, kind: str, value: int, args: Sequence[int]) -> str:
        """A number."""
        if kind in ("hex", "ptr"):
            if name == "fcntl":
                return self.fcntl_argument(args)
            return f"{value:#x}" if value else "NULL"
        if kind == "dirfd":
            return "AT_FDCWD" if number(kind, value) == -100 else str(number(kind, value))
        if kind == "mode":
            return octal(value & 0xFFFFFFFF)
        if kind == "ioctl":
            return ioctl(value & 0xFFFFFFFF)
        if has(kind):
            return symbol(kind, number(kind, value), self.own)
        return str(number(kind, value))

    def fcntl_argument(self, args: Sequence[int]) -> str:
        """By the command: flags of the descriptor or the file, a number, or an address."""
        command = args[1] & 0xFFFFFFFF
        if command == 2:
            return "FD_CLOEXEC" if args[2] == 1 else str(args[2])
        if command == 4:
            return symbol("open", args[2] & 0xFFFFFFFF, self.own)
        if command in (1, 3, 9, 1025, 1032):
            return ""
        return str(args[2]) if args[2] < 1 << 20 else f"{args[2]:#x}"

    def after(self, task: Task, arguments: tuple[Argument, ...], index: int, args: Sequence[int], result: int) -> str:
        """What the call has stored."""
        argument, value = arguments[index], args[index]
        if result < 0:
            return f"{value:#x}" if value else "NULL"
        if argument.kind == "iovout":
            return self.vectors(task, value, number("int", args[argument.count or 0]), result)
        if not argument.struct:
            return self.data(task, value, min(extent_of(arguments, argument, args), result))
        return self.pointed(task, arguments, index, args)

    def pointed(self, task: Task, arguments: tuple[Argument, ...], index: int, args: Sequence[int]) -> str:
        """A struct, an array of them, or bytes."""
        argument, value = arguments[index], args[index]
        if not value:
            return "NULL"
        if not argument.struct:
            return self.data(task, value, extent_of(arguments, argument, args))
        decoder = structs.DECODERS.get(argument.struct)
        try:
            if argument.struct == "sockaddr":
                return structs.sockaddr(task.process.space.read(value, min(extent_of(arguments, argument, args), 128)))
            if decoder is None:
                return f"{value:#x}"
            size = decoder.size(task.process)
            if argument.count is None:
                return decoder.show(task.process, task.process.space.read(value, size))
            count = max(number("int", args[argument.count]), 0)
            shown = [decoder.show(task.process, task.process.space.read(value + size * i, size)) for i in range(min(count, SHOWN))]
            return f"[{', '.join(shown)}{', ...' if count > SHOWN else ''}]"
        except (OSError, ValueError, KeyError, IndexError):
            return f"{value:#x}"

    def data(self, task: Task, address: int, size: int) -> str:
        """Bytes, the first of them."""
        if not address:
            return "NULL"
        try:
            data = task.process.space.read(address, min(max(size, 0), SHOWN))
        except OSError:
            return f"{address:#x}"
        return structs.quoted(data) + ("..." if size > SHOWN else "")

    def string(self, task: Task, address: int) -> str:
        """A string, whole if it is a path's length."""
        if not address:
            return "NULL"
        try:
            return structs.quoted(task.process.space.read_string(address))
        except OSError:
            return f"{address:#x}"

    def strings(self, task: Task, address: int) -> str:
        """argv."""
        found: list[str] = []
        space = task.process.space
        try:
            for index in range(SHOWN + 1):
                place = int.from_bytes(space.read(address + 8 * index, 8), "little")
                if not place:
                    return f"[{', '.join(found)}]"
                found.append(self.string(task, place))
        except OSError:
            return f"{address:#x}" if address else "NULL"
        return f"[{', '.join(found[:SHOWN])}, ...]"

    def count_strings(self, task: Task, address: int) -> int:
        """envp's length."""
        for index in range(4096):
            try:
                if not int.from_bytes(task.process.space.read(address + 8 * index, 8), "little"):
                    return index
            except OSError:
                return index
        return 4096

    def vectors(self, task: Task, address: int, count: int, limit: int) -> str:
        """An iovec array; `limit` bytes of it were filled, all if it is negative."""
        shown = []
        try:
            for index in range(min(max(count, 0), SHOWN)):
                entry = task.process.space.read(address + 16 * index, 16)
                base, size = int.from_bytes(entry[:8], "little"), int.from_bytes(entry[8:], "little")
                there = size if limit < 0 else min(size, limit)
                limit -= there if limit > 0 else 0
                shown.append(f"{{iov_base={self.data(task, base, there)}, iov_len={size}}}")
        except OSError:
            return f"{address:#x}" if address else "NULL"
        return f"[{', '.join(shown)}{', ...' if count > SHOWN else ''}]"


def extent_of(arguments: tuple[Argument, ...], argument: Argument, args: Sequence[int]) -> int:
    """Bytes that an argument without a struct points to."""
    return extent(arguments, argument, args) if not argument.struct else max(number("int", args[argument.count or 0]), 0)
