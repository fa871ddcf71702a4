"""One behaviour of Linux each: programs of tests/behaviours, which have to print the same lines and end in the same way natively, where the real kernel
is the judge, and emulated on both architectures."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache

import pytest
from behaviours.programs import NAMES, Ended, build, run
from foreign.conftest import Sysroots
from foreign.sysroot import RELEASES
from support import MINILOAD

WITH_GLIBC = (
    *("thread_cancel", "thread_condition", "thread_kill", "thread_locals", "mutex_robust", "mutex_inherit", "thread_exit_first", "counter_mutex"),
    *("signal_queue", "signal_timed_wait", "long_jump", "stack_overflow", "timer_posix", "die_abort", "fork_threads", "spawn_simple", "spawn_actions"),
    *("spawn_attributes", "exec_self", "exec_thread", "job_control", "message_queue", "restart_lock", "context_registers"),
)
"""Programs that are run with Debian's C library too: those whose subject is half the library's."""


@pytest.fixture(scope="session")
def sysroots() -> Sysroots:
    """sysroots(arch): Debian's packages for it."""
    return Sysroots()


@cache
def native(name: str, shape: str = "static") -> Ended:
    """How the program ends on the machine itself."""
    return run([build(name, "x86_64", shape)])


def compare(expected: Ended, got: Ended) -> None:
    assert expected.status is not None, f"the program itself does not end natively:\n{expected.output}"
    assert expected.status != 99, f"the program's own condition does not hold natively:\n{expected.output}"
    assert got.seen == expected.seen, got.errors


@dataclass(frozen=True)
class Known:
    """What is not right yet, and why."""

    reason: str
    arches: tuple[str, ...] = tuple(RELEASES)
    """Where it fails."""
    always: bool = True
    """It fails at every run: one that passes is news, and fails the test."""


KNOWN: dict[str, Known] = {}


def expect_failure(request: pytest.FixtureRequest, name: str, arch: str) -> None:
    """Says so where it is known."""
    known = KNOWN.get(name)
    if known and arch in known.arches:
        request.applymarker(pytest.mark.xfail(reason=known.reason, strict=known.always))


@pytest.mark.parametrize("arch", RELEASES)
@pytest.mark.parametrize("name", NAMES)
def test_behaviour(request: pytest.FixtureRequest, name: str, arch: str) -> None:
    """Expected: what the same source prints natively, and how it ends, which the first lines of the source explain."""
    expect_failure(request, name, arch)
    program = build(name, arch)
    compare(native(name), run([*MINILOAD, program]))


@pytest.mark.parametrize("arch", RELEASES)
@pytest.mark.parametrize("name", WITH_GLIBC)
def test_behaviour_with_glibc(request: pytest.FixtureRequest, name: str, arch: str, sysroots: Sysroots) -> None:
    """The same with a dynamic program of the GNU C library, natively with the machine's own."""
    expect_failure(request, name, arch)
    sysroot = sysroots(arch)
    program = build(name, arch, "glibc")
    compare(native(name, "glibc"), run([*MINILOAD, "-L", str(sysroot), program]))


def test_no_process_survives() -> None:
    """The runner's own promise: a program that hangs with children in sessions of their own leaves nothing. Expected: kill(2) finds none of them."""
    script = "import os,time\nfor _ in range(2):\n    if os.fork() == 0:\n        os.setsid(); print(os.getpid(), flush=True); time.sleep(99)\ntime.sleep(0.3)"
    ended = run([sys.executable, "-c", script])
    pids = [int(word) for word in ended.output.split()]
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
