"""`#!` scripts (exec.md L): what the interpreter gets, and which scripts are refused, compared with the running kernel.

The interpreter of each script is a program that stops itself; its argv, AT_EXECFN and comm are then read from outside.
"""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from errno import EACCES, ELOOP, ENOENT, ENOEXEC, ENOTDIR, ETXTBSY
from typing import TYPE_CHECKING, NamedTuple

import pytest
from acceptance import assert_refused
from elfbuilder import EM_AARCH64, EM_X86_64, host_arch, script, standard_elf, standard_pie
from observe import AT_EXECFN, START_BRK, Outcome, no_aslr, planned_errno, started, stopped
from support import NATIVE

import miniload
from miniload.plan.level import mm_map_denied

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BUFFER = 256
"""BINPRM_BUF_SIZE of this kernel and of all since 5.1; the kernel is asked again in each test."""
MAX_DEPTH = 5


class Seen(NamedTuple):
    """What a script's interpreter finds itself started with."""

    argv: list[bytes]
    execfn: bytes
    comm: bytes
    exe: str


def seen(command: Sequence[str | bytes | Path], cwd: Path | None = None, executable: Path | None = None) -> Seen | Outcome:
    with started(command, cwd=cwd, executable=executable) as process:
        if isinstance(process, Outcome):
            return process
        return Seen(process.argv(), process.string(process.auxv()[AT_EXECFN]), process.comm(), os.readlink(f"/proc/{process.pid}/exe"))


def same(path: Path | str, arguments: Sequence[str | bytes] = (), cwd: Path | None = None) -> Seen:
    """The kernel runs the script, miniload runs it, and the interpreter cannot tell them apart (but for the exe link, where the kernel
    does not let miniload set it)."""
    real = seen([path, *arguments], cwd)
    ours = seen([*NATIVE, path, *arguments], cwd)
    assert isinstance(real, Seen), f"this kernel: {real}"
    assert isinstance(ours, Seen), f"miniload: {ours}"
    assert ours[:3] == real[:3]
    return real


def refused(path: Path | str, expected: int, cwd: Path | None = None) -> None:
    """The kernel refuses the script with that errno, and so does miniload."""
    real = seen([path], cwd)
    assert isinstance(real, Outcome), f"this kernel ran it: {real}"
    assert (real.what, real.number) == ("refused", expected), str(real)
    if cwd is None:
        assert planned_errno(path) == expected
    ours = seen([*NATIVE, path], cwd)
    assert isinstance(ours, Outcome)
    assert_refused(ours, expected)


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    return standard_pie().write(tmp_path / "interp")


# (line after "#!", rest of the file, arguments that the interpreter gets before the script's path; INTERP stands for its path)
LINES: dict[str, tuple[bytes, bytes, list[bytes]]] = {
    "Execute": (b"INTERP", b"\necho\n", []),
    "one argument": (b"INTERP -x", b"\n", [b"-x"]),
    "blank before": (b" INTERP", b"\n", []),
    "Whitespace before": (b" \t \t INTERP", b"\n", []),
    "Whitespace behind": (b"INTERP \t ", b"\n", []),
    "Whitespace everywhere": (b" \tINTERP\t  -x \t", b"\n", [b"-x"]),
    "tab between": (b"INTERP\t-x", b"\n", [b"-x"]),
    "inner blanks are kept": (b"INTERP a b   c", b"\n", [b"a b   c"]),
    "inner tabs are kept": (b"INTERP a\tb \t c\t", b"\n", [b"a\tb \t c"]),
    "quotes mean nothing": (b"INTERP 'a b' \"c\" \\d", b"\n", [b"'a b' \"c\" \\d"]),
    "no newline": (b"INTERP", b"", []),
    "no newline, argument": (b"INTERP a b", b"", [b"a b"]),
    "no newline, blanks behind": (b"INTERP a \t", b"", [b"a \t"]),
    "no newline, blanks behind the path": (b"INTERP  ", b"", [b""]),
    "carriage return in the argument": (b"INTERP a\r", b"\n", [b"a\r"]),
    "bytes that are no text": (b"INTERP \xff\xfe\x80", b"\n", [b"\xff\xfe\x80"]),
    "form feed is no blank": (b"INTERP \x0ca\x0b", b"\n", [b"\x0ca\x0b"]),
    "NUL ends the path": (b"INTERP\0 -x", b"\n", []),
    "NUL ends the argument": (b"INTERP -x\0y", b"\n", [b"-x"]),
    "NUL after blanks": (b"INTERP  \0", b"\n", [b""]),
    "NUL, then blanks": (b"INTERP a \0  ", b"\n", [b"a "]),
    "NUL directly before the newline": (b"INTERP a\0", b"\n", [b"a"]),
    "second line is nothing": (b"INTERP", b"\n#!/nonexistent\n", []),
}


@pytest.mark.parametrize(("line", "rest", "inserted"), LINES.values(), ids=LINES.keys())
def test_line(line: bytes, rest: bytes, inserted: list[bytes], tmp_path: Path, interpreter: Path) -> None:
    path = script(tmp_path / "program", line.replace(b"INTERP", os.fsencode(interpreter)), rest)
    assert same(path).argv == [os.fsencode(interpreter), *inserted, os.fsencode(path)]


MALFORMED: dict[str, tuple[bytes, bytes, int]] = {
    "nothing": (b"", b"\n", ENOEXEC),
    "nothing, no newline": (b"", b"", EACCES),  # the empty name is the current directory
    "blank": (b" ", b"\n", ENOEXEC),
    "blanks": (b" \t \t", b"\nINTERP\n", ENOEXEC),
    "blanks, no newline": (b"   ", b"", EACCES),
    "blanks over the whole buffer": (b" " * 300, b"\n", ENOEXEC),
    "blanks up to the buffer's end": (b" " * (BUFFER - 2), b"INTERP\n", ENOEXEC),
    "NUL instead of a path": (b"\0", b"\n", EACCES),
    "NUL before the path": (b" \0INTERP", b"\n", EACCES),
    "carriage return behind the path": (b"INTERP\r", b"\n", ENOENT),
    "vertical tab behind the path": (b"INTERP\x0b-x", b"\n", ENOENT),
    "missing interpreter": (b"/nonexistent", b"\n", ENOENT),
    "missing interpreter with argument": (b"/nonexistent -x", b"\n", ENOENT),
    "Directory": (b"/", b"\n", EACCES),
    "BinaryAsDirectory": (b"INTERP/x", b"\n", ENOTDIR),
    "interpreter with a slash behind": (b"INTERP/", b"\n", ENOTDIR),
    "device": (b"/dev/null", b"\n", EACCES),
}


@pytest.mark.parametrize(("line", "rest", "expected"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_line(line: bytes, rest: bytes, expected: int, tmp_path: Path, interpreter: Path) -> None:
    path = script(tmp_path / "program", line.replace(b"INTERP", os.fsencode(interpreter)), rest)
    refused(path, expected)


LENGTHS = [127, 128, 129, 252, 253, 254, 255, 256, 257, 273, 1000]
"""Of the first line, "#!" included and the newline not."""


@pytest.mark.parametrize("newline", [b"\n", b""], ids=["newline", "end of file"])
@pytest.mark.parametrize("length", LENGTHS)
def test_length_with_argument(length: int, newline: bytes, tmp_path: Path, interpreter: Path) -> None:
    """An argument that reaches over the buffer is cut off silently."""
    line = os.fsencode(interpreter) + b" "
    assert len(line) < 120, "the temporary directory's name is too long for this test"
    path = script(tmp_path / "program", line.ljust(length - 2, b"a"), newline)
    assert len(same(path).argv[1]) == min(length, BUFFER - 1) - 2 - len(line)


@pytest.mark.parametrize("newline", [b"\n", b""], ids=["newline", "end of file"])
@pytest.mark.parametrize("length", LENGTHS)
def test_length_of_interpreter_path(length: int, newline: bytes, tmp_path: Path, interpreter: Path) -> None:
    """A path that might reach over the buffer is an error: the kernel would run something else."""
    slashes = b"/" * (length - 2 - len(os.fsencode(interpreter)) + 1)
    path = script(tmp_path / "program", os.fsencode(tmp_path) + slashes + b"interp", newline)
    if length < BUFFER:
        assert same(path).argv[1:] == [os.fsencode(path)]
    else:
        refused(path, ENOEXEC)


def test_arguments_follow_the_script(tmp_path: Path, interpreter: Path) -> None:
    path = script(tmp_path / "program", os.fsencode(interpreter) + b" -x")
    arguments = [b"one", b"", b"two words", b"\xff"]
    assert same(path, arguments).argv == [os.fsencode(interpreter), b"-x", os.fsencode(path), *arguments]


def test_argv0_is_lost(tmp_path: Path, interpreter: Path) -> None:
    """The interpreter's name takes the place of argv[0], whatever that was."""
    path = script(tmp_path / "program", os.fsencode(interpreter))
    real = seen([b"another name", b"x"], executable=path)
    ours = seen([*NATIVE, "-0", "another name", path, b"x"])
    assert isinstance(real, Seen)
    assert isinstance(ours, Seen)
    assert ours.argv == real.argv == [os.fsencode(interpreter), os.fsencode(path), b"x"]


def test_script_without_any_argument(tmp_path: Path, interpreter: Path) -> None:
    """An empty argv becomes [""], of which the script's line then takes the place."""
    path = script(tmp_path / "program", os.fsencode(interpreter))
    real = seen([], executable=path)
    assert isinstance(real, Seen)
    assert list(miniload.plan(path, argv=[]).stack.argv) == real.argv == [os.fsencode(interpreter), os.fsencode(path)]


def test_execfn_and_comm_are_the_scripts(tmp_path: Path, interpreter: Path) -> None:
    path = script(tmp_path / "a script with a long name", os.fsencode(interpreter))
    result = same(path)
    assert result.execfn == os.fsencode(path)
    assert result.comm == b"a script with a"


def test_exe_is_the_interpreter(tmp_path: Path, interpreter: Path) -> None:
    path = script(tmp_path / "program", os.fsencode(interpreter))
    assert same(path).exe == str(interpreter)
    assert miniload.plan(path).program == os.fsencode(interpreter)


def test_relative_path(tmp_path: Path, interpreter: Path) -> None:
    script(tmp_path / "program", os.fsencode(interpreter))
    assert same("./program", cwd=tmp_path).argv == [os.fsencode(interpreter), b"./program"]


def test_unclean_path(tmp_path: Path, interpreter: Path) -> None:
    script(tmp_path / "program", os.fsencode(interpreter))
    path = f"{tmp_path}/.//../{tmp_path.name}/program"
    assert same(path).argv == [os.fsencode(interpreter), os.fsencode(path)]


def test_relative_interpreter_is_relative_to_cwd(tmp_path: Path, interpreter: Path) -> None:
    (tmp_path / "below").mkdir()
    script(tmp_path / "below" / "program", b"./interp -x")
    assert same("below/program", cwd=tmp_path).argv == [b"./interp", b"-x", b"below/program"]
    refused("./program", ENOENT, cwd=tmp_path / "below")


def test_interpreter_name_without_slash_is_not_searched(tmp_path: Path) -> None:
    refused(script(tmp_path / "program", b"sh"), ENOENT)


def test_symlink_to_script(tmp_path: Path, interpreter: Path) -> None:
    script(tmp_path / "program", os.fsencode(interpreter))
    (tmp_path / "link").symlink_to("program")
    result = same(tmp_path / "link")
    assert result.argv == [os.fsencode(interpreter), os.fsencode(tmp_path / "link")]
    assert result.comm == b"link"


def test_symlink_to_interpreter(tmp_path: Path, interpreter: Path) -> None:
    (tmp_path / "link").symlink_to(interpreter)
    path = script(tmp_path / "program", os.fsencode(tmp_path / "link"))
    assert same(path).argv == [os.fsencode(tmp_path / "link"), os.fsencode(path)]


def test_symlink_loop(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    refused(script(tmp_path / "program", os.fsencode(tmp_path / "loop")), ELOOP)


def test_not_executable(tmp_path: Path, interpreter: Path) -> None:
    refused(script(tmp_path / "program", os.fsencode(interpreter), mode=0o644), EACCES)


def test_interpreter_not_executable(tmp_path: Path, interpreter: Path) -> None:
    interpreter.chmod(0o644)
    refused(script(tmp_path / "program", os.fsencode(interpreter)), EACCES)


def test_interpreter_open_for_writing(tmp_path: Path, interpreter: Path) -> None:
    path = script(tmp_path / "program", os.fsencode(interpreter))
    with interpreter.open("r+b"):
        refused(path, ETXTBSY)


def test_script_open_for_writing(tmp_path: Path, interpreter: Path) -> None:
    path = script(tmp_path / "program", os.fsencode(interpreter))
    with path.open("r+b"):
        refused(path, ETXTBSY)


def test_interpreter_is_text(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("echo\n")
    (tmp_path / "text").chmod(0o755)
    refused(script(tmp_path / "program", os.fsencode(tmp_path / "text")), ENOEXEC)


def test_interpreter_of_another_machine(tmp_path: Path) -> None:
    machine = EM_AARCH64 if host_arch().machine == EM_X86_64 else EM_X86_64
    path = replace(standard_elf(), machine=machine).write(tmp_path / "interp")
    refused(script(tmp_path / "program", os.fsencode(path)), ENOEXEC)


def test_setuid_script_runs_without_privileges(tmp_path: Path, interpreter: Path) -> None:
    """The kernel takes the credentials from the last file of the chain alone."""
    path = script(tmp_path / "program", os.fsencode(interpreter))
    if os.geteuid() == 0:
        os.chown(path, 1, 1)
    path.chmod(0o755 | stat.S_ISUID | stat.S_ISGID)
    same(path)


def chain(tmp_path: Path, depth: int, last: bytes) -> Path:
    """A script whose interpreter is a script whose ... `depth` of them, the last one naming `last`."""
    name = last
    for number in range(depth):
        name = os.fsencode(script(tmp_path / f"level{number}", name))
    return tmp_path / f"level{depth - 1}"


@pytest.mark.parametrize("depth", range(2, MAX_DEPTH + 1))
def test_nested(depth: int, tmp_path: Path, interpreter: Path) -> None:
    path = chain(tmp_path, depth, os.fsencode(interpreter))
    expected = [interpreter, *(tmp_path / f"level{number}" for number in range(depth))]
    assert same(path, [b"x"]).argv == [*map(os.fsencode, expected), b"x"]


def test_nested_with_arguments(tmp_path: Path, interpreter: Path) -> None:
    inner = script(tmp_path / "inner", os.fsencode(interpreter) + b" -i")
    outer = script(tmp_path / "outer", os.fsencode(inner) + b" -o")
    assert same(outer, [b"x"]).argv == [os.fsencode(interpreter), b"-i", os.fsencode(inner), b"-o", os.fsencode(outer), b"x"]


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, MAX_DEPTH + 2])
def test_max_recursion(depth: int, tmp_path: Path, interpreter: Path) -> None:
    refused(chain(tmp_path, depth, os.fsencode(interpreter)), ELOOP)


def test_script_that_is_its_own_interpreter(tmp_path: Path) -> None:
    refused(script(tmp_path / "program", os.fsencode(tmp_path / "program")), ELOOP)


@pytest.mark.parametrize(("depth", "expected"), [(1, ENOENT), (MAX_DEPTH, ENOENT), (MAX_DEPTH + 1, ENOENT), (MAX_DEPTH + 2, ELOOP)])
def test_missing_interpreter_at_the_end_of_a_chain(depth: int, expected: int, tmp_path: Path) -> None:
    """Which comes first at the limit: the kernel opens one interpreter more than it is ready to start."""
    refused(chain(tmp_path, depth, b"/nonexistent"), expected)


@pytest.mark.skipif(mm_map_denied() is not None, reason=f"what the kernel records cannot be changed here: {mm_map_denied()}")
def test_brk_is_after_the_interpreter(tmp_path: Path) -> None:
    """gVisor's BrkAfterBinary: the heap of a script starts behind the interpreter, as if that had been run itself."""
    interpreter = standard_elf().write(tmp_path / "interp")
    path = script(tmp_path / "program", os.fsencode(interpreter))
    places = []
    commands: list[list[str | Path]] = [[interpreter], [path], [*NATIVE, path]]
    for command in commands:
        with stopped(command, before=no_aslr) as process:
            places.append(process.stat(START_BRK))
    assert len(set(places)) == 1
