"""Starts the probe by execve, and through miniload, in the same surroundings, and reads what it prints.

subprocess cannot make every surrounding: it takes no environment entry twice, and none without "=". So this forks and calls
execve itself, with the vectors just as they are given.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

LIMIT = 60
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Surroundings:
    """What the started program inherits. `prepare` runs in the child, last thing before the exec."""

    args: Sequence[bytes] = ()
    env: Sequence[bytes] = (b"PATH=/usr/bin:/bin", b"LANG=C.UTF-8")
    cwd: Path | None = None
    prepare: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True)
class Result:
    """`status`: as os.waitstatus_to_exitcode gives it."""

    status: int
    stdout: bytes
    stderr: bytes

    def report(self) -> dict[str, Any]:
        """The probe's own report; an AssertionError says what came instead of one."""
        assert self.status == 0, f"status {self.status}: {self.stderr!r}"
        loaded: dict[str, Any] = json.loads(self.stdout)
        return loaded


def execute(command: Sequence[bytes], folder: Path, surroundings: Surroundings, executable: bytes | None = None) -> Result:
    """execve(command[0], command) in a child. Its standard streams are /dev/null, a file and a named pipe in `folder`, always the
    same ones, so that what it sees of them is the same every time."""
    return fork_and_wait(lambda: _execve(executable or command[0], command, surroundings.env), folder, surroundings)


def fork_and_wait(become: Callable[[], object], folder: Path, surroundings: Surroundings) -> Result:
    """Calls `become`, which is to replace the process, in a prepared child, and waits for what it has become."""
    stdout, stderr = folder / "stdout", folder / "stderr"
    if not stderr.exists():
        os.mkfifo(stderr)  # of a file, the probe would see how much has been written before
    said = os.open(stderr, os.O_RDWR | os.O_NONBLOCK)
    pid = os.fork()
    if pid == 0:
        try:
            _redirect(stdout, stderr)
            if surroundings.cwd is not None:
                os.chdir(surroundings.cwd)
            # What Python ignores is not to be mistaken for what the test ignores.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            surroundings.prepare()
            become()
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(99)
    status = _wait(pid)
    with os.fdopen(said, "rb", buffering=0) as pipe:
        return Result(status, stdout.read_bytes(), pipe.read(65536) or b"")


def _redirect(stdout: Path, stderr: Path) -> None:
    for number, path, flags in ((0, "/dev/null", os.O_RDONLY), (1, stdout, os.O_WRONLY), (2, stderr, os.O_WRONLY)):
        fd = os.open(path, flags | (os.O_CREAT | os.O_TRUNC if flags else 0), 0o600)
        os.dup2(fd, number)
        if fd != number:
            os.close(fd)


def _execve(path: bytes, argv: Sequence[bytes], env: Sequence[bytes]) -> None:
    vectors = [(ctypes.c_char_p * (len(strings) + 1))(*strings, None) for strings in (argv, env)]
    _libc.execve(ctypes.c_char_p(path), *vectors)
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


def _wait(pid: int) -> int:
    fd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    if not poll.poll(LIMIT * 1000):
        os.kill(pid, signal.SIGKILL)
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def direct(program: Path, folder: Path, surroundings: Surroundings) -> dict[str, Any]:
    """The report of the probe started by execve."""
    return execute([os.fsencode(program), *surroundings.args], folder, surroundings).report()


def through_miniload(program: Path, folder: Path, surroundings: Surroundings, *options: bytes) -> dict[str, Any]:
    """The report of the probe started by the installed command."""
    command = [os.fsencode(SCRIPT), *options, os.fsencode(program), *surroundings.args]
    return execute(command, folder, surroundings).report()
