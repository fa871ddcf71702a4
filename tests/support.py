"""What tests share: the command under test, compilers, and skipping with a reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    Command = Sequence[str | Path]

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(sys.executable).parent / "miniload"
MINILOAD = [str(SCRIPT)]
"""The installed command, as a user runs it; `make test` installs it beside the Python that runs the tests."""
NATIVE = [*MINILOAD, "--engine", "native"]
"""The command where execve of this machine is the oracle: a program for another one is refused, not emulated."""
ZIG_CC = [sys.executable, "-m", "ziglang", "cc"]


def need(*programs: str) -> None:
    """Skips the test, saying so, unless every program is on PATH."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} on PATH (see .ci/packages)")


def compile_c(source: Path, output: Path, *flags: str, compiler: list[str] | None = None) -> Path:
    """Compiles one C file and returns the program's path. CalledProcessError if the compiler fails."""
    command = [*(compiler or ["gcc"]), str(source), "-o", str(output), *flags]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return output


def gcc_file(name: str) -> str:
    """Path of a file of gcc's; only its name if there is none."""
    return subprocess.run(["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True).stdout.strip()


def outcome(command: list[str] | list[bytes], **options: object) -> tuple[int, bytes, bytes]:
    """(exit status or minus signal, stdout, stderr) of a command. At most 60 s."""
    defaults: dict[str, object] = {"stdin": subprocess.DEVNULL, "timeout": 60}
    done = subprocess.run(command, capture_output=True, **{**defaults, **options})  # type: ignore[call-overload]
    return done.returncode, done.stdout, done.stderr


def clean_environment(**extra: str) -> dict[str, str]:
    """A small environment that is the same for the program run directly and through miniload."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", **extra}


def words(command: Command) -> list[str]:
    """A command as text."""
    return [os.fspath(word) for word in command]
