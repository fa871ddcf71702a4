"""Carries a plan out: opens its files, makes the executable, execs it."""

from __future__ import annotations

import os
from errno import E2BIG, EACCES, EINVAL, ENOENT, ENOSYS, EPERM, ESTALE

from miniload.errors import LaunchError
from miniload.native.image import executable, stub_path
from miniload.plan.wire import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import NoReturn, TypeVar

    from miniload.plan.model import FileRef, LoadPlan

    T = TypeVar("T")

MFD_CLOEXEC, MFD_NOEXEC_SEAL, MFD_EXEC = 1, 8, 0x10
PLAN_FD = b"MINILOAD_PLAN_FD"
"""How the installed stub finds its plan: the last environment entry, seen by nobody else (stub/plan.c)."""
FILLER_SIZE = 65536
"""Less than the kernel's limit for one string."""


class Launch:
    """A plan ready to be exec'd. A context manager that closes what it opened.

    `argv` and `env` are for the exec; `inherit` are the descriptors that the stub will use, and close, after it. The executable itself is
    one of them if `inherit_executable`: for starters that close everything else before they exec, as subprocess does.

    Raises LaunchError (ESTALE) if a file of the plan has changed since it was planned.
    """

    def __init__(self, plan: LoadPlan, *, report: bool = False, inherit_executable: bool = False) -> None:
        self.plan = plan
        self.argv = exec_arguments(plan.stack.argv)
        self.env = exec_environment(plan.stack.env)
        self.inherit: list[int] = []
        self._report = report
        self._fds: list[int] = []
        try:
            for file in plan.files:
                self.inherit.append(self._keep(_open_planned(file)))
            self._planned = len(self.inherit)
            try:
                self.executable = self._stub_and_plan(inherit_executable)
            except OSError as refused:
                self._fall_back(refused)
        except BaseException:
            self.close()
            raise

    def _keep(self, fd: int) -> int:
        self._fds.append(fd)
        return fd

    def _stub_and_plan(self, inherit: bool) -> bytes:
        """The executable in memory: stub and plan in one file."""
        fd = self._keep(_memfd(self.plan.comm))
        if inherit:
            self.inherit.append(fd)
        planned, others = self.inherit[: self._planned], self.inherit[self._planned :]
        _write(fd, executable(self.plan, planned, close=others, report=self._report))
        return executable_path(b"/proc/self/fd/%d" % fd, len(self.plan.stack.execfn))

    def _fall_back(self, refused: OSError) -> None:
        """The stub as it is installed, and the plan behind an inherited descriptor: where a memfd cannot be made, or not be executed
        (vm.memfd_noexec, a policy), or /proc is not mounted."""
        del self.inherit[self._planned :]
        try:
            fd = self._keep(_unnamed_file())
            _write(fd, encode(self.plan, self.inherit, report=self._report))
        except OSError:
            reason = f"cannot make a file for the plan: {refused.strerror}"
            raise LaunchError(self.plan.stack.execfn, reason, errno=refused.errno) from None
        self.inherit.append(fd)
        self.env = exec_environment(self.plan.stack.env, fd)
        self.executable = executable_path(stub_path(self.plan.arch), len(self.plan.stack.execfn))

    def start(self, begin: Callable[[], T]) -> T:
        """Calls `begin`, which is to exec `executable` with `argv`, `env` and `inherit`; again with other ones if that is
        refused and there is a way round. LaunchError if it stays refused; other errors of `begin` come through."""
        while True:
            try:
                return begin()
            except OSError as refused:
                if refused.filename != self.executable:
                    raise
                if not self._find_way_round(refused):
                    raise self._refused(refused) from None

    def _find_way_round(self, refused: OSError) -> bool:
        falls_back = PLAN_FD not in self.env and refused.errno in (EACCES, EPERM, ENOENT, ENOSYS)
        if falls_back:
            self._fall_back(refused)
        elif refused.errno == E2BIG and len(self.argv) > 1:
            # The stub's own path is longer than the program's, whose arguments are just at the limit.
            self.argv = [b"-"]
            self.env = {name: value for name, value in self.env.items() if name == PLAN_FD}
        else:
            return False
        return True

    def _refused(self, error: OSError) -> LaunchError:
        return LaunchError(self.plan.stack.execfn, f"exec of the stub failed: {error.strerror}", errno=error.errno)

    def exec(self, *, ignore_sigpipe: bool = False, ignore_sigxfsz: bool = False) -> NoReturn:
        """Replaces this process; returns only by raising LaunchError. The two signals, which Python ignores from its start on,
        get their default back, or stay ignored."""
        _restore_signals(ignore_sigpipe, ignore_sigxfsz)
        self.start(self._exec)
        raise AssertionError("execve returned")

    def _exec(self) -> NoReturn:
        for fd in self.inherit:
            os.set_inheritable(fd, True)
        os.execve(self.executable, self.argv, self.env)

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())

    def __enter__(self) -> Launch:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()


def exec_arguments(argv: Sequence[bytes]) -> list[bytes]:
    """Arguments for the stub, which has no use for them, that take as many bytes as `argv` (see exec_environment): itself, unless its first
    string is empty, which os.execve refuses."""
    if argv[0]:
        return list(argv)
    if len(argv) > 1 and argv[1]:
        return [b"-", argv[1][1:], *argv[2:]]
    return [b"-", *argv[2:]]


def exec_environment(env: Sequence[bytes], plan_fd: int | None = None) -> dict[bytes, bytes]:
    """An environment for the stub that takes as many bytes as `env`, with the descriptor of the plan, if any, in its last entry.

    The stub has no use for the rest of it, but the kernel remembers where it put argv and environment: where it cannot be told of a
    new place, /proc/self/environ is right only if the place is as large as the program's own environment. `env` itself would not do, since
    os.execve and subprocess take mappings, which hold no name twice and nothing without "=".
    """
    last = {} if plan_fd is None else {PLAN_FD: b"%d" % plan_fd}
    room = sum(map(len, env)) + len(env) - sum(len(name) + len(value) + 2 for name, value in last.items())
    filler: dict[bytes, bytes] = {}
    while room > 2:  # "N=" and NUL; smaller ones cannot be matched
        size = room if room <= FILLER_SIZE else FILLER_SIZE // 2
        name = b"%d" % len(filler)
        filler[name] = b"-" * (size - len(name) - 2)
        room -= size
    return {**filler, **last}


def executable_path(path: bytes, length: int) -> bytes:
    """The same absolute path, `length` bytes long where it was not longer.

    The kernel puts it on the stub's stack as AT_EXECFN, above argv. As long as the program's own AT_EXECFN, it makes the kernel's
    argv lie just where the program's will, and so /proc/self/cmdline right even where the kernel cannot be told of a new place.
    """
    folder, _, name = path.rpartition(b"/")
    return folder + b"/" + name.rjust(length - len(folder) - 1, b"/")


def _open_planned(file: FileRef) -> int:
    try:
        fd = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise LaunchError(file.path, f"cannot be opened any more: {error.strerror}", errno=error.errno) from None
    if not file.is_still(os.fstat(fd)):
        os.close(fd)
        raise LaunchError(file.path, "the file has changed since it was planned", errno=ESTALE)
    return fd


def _memfd(name: bytes) -> int:
    label = os.fsdecode(name)
    try:
        return os.memfd_create(label, MFD_CLOEXEC | MFD_EXEC)
    except OSError as error:
        if error.errno != EINVAL:
            raise
        return os.memfd_create(label, MFD_CLOEXEC)  # before Linux 6.3 there is no MFD_EXEC: every memfd is executable


def _unnamed_file() -> int:
    """A memfd that need not be executable, else a file without a name in $TMPDIR."""
    try:
        return os.memfd_create("plan", MFD_CLOEXEC | MFD_NOEXEC_SEAL)
    except OSError:
        pass
    try:
        return os.memfd_create("plan", MFD_CLOEXEC)
    except OSError:
        directory = os.environb.get(b"TMPDIR") or b"/tmp"
        return os.open(directory, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _restore_signals(ignore_sigpipe: bool, ignore_sigxfsz: bool) -> None:
    """Caught signals are reset by exec itself, the blocked mask is kept by it; what Python ignores is ours to put right. Not by
    `signal`, whose import costs 5 ms."""
    import _signal  # type: ignore[import-not-found]

    if not ignore_sigpipe:
        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    if not ignore_sigxfsz:
        _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
