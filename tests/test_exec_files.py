"""Which files execve opens (exec.md A3, A7, A8): a differential over bad paths and files, errno by errno.

The expected errno is the running kernel's. Where root's privileges would hide a rule, the capabilities are dropped first.
"""

from __future__ import annotations

import ctypes
import os
import socket
from dataclasses import replace
from errno import E2BIG, EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOEXEC, ENOTDIR, ETXTBSY
from struct import pack
from typing import TYPE_CHECKING

import pytest
from elfbuilder import ET_REL, PT_NOTE, script, standard_elf, standard_pie
from observe import by_kernel, by_miniload, drop_capabilities, exec_errno, in_child, mount, mount_private, planned_errno
from support import MINILOAD, outcome

import miniload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MS_NOSUID, MS_NOEXEC = 2, 8
PR_SET_NO_NEW_PRIVS = 38
NOBODY = 65534
TOO_LONG = b"a" * 131072
"""One byte more than an argument may have, its NUL included."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to change a file's owner or capabilities, or to mount")


def populate(directory: Path) -> None:
    """One of everything that there is to fail on."""
    program = standard_elf().write(directory / "program")
    for name, mode in (("plain", 0o644), ("mode0", 0), ("group_only", 0o610), ("others_only", 0o601), ("setuid_plain", 0o4644)):
        standard_elf().write(directory / name, mode)
    (directory / "empty").touch(0o755)
    (directory / "text").write_bytes(b"echo this has no #! line\n")
    (directory / "text").chmod(0o755)
    (directory / "plain_text").write_bytes(b"not executable\n")
    replace(standard_elf(), type=ET_REL).write(directory / "object")
    (directory / "below").mkdir()
    (directory / "link").symlink_to("program")
    (directory / "dangling").symlink_to("missing")
    (directory / "loop").symlink_to("loop")
    (directory / "loop_a").symlink_to("loop_b")
    (directory / "loop_b").symlink_to("loop_a")
    (directory / "to_below").symlink_to("below")
    (directory / "to_plain").symlink_to("plain")
    for number in range(45):
        (directory / f"chain{number}").symlink_to(f"chain{number + 1}" if number < 44 else program)
    os.mkfifo(directory / "fifo", 0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        home = os.getcwd()
        os.chdir(directory)  # the name of a socket may not be long
        listener.bind("socket")
        os.chdir(home)
    (directory / "socket").chmod(0o755)
    (directory / "closed").mkdir()
    standard_elf().write(directory / "closed" / "program")
    (directory / "closed").chmod(0o600)
    script(directory / "script", b"/nonexistent")
    script(directory / "plain_script", b"/nonexistent", mode=0o644)
    standard_pie().with_interp(b"/nonexistent").write(directory / "no_interp")
    standard_pie().with_phdr(0, type=PT_NOTE).with_interp(b"/nonexistent").write(directory / "no_interp_no_load")


PATHS: dict[str, tuple[str, int | None]] = {
    "good": ("DIR/program", None),
    "good, by symlink": ("DIR/link", None),
    "good, unclean": ("DIR/.//below/../program", None),
    "40 symlinks": ("DIR/chain5", None),
    "41 symlinks": ("DIR/chain4", ELOOP),
    "empty": ("", ENOENT),
    "missing": ("DIR/missing", ENOENT),
    "missing directory": ("DIR/missing/program", ENOENT),
    "missing, unclean": ("DIR/missing/../program", ENOENT),
    "dangling symlink": ("DIR/dangling", ENOENT),
    "below a file": ("DIR/program/x", ENOTDIR),
    "below a file, dot": ("DIR/program/.", ENOTDIR),
    "file with a slash": ("DIR/program/", ENOTDIR),
    "symlink with a slash": ("DIR/link/", ENOTDIR),
    "below a FIFO": ("DIR/fifo/x", ENOTDIR),
    "directory": ("DIR/below", EACCES),
    "directory with a slash": ("DIR/below/", EACCES),
    "dot": (".", EACCES),
    "dot dot": ("..", EACCES),
    "root": ("/", EACCES),
    "symlink to directory": ("DIR/to_below", EACCES),
    "missing in directory by symlink": ("DIR/to_below/x", ENOENT),
    "symlink loop": ("DIR/loop", ELOOP),
    "symlink loop of two": ("DIR/loop_a", ELOOP),
    "below a symlink loop": ("DIR/loop/x", ELOOP),
    "name of 255 bytes": ("DIR/" + "n" * 255, ENOENT),
    "name of 256 bytes": ("DIR/" + "n" * 256, ENAMETOOLONG),
    "path of 4096 bytes": ("DIR/" + "/" * 4096 + "program", ENAMETOOLONG),
    "path of too long names": ("x/" * 3000, ENAMETOOLONG),
    "FIFO": ("DIR/fifo", EACCES),
    "socket": ("DIR/socket", EACCES),
    "character device": ("/dev/null", EACCES),
    "file of /proc": ("/proc/version", EACCES),
    "directory of /proc": ("/proc/self/fd", EACCES),
    "not executable": ("DIR/plain", EACCES),
    "not executable, by symlink": ("DIR/to_plain", EACCES),
    "no permissions at all": ("DIR/mode0", EACCES),
    "setuid but not executable": ("DIR/setuid_plain", EACCES),
    "not executable and no ELF": ("DIR/plain_text", EACCES),
    "script that is not executable": ("DIR/plain_script", EACCES),
    "empty file": ("DIR/empty", ENOEXEC),
    "text": ("DIR/text", ENOEXEC),
    "ET_REL": ("DIR/object", ENOEXEC),
    "script without interpreter": ("DIR/script", ENOENT),
    "program without interpreter": ("DIR/no_interp", ENOENT),
    "program without interpreter and PT_LOAD": ("DIR/no_interp_no_load", ENOENT),
}


@pytest.mark.parametrize(("name", "expected"), PATHS.values(), ids=PATHS.keys())
def test_path(name: str, expected: int | None, tmp_path: Path) -> None:
    populate(tmp_path)
    path = os.fsencode(name.replace("DIR", str(tmp_path)))
    assert exec_errno(path, [b"x"]) == expected
    assert planned_errno(path) == expected


UNPRIVILEGED: dict[str, tuple[str, int | None]] = {
    "the owner may not, the group may": ("DIR/group_only", EACCES),
    "the owner may not, others may": ("DIR/others_only", EACCES),
    "in a directory that may not be searched": ("DIR/closed/program", EACCES),
    "missing in a directory that may not be searched": ("DIR/closed/missing", EACCES),
    "below a file in a directory that may not be searched": ("DIR/closed/program/x", EACCES),
    "no permissions at all": ("DIR/mode0", EACCES),
    "good": ("DIR/program", None),
}


@pytest.mark.parametrize(("name", "expected"), UNPRIVILEGED.values(), ids=UNPRIVILEGED.keys())
def test_path_without_privileges(name: str, expected: int | None, tmp_path: Path) -> None:
    """The permissions that root is above."""
    populate(tmp_path)
    path = os.fsencode(name.replace("DIR", str(tmp_path)))

    def work() -> tuple[int | None, int | None]:
        drop_capabilities()
        return exec_errno(path, [b"x"]), planned_errno(path)

    assert in_child(work) == (expected, expected)
    (tmp_path / "closed").chmod(0o700)


@needs_root
def test_any_execute_permission_will_do_for_root(tmp_path: Path) -> None:
    """CAP_DAC_OVERRIDE is not about executing, unless one of the three may."""
    for mode, expected in ((0o010, None), (0o001, None), (0o100, None), (0o666, EACCES)):
        path = standard_elf().write(tmp_path / f"program{mode}", mode)
        assert exec_errno(path, [b"x"]) == planned_errno(path) == expected


def test_execute_only_file(tmp_path: Path) -> None:
    """NoRead: the kernel runs it, but a loader has to read; miniload says so."""
    path = standard_elf().write(tmp_path / "program", 0o111)

    def work() -> tuple[int | None, str]:
        drop_capabilities()
        with pytest.raises(miniload.UnsupportedError) as caught:
            miniload.plan(path)
        assert caught.value.errno == EACCES
        return exec_errno(path, [b"x"]), caught.value.reason

    assert in_child(work) == (None, "may be executed but not read, and a loader has to read")


@pytest.mark.parametrize("how", ["script", "interpreter"])
def test_execute_only_interpreter(how: str, tmp_path: Path) -> None:
    path = os.fsencode(standard_pie().write(tmp_path / "interp", 0o111))
    program = tmp_path / "program"
    script(program, path) if how == "script" else standard_pie().with_interp(path).write(program)

    def work() -> tuple[int | None, int | None]:
        drop_capabilities()
        return exec_errno(program, [b"x"]), planned_errno(program)

    assert in_child(work) == (None, EACCES)


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND], ids=["O_WRONLY", "O_RDWR", "O_APPEND"])
def test_open_for_writing(flags: int, tmp_path: Path) -> None:
    path = standard_elf().write(tmp_path / "program")
    fd = os.open(path, flags)
    try:
        assert exec_errno(path, [b"x"]) == planned_errno(path) == ETXTBSY
    finally:
        os.close(fd)


def test_open_for_reading_is_no_obstacle(tmp_path: Path) -> None:
    path = standard_elf().write(tmp_path / "program")
    with path.open("rb"):
        assert exec_errno(path, [b"x"]) is planned_errno(path) is None


def test_planning_leaves_no_trace_on_the_file(tmp_path: Path) -> None:
    """Asking whether it is open for writing must not keep others from opening it for writing afterwards, and closes its descriptors."""
    path = standard_elf().write(tmp_path / "program")
    before = os.listdir("/proc/self/fd")
    assert planned_errno(path) is None
    with path.open("r+b") as file:
        file.write(b"\x7fELF")
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("name", ["text", "no_interp", "object", "script", "missing"])
def test_failing_leaves_no_descriptor(name: str, tmp_path: Path) -> None:
    populate(tmp_path)
    before = os.listdir("/proc/self/fd")
    assert planned_errno(tmp_path / name) is not None
    assert os.listdir("/proc/self/fd") == before


def test_through_a_descriptor(tmp_path: Path) -> None:
    """A file that has no name any more, by way of /proc/self/fd."""
    path = standard_elf().write(tmp_path / "program")
    fd = os.open(path, os.O_RDONLY)
    try:
        path.unlink()
        name = b"/proc/self/fd/%d" % fd
        assert exec_errno(name, [b"x"]) is planned_errno(name) is None
    finally:
        os.close(fd)


def test_memfd(tmp_path: Path) -> None:
    """Open for writing by its nature: ETXTBSY as long as the writable descriptor is there."""
    fd = os.memfd_create("program")
    os.write(fd, standard_elf().pack())
    name = b"/proc/self/fd/%d" % fd
    reader = os.open(name, os.O_RDONLY)
    try:
        assert exec_errno(name, [b"x"]) == planned_errno(name)
    finally:
        os.close(reader)
        os.close(fd)


def on_a_mount(flags: int, work: Callable[[], object], directory: Path) -> object:
    """The result of `work` in a child that has a tmpfs with these flags at `directory`; skips where that is not permitted."""

    def prepared() -> object:
        if not mount_private() or not mount(b"tmpfs", directory, flags):
            return "no mount"
        return work()

    result = in_child(prepared)
    if result == "no mount":
        pytest.skip("mounting a tmpfs is not permitted here")
    return result


@pytest.mark.parametrize("busy", [False, True], ids=["", "and open for writing"])
def test_noexec_mount(busy: bool, tmp_path: Path) -> None:
    def work() -> tuple[int | None, int | None]:
        path = standard_elf().write(tmp_path / "program")
        with path.open("r+b" if busy else "rb"):
            return exec_errno(path, [b"x"]), planned_errno(path)

    assert on_a_mount(MS_NOEXEC, work, tmp_path) == (EACCES, EACCES)


def test_interpreter_on_noexec_mount(tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()

    def work() -> list[int | None]:
        interpreter = os.fsencode(standard_pie().write(tmp_path / "mount" / "interp"))
        by_line = script(tmp_path / "script", interpreter)
        by_header = standard_pie().with_interp(interpreter).write(tmp_path / "program")
        return [exec_errno(by_line, [b"x"]), planned_errno(by_line), exec_errno(by_header, [b"x"]), planned_errno(by_header)]

    assert on_a_mount(MS_NOEXEC, work, tmp_path / "mount") == [EACCES] * 4


# Two things are wrong at once. The arguments are too long in each of them, so the errno says what is looked at first.
ORDER: dict[str, tuple[str, int]] = {
    "missing": ("missing", ENOENT),
    "not executable": ("plain", EACCES),
    "directory": ("below", EACCES),
    "symlink loop": ("loop", ELOOP),
    "no ELF": ("text", E2BIG),
    "empty file": ("empty", E2BIG),
    "ET_REL": ("object", E2BIG),
    "script without interpreter": ("script", E2BIG),
    "program without interpreter": ("no_interp", E2BIG),
    "nothing else": ("program", E2BIG),
}


@pytest.mark.parametrize("place", ["argv", "env"])
@pytest.mark.parametrize(("name", "expected"), ORDER.values(), ids=ORDER.keys())
def test_arguments_too_long_and(name: str, expected: int, place: str, tmp_path: Path) -> None:
    populate(tmp_path)
    path = tmp_path / name
    argv, env = ([b"x", TOO_LONG], []) if place == "argv" else ([b"x"], [b"A=" + TOO_LONG])
    assert exec_errno(path, argv, env) == expected
    assert planned_errno(path, argv, env) == expected


def test_arguments_too_long_and_open_for_writing(tmp_path: Path) -> None:
    path = standard_elf().write(tmp_path / "program")
    with path.open("r+b"):
        assert exec_errno(path, [TOO_LONG]) == planned_errno(path, [TOO_LONG]) == ETXTBSY


# Set-id files (exec.md A7).


def owned_by_nobody(path: Path, mode: int) -> Path:
    standard_elf().write(path)
    os.chown(path, NOBODY, NOBODY)
    path.chmod(mode)  # chown clears the set-id bits
    return path


@needs_root
@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6755], ids=oct)
def test_setid_is_refused(mode: int, tmp_path: Path) -> None:
    """Only the kernel can change credentials: one line that says what to do about it, status 126."""
    path = owned_by_nobody(tmp_path / "program", mode)
    with pytest.raises(miniload.UnsupportedError, match="--ignore-setid"):
        miniload.plan(path)
    status, stdout, stderr = outcome([*MINILOAD, str(path)])
    assert (status, stdout) == (126, b"")
    assert stderr == (f"miniload: {path}: setuid, setgid or file capabilities: only the kernel can grant them (--ignore-setid runs it without)\n").encode()


@needs_root
@pytest.mark.parametrize("mode", [0o4755, 0o2755], ids=oct)
def test_ignore_setid(mode: int, tmp_path: Path) -> None:
    path = owned_by_nobody(tmp_path / "program", mode)
    assert by_miniload(path, standard_elf().entry, arguments=["--ignore-setid"]) == by_kernel(path, standard_elf().entry)
    assert miniload.plan(path, ignore_setid=True).program == os.fsencode(path)


@needs_root
def test_setgid_without_group_execution_is_no_setid(tmp_path: Path) -> None:
    """S_ISGID without S_IXGRP once meant mandatory locking; the kernel changes no group for it."""
    assert planned_errno(owned_by_nobody(tmp_path / "program", 0o2745)) is None


@pytest.mark.parametrize("mode", [0o4755, 0o2755], ids=oct)
def test_setid_to_oneself_is_no_change(mode: int, tmp_path: Path) -> None:
    path = standard_elf().write(tmp_path / "program")
    os.chown(path, os.geteuid(), os.getegid())
    path.chmod(mode)
    assert planned_errno(path) is None


@needs_root
def test_setid_on_nosuid_mount_is_no_setid(tmp_path: Path) -> None:
    assert on_a_mount(MS_NOSUID, lambda: planned_errno(owned_by_nobody(tmp_path / "program", 0o6755)), tmp_path) is None


@needs_root
def test_setid_under_no_new_privs_is_no_setid(tmp_path: Path) -> None:
    """The kernel then runs it with the present credentials (its real and effective ids are looked at)."""
    path = owned_by_nobody(tmp_path / "program", 0o6755)

    def work() -> int | None:
        assert ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        return planned_errno(path)

    assert in_child(work) is None


@needs_root
def test_file_capabilities_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a user without them; root has all anyway. The attribute is struct vfs_cap_data, revision 2, CAP_NET_RAW permitted, effective."""
    path = standard_elf().write(tmp_path / "program")
    try:
        os.setxattr(path, "security.capability", pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))
    except OSError as error:
        pytest.skip(f"file capabilities cannot be set here: {error}")
    assert planned_errno(path) is None
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # nobody cannot get here through /tmp/pytest-of-root

    def work() -> str:
        os.setresuid(NOBODY, NOBODY, NOBODY)
        with pytest.raises(miniload.UnsupportedError) as caught:
            miniload.plan("./program")
        return caught.value.reason

    assert "file capabilities" in in_child(work)
