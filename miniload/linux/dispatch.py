"""From a system call's number to what serves it: rows of the table, compiled when a program first makes that call."""

from __future__ import annotations

import errno
import os
from errno import EBADF, EFAULT, EINVAL, ENOSYS
from struct import iter_unpack, pack

from miniload.ffi import addressof, create_string_buffer
from miniload.linux import futex
from miniload.linux.table import STRUCTS, TABLE, parse_row
from miniload.vcpu import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from miniload.linux.process import Process
    from miniload.linux.table import Argument
    from miniload.linux.task import Task

    Handler = Callable[..., "int | None"]
    Service = Callable[[Task, Sequence[int]], "int | None"]

SIGNED_32 = frozenset({"fd", "dirfd", "int"})
SIGNED_64 = frozenset({"long", "off"})
UNSIGNED_64 = frozenset({"size", "hex", "ptr", "path", "lpath", "apath", "str", "in", "out", "io", "iovin", "iovout", "argv", "envp", "clone"})
UIO_MAXIOV = 1024
AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW = 0x100, 0x400


def number(kind: str, value: int) -> int:
    """The argument as the kernel's own prototype takes it."""
    if kind in UNSIGNED_64:
        return value
    if kind in SIGNED_64:
        return value - (value >> 63 << 64)
    if kind == "uint":
        return value & 0xFFFFFFFF
    value &= 0xFFFFFFFF
    return value - (value >> 31 << 32)


class Dispatcher:
    """Serves one process's system calls."""

    def __init__(self, process: Process, numbers: dict[str, int], host_numbers: dict[str, int]) -> None:
        self.process = process
        self.names = {value: name for name, value in numbers.items()}
        self.host_numbers = host_numbers
        self.services: dict[int, Service] = {}
        self.blocking: set[int] = set()
        """Calls that may wait, and so be interrupted by a signal."""

    def name(self, nr: int) -> str:
        """The call's name."""
        return self.names.get(nr, f"syscall_{nr:#x}")

    def serve(self, task: Task, nr: int, args: Sequence[int]) -> int | None:
        """The call's result, -errno included; None if registers are not to be touched."""
        service = self.services.get(nr)
        if service is None:
            service = self.compile_somehow(nr)
            if self.process.trace is not None:
                service = self.process.trace.wrap(self.name(nr), service)
            self.services[nr] = service
        task.waits = self.may_wait(nr, args)
        try:
            return service(task, args)
        except OSError as error:
            return -(error.errno or EINVAL)
        except (ValueError, OverflowError):
            return -EINVAL  # a number that is beyond what the host's own interface takes

    def compile_somehow(self, nr: int) -> Service:
        """`compile`, even where the guest has used up all descriptors and a module has to be imported: one is set aside for that."""
        try:
            service = self.compile(nr)
        except (ImportError, OSError):
            self.process.free_spare()
            try:
                service = self.compile(nr)
            finally:
                self.process.take_spare()
        else:
            self.process.take_spare()
        return service

    def compile(self, nr: int) -> Service:
        """The service of a row."""
        name = self.names.get(nr, "")
        row = TABLE.get(name)
        if row is None:
            self.process.report(f"unknown system call {nr}{name and f' ({name})'}")
            return lambda _task, _args: -ENOSYS
        how, arguments = parse_row(row)
        if how.endswith("!"):
            self.blocking.add(nr)
            how = how[:-1]
        if how.startswith("no:"):
            return self._refusal(name, how)
        if how == "pass":
            return self._passed(nr, name, arguments, blocks=nr in self.blocking)
        if how == "path":
            return self._forwarded(name, arguments)
        if how == "futex.futex" and self.process.trace is None and self.process.deadlocks is None:
            self.process.vcpu.pass_row(nr, futex.quick(self.host_numbers[name]))
        if how.startswith("poll.epoll") and self.process.trace is None:
            from miniload.linux import poll

            self.process.vcpu.pass_row(nr, poll.quick(self.process, name))
        return self._handled(how, arguments)

    def may_wait(self, nr: int, args: Sequence[int]) -> bool:
        """Whether that system call may be interrupted by a signal."""
        return nr in self.blocking and (self.name(nr) != "futex" or futex.waits(args))

    def _refusal(self, name: str, how: str) -> Service:
        _, code, reason = how.split(":", 2)
        result: int = -getattr(errno, code)
        if result == -ENOSYS:
            self.process.report(f"system call {name} is not served: {reason}")
        return lambda _task, _args: result

    def _handled(self, how: str, arguments: tuple[Argument, ...]) -> Service:
        module, _, function = how.partition(".")
        handler: Handler = getattr(__import__(f"miniload.linux.{module}", fromlist=[function]), function)
        kinds = [argument.kind for argument in arguments]

        def serve(task: Task, args: Sequence[int]) -> int | None:
            return handler(task, *[number(kind, value) for kind, value in zip(kinds, args, strict=False)])

        return serve

    def _passed(self, nr: int, name: str, arguments: tuple[Argument, ...], blocks: bool) -> Service:
        host_number = self.host_numbers.get(name)
        if host_number is None:
            return lambda _task, _args: -ENOSYS
        if self.process.trace is None:  # which has to see every call
            row = pass_through(host_number, arguments, blocks)
            if row is not None:
                self.process.vcpu.pass_row(nr, row)
        return self._forwarded(name, arguments)

    def _forwarded(self, name: str, arguments: tuple[Argument, ...]) -> Service:
        host_number = self.host_numbers.get(name)
        if host_number is None:
            return lambda _task, _args: -ENOSYS

        def serve(task: Task, args: Sequence[int]) -> int:
            keep: list[object] = []
            values = [translate(task, arguments, index, args, keep) for index in range(len(arguments))]
            return task.host_call(host_number, *values)

        return serve


def pass_through(host_number: int, arguments: tuple[Argument, ...], blocks: bool) -> core.PassThrough | None:
    """The row as the vCPU core takes it; None if only Python can serve it."""
    kinds: list[tuple[int, int]] = []
    for argument in arguments:
        kind, count = argument.kind, argument.count
        if kind in ("in", "out", "io"):
            size = STRUCTS.get(argument.struct, 0)
            if argument.struct and count is None:
                kinds.append((core.POINTER_ARG, size))
            elif argument.struct and count is not None and count >= 0:
                kinds.append((core.ARRAY, count | size << 8))
            elif count is not None and count >= 0:
                kinds.append((core.BUFFER, count))
            else:
                kinds.append((core.POINTER_ARG, -(count or 0)))
        elif kind in ("iovin", "iovout"):
            kinds.append((core.IOVEC, argument.count or 0))
        elif kind in ("path", "lpath", "apath"):
            return None
        elif kind == "str":
            kinds.append((core.STRING, 0))
        elif kind in ("fd", "dirfd"):
            kinds.append((core.FD, 0))
        elif kind in UNSIGNED_64 or kind in SIGNED_64:
            kinds.append((core.VALUE, 0))
        else:
            kinds.append((core.INT, 0))
    return core.PassThrough(host_number, tuple(kinds), blocks)


def translate(task: Task, arguments: tuple[Argument, ...], index: int, args: Sequence[int], keep: list[object]) -> int:
    """One argument for the host's own call: pointers checked, paths looked up. `keep` holds what the result points to."""
    argument, value = arguments[index], args[index]
    kind, space = argument.kind, task.process.space
    if kind in ("fd", "dirfd"):
        fd = number(kind, value)
        if task.process.is_reserved(fd):
            raise OSError(EBADF, os.strerror(EBADF))
        return fd
    if kind in ("in", "out", "io"):
        return space.host(value, extent(arguments, argument, args))
    if kind in ("iovin", "iovout"):
        count = number("int", args[argument.count or 0])
        return pointer(translate_iovec(task, value, count), keep)
    if kind == "str":
        return space.host(value, 1)
    if kind in ("path", "lpath", "apath"):
        if not value:
            return 0
        flags = next((args[i] for i, other in enumerate(arguments) if other.kind == "at"), 0)
        follow = kind == "path" or (kind == "apath" and not flags & AT_SYMLINK_NOFOLLOW) or bool(kind == "lpath" and flags & AT_SYMLINK_FOLLOW)
        return pointer(task.process.paths.host(space.read_string(value), follow) + b"\0", keep)
    return number(kind, value)


def extent(arguments: tuple[Argument, ...], argument: Argument, args: Sequence[int]) -> int:
    """Bytes that a pointer argument points to."""
    unit = STRUCTS[argument.struct] if argument.struct else 1
    if argument.count is None:
        return unit
    if argument.count < 0:
        return -argument.count * unit
    count = number(arguments[argument.count].kind, args[argument.count])
    return max(count, 0) * unit


def translate_iovec(task: Task, address: int, count: int) -> bytes:
    """An iovec array with the host's addresses."""
    if not 0 <= count <= UIO_MAXIOV:
        raise OSError(EINVAL, os.strerror(EINVAL))
    if not count:
        return b"\0"
    if not address:
        raise OSError(EFAULT, os.strerror(EFAULT))
    space = task.process.space
    words = [word for base, size in iter_unpack("<QQ", space.read(address, 16 * count)) for word in (space.host(base, size), size)]
    return pack(f"<{len(words)}Q", *words)


def pointer(data: bytes, keep: list[object]) -> int:
    """The address of a copy of `data`, which lives as long as `keep`."""
    buffer = create_string_buffer(data, len(data))
    keep.append(buffer)
    return addressof(buffer)
