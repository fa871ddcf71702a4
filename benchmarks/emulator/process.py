"""One run of a command: how long, and what came of it."""

from __future__ import annotations

import os
import select
import signal
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Outcome(NamedTuple):
    """Seconds from just before the spawn to just after the end; the exit status (minus the signal, or None if it had to be ended); output, the end of
    what was said on stderr."""

    seconds: float
    status: int | None
    output: bytes
    said: str


def run(command: tuple[str, ...], environment: Mapping[str, str], limit: float) -> Outcome:
    """Both outputs go to memory, so that no pipe's reader takes part. After `limit` seconds the command and all that it has started are ended."""
    output, errors, null = os.memfd_create("output"), os.memfd_create("errors"), os.open(os.devnull, os.O_RDONLY)
    places = [(os.POSIX_SPAWN_DUP2, own, theirs) for own, theirs in ((null, 0), (output, 1), (errors, 2))]
    try:
        start = perf_counter()
        pid = os.posix_spawn(command[0], command, environment, file_actions=places, setpgroup=0)
        ended = False
        try:
            ended = _ends(pid, limit)
        finally:  # interrupted, too: the command is in a process group of its own
            if not ended:
                os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        seconds = perf_counter() - start
        said = _content(errors).decode(errors="replace").strip().splitlines()
        return Outcome(seconds, os.waitstatus_to_exitcode(status) if ended else None, _content(output), said[-1] if said else "")
    finally:
        for descriptor in (output, errors, null):
            os.close(descriptor)


def _ends(pid: int, limit: float) -> bool:
    """Whether it does within that time. By poll(2): subprocess would look now and then only."""
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(limit * 1000))
    finally:
        os.close(descriptor)


def _content(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0)
