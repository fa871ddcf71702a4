"""Runs a program under the kernel's execve and under miniload, and looks at the result from outside.

The programs of elfbuilder.py stop themselves; then /proc tells everything about the new process image. What comes out is an
Outcome: "stopped" with a description in which addresses are relative to the images, or an errno, a signal, an exit status.
"""

from __future__ import annotations

import ctypes
import errno
import os
import pickle
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from struct import iter_unpack
from typing import TYPE_CHECKING, Any

from support import NATIVE

import miniload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

AT_PHDR, AT_PHNUM, AT_BASE, AT_ENTRY, AT_EXECFN = 3, 5, 7, 9, 31
ADDR_NO_RANDOMIZE = 0x0040000
START_CODE, END_CODE, START_DATA, END_DATA, START_BRK = 26, 27, 45, 46, 47
"""Fields of /proc/PID/stat, counted from one as proc_pid_stat(5) does."""
KERNEL_NAMES = ("[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Mapping:
    """One line of /proc/PID/maps."""

    start: int
    end: int
    permissions: str
    offset: int
    path: str


@dataclass(frozen=True)
class Outcome:
    """How an attempt to execute ended. `what`: "stopped", "exited", "killed" or "refused"; `number`: the exit status, the signal or
    the errno. `stderr` is what was said meanwhile."""

    what: str
    number: int = 0
    maps: tuple[str, ...] = ()
    stderr: bytes = field(default=b"", compare=False)

    def __str__(self) -> str:
        if self.what == "refused":
            return f"refused with {errno.errorcode.get(self.number, self.number)}"
        if self.what == "killed":
            return f"killed by {signal.Signals(self.number).name}"
        return f"{self.what} {self.number} {self.stderr!r}\n" + "\n".join(self.maps)


class Process:
    """A program that has stopped itself."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def proc(self, name: str) -> bytes:
        with open(f"/proc/{self.pid}/{name}", "rb") as file:
            return file.read()

    def auxv(self) -> dict[int, int]:
        return {kind: value for kind, value in iter_unpack("@NN", self.proc("auxv")) if kind}

    def stat(self, number: int) -> int:
        """A field of /proc/PID/stat by its number in proc_pid_stat(5)."""
        return int(self.proc("stat").rpartition(b")")[2].split()[number - 3])

    def read(self, address: int, size: int) -> bytes:
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(size)

    def string(self, address: int) -> bytes:
        return self.read(address, 256).split(b"\0", 1)[0]

    def maps(self) -> list[Mapping]:
        lines = self.proc("maps").decode().splitlines()
        return [_mapping(line) for line in lines]

    def comm(self) -> bytes:
        return self.proc("comm").rstrip(b"\n")

    def argv(self) -> list[bytes]:
        return self.proc("cmdline").split(b"\0")[:-1]

    def bias(self, entry: int) -> int:
        """The program's load bias, from its AT_ENTRY and its file's e_entry."""
        return self.auxv()[AT_ENTRY] - entry

    def described(self, entry: int, interpreter: str | None = None) -> tuple[str, ...]:
        """Every mapping, with addresses relative to the image that it belongs to: "program+START-END PERMISSIONS OFFSET PATH".

        Sizes of [stack] and of the kernel's own mappings are left out, and so is what miniload may leave behind where the kernel does
        not let it clean up (one page, named memfd:...).
        """
        maps = [line for line in self.maps() if line.path not in KERNEL_NAMES and "memfd:" not in line.path]
        aux = self.auxv()
        base = aux.get(AT_BASE, 0)
        lines = []
        for line in maps:
            if line.path in ("[stack]", "[heap]"):
                lines.append(f"{line.path} {line.permissions}")
                continue
            image, bias = ("interp", base) if _belongs(line, maps, interpreter) else ("program", aux[AT_ENTRY] - entry)
            start, end = line.start - bias & (1 << 64) - 1, line.end - bias & (1 << 64) - 1
            lines.append(f"{image}+{start:#x}-{end:#x} {line.permissions} {line.offset:#x} {line.path}".rstrip())
        return tuple(sorted(lines))


def _belongs(line: Mapping, maps: list[Mapping], interpreter: str | None) -> bool:
    """Whether a mapping is the interpreter's: its file's, or anonymous memory right behind its file's."""
    while not line.path:
        before = [other for other in maps if other.end == line.start]
        if not before:
            return False
        line = before[0]
    return line.path == interpreter


def _mapping(line: str) -> Mapping:
    parts = line.split(None, 5)
    start, end = (int(part, 16) for part in parts[0].split("-"))
    return Mapping(start, end, parts[1], int(parts[2], 16), parts[5] if len(parts) > 5 else "")


def no_aslr() -> None:
    """For the child: addresses without randomisation, as setarch -R."""
    _libc.personality(_libc.personality(0xFFFFFFFF) | ADDR_NO_RANDOMIZE)


@contextmanager
def started(
    command: Sequence[str | bytes | Path],
    *,
    executable: str | Path | None = None,
    before: Callable[[], None] | None = None,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[Process | Outcome]:
    """Executes `command` in a child: the Process if it stops itself, the Outcome if anything else happens. The child is gone afterwards.
    `before` runs in the child before the exec; `executable` is the path to execute where that is not the first word."""

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if before is not None:
            before()

    words = [os.fspath(word) for word in command]
    try:
        child = subprocess.Popen(
            words,
            executable=executable,
            env={} if env is None else env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=prepare,
        )
    except OSError as error:
        yield Outcome("refused", error.errno or 0)
        return
    with child:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        try:
            if os.WIFSTOPPED(status):
                yield Process(child.pid)
                return
        finally:
            if os.WIFSTOPPED(status):
                os.kill(child.pid, signal.SIGKILL)
                child.wait()
        assert child.stdout is not None
        assert child.stderr is not None
        child.returncode = os.waitstatus_to_exitcode(status)
        said = child.stdout.read() + child.stderr.read()
    if os.WIFSIGNALED(status):
        yield Outcome("killed", os.WTERMSIG(status), stderr=said)
    else:
        yield Outcome("exited", os.WEXITSTATUS(status), stderr=said)


@contextmanager
def stopped(command: Sequence[str | bytes | Path], **options: Any) -> Iterator[Process]:
    """started(), for programs that have to get as far as stopping themselves."""
    with started(command, **options) as process:
        assert isinstance(process, Process), str(process)
        yield process


def outcome_of(started: Process | Outcome, entry: int = 0, interpreter: Path | None = None) -> Outcome:
    """The Outcome of started(); a stopped process is described."""
    if isinstance(started, Outcome):
        return started
    return Outcome("stopped", maps=started.described(entry, None if interpreter is None else str(interpreter)))


def by_kernel(path: Path | str, entry: int = 0, interpreter: Path | None = None, **options: Any) -> Outcome:
    """What execve makes of the file."""
    with started([path], **options) as process:
        return outcome_of(process, entry, interpreter)


def by_miniload(path: Path | str, entry: int = 0, interpreter: Path | None = None, arguments: Sequence[str] = (), **options: Any) -> Outcome:
    """What the installed command makes of it."""
    with started([*NATIVE, *arguments, path], **options) as process:
        return outcome_of(process, entry, interpreter)


def planned_errno(path: Path | str | bytes, argv: Sequence[bytes] | None = None, env: Sequence[bytes] | None = None, **options: Any) -> int | None:
    """The errno with which miniload.plan() refuses, None if it does not. Anything but a MiniloadError is the test's failure."""
    try:
        miniload.plan(path, argv, env, **options)
    except miniload.MiniloadError as error:
        if error.errno is None:
            raise AssertionError(f"refused without an errno: {error}") from error
        return error.errno
    return None


def in_child(work: Callable[[], Any]) -> Any:
    """The result of `work()` in a forked child, which may change its limits, credentials and so on. What it raises is raised here."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            try:
                result: tuple[bool, Any] = (True, work())
            except BaseException as error:
                result = (False, error)
            with os.fdopen(writable, "wb") as pipe:
                pickle.dump(result, pipe)
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    good, value = pickle.loads(data)
    if not good:
        raise value
    return value


def exec_errno(path: str | bytes | Path, argv: Sequence[bytes], env: Sequence[bytes] = (), before: Callable[[], None] | None = None) -> int | None:
    """The errno of execve(path, argv, env), None if the program was started; whatever it then does is not waited for."""
    readable, writable = os.pipe()  # close-on-exec: end of file means success
    pid = os.fork()
    if pid == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if before is not None:
                before()
            bare_execve(os.fsencode(path), argv, env)
            os.write(writable, b"%d" % ctypes.get_errno())
        finally:
            os._exit(1)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        data = pipe.read()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return int(data) if data else None


def bare_execve(path: bytes, argv: Sequence[bytes], env: Sequence[bytes]) -> None:
    """The bare system call: os.execve refuses what the kernel takes, such as an empty argv."""
    vectors = [(ctypes.c_char_p * (len(strings) + 1))(*strings, None) for strings in (argv, env)]
    _libc.execve(ctypes.c_char_p(path), *vectors)


def drop_capabilities() -> None:
    """For a child: root's file permissions are then those of its user id, and the next exec (of root) brings the capabilities back."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    if _libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def mount_private() -> bool:
    """For a child: a mount namespace of its own, where it may mount; False if it may not."""
    clone_newns, ms_rec, ms_private = 0x00020000, 0x4000, 1 << 18
    unshared: int = _libc.unshare(clone_newns)
    return unshared == 0 and int(_libc.mount(b"none", b"/", None, ctypes.c_ulong(ms_rec | ms_private), None)) == 0


def mount(kind: bytes, target: Path, flags: int) -> bool:
    """mount(2) of a file system without a device."""
    return int(_libc.mount(kind, os.fsencode(target), kind, ctypes.c_ulong(flags), None)) == 0
