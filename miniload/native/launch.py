"""Carries a plan out: opens its files, makes the executable, execs it."""

from __future__ import annotations

import os
from errno import EACCES, EINVAL, ENOENT, ENOSYS, EPERM, ESTALE

from miniload.errors import LaunchError
from miniload.native.image import append_plan, read_stub, stub_path
from miniload.plan.wire import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn

    from miniload.plan.model import FileRef, LoadPlan

MFD_CLOEXEC, MFD_EXEC = 1, 0x10
PLAN_FD = b"MINILOAD_PLAN_FD"
"""How the installed stub finds its plan: the last environment entry, seen by nobody else (stub/plan.c)."""


class Launch:
    """A plan ready to be exec'd: `executable` is a path to exec, with `argv` and `env`; `inherit` are the descriptors that must
    survive the exec, for the stub to use and close. A context manager that closes them, should the exec not happen.

    Raises LaunchError (ESTALE) if a file of the plan has changed since it was planned.
    """

    def __init__(self, plan: LoadPlan, *, report: bool = False) -> None:
        self.plan = plan
        self._report = report
        self._fds: list[int] = []
        self.argv = list(plan.stack.argv)
        self.env = dict(entry.split(b"=", 1) for entry in plan.stack.env if b"=" in entry[1:] and entry[:1] != b"=")
        try:
            self.inherit = [self._keep(_open_planned(file)) for file in plan.files]
            wire = encode(plan, self.inherit, report=report)
            self.executable = self._memfd_of_stub_and_plan(wire)
        except BaseException:
            self.close()
            raise

    def _keep(self, fd: int) -> int:
        self._fds.append(fd)
        return fd

    def _memfd_of_stub_and_plan(self, wire: bytes) -> bytes:
        image = append_plan(read_stub(self.plan.arch), wire)
        try:
            fd = self._keep(_memfd(self.plan.comm, image))
        except OSError as error:
            return self._installed_stub(wire, error)
        return executable_path(fd, len(self.plan.stack.execfn))

    def _installed_stub(self, wire: bytes, cause: OSError) -> bytes:
        """The fallback: the stub as it is installed, and the plan behind an inherited descriptor."""
        try:
            fd = self._keep(_memfd(b"plan", wire))
        except OSError:
            try:
                fd = self._keep(_unlinked_file(wire))
            except OSError:
                reason = f"cannot make the plan's file: {cause.strerror}"
                raise LaunchError(self.plan.stack.execfn, reason, errno=cause.errno) from None
        self.inherit.append(fd)
        self.env[PLAN_FD] = b"%d" % fd
        return stub_path(self.plan.arch)

    def exec(self, *, ignore_sigpipe: bool = False, ignore_sigxfsz: bool = False) -> NoReturn:
        """Replaces this process; returns only by raising LaunchError. The two signals, which Python ignores from its start on,
        get their default back, or stay ignored."""
        _restore_signals(ignore_sigpipe, ignore_sigxfsz)
        refused = self._try_exec()
        if PLAN_FD not in self.env and refused.errno in (EACCES, EPERM, ENOENT, ENOSYS):
            # A memfd may not be executed here (vm.memfd_noexec, a policy), or /proc is not mounted.
            self.executable = self._installed_stub(encode(self.plan, self.inherit, report=self._report), refused)
            refused = self._try_exec()
        raise LaunchError(self.plan.stack.execfn, f"exec of the stub failed: {refused.strerror}", errno=refused.errno)

    def _try_exec(self) -> OSError:
        for fd in self.inherit:
            os.set_inheritable(fd, True)
        try:
            os.execve(self.executable, self.argv, self.env)
        except OSError as error:
            return error

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())

    def __enter__(self) -> Launch:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()


def executable_path(fd: int, length: int) -> bytes:
    """A path to exec the descriptor by, `length` bytes long where that can be had.

    The kernel puts it on the stub's stack as AT_EXECFN, above argv. As long as the program's own AT_EXECFN, it makes the kernel's
    argv lie just where the program's will, and so /proc/self/cmdline right even where the kernel cannot be told of a new place.
    """
    number = b"%d" % fd
    return b"/proc/self/fd/" + number.rjust(length - len(b"/proc/self/fd/"), b"/")


def _open_planned(file: FileRef) -> int:
    try:
        fd = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise LaunchError(file.path, f"cannot be opened any more: {error.strerror}", errno=error.errno) from None
    status = os.fstat(fd)
    if (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) != (file.device, file.inode, file.size, file.mtime_ns):
        os.close(fd)
        raise LaunchError(file.path, "the file has changed since it was planned", errno=ESTALE)
    return fd


def _memfd(name: bytes, data: bytes) -> int:
    label = os.fsdecode(name)
    try:
        fd = os.memfd_create(label, MFD_CLOEXEC | MFD_EXEC)
    except OSError as error:
        if error.errno != EINVAL:
            raise
        fd = os.memfd_create(label, MFD_CLOEXEC)  # before Linux 6.3 there is no MFD_EXEC: every memfd is executable
    return _filled(fd, data)


def _unlinked_file(data: bytes) -> int:
    directory = os.environb.get(b"TMPDIR") or b"/tmp"
    return _filled(os.open(directory, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600), data)


def _filled(fd: int, data: bytes) -> int:
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
    except BaseException:
        os.close(fd)
        raise
    return fd


def _restore_signals(ignore_sigpipe: bool, ignore_sigxfsz: bool) -> None:
    """Caught signals are reset by exec itself, the blocked mask is kept by it; what Python ignores is ours to put right. Not by
    `signal`, whose import costs 5 ms."""
    import _signal  # type: ignore[import-not-found]

    if not ignore_sigpipe:
        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    if not ignore_sigxfsz:
        _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
