"""--report-deadlock: it finds a deadlock of all threads and says where each is, and leaves alone what can still be woken."""

from __future__ import annotations

import re
import signal
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from support import MINILOAD, ROOT, ZIG_CC, clean_environment, compile_c, outcome

GUESTS = ("aarch64", "riscv64", "x86_64")
WATCHED = [*MINILOAD, "--engine", "unicorn", "--report-deadlock"]
SOURCE = ROOT / "tests" / "linux_programs" / "deadlock.c"
STATUS = 124
"""README.md, "The command"."""


@cache
def program(arch: str, *flags: str) -> str:
    """tests/linux_programs/deadlock.c for the architecture."""
    target = [*ZIG_CC, "-target", f"{arch}-linux-musl"]
    return str(compile_c(SOURCE, Path(mkdtemp()) / "deadlock", "-static", "-O1", "-D_GNU_SOURCE", *flags, compiler=target))


def watched(program: str, which: str) -> tuple[int, str, str]:
    """Status, stdout and stderr under --report-deadlock."""
    status, said, told = outcome([*WATCHED, program, which])
    return status, said.decode(), told.decode()


@pytest.mark.parametrize("arch", GUESTS)
@pytest.mark.parametrize("flags", [(), ("-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-omit-frame-pointer")])
def test_two_mutexes_in_two_orders(arch: str, flags: tuple[str, ...]) -> None:
    """Expected: the calls that the source makes, innermost first, of both threads; with unwind tables, and by frame pointers alone."""
    status, said, told = watched(program(arch, *flags), "mutexes")
    assert (status, said) == (STATUS, "")
    head, first, second = re.split(r"^thread ", told, flags=re.MULTILINE)
    assert head.endswith("deadlock: all 2 threads wait for each other\n")
    for outer, calls in (("main", first), ("take_two_first", second)):
        names = re.findall(r"^  #\d+ +0x[0-9a-f]{16} (\S+)\+0x[0-9a-f]+ \(\S+\+0x[0-9a-f]+\)$", calls, re.MULTILINE)
        inner = names.index("take_both")
        assert names[inner + 1] == outer
        assert any("lock" in name or "wait" in name for name in names[:inner])


@pytest.mark.parametrize("arch", GUESTS)
@pytest.mark.parametrize(("which", "calls"), [("itself", "lock_twice"), ("ended", "wait_for_post"), ("child", "lock_twice")])
def test_nobody_left_to_wake(arch: str, which: str, calls: str) -> None:
    """A thread that locks its own mutex, one whose waker has ended, and a forked child, whose parent goes on."""
    status, said, told = watched(program(arch), which)
    assert (status, said) == ((0, f"child's status {STATUS}\n") if which == "child" else (STATUS, ""))
    assert "deadlock: the only thread waits, and nobody is there to wake it" in told
    assert f" {calls}+0x" in told


@pytest.mark.parametrize("arch", GUESTS)
@pytest.mark.parametrize("which", ["read", "limit", "timer", "signal", "process"])
def test_what_can_be_woken_is_left_alone(arch: str, which: str) -> None:
    """All threads wait for a while, one of them for input, a time limit, a timer's or a process's signal, another process. Expected: as without the option."""
    assert watched(program(arch), which) == (0, "woken\n", "")


@pytest.mark.parametrize("arch", GUESTS)
def test_a_timer_that_ends_the_program_does_so(arch: str) -> None:
    """Expected: the signal that it set itself, as natively."""
    assert watched(program(arch), "deadly timer") == (-signal.SIGALRM, "", "")


@pytest.mark.parametrize("arch", GUESTS)
def test_without_the_option_it_waits(arch: str) -> None:
    """As natively; the variable turns it on, too."""
    command = [*MINILOAD, "--engine", "unicorn", program(arch), "itself"]
    with pytest.raises(subprocess.TimeoutExpired):
        outcome(command, timeout=2)
    assert outcome(command, env=clean_environment(MINILOAD_REPORT_DEADLOCK="1"))[0] == STATUS
