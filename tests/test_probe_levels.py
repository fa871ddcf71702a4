"""How much of a fresh process image the kernel grants, and what is equal to execve's at each level: full+exe, full and plain; and the
fallbacks where a memfd or its execution is refused.

The expected values come from the probe run by execve under the same restriction. What may differ at a level is listed in probe_allow.py. The
levels and their reasons are the stub's own words (stub/say.c).
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

import confine
import pytest
from probe_allow import Allowed, differences
from probe_compare import Comparison, allowed_at, told_level
from probe_run import Surroundings, direct, execute
from support import SCRIPT

from miniload.plan.level import exe_link_denied

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("probe_fixtures",)

CLONE_NEWUSER = 0x10000000
PARENT = (Allowed("stat.ppid", "the restriction forks"), Allowed("proc.status.PPid", "the restriction forks"))
_libc = ctypes.CDLL(None, use_errno=True)


def need_exe_link() -> None:
    """Skips where this process may not set the exe link, so that no restriction of it would show."""
    denied = exe_link_denied()
    if denied:
        pytest.skip(f"needs level full+exe: {denied}")


def in_own_user_namespace() -> None:
    """For the child: all capabilities, over a user namespace of its own only."""
    uid, gid = os.getuid(), os.getgid()
    confine.unshare(CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def both(*restrictions: Callable[[], None]) -> Callable[[], None]:
    """For the child: one restriction after the other."""

    def prepare() -> None:
        for restriction in restrictions:
            restriction()

    prepare.__name__ = " and ".join(restriction.__name__ for restriction in restrictions)
    return prepare


# What the levels are


def test_full_with_exe_link(same: Comparison) -> None:
    """With CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN: nothing is missing, and the program's exe link is its own."""
    need_exe_link()
    report = same()
    assert told_level(same.said) == "full+exe"
    assert report["proc"]["exe"] == str(same.program)


def test_full_with_exe_link_in_a_user_namespace(same: Comparison) -> None:
    """The capability is asked for in the process's own user namespace, so anybody may who can make one."""
    confine.need(in_own_user_namespace)
    same(prepare=in_own_user_namespace)
    assert told_level(same.said) == "full+exe"


def test_full_without_capability(same: Comparison) -> None:
    """Without those capabilities: all but the exe link."""
    confine.need(confine.without_exe_link)
    same(prepare=confine.without_exe_link)
    assert told_level(same.said) == "full"
    assert b"/proc/self/exe is the stub: setting it gave EPERM, it needs CAP_CHECKPOINT_RESTORE" in same.said


def test_plain_without_set_mm(same: Comparison) -> None:
    """PR_SET_MM refused: the heap and what /proc tells of addresses are the stub's; cmdline, environ and everything else are right."""
    confine.need(confine.without_set_mm)
    same(args=[b"one", b"", b"caf\xe9"], prepare=confine.without_set_mm)
    assert told_level(same.said) == "plain"
    assert b"PR_SET_MM_MAP gave EPERM" in same.said


@pytest.mark.parametrize("name", ["p", "a-name-that-is-longer-than-any-path-that-miniload-would-use-for-itself"])
def test_plain_cmdline_and_environ_for_a_path_of_any_length(probes: dict[str, Path], tmp_path: Path, name: str) -> None:
    """The strings go where the kernel put the stub's, whichever of the two files has the longer name."""
    confine.need(confine.without_set_mm)
    program = tmp_path / name
    program.write_bytes(probes["static"].read_bytes())
    program.chmod(0o755)
    given = Surroundings(args=[b"x"], env=[b"A=1"], cwd=tmp_path, prepare=confine.without_set_mm)
    expected = execute([b"./" + os.fsencode(name), *given.args], tmp_path, given).report()
    ours = execute([os.fsencode(SCRIPT), b"-v", b"./" + os.fsencode(name), *given.args], tmp_path, given)
    assert differences(expected, ours.report(), allowed_at(ours.stderr)) == []
    assert expected["proc"]["cmdline"] == f"./{name}\0x\0"


def test_plain_environ_that_no_mapping_holds(same: Comparison) -> None:
    """Repeated names, entries without "=": /proc/self/environ is as long as under execve, and has them all."""
    confine.need(confine.without_set_mm)
    report = same(env=[b"A=1", b"NOTHING", b"A=2", b"", b"=x"], prepare=confine.without_set_mm)
    assert report["proc"]["environ"] == "A=1\0NOTHING\0A=2\0\0=x\0"


def test_plain_large_environment(same: Comparison) -> None:
    """Larger than the longest string that exec takes."""
    confine.need(confine.without_set_mm)
    same(env=[b"V%d=%s" % (number, b"x" * 1000) for number in range(300)], prepare=confine.without_set_mm)


def test_plain_empty_first_argument(probes: dict[str, Path], tmp_path: Path) -> None:
    """argv[0] empty: /proc/self/cmdline is right all the same."""
    confine.need(confine.without_set_mm)
    program, given = os.fsencode(probes["static"]), Surroundings(args=[b"a"], prepare=confine.without_set_mm)
    expected = execute([b"", *given.args], tmp_path, given, executable=program).report()
    ours = execute([os.fsencode(SCRIPT), b"-v", b"-0", b"", program, *given.args], tmp_path, given)
    assert differences(expected, ours.report(), allowed_at(ours.stderr)) == []
    assert expected["proc"]["cmdline"] == "\0a\0"


def test_plain_empty_environment(same: Comparison) -> None:
    """Nothing to put anywhere."""
    confine.need(confine.without_set_mm)
    assert same(env=[], prepare=confine.without_set_mm)["proc"]["environ"] == ""


# Where a memfd cannot be made, or not be executed


@pytest.mark.parametrize(
    ("restriction", "reason"),
    [(confine.without_memfd, b"ENOSYS"), (confine.without_executable_memfd, b"EACCES")],
    ids=["no-memfd", "no-executable-memfd"],
)
def test_full_through_the_installed_stub(same: Comparison, restriction: Callable[[], None], reason: bytes) -> None:
    """The stub is exec'd from its own file, the plan comes behind a descriptor. The trampoline, which would need a memfd to set the
    exe link, stays where it is."""
    need_exe_link()
    confine.need(restriction)
    same(prepare=restriction)
    assert told_level(same.said) == "full"
    assert b"setting it gave " + reason in same.said


def test_full_under_memfd_noexec(same: Comparison) -> None:
    """The administrator's setting, vm.memfd_noexec=2."""
    need_exe_link()
    confine.need(confine.with_memfd_noexec)
    same.also = PARENT
    same(prepare=confine.with_memfd_noexec)
    assert told_level(same.said) == "full"
    assert b"setting it gave EACCES" in same.said


def test_plain_through_the_installed_stub(same: Comparison) -> None:
    """Neither PR_SET_MM nor a memfd: the entry that names the plan's descriptor takes no room from /proc/self/environ."""
    restriction = both(confine.without_set_mm, confine.without_memfd)
    confine.need(restriction)
    same(env=[b"A=1", b"NOTHING", b"A=2", b"MINILOAD_PLAN_FD=0", b"B="], prepare=restriction)
    assert told_level(same.said) == "plain"


def test_environment_with_the_name_that_the_stub_uses(same: Comparison) -> None:
    """MINILOAD_PLAN_FD in the program's own environment is the program's, wherever it stands."""
    confine.need(confine.without_memfd)
    env = [b"MINILOAD_PLAN_FD=0", b"A=1", b"MINILOAD_PLAN_FD=99"]
    assert [entry.encode() for entry in same(env=env, prepare=confine.without_memfd)["env"]] == env


@pytest.mark.parametrize("restriction", [confine.without_descriptor_paths, confine.with_forbidden_descriptor_paths], ids=["ENOENT", "EACCES"])
def test_memfd_that_cannot_be_executed(same: Comparison, restriction: Callable[[], None]) -> None:
    """exec of /proc/self/fd/N is refused, whatever for: the installed stub serves, at no lower level."""
    need_exe_link()
    confine.need(restriction)
    same(prepare=restriction)
    assert told_level(same.said) == "full+exe"


def test_without_proc(same: Comparison) -> None:
    """/proc is not mounted: what can be seen without it is equal."""
    need_exe_link()
    confine.need(confine.without_proc)
    given = Surroundings(args=[b"x"], prepare=confine.without_proc)
    expected = direct(same.program, same.folder, given)
    ours = execute([os.fsencode(SCRIPT), os.fsencode(same.program), *given.args], same.folder, given).report()
    assert expected["smaps"] < 0  # the negative errno
    for part in ("argv", "env", "signals", "blocked", "descriptors", "ids", "umask", "cwd", "rseq_register", "heap", "prctl"):
        assert ours[part] == expected[part], part
    assert [kind for kind, _ in ours["auxv"]] == [kind for kind, _ in expected["auxv"]]


# Policies against code that was data


def test_memory_deny_write_execute(same: Comparison) -> None:
    """PR_SET_MDWE: no memory of miniload's is writable and later executable, so nothing is lost."""
    need_exe_link()
    confine.need(confine.without_exec_gain)
    report = same(prepare=confine.without_exec_gain)
    assert told_level(same.said) == "full+exe"
    assert report["prctl"]["mdwe"] == 1
