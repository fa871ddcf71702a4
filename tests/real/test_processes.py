"""How programs start, end and look: arguments, environment, exit status, signals, descriptors. Expected: the program run by the kernel."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from compare import RUNNERS, running, same, same_output, signalled
from support import MINILOAD, clean_environment, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Build = Callable[..., Path]


def test_every_exit_status(build: Build) -> None:
    """0 to 255, as they are; miniload's own statuses (124 to 127) are not special."""
    program = build("exit_code.c", "-static")
    statuses = []
    for start in range(0, 256, 16):
        started = [subprocess.Popen([*MINILOAD, str(program), str(number)]) for number in range(start, start + 16)]
        statuses += [process.wait(60) for process in started]
    assert statuses == list(range(256))


@pytest.mark.parametrize(
    ("how", "number"),
    [("null", "SIGSEGV"), ("jump", "SIGSEGV"), ("abort", "SIGABRT"), ("divide", "SIGFPE"), ("illegal", "SIGILL")],
)
def test_death_by_a_fault(build: Build, how: str, number: str) -> None:
    """A program that faults dies of the fault's signal, with what it wrote before."""
    assert same([build("die.c"), how]) == (signalled(signal.Signals[number]), b"before %b\n" % how.encode(), b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGRTMIN + 3])
def test_death_by_a_signal(build: Build, number: int) -> None:
    """Signals that Python ignores or catches are as deadly as others."""
    assert same([build("die.c"), str(int(number))])[0] == -number


def test_death_by_a_signal_from_outside(build: Build) -> None:
    """The parent's own child is the program: it gets the signal, and the parent its death."""
    with running([*MINILOAD, build("sleeper.c")]) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM


def test_death_by_an_inherited_timer(build: Build) -> None:
    """A timer outlives exec."""
    for runner in RUNNERS.values():
        command = [*runner, str(build("sleeper.c"))]
        assert outcome(command, preexec_fn=lambda: signal.setitimer(signal.ITIMER_REAL, 1))[0] == -signal.SIGALRM


def test_broken_pipe() -> None:
    """`yes | head -1`: yes dies of SIGPIPE."""
    statuses = []
    for runner in RUNNERS.values():
        with subprocess.Popen([*runner, "yes"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline() == b"y\n"
            process.stdout.close()
            statuses.append((process.wait(60), process.stderr.read()))
    assert statuses == [(-signal.SIGPIPE, b"")] * 2


def test_broken_pipe_in_a_shell() -> None:
    """The same, in the shell's own words."""
    assert outcome(["bash", "-c", f"{MINILOAD[0]} yes | head -1; echo ${{PIPESTATUS[@]}}"]) == (0, b"y\n141 0\n", b"")


def test_hundred_thousand_arguments() -> None:
    """Long argument lists arrive whole."""
    stdout = same_output(["/bin/echo", *(str(number) for number in range(100_000))])
    assert stdout == " ".join(map(str, range(100_000))).encode() + b"\n"


def test_big_environment() -> None:
    """And so do big environments: 1.2 MB."""
    env = {f"VARIABLE_{number}": "x" * 1000 for number in range(1200)}
    assert same_output(["/usr/bin/env"], env=env).count(b"\n") == 1200


def test_longest_argument() -> None:
    """131,071 bytes are the most that one argument may have."""
    assert len(same_output(["/bin/echo", "x" * 131_071])) == 131_072


def test_empty_environment() -> None:
    """`env -i`: nothing is there, and nothing is added."""
    status, stdout, stderr = same(["/usr/bin/env"], env={})
    assert (status, stdout, stderr) == (0, b"", b"")
    assert outcome(["env", "-i", *MINILOAD, "/usr/bin/env"]) == (0, b"", b"")


def test_arguments_that_are_not_text() -> None:
    """Bytes pass unchanged: empty ones, blanks, line feeds, invalid UTF-8."""
    arguments = [b"", b" ", b"a\nb", b"caf\xe9", b"\xff\xfe", b"--help", "\U0001f600".encode()]
    direct = outcome([b"/usr/bin/printf", b"<%s>", *arguments], env=clean_environment())
    assert outcome([os.fsencode(MINILOAD[0]), b"/usr/bin/printf", b"<%s>", *arguments], env=clean_environment()) == direct
    assert b"<><caf\xe9>" not in direct[1]
    assert b"<caf\xe9>" in direct[1]


def test_environment_that_is_not_text() -> None:
    """So do environment entries."""
    env = {b"NAME": b"caf\xe9", b"N\xff": b"", b"LAST": b"a=b\nc"}
    assert same_output(["/usr/bin/env", "-0"], env=env) == b"NAME=caf\xe9\0N\xff=\0LAST=a=b\nc\0"


def test_title_over_the_arguments(build: Build) -> None:
    """A program that writes over its arguments and environment changes what /proc shows, as long as they are one block of memory."""
    env = {"A": "1" * 100, "B": "2"}
    stdout = same_output([build("title.c"), "short"], env=env)
    assert stdout.startswith(b"contiguous 1\n")
    assert b"a title that is longer than all of the arguments were: [busy] \n" in stdout


def test_process_names() -> None:
    """/proc/self/{comm,cmdline,environ,exe} of a program that prints them itself."""
    script = "for f in comm cmdline environ; do cat /proc/self/$f | tr '\\0' '|'; echo; done; readlink /proc/self/exe /proc/$$/exe; cat /proc/$$/comm"
    assert b"/usr/bin/readlink\n/usr/bin/dash\nsh\n" in same_output(["/bin/sh", "-c", script, "a name"], env={"PATH": "/bin", "V": "v"})


def test_name_is_cut_at_fifteen_bytes(build: Build) -> None:
    """comm has the first 15 bytes of the file's name."""
    program = build("sleeper.c", name="a-name-of-more-than-fifteen-bytes")
    names = []
    for runner in RUNNERS.values():
        with running([*runner, program]) as process, open(f"/proc/{process.pid}/comm", "rb") as comm:
            names.append(comm.read())
    assert names == [b"a-name-of-more-\n"] * 2


def test_children_by_vfork_and_spawn(build: Build) -> None:
    """vfork, posix_spawn, and posix_spawn's error for a program that is missing."""
    expected = b"child\nvfork: exited 1 status 7\nchild\nposix_spawn: exited 1 status 7\nmissing: No such file or directory\n"
    assert same_output([build("spawn.c")]) == expected


def test_standard_input_from_a_pipe() -> None:
    """What is waiting in the pipe is the program's: miniload reads nothing of it."""
    data = os.urandom(300_000)
    assert same_output(["cat"], input=data, stdin=None) == data


def test_standard_input_from_a_file(tmp_path: Path) -> None:
    """A descriptor keeps its position."""
    file = tmp_path / "input"
    file.write_bytes(b"first\nsecond\n")
    for runner in RUNNERS.values():
        with file.open("rb", buffering=0) as stream:
            stream.seek(6)
            assert outcome([*runner, "cat"], stdin=stream) == (0, b"second\n", b"")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)], ids=str)
def test_closed_standard_descriptors(closed: tuple[int, ...], tmp_path: Path) -> None:
    """Descriptors that were closed are closed for the program, and the lowest free ones are the ones it opens next. The listing
    goes to a file, whose descriptor is beyond them."""
    results = []
    for runner in RUNNERS.values():
        listing = tmp_path / "listing"
        with listing.open("wb") as file, _duplicate(file.fileno(), 60):

            def close() -> None:
                for number in closed:
                    os.close(number)

            script = "for fd in /proc/$$/fd/*; do echo ${fd##*/}; done >&60; cat; echo out; echo err >&2; exit 7"
            ended = outcome([*runner, "/bin/bash", "-c", script], preexec_fn=close, pass_fds=[60], env=clean_environment())
        results.append((ended, listing.read_text()))
    assert results[1] == results[0]
    assert results[0][0][0] == 7
    open_ones = {line for line in results[0][1].split() if len(line) == 1}
    assert open_ones >= {str(number) for number in range(3) if number not in closed}


@contextmanager
def _duplicate(descriptor: int, number: int) -> Iterator[None]:
    """The descriptor under another number, which no test runner uses."""
    os.dup2(descriptor, number)
    try:
        yield
    finally:
        os.close(number)


def test_no_descriptors_are_left_over() -> None:
    """The program has exactly the descriptors that its parent gave it, and an inherited one works."""
    readable, writable = os.pipe()
    os.write(writable, b"inherited")
    os.close(writable)
    with _duplicate(readable, 60):
        assert outcome([*MINILOAD, "/bin/bash", "-c", "ls /proc/$$/fd; cat <&60"], pass_fds=[60])[1] == b"0\n1\n2\n60\ninherited"
    os.close(readable)


def test_standard_output_to_a_full_device() -> None:
    """Writing fails, and the program says so."""
    results = []
    for runner in RUNNERS.values():
        with open("/dev/full", "wb") as full:
            done = subprocess.run([*runner, "/bin/echo", "x"], stdout=full, stderr=subprocess.PIPE, env=clean_environment(), check=False)
        results.append((done.returncode, done.stderr))
    assert results == [(1, b"/bin/echo: write error: No space left on device\n")] * 2


def test_large_output() -> None:
    """Megabytes through a pipe."""
    assert len(same_output(["seq", "1000000"])) == 6_888_896


def test_interleaved_output_and_errors_in_one_file(tmp_path: Path) -> None:
    """stdout and stderr share one open file, and its position."""
    logs = []
    for name, runner in RUNNERS.items():
        with (tmp_path / name).open("wb") as log:
            script = "echo 1; echo 2 >&2; echo 3; ls /nonexistent; echo 4 >&2"
            assert subprocess.run([*runner, "sh", "-c", script], stdout=log, stderr=log, env=clean_environment(), check=False).returncode == 0
        logs.append((tmp_path / name).read_bytes())
    assert logs[1] == logs[0]
    assert logs[0].count(b"\n") == 5


def test_ignored_hangup() -> None:
    """nohup: an ignored signal stays ignored through exec, through miniload, in the program."""
    stdout = same_output(["/bin/sh", "-c", "kill -HUP $$; echo alive"], preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert stdout == b"alive\n"


def test_blocked_signals() -> None:
    """The mask of blocked signals, ignored and caught ones, as /proc/self/status has them."""

    def block() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGRTMIN + 1])
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)

    assert same_output(["/bin/grep", "^Sig[BIC]", "/proc/self/status"], preexec_fn=block).startswith(b"SigBlk:\t0000000400000200\n")


def test_limits_and_priorities() -> None:
    """Resource limits, niceness, umask, working directory, process group and session pass through."""

    def change() -> None:
        os.umask(0o027)
        os.nice(3)
        resource.setrlimit(resource.RLIMIT_NOFILE, (77, 99))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 21))
        os.chdir("/usr")

    script = "umask; nice; ulimit -Sn; ulimit -Hn; ulimit -f; pwd; echo $(ps -o pgid=,sid=,pid= -p $$ | tr -s ' ' '\\n' | sort -u | wc -l)"
    stdout = same_output(["/bin/bash", "-c", script], preexec_fn=change, start_new_session=True)
    assert stdout.startswith(b"0027\n3\n77\n99\n1024\n/usr\n")


def test_file_size_limit(tmp_path: Path) -> None:
    """SIGXFSZ, which Python ignores, kills a program that writes too much."""
    limit: dict[str, Any] = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))}
    status, _, _ = same(["dd", "if=/dev/zero", "of=out", "bs=64k", "count=20", "status=none"], cwd=tmp_path, **limit)
    assert status == -signal.SIGXFSZ


def test_processor_time_limit() -> None:
    """SIGXCPU after RLIMIT_CPU; the little that miniload used counts, as the kernel's exec does not reset it either."""
    limit: dict[str, Any] = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_CPU, (1, 5))}
    assert same(["/bin/sh", "-c", "while :; do :; done"], **limit)[0] == -signal.SIGXCPU


def test_deleted_working_directory(tmp_path: Path) -> None:
    """A working directory that is gone is no obstacle."""
    gone = tmp_path / "gone"
    gone.mkdir()
    done = []
    for runner in RUNNERS.values():
        gone.mkdir(exist_ok=True)
        done.append(outcome([*runner, "/bin/pwd"], cwd=gone, preexec_fn=lambda: os.rmdir(gone), env=clean_environment()))
    assert done[1] == done[0]


def test_parent_waits_for_the_whole_program(build: Build) -> None:
    """The process that was started is the program: same pid, no other process in between."""
    with running([*MINILOAD, build("sleeper.c")]) as process:
        assert Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text() == ""
        assert "\nThreads:\t1\n" in Path(f"/proc/{process.pid}/status").read_text()
