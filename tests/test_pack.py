"""--pack: a self-contained executable. The oracle is the program itself, run directly."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from support import MINILOAD, compile_c, need, outcome


def pack(output: Path, *program: str) -> Path:
    status, stdout, stderr = outcome([*MINILOAD, "--pack", str(output), *program])
    assert (status, stdout, stderr) == (0, b"", b"")
    return output


def test_packed_program_takes_its_own_arguments_and_environment(tmp_path: Path) -> None:
    """argv and env are the packed file's own, not those given to --pack."""
    packed = pack(tmp_path / "packed", "/bin/sh", "ignored")
    command = ["-c", 'echo "$0" "$@" "$VARIABLE"', "zero", "one"]
    assert outcome([str(packed), *command], env={"VARIABLE": "x"}) == outcome(["/bin/sh", *command], env={"VARIABLE": "x"})


def test_packed_program_needs_neither_python_nor_miniload(tmp_path: Path) -> None:
    """The file execs nothing else: strace sees one execve."""
    need("strace")
    packed = pack(tmp_path / "packed", "/bin/true")
    trace = tmp_path / "trace"
    assert subprocess.run(["strace", "-f", "-e", "trace=execve", "-o", str(trace), str(packed)], check=False).returncode == 0
    assert trace.read_text().count("execve(") == 1


def test_packed_program_sees_its_records(tmp_path: Path) -> None:
    """cmdline, comm and maps are the program's."""
    packed = pack(tmp_path / "packed", "/bin/cat")
    status, stdout, _ = outcome([str(packed), "/proc/self/cmdline", "/proc/self/comm", "/proc/self/maps"])
    assert status == 0
    assert stdout.startswith(os.fsencode(packed) + b"\0/proc/self/cmdline\0/proc/self/comm\0/proc/self/maps\0cat\n")
    assert b"packed" not in stdout.split(b"cat\n", 1)[1]


def test_changed_program_is_refused(tmp_path: Path) -> None:
    """Offsets planned for one file mean nothing in another: exit status 127 and one line."""
    program = tmp_path / "program"
    shutil.copy("/bin/true", program)
    packed = pack(tmp_path / "packed", str(program))
    shutil.copy("/bin/false", program)
    status, stdout, stderr = outcome([str(packed)])
    assert (status, stdout) == (127, b"")
    assert stderr.count(b"\n") == 1
    assert b"changed since it was packed" in stderr


def test_relative_program_is_found_from_elsewhere(tmp_path: Path) -> None:
    """Paths are made absolute when packing."""
    shutil.copy("/bin/echo", tmp_path / "program")
    status, _, stderr = outcome([*MINILOAD, "--pack", "packed", "./program"], cwd=tmp_path)
    assert (status, stderr) == (0, b"")
    assert outcome([str(tmp_path / "packed"), "hello"], cwd="/") == (0, b"hello\n", b"")


def test_unwritable_output_is_one_line() -> None:
    """125: it is miniload that failed."""
    status, stdout, stderr = outcome([*MINILOAD, "--pack", "/nonexistent/packed", "/bin/true"])
    assert (status, stdout) == (125, b"")
    assert stderr == b"miniload: /nonexistent/packed: cannot be written: No such file or directory\n"


def test_static_program(tmp_path: Path) -> None:
    """A packed program without interpreter."""
    need("gcc")
    source = tmp_path / "static.c"
    source.write_text('#include <stdio.h>\n__thread int x = 7;\nint main(int argc, char **argv) { printf("%d %d %s\\n", x, argc, argv[1]); }\n')
    program = compile_c(source, tmp_path / "static", "-static")
    assert outcome([str(pack(tmp_path / "packed", str(program))), "a"]) == (0, b"7 2 a\n", b"")
