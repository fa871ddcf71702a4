"""Runs a real program directly and through the installed command, and compares. The direct run is the oracle of every test in this folder."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from support import MINILOAD, ROOT, clean_environment, compile_c, need, outcome, words
from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Command = Sequence[str | Path]
    Ended = tuple[int, bytes, bytes]

PROGRAMS = ROOT / "tests" / "programs"
RUNNERS = {"directly": [], "loaded": MINILOAD}
"""What stands before a command: nothing, for the kernel's execve, and ours."""
PYTHON = "/usr/bin/python3"
"""The system's Python as a program under test, whichever one runs the tests."""


class Builder:
    """Compiles tests/programs, each with the same flags once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._built: dict[tuple[str, ...], Path] = {}

    def __call__(self, source: str, *flags: str, compiler: str = "gcc", name: str = "") -> Path:
        """The program made of that source. `name` is its file name, else the source's without its suffix."""
        need(compiler)
        key = (source, compiler, name, *flags)
        if key not in self._built:
            folder = Path(mkdtemp(dir=self.directory))
            self._built[key] = compile_c(PROGRAMS / source, folder / (name or source.partition(".")[0]), *flags, compiler=[compiler])
        return self._built[key]


def same(command: Command, *, normal: Callable[[bytes], bytes] = bytes, miniload: Sequence[str] = MINILOAD, **options: Any) -> Ended:
    """Status, stdout and stderr of the command, after checking that they are the same through miniload.

    `normal` is applied to both outputs where they cannot be equal: process ids, addresses. `miniload` is the installed command; `options` are
    subprocess.run's.
    """
    options.setdefault("env", clean_environment())
    direct = normalised(outcome(words(command), **options), normal)
    loaded = normalised(outcome([*miniload, *words(command)], **options), normal)
    assert loaded == direct
    return direct


def same_output(command: Command, **options: Any) -> bytes:
    """As same(), of a command that succeeds and says nothing on stderr: its stdout."""
    status, stdout, stderr = same(command, **options)
    assert (status, stderr) == (0, b"")
    assert stdout
    return stdout


def normalised(ended: Ended, normal: Callable[[bytes], bytes]) -> Ended:
    return ended[0], normal(ended[1]), normal(ended[2])


def without_numbers(text: bytes) -> bytes:
    """Process ids and addresses hidden: every run of hexadecimal digits that begins with a digit."""
    return re.sub(rb"\b(0x)?[0-9][0-9a-f]*\b", b"N", text)


@contextmanager
def running(command: Command, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A command that has said "ready" on its stdout, and is killed at the end if it still runs."""
    options.setdefault("env", clean_environment())
    with subprocess.Popen(words(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **options) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line == b"ready\n", line
            yield process
        finally:
            process.kill()


def at_terminal(command: Command, act: Callable[[Terminal], Any], **size: int) -> tuple[int, bytes]:
    """Status and output of a command used by `act` at a terminal, after checking that both are the same through miniload."""
    results = []
    for runner in RUNNERS.values():
        with Terminal([*runner, *command], **size) as terminal:
            act(terminal)
            results.append(terminal.end())
    assert results[1] == results[0]
    return results[0]


def without_capabilities() -> None:
    """For a child: no CAP_SYS_ADMIN, no CAP_CHECKPOINT_RESTORE from its next exec on, so that the exe link cannot be set: level "full"."""
    from ctypes import CDLL, c_ulong

    prctl, pr_capbset_drop = CDLL(None).prctl, 24
    for capability in (21, 40):
        prctl(pr_capbset_drop, c_ulong(capability), c_ulong(0), c_ulong(0), c_ulong(0))


def signalled(number: int) -> int:
    """The status of a process that died of the signal, as subprocess reports it."""
    return -signal.Signals(number)


def wait_until(condition: Callable[[], bool], patience: float = 30.0) -> bool:
    """Whether the condition comes true in that many seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
