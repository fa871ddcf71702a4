"""--strace: the lines of strace 6.1, run on the same program compiled for this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from support import MINILOAD, ROOT, ZIG_CC, compile_c, need, outcome

if TYPE_CHECKING:
    from pathlib import Path

MARK = "getpgid(4321)"
SOURCE = ROOT / "tests" / "linux_programs" / "strace_calls.c"


def between_marks(log: str) -> list[str]:
    """The lines between the two marks, with single blanks (strace aligns results), without addresses."""
    lines = [re.sub(r"0x[0-9a-f]{9,}", "ADDRESS", re.sub(r" {2,}= ", " = ", line)) for line in log.splitlines()]
    first, last = (index for index, line in enumerate(lines) if line.startswith(MARK))
    return lines[first + 1 : last]


@pytest.mark.parametrize("arch", ["aarch64", "riscv64", "x86_64"])
def test_lines_are_those_of_strace(arch: str, tmp_path: Path) -> None:
    """Names, flags, strings, structs, results and errors of fifty calls."""
    need("strace")
    flags = ("-O1", "-static", "-Wno-nonnull")
    native = compile_c(SOURCE, tmp_path / "native", *flags, compiler=[*ZIG_CC, "-target", "x86_64-linux-musl"])
    program = compile_c(SOURCE, tmp_path / "program", *flags, compiler=[*ZIG_CC, "-target", f"{arch}-linux-musl"])
    status, _, _ = outcome(["strace", "-o", str(tmp_path / "expected"), str(native)], cwd=tmp_path)
    assert status == -15
    found = outcome([*MINILOAD, "--engine", "unicorn", f"--strace={tmp_path / 'found'}", str(program)], cwd=tmp_path)
    assert found == (-15, b"", b"")
    assert between_marks((tmp_path / "found").read_text()) == between_marks((tmp_path / "expected").read_text())


def test_log_goes_to_stderr_and_the_end_is_told(tmp_path: Path) -> None:
    """Without a file; exit status and last line as strace has them."""
    source = tmp_path / "end.c"
    source.write_text("int main(void) { return 3; }")
    program = compile_c(source, tmp_path / "end", "-static", compiler=[*ZIG_CC, "-target", "aarch64-linux-musl"])
    status, stdout, stderr = outcome([*MINILOAD, "-strace", str(program)])
    assert (status, stdout) == (3, b"")
    assert stderr.splitlines()[-2:] == [b"exit_group(3) = ?", b"+++ exited with 3 +++"]
