"""What befalls a program from outside: signals, its terminal's keys and end, time limits, job control. Expected: what the same program, compiled for this
machine, does under its kernel: how it ends, what of it is left, how it leaves the terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
import time
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest
from compare import Terminal, running, signalled, wait_until
from support import MINILOAD, ROOT, ZIG_CC, clean_environment, compile_c

if TYPE_CHECKING:
    from collections.abc import Iterator

GUESTS = ("aarch64", "riscv64")
MODES = ("compute", "sleep", "threads", "children")
SIGNALS = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
MARK = "MINILOAD_TEST_OUTSIDE"
"""An environment variable by which the processes of a run are found in /proc."""
LEADER = """
import os, signal, sys, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
def tell(pid):
    _, status = os.waitpid(pid, os.WUNTRACED | os.WCONTINUED)
    print(f"stopped {os.WSTOPSIG(status)}" if os.WIFSTOPPED(status) else "continued" if os.WIFCONTINUED(status) else f"ended {status}", flush=True)
pid = os.fork()
if not pid:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
for _ in range(2):
    tell(pid)  # ^Z
    os.tcsetpgrp(0, os.getpgrp())
    os.killpg(pid, signal.SIGCONT)
    tell(pid)
    os.tcsetpgrp(0, pid)
    print("again", flush=True)
tell(pid)  # ^C
"""
"""A shell's part in job control."""


@cache
def program(arch: str) -> str:
    """tests/linux_programs/outside.c for the architecture."""
    source = ROOT / "tests" / "linux_programs" / "outside.c"
    target = [*ZIG_CC, "-target", f"{arch}-linux-musl"]
    return str(compile_c(source, Path(mkdtemp()) / "outside", "-static", "-O1", "-D_GNU_SOURCE", compiler=target))


def runs(mode: str, arch: str) -> Iterator[list[str]]:
    """The command natively, and emulated."""
    yield [program("x86_64"), mode]
    yield [*MINILOAD, program(arch), mode]


def environment(tag: str) -> dict[str, str]:
    return {**clean_environment(), MARK: tag}


def left(tag: str) -> list[int]:
    """Processes, zombies aside, that have that in their environment. Emulated programs have their host process's."""
    wanted, found = f"{MARK}={tag}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def leave_nothing(tag: str) -> int:
    """How many processes are left once those that are ending have ended; then none is."""
    time.sleep(0.05)
    pids = left(tag)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not left(tag))
    return len(pids)


@pytest.mark.parametrize("arch", GUESTS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_from_another_process(number: signal.Signals, mode: str, arch: str) -> None:
    """To the process alone: it dies of that signal, and its children live on."""
    results = []
    for index, command in enumerate(runs(mode, arch)):
        tag = f"{os.getpid()}-{number}-{mode}-{arch}-{index}"
        with running(command, env=environment(tag)) as process:
            process.send_signal(number)
            status = process.wait(20)
            results.append((status, leave_nothing(tag)))
    assert results[1] == results[0] == (-number, 3 if mode == "children" else 0)


@pytest.mark.parametrize("arch", GUESTS)
@pytest.mark.parametrize("mode", [*MODES, "raw"])
@pytest.mark.parametrize(("key", "number"), [(b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)])
def test_a_key_that_ends_the_foreground_group(key: bytes, number: int, mode: str, arch: str) -> None:
    """^C and ^\\: all of its processes die; the terminal's modes are those that the program had set, no others."""
    results = []
    for command in runs(mode, arch):
        with Terminal(command) as terminal:
            terminal.until(b"ready\r\n").type(key)
            status, output = terminal.end()
            results.append((status, output, termios.tcgetattr(terminal.main)))
    assert results[1] == results[0]
    assert results[0][0] == signalled(number)


@pytest.mark.parametrize("arch", GUESTS)
@pytest.mark.parametrize("mode", MODES)
def test_the_terminal_goes_away(mode: str, arch: str) -> None:
    """SIGHUP to the session's leader, and to its group."""
    for command in runs(mode, arch):
        with Terminal(command) as terminal:
            assert terminal.until(b"ready\r\n").hang_up() == signalled(signal.SIGHUP)


@pytest.mark.parametrize("arch", GUESTS)
@pytest.mark.parametrize("mode", MODES)
def test_job_control(mode: str, arch: str) -> None:
    """^Z stops it, SIGCONT lets it go on, twice, as a shell does it; ^C ends it."""
    results = []
    for command in runs(mode, arch):
        with Terminal([sys.executable, "-c", LEADER, *command]) as terminal:
            terminal.until(b"ready\r\n")
            for _ in range(2):
                terminal.type(b"\x1a").until(b"again\r\n")
            terminal.type(b"\x03")
            results.append(terminal.end())
    assert results[1] == results[0]
    assert results[0][1].count(b"stopped 20\r\ncontinued\r\nagain\r\n") == 2
    assert results[0][1].endswith(b"^Cended 2\r\n")


def state(pid: int) -> str:
    """T if stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("arch", GUESTS)
@pytest.mark.parametrize("mode", MODES)
def test_stopped_and_continued(mode: str, arch: str) -> None:
    """SIGSTOP and SIGCONT: as natively, which wait4 is told of; then it still dies of SIGTERM."""
    for index, command in enumerate(runs(mode, arch)):
        tag = f"{os.getpid()}-stop-{mode}-{arch}-{index}"
        with running(command, env=environment(tag)) as process:
            process.send_signal(signal.SIGSTOP)
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            assert os.WSTOPSIG(status) == signal.SIGSTOP
            assert state(process.pid) == "T"
            process.send_signal(signal.SIGCONT)
            _, status = os.waitpid(process.pid, os.WCONTINUED)
            assert os.WIFCONTINUED(status)
            assert wait_until(lambda: state(process.pid) != "T")
            process.terminate()
            assert process.wait(20) == -signal.SIGTERM
            leave_nothing(tag)


@pytest.mark.parametrize("arch", GUESTS)
@pytest.mark.parametrize(("mode", "options"), [*((mode, ()) for mode in MODES), ("children", ("-s", "KILL")), ("children", ("--foreground",))])
def test_time_limit(mode: str, options: tuple[str, ...], arch: str, tmp_path: Path) -> None:
    """timeout(1), as runners of tests use it. Expected: its status, and the processes that are left, as natively."""
    results = []
    for index, command in enumerate(runs(mode, arch)):
        tag = f"{os.getpid()}-limit-{options}-{mode}-{arch}-{index}"
        with open(tmp_path / f"{index}", "wb") as said:  # no pipe: the children keep it open
            done = subprocess.run(["timeout", *options, "1", *command], stdout=said, stderr=said, env=environment(tag), timeout=60, check=False)
        results.append((done.returncode, (tmp_path / f"{index}").read_bytes(), leave_nothing(tag)))
    assert results[1] == results[0]


@pytest.mark.parametrize("arch", ["x86_64", *GUESTS])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM])
def test_death_at_any_moment_of_the_start(number: signal.Signals, arch: str) -> None:
    """Before the program's first instruction, too, it is that signal which ends the command, and nothing is said of it."""
    for step in range(12):
        process = subprocess.Popen([*MINILOAD, program(arch), "sleep"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=clean_environment())
        time.sleep(step * 0.008)
        process.send_signal(number)
        _, told = process.communicate(timeout=20)
        assert (process.returncode, told) == (-number, b""), f"after {step * 8} ms"


@pytest.mark.parametrize("arch", ["x86_64", *GUESTS])
@pytest.mark.parametrize("how", [signal.SIG_IGN, signal.SIG_DFL])
@pytest.mark.parametrize("blocked", [True, False])
def test_interrupt_is_inherited_as_it_was(how: signal.Handlers, blocked: bool, arch: str) -> None:
    """The launcher blocks SIGINT for a moment, Python has a handler for it: the program sees nothing of that. Expected: what a shell told to ignore or
    block it would hand on: it dies of SIGINT only if that is neither ignored nor blocked."""

    def prepare() -> None:
        signal.signal(signal.SIGINT, how)
        signal.pthread_sigmask(signal.SIG_BLOCK if blocked else signal.SIG_UNBLOCK, [signal.SIGINT])

    with running([*MINILOAD, program(arch), "sleep"], preexec_fn=prepare) as process:
        status = dict(line.split(":\t") for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
        assert int(status["SigBlk"], 16) >> signal.SIGINT - 1 & 1 == blocked
        assert int(status["SigIgn"], 16) >> signal.SIGINT - 1 & 1 == (how == signal.SIG_IGN)
        process.send_signal(signal.SIGINT)
        if blocked or how == signal.SIG_IGN:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.2)
        else:
            assert process.wait(20) == -signal.SIGINT
