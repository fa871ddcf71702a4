"""The probe (tests/probe) started by execve and through miniload must see the same, in all kinds of surroundings.

The expected values come from the run by execve beside each; probe_allow.py lists what may differ. So each test here makes one surrounding and
asserts, for its own sake, that the directly started probe saw it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from probe_allow import FULL, LEFTOVER, UNDER_LD_SO, VARIES, differences
from probe_compare import Comparison, allowed_at
from probe_normal import Places
from probe_run import Result, Surroundings, direct, execute, fork_and_wait, through_miniload
from support import SCRIPT

import miniload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("probe_fixtures",)

SHAPES = ["static", "fixed", "dynamic", "fixed-dynamic", "executable-stack", "under-ld.so"]
AT_BASE, AT_RANDOM = 7, 25
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_TIMERSLACK, PR_SET_THP_DISABLE, PR_SET_CHILD_SUBREAPER = 1, 38, 29, 41, 36
PER_LINUX32, ADDR_NO_RANDOMIZE, MMAP_PAGE_ZERO, ADDR_COMPAT_LAYOUT, READ_IMPLIES_EXEC = 0x8, 0x0040000, 0x0100000, 0x0200000, 0x0400000
SIG_IGN = 1
_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> Callable[[], None]:
    """For the child: prctl(option, value)."""

    def prepare() -> None:
        if _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
            raise OSError(ctypes.get_errno(), f"prctl {option}")

    return prepare


def limit(kind: int, value: int) -> Callable[[], None]:
    """For the child: both limits of a resource."""
    return lambda: resource.setrlimit(kind, (value, value))


def ignore(*numbers: int) -> Callable[[], None]:
    """For the child: those signals ignored."""

    def prepare() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    return prepare


def no_aslr() -> None:
    """For the child: as setarch -R."""
    _libc.personality(ADDR_NO_RANDOMIZE)


def handlers(report: dict[str, Any]) -> dict[int, int]:
    """Signals that are not at their default, and their handlers."""
    return {number: action[1] for number, action in enumerate(report["signals"], 1) if action[1]}


# The method itself


@pytest.mark.parametrize("shape", SHAPES)
def test_two_direct_runs_differ_in_nothing_but_what_varies(probes: dict[str, Path], tmp_path: Path, shape: str) -> None:
    """Two runs by execve: VARIES is complete, and the comparison takes no address for what it is not."""
    first, second = (direct(probes[shape], tmp_path, Surroundings()) for _ in range(2))
    assert differences(first, second, VARIES + (UNDER_LD_SO if shape == "under-ld.so" else ())) == []


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("registers.*", lambda report: report["registers"].update({next(iter(report["registers"])): 1})),
        ("env.0", lambda report: report["env"].__setitem__(0, "X=1")),
        ("smaps.other.*", lambda report: report.update(smaps=report["smaps"] + "10000-20000 rw-p 00000000 00:00 0 \n")),
        ("stack.gap", lambda report: report.update(stack=_with_byte(report, int(report["argv_at"][0]) - 1))),
        ("signals.12.1", lambda report: report["signals"][12].__setitem__(1, 1)),
    ],
    ids=["register", "environment", "mapping", "stack-byte", "signal"],
)
def test_comparison_finds_what_differs(probes: dict[str, Path], tmp_path: Path, path: str, change: Callable[[dict[str, Any]], None]) -> None:
    """One thing of a true report falsified: it, and for a mapping also the order, is what the comparison names."""
    report = direct(probes["static"], tmp_path, Surroundings())
    changed = direct(probes["static"], tmp_path, Surroundings())
    change(changed)
    wrong = differences(report, changed, VARIES)
    assert wrong
    assert all(line.startswith((path.partition("*")[0], "smaps.order")) for line in wrong), wrong


def _with_byte(report: dict[str, Any], address: int) -> str:
    data = bytearray.fromhex(report["stack"])
    data[address - report["sp"]] = 0xFF
    return data.hex()


# Programs of every shape


@pytest.mark.parametrize("shape", SHAPES)
def test_program_of_every_shape(probes: dict[str, Path], tmp_path: Path, shape: str) -> None:
    """Static PIE, ET_EXEC, PIE and ET_EXEC with an interpreter, and under the system's ld.so."""
    compare = Comparison(probes[shape], tmp_path)
    compare.also = UNDER_LD_SO if shape == "under-ld.so" else ()
    report = compare(args=[b"first", b"second"])
    assert bool(dict(report["auxv"])[AT_BASE]) == ("dynamic" in shape or "ld.so" in shape)


def test_arguments(same: Comparison) -> None:
    """Any number and kind of arguments, empty ones too."""
    report = same(args=[b"", b"a b", b"-v", b"--", b"x" * 5000, b""])
    assert report["argc"] == 7


def test_argument_bytes_that_are_not_utf8(same: Comparison) -> None:
    """Arguments are bytes."""
    report = same(args=[b"caf\xe9", b"\xff\xfe\x80", bytes(range(1, 256))])
    assert report["argv"][1] == "caf\xe9"


def test_many_arguments_and_variables(same: Comparison) -> None:
    """Alignment for every parity, strings of many lengths."""
    for extra in range(3):
        same(args=[b"x" * size for size in range(200 + extra)], env=[b"V%d=%d" % (number, number) for number in range(300)])


def test_script(probes: dict[str, Path], tmp_path: Path) -> None:
    """The probe as a script's interpreter: comm and AT_EXECFN are the script's, the exe link is the probe's."""
    script = tmp_path / "a-script"
    script.write_text(f"#!{probes['static']} one argument\n")
    script.chmod(0o755)
    report = Comparison(script, tmp_path)(args=[b"last"])
    assert report["argv"] == [str(probes["static"]), "one argument", str(script), "last"]
    assert report["proc"]["comm"] == "a-script\n"


def test_command_name_of_fifteen_bytes(probes: dict[str, Path], tmp_path: Path) -> None:
    """comm is the file's name, cut off after 15 bytes."""
    program = tmp_path / "a-rather-long-name"
    program.write_bytes(probes["static"].read_bytes())
    program.chmod(0o755)
    assert Comparison(program, tmp_path)()["proc"]["comm"] == "a-rather-long-n\n"


def test_short_relative_path(probes: dict[str, Path], tmp_path: Path) -> None:
    """A name shorter than any path of the stub: AT_EXECFN is what was given, comm its last part."""
    program = tmp_path / "p"
    program.write_bytes(probes["static"].read_bytes())
    program.chmod(0o755)
    given = Surroundings(cwd=tmp_path)
    expected = execute([b"./p"], tmp_path, given).report()
    ours = execute([os.fsencode(SCRIPT), b"-v", b"./p"], tmp_path, given)
    assert differences(expected, ours.report(), allowed_at(ours.stderr)) == []
    assert expected["auxv_strings"]["AT_EXECFN"] == "./p"


# Environment


def test_empty_environment(same: Comparison) -> None:
    """As under env -i."""
    assert same(env=[])["env"] == []


def test_environment_bytes_that_are_not_utf8(same: Comparison) -> None:
    """Names and values are bytes."""
    assert same(env=[b"A=\xe9\xff", b"\xe9t\xe9=x"])["env"] == ["A=\xe9\xff", "\xe9t\xe9=x"]


def test_environment_with_duplicates_and_entries_without_equals_sign(same: Comparison) -> None:
    """The environment is a list of strings: order, repetitions, empty strings, anything goes."""
    env = [b"A=1", b"NOTHING", b"A=2", b"=x", b"", b"A=1", b"B="]
    assert [entry.encode() for entry in same(env=env)["env"]] == env


def test_variables_for_ld_so_and_python(same: Comparison) -> None:
    """What is meant for the program's libc or for a Python reaches the program, in its place, and nothing else."""
    env = [b"Z=1", b"LD_BIND_NOW=1", b"PYTHONPATH=/nonexistent", b"A=2", b"MALLOC_ARENA_MAX=1", b"LC_ALL=C"]
    assert [entry.encode() for entry in same(env=env)["env"]] == env


def test_variables_with_the_launchers_prefix(same: Comparison) -> None:
    """The launcher renames what is meant for libc on its way through Python; what has such a name already keeps it."""
    env = [b"LD_X=1", b"MINILOAD_KEEP_LD_X=2", b"MINILOAD_KEEP_MINILOAD_KEEP_A=3"]
    assert [entry.encode() for entry in same(env=env)["env"]] == env


# Descriptors


def test_inherited_descriptors(same: Comparison) -> None:
    """Numbers, targets, positions and flags of inheritable ones stay; close-on-exec ones are gone."""

    def prepare() -> None:
        passwd = os.open("/etc/passwd", os.O_RDONLY)
        os.lseek(passwd, 10, os.SEEK_SET)
        for number in (3, 4, 7, 50):
            os.dup2(passwd, number)
        os.dup2(os.open("/dev/null", os.O_RDWR | os.O_APPEND | os.O_NONBLOCK), 51)
        os.dup2(passwd, 52, inheritable=False)

    numbers = [entry["fd"] for entry in same(prepare=prepare)["descriptors"]]
    assert {3, 4, 7, 50, 51} <= set(numbers)
    assert 52 not in numbers


@pytest.mark.parametrize("number", [0, 2])
def test_closed_standard_stream(same: Comparison, number: int) -> None:
    """What is closed stays closed: none of miniload's own files takes the place."""
    if number == 2:
        # Nobody is told the level then; the one that the other stream allows is it.
        given = Surroundings(prepare=lambda: os.close(2))
        expected = direct(same.program, same.folder, given)
        ours = through_miniload(same.program, same.folder, given)
        assert differences(expected, ours, VARIES + FULL + LEFTOVER) == []
    else:
        expected = same(prepare=lambda: os.close(0))
    assert number not in [entry["fd"] for entry in expected["descriptors"]]


# Signals


def test_ignored_signals_stay_ignored(same: Comparison) -> None:
    """exec resets caught signals, not ignored ones."""
    report = same(prepare=ignore(signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD, signal.SIGINT, 40))
    assert set(handlers(report)) >= {1, 2, 10, 17, 40}


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGXFSZ])
def test_signal_that_python_ignores_stays_ignored(same: Comparison, number: signal.Signals) -> None:
    """Ignored by the parent."""
    assert handlers(same(prepare=ignore(number))).get(number) == SIG_IGN


def test_signals_that_python_ignores_stay_default(same: Comparison) -> None:
    """Python's own start ignores SIGPIPE and SIGXFSZ; the program must not notice."""
    assert not {signal.SIGPIPE, signal.SIGXFSZ} & set(handlers(same()))


def test_blocked_and_pending_signals(same: Comparison) -> None:
    """The mask and what waits behind it survive exec."""

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGHUP, 40})
        os.kill(os.getpid(), signal.SIGUSR2)

    report = same(prepare=prepare)
    assert report["blocked"] == 1 << 11 | 1 << 0 | 1 << 39
    assert report["pending"] == 1 << 11


# Timers


def test_running_alarm(same: Comparison) -> None:
    """Interval timers go on."""
    report = same(prepare=lambda: signal.setitimer(signal.ITIMER_REAL, 1000, 7))
    assert report["itimers"][0][0] == 7_000_000
    assert report["itimers"][0][1] > 0


def test_running_cpu_timers(same: Comparison) -> None:
    """Those that count CPU time, too."""

    def prepare() -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, 1000, 8)
        signal.setitimer(signal.ITIMER_PROF, 1000, 9)

    report = same(prepare=prepare)
    assert [timer[0] for timer in report["itimers"]] == [0, 8_000_000, 9_000_000]


# Limits


@pytest.mark.parametrize("size", [1 << 20, resource.RLIM_INFINITY], ids=["1MiB", "unlimited"])
def test_stack_limit(same: Comparison, size: int) -> None:
    """A small one; and none, with which the kernel lays the address space out from low to high."""
    assert "Max stack size" in same(prepare=limit(resource.RLIMIT_STACK, size))["proc"]["limits"]


def test_data_limit(same: Comparison) -> None:
    """The heap grows as far as under execve: here not by 64 MiB."""
    assert same(prepare=limit(resource.RLIMIT_DATA, 48 << 20))["heap"]["grown"] == 0


def test_address_space_limit(same: Comparison) -> None:
    """RLIMIT_AS counts the same mappings."""
    same(prepare=limit(resource.RLIMIT_AS, 512 << 20))


def test_descriptor_limit(same: Comparison) -> None:
    """Few descriptors: miniload needs some of its own meanwhile."""
    same(prepare=limit(resource.RLIMIT_NOFILE, 16))


# Process attributes


def test_umask(same: Comparison) -> None:
    """Kept."""
    assert same(prepare=lambda: os.umask(0o137))["umask"] == 0o137


def test_nice(same: Comparison) -> None:
    """Kept."""
    assert same(prepare=lambda: os.nice(3))["nice"] >= 3


def test_working_directory(same: Comparison) -> None:
    """Kept."""
    assert same(prepare=lambda: os.chdir("/usr/share"))["cwd"] == "/usr/share"


def test_parent_death_signal(same: Comparison) -> None:
    """Kept, since no credentials change."""
    assert same(prepare=prctl(PR_SET_PDEATHSIG, signal.SIGTERM))["prctl"]["pdeathsig"] == signal.SIGTERM


def test_no_new_privs(same: Comparison) -> None:
    """Kept."""
    assert same(prepare=prctl(PR_SET_NO_NEW_PRIVS, 1))["prctl"]["no_new_privs"] == 1


def test_timer_slack(same: Comparison) -> None:
    """Kept."""
    assert same(prepare=prctl(PR_SET_TIMERSLACK, 12345))["prctl"]["timerslack"] == 12345


def test_transparent_huge_pages_disabled(same: Comparison) -> None:
    """A flag of the address space that the new one inherits."""
    assert same(prepare=prctl(PR_SET_THP_DISABLE, 1))["prctl"]["thp_disable"] == 1


def test_child_subreaper(same: Comparison) -> None:
    """Kept."""
    assert same(prepare=prctl(PR_SET_CHILD_SUBREAPER, 1))["prctl"]["child_subreaper"] == 1


def test_affinity_and_scheduling_policy(same: Comparison) -> None:
    """Kept."""

    def prepare() -> None:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    assert same(prepare=prepare)["scheduler"] == os.SCHED_BATCH


def test_locked_memory(same: Comparison) -> None:
    """mlockall() is over with the old address space."""
    assert "lo" not in same(prepare=lambda: _libc.mlockall(1))["smaps"].split()


def test_process_that_is_not_dumpable(same: Comparison) -> None:
    """exec makes it dumpable again."""
    assert same(prepare=prctl(4, 0))["prctl"]["dumpable"] == 1


@pytest.mark.parametrize("flag", [PER_LINUX32, MMAP_PAGE_ZERO, ADDR_COMPAT_LAYOUT], ids=["linux32", "page-zero", "compat-layout"])
def test_personality(same: Comparison, flag: int) -> None:
    """Kept, and with its effects: what uname says, a page at address zero, mappings from low to high."""
    assert same(prepare=lambda: _libc.personality(flag))["personality"] == flag


def test_personality_that_exec_clears(same: Comparison) -> None:
    """READ_IMPLIES_EXEC is not for 64-bit programs (set_personality_64bit of arch/x86)."""
    assert same(prepare=lambda: _libc.personality(READ_IMPLIES_EXEC))["personality"] == 0


def test_deleted_working_directory(same: Comparison) -> None:
    """A place that has no name any more."""

    def prepare() -> None:
        folder = same.folder / "gone"
        folder.mkdir(exist_ok=True)
        os.chdir(folder)
        folder.rmdir()

    assert same(prepare=prepare)["proc"]["cwd"] == f"{same.folder}/gone (deleted)"


def test_settings_in_proc(same: Comparison) -> None:
    """oom_score_adj and coredump_filter are kept."""

    def prepare() -> None:
        for name, value in (("oom_score_adj", "300"), ("coredump_filter", "0x7")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(value)

    assert same(prepare=prepare)["proc"]["oom_score_adj"] == "300\n"


def test_fresh_thread_state(same: Comparison) -> None:
    """One thread, no robust list, no clear_child_tid, rseq free for the program's libc, nothing on an alternate stack."""
    report = same()
    assert report["proc"]["tasks"] == 3  # with "." and ".."
    assert (report["robust_list"], report["prctl"]["tid_address"], report["rseq_register"]) == (0, 0, 0)


# Addresses


@pytest.mark.parametrize("shape", ["static", "fixed", "dynamic", "fixed-dynamic"])
def test_addresses_without_randomisation(probes: dict[str, Path], tmp_path: Path, shape: str) -> None:
    """As under setarch -R: the very addresses of stack pointer, stack end and heap, and of a program that is not in the mmap area."""
    report = Comparison(probes[shape], tmp_path)(args=[b"a"], prepare=no_aslr)
    places = Places(report)
    assert not places.random
    assert places.placement("program").startswith("mmap" if shape == "static" else "0x")


@pytest.mark.parametrize("shape", ["fixed", "dynamic"])
def test_no_aslr_option(probes: dict[str, Path], tmp_path: Path, shape: str) -> None:
    """--no-aslr is what setarch -R is to a directly started program."""
    expected = direct(probes[shape], tmp_path, Surroundings(prepare=no_aslr))
    ours = execute([os.fsencode(SCRIPT), b"--no-aslr", b"-v", os.fsencode(probes[shape])], tmp_path, Surroundings())
    assert differences(expected, ours.report(), allowed_at(ours.stderr)) == []


def test_addresses_are_random(probes: dict[str, Path], tmp_path: Path) -> None:
    """Two runs through miniload: program, interpreter, stack, heap and vDSO are somewhere else each time, the stack pointer also within
    its page. Each has at least 8 random bits; all eight runs alike by chance: less than once in 2^56."""
    runs = [through_miniload(probes["dynamic"], tmp_path, Surroundings()) for _ in range(8)]
    for place in ("program", "interpreter", "vdso", "stack"):
        assert len({Places(run).origins[place] for run in runs}) > 1, place
    assert len({run["brk"] for run in runs}) > 1
    assert len({run["sp"] % 4096 for run in runs}) > 1


def test_random_bytes_are_fresh(probes: dict[str, Path], tmp_path: Path) -> None:
    """AT_RANDOM seeds stack canaries: other bytes in each run, never zeros."""
    seen = {through_miniload(probes["static"], tmp_path, Surroundings())["auxv_strings"]["AT_RANDOM"] for _ in range(4)}
    assert len(seen) == 4
    assert "00" * 16 not in seen


# Through the Python API


def test_api_exec(probes: dict[str, Path], tmp_path: Path) -> None:
    """miniload.exec() in a process like any, with an environment that no mapping holds."""
    program = os.fsencode(probes["dynamic"])
    given = Surroundings(args=[b"caf\xe9"], env=[b"A=1", b"A=2", b"B"])
    expected = direct(probes["dynamic"], tmp_path, given)
    ours = fork_and_wait(lambda: miniload.exec(miniload.plan(program, [program, *given.args], given.env)), tmp_path, given)
    assert differences(expected, ours.report(), VARIES + FULL + LEFTOVER) == []


@pytest.mark.parametrize("argv", [[], [b""], [b"", b""], [b"", b"a", b"b"], [b"", b"", b"a"]], ids=len)
def test_api_exec_with_an_empty_first_argument(probes: dict[str, Path], tmp_path: Path, argv: list[bytes]) -> None:
    """An empty argv[0] is allowed, and the kernel makes one of an empty argv."""
    program, given = os.fsencode(probes["static"]), Surroundings()
    expected = execute(argv, tmp_path, given, executable=program).report()
    ours = fork_and_wait(lambda: miniload.exec(miniload.plan(program, argv, given.env)), tmp_path, given)
    assert differences(expected, ours.report(), VARIES + FULL + LEFTOVER) == []
    assert expected["argv"][0] == ""


def test_api_run(probes: dict[str, Path], tmp_path: Path) -> None:
    """miniload.run() against subprocess.run(), with subprocess's options."""
    program = os.fsencode(probes["dynamic"])
    read_end, write_end = os.pipe()
    options: dict[str, Any] = {"cwd": "/usr", "umask": 0o27, "pass_fds": (read_end,), "stdin": subprocess.DEVNULL}
    env = {b"A": b"1", b"B": b"\xff"}
    reports = []
    for start in (lambda **more: subprocess.run([program, b"x"], env=env, **more), lambda **more: miniload.run(program, [program, b"x"], env, **more)):
        with open(tmp_path / "stdout", "wb") as stdout:
            done = start(stdout=stdout, **options)
        reports.append(Result(done.returncode, (tmp_path / "stdout").read_bytes(), b"").report())
    os.close(read_end)
    os.close(write_end)
    expected, ours = reports
    assert differences(expected, ours, VARIES + FULL + LEFTOVER) == []
    assert expected["umask"] == 0o27
