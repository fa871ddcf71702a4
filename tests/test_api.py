"""The Python API: plan, exec, run, popen. Expected values come from subprocess with the same program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import miniload
from miniload.record import replace


def both(path: str, argv: list[str], **options: object) -> tuple[subprocess.CompletedProcess[bytes], subprocess.CompletedProcess[bytes]]:
    """The same program by miniload.run and by subprocess.run."""
    ours = miniload.run(path, argv, **options)
    env = options.pop("env", None)
    theirs = subprocess.run(argv, executable=path, env=env, **options)  # type: ignore[call-overload]
    return ours, theirs


def test_plans_of_the_same_call_are_equal() -> None:
    """A plan is a value: nothing random is in it."""
    one, two = (miniload.plan("/bin/ls", ["ls", "-l"], {"A": "b"}) for _ in range(2))
    assert one == two
    assert one != miniload.plan("/bin/ls", ["ls"], {"A": "b"})
    assert hash(one) == hash(two)


def test_run_captures_output_and_status() -> None:
    """As subprocess.run with capture_output."""
    ours, theirs = both("/bin/sh", ["sh", "-c", "echo out; echo err >&2; exit 7"], capture_output=True)
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr) == (7, b"out\n", b"err\n")


def test_run_reports_death_by_signal() -> None:
    """returncode is minus the signal, as subprocess says it."""
    ours, theirs = both("/bin/sh", ["sh", "-c", "kill -TERM $$"])
    assert ours.returncode == theirs.returncode == -15


def test_run_feeds_input_and_decodes_text() -> None:
    """input, text and encoding are subprocess's."""
    ours, theirs = both("/bin/cat", ["cat"], input="caf\u00e9", capture_output=True, text=True, encoding="utf-8")
    assert ours.stdout == theirs.stdout == "caf\u00e9"


def test_run_in_another_directory(tmp_path: Path) -> None:
    """cwd is the program's."""
    ours, theirs = both("/bin/pwd", ["pwd"], cwd=tmp_path, capture_output=True)
    assert ours.stdout == theirs.stdout == os.fsencode(tmp_path) + b"\n"


def test_run_with_missing_directory_raises_what_subprocess_raises(tmp_path: Path) -> None:
    """An error of the start that is not about the stub comes through as it is."""
    with pytest.raises(FileNotFoundError) as error:
        miniload.run("/bin/true", cwd=tmp_path / "missing")
    assert error.value.filename == tmp_path / "missing"


def test_run_check_raises() -> None:
    """check=True, as subprocess.run."""
    with pytest.raises(subprocess.CalledProcessError) as error:
        miniload.run("/bin/false", check=True)
    assert error.value.returncode == 1


def test_run_times_out() -> None:
    """timeout, as subprocess.run: the child is killed."""
    with pytest.raises(subprocess.TimeoutExpired):
        miniload.run("/bin/sleep", ["sleep", "60"], timeout=0.2)


def test_run_leaves_no_descriptor_in_the_program() -> None:
    """Only 0, 1, 2 and the directory that is being listed, as with subprocess."""
    ours, theirs = both("/bin/ls", ["ls", "/proc/self/fd"], capture_output=True, stdin=subprocess.DEVNULL)
    assert ours.stdout == theirs.stdout == b"0\n1\n2\n3\n"


def test_run_leaves_no_descriptor_here() -> None:
    """What a launch opens, it closes."""
    before = os.listdir("/proc/self/fd")
    miniload.run("/bin/true")
    assert os.listdir("/proc/self/fd") == before


def test_pass_fds_reach_the_program() -> None:
    """subprocess's option, beside the descriptors that the stub needs."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as read_end:
        miniload.run("/bin/sh", ["sh", "-c", f"echo hello >/dev/fd/{writing}"], pass_fds=(writing,))
        os.close(writing)
        assert read_end.read() == b"hello\n"


def test_popen_pipes() -> None:
    """Two planned programs in a pipeline."""
    first = miniload.popen(miniload.plan("/bin/echo", ["echo", "b\na"]), stdout=subprocess.PIPE)
    second = miniload.popen(miniload.plan("/usr/bin/sort", ["sort"]), stdin=first.stdout, stdout=subprocess.PIPE)
    assert first.stdout is not None
    first.stdout.close()
    assert second.communicate()[0] == b"a\nb\n"
    assert (first.wait(), second.returncode) == (0, 0)


@pytest.mark.parametrize("name", ["args", "executable", "env", "shell"])
def test_popen_refuses_what_the_plan_decides(name: str) -> None:
    """Two sources of one truth are an error, not a surprise."""
    with pytest.raises(miniload.UsageError):
        miniload.popen(miniload.plan("/bin/true"), **{name: None})


def test_exec_replaces_the_process() -> None:
    """exec never returns: the child's pid is the program's."""
    code = 'import miniload, os; print(os.getpid(), flush=True); miniload.exec(miniload.plan("/bin/sh", ["sh", "-c", "echo $$; exit 9"]))'
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    first, second = done.stdout.split()
    assert first == second
    assert done.returncode == 9


def test_exec_ends_other_threads() -> None:
    """As execve does, here with a thread that sleeps."""
    code = (
        "import miniload, threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        'miniload.exec(miniload.plan("/bin/grep", ["grep", "Threads", "/proc/self/status"]))'
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == "Threads:\t1\n"


def test_plan_of_a_changed_file_is_not_launched(tmp_path: Path) -> None:
    """What was planned is what is run, or nothing: errno ESTALE."""
    program = tmp_path / "program"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o755)
    plan = miniload.plan(program)
    program.write_bytes(Path("/bin/true").read_bytes() + b"more")
    with pytest.raises(miniload.LaunchError) as error:
        miniload.popen(plan)
    assert os.strerror(error.value.errno or 0) == "Stale file handle"


def test_environment_as_list_keeps_order_and_duplicates() -> None:
    """A sequence of entries goes to the program as it is, malformed ones included."""
    env = [b"B=1", b"A=2", b"B=3", b"noequals", b"=odd"]
    done = miniload.run("/bin/cat", ["cat", "/proc/self/environ"], env, capture_output=True)
    assert done.stdout == b"\0".join(env) + b"\0"


def test_embedded_nul_is_refused() -> None:
    """execve could not even be told of it; a ValueError in os.execve."""
    with pytest.raises(miniload.UsageError):
        miniload.plan("/bin/true", ["a\0b"])


def test_plan_function_and_package_coexist() -> None:
    """miniload.plan is callable even after its package of the same name was imported in full."""
    import miniload.plan.wire

    assert callable(miniload.plan)


def test_edited_plan_is_carried_out() -> None:
    """A plan can be changed as any value: here its comm."""
    plan = replace(miniload.plan("/bin/cat", ["cat", "/proc/self/comm"]), comm=b"renamed")
    with miniload.popen(plan, stdout=subprocess.PIPE) as process:
        assert process.communicate()[0] == b"renamed\n"
