"""Times whole processes, from just before the spawn to just after the wait, in one interleaved run."""

from __future__ import annotations

import ctypes
import os
from contextlib import ExitStack
from random import Random
from statistics import median, quantiles
from struct import Struct
from time import perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

PR_CAPBSET_DROP = 24
REQUEST, REPLY = Struct("<I"), Struct("<qi")


class Variant(NamedTuple):
    """One way to start a program. `direct` names the variant that starts the same program by execve alone, if there is one.
    `dropped` are capabilities that it is started without."""

    name: str
    command: tuple[str, ...]
    direct: str | None = None
    dropped: tuple[int, ...] = ()


class Group(NamedTuple):
    """Variants that take similar times. `passes`: how often each of them is run per round; with more than one, the first pass
    is not counted, as it finds the caches filled by another group."""

    variants: tuple[Variant, ...]
    passes: int = 1


class Timing(NamedTuple):
    """Milliseconds: the median of all rounds, and the quartiles around it."""

    median: float
    low: float
    high: float


class Spawner:
    """A small process of its own that starts programs and times them, so that what is measured is started with chosen
    capabilities and by a process that does nothing else. A context manager."""

    def __init__(self, commands: Sequence[tuple[str, ...]], environment: Mapping[str, str], dropped: Sequence[int]) -> None:
        requests, self._requests = os.pipe()
        self._replies, replies = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._requests)
            os.close(self._replies)
            _serve(commands, environment, dropped, requests, replies)
        os.close(requests)
        os.close(replies)

    def run(self, index: int) -> tuple[int, int]:
        """Nanoseconds and wait status of one run of that command."""
        os.write(self._requests, REQUEST.pack(index))
        reply = os.read(self._replies, REPLY.size)
        if len(reply) != REPLY.size:
            raise SystemExit("the process that times the others has died")
        nanoseconds, status = REPLY.unpack(reply)
        return nanoseconds, status

    def __enter__(self) -> Spawner:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._requests)
        os.close(self._replies)
        os.waitpid(self._pid, 0)


def _serve(commands: Sequence[tuple[str, ...]], environment: Mapping[str, str], dropped: Sequence[int], requests: int, replies: int) -> NoReturn:
    try:
        drop_capabilities(dropped)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1):
            os.dup2(null, standard)
        while request := os.read(requests, REQUEST.size):
            (index,) = REQUEST.unpack(request)
            command = commands[index]
            start = perf_counter_ns()
            pid = os.posix_spawn(command[0], command, environment)
            _, status = os.waitpid(pid, 0)
            os.write(replies, REPLY.pack(perf_counter_ns() - start, status))
        os._exit(0)
    finally:
        os._exit(1)


def drop_capabilities(capabilities: Sequence[int]) -> None:
    """Takes them out of the bounding set, so that what this process execs is without them, root or not. OSError if not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in capabilities:
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "PR_CAPBSET_DROP")


def measure(groups: Sequence[Group], rounds: int, environment: Mapping[str, str]) -> dict[str, Timing]:
    """Runs the groups in turn, the variants of a group in an order that is new each time: drift of the machine and what the
    neighbours leave in the caches hit all alike. One more round before the others is not counted. SystemExit if a variant fails."""
    variants = [variant for group in groups for variant in group.variants]
    commands = [variant.command for variant in variants]
    samples: dict[str, list[int]] = {variant.name: [] for variant in variants}
    shuffled = Random(0)
    spawners: dict[tuple[int, ...], Spawner] = {}
    with ExitStack() as stack:
        for variant in variants:
            if variant.dropped not in spawners:
                spawners[variant.dropped] = stack.enter_context(Spawner(commands, environment, variant.dropped))
        for round_number in range(-1, rounds):
            for group in groups:
                for pass_number in range(group.passes):
                    counted = round_number >= 0 and (pass_number > 0 or group.passes == 1)
                    for variant in shuffled.sample(group.variants, len(group.variants)):
                        nanoseconds, status = spawners[variant.dropped].run(variants.index(variant))
                        if status != 0:
                            raise SystemExit(f"{variant.name}: wait status {status:#x}: {' '.join(variant.command)}")
                        if counted:
                            samples[variant.name].append(nanoseconds)
    return {name: summary(values) for name, values in samples.items()}


def summary(nanoseconds: Sequence[int]) -> Timing:
    low, _, high = quantiles(nanoseconds, n=4)
    return Timing(median(nanoseconds) / 1e6, low / 1e6, high / 1e6)
