"""The command with a foreign program: which engine, which options, what it says when something is not served."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from support import MINILOAD, ZIG_CC, clean_environment, compile_c, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., str]

GUESTS = ("aarch64", "riscv64")
UNDEFINED = {"aarch64": ".inst 0x0000dead", "riscv64": ".word 0"}


@pytest.fixture(params=GUESTS)
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Build:
    """build(source, *flags): a static program for the architecture, whose name is build.arch."""

    def compile_source(source: str, *flags: str) -> str:
        file = tmp_path / "program.c"
        file.write_text(source)
        target = [*ZIG_CC, "-target", f"{request.param}-linux-musl"]
        return str(compile_c(file, tmp_path / "program", *(flags or ("-static", "-O1")), compiler=target))

    compile_source.arch = request.param  # type: ignore[attr-defined]
    return compile_source


def test_exit_status_is_the_programs(build: Build) -> None:
    """Nothing on stdout or stderr but the program's own."""
    assert outcome([*MINILOAD, build("int main(void) { return 42; }")]) == (42, b"", b"")


@pytest.mark.parametrize("signal", [6, 9, 11, 15])
def test_death_by_signal_is_the_programs(build: Build, signal: int) -> None:
    """Whoever waits sees that very signal."""
    program = build(f"#include <signal.h>\nint main(void) {{ raise({signal}); return 0; }}")
    assert outcome([*MINILOAD, program]) == (-signal, b"", b"")


def test_arguments_environment_and_input_reach_the_program(build: Build) -> None:
    """argv with -0, -E and -U, bytes on stdin."""
    program = build(
        "#include <stdio.h>\n#include <stdlib.h>\n"
        'int main(int c, char **v) { char b[9] = ""; fgets(b, 9, stdin); printf("%d %s %s %s %s %s", c, v[0], v[1], getenv("A"), getenv("B") ? "B" : "-", b); }'
    )
    done = outcome([*MINILOAD, "-0", "zero", "-E", "A=x", "-U", "B", program, "\u00e9"], env=clean_environment(B="1"), stdin=None, input=b"in")
    assert done == (0, "2 zero \u00e9 x - in".encode(), b"")


def test_uname_tells_of_the_emulated_machine_and_the_release_asked_for(build: Build) -> None:
    """-r, and its variable."""
    program = build('#include <stdio.h>\n#include <sys/utsname.h>\nint main(void) { struct utsname u; uname(&u); printf("%s %s", u.machine, u.release); }')
    assert outcome([*MINILOAD, "-r", "9.9.9", program])[1] == f"{build.arch} 9.9.9".encode()  # type: ignore[attr-defined]
    assert outcome([*MINILOAD, program], env={"QEMU_UNAME": "8.8"})[1].endswith(b" 8.8")
    assert outcome([*MINILOAD, program])[1].endswith(os.uname().release.encode())


def test_stack_limit_is_what_s_says(build: Build) -> None:
    """Recursion to 256 KiB of stack fits into 8 MiB and not into 128 KiB."""
    program = build("int f(int n) { volatile char b[1024]; b[0] = n; return n ? f(n - 1) + b[0] : 0; } int main(void) { f(256); return 3; }", "-static", "-O0")
    assert outcome([*MINILOAD, program])[0] == 3
    assert outcome([*MINILOAD, "-s", "128K", program])[0] == -11
    assert outcome([*MINILOAD, program], env={"QEMU_STACK_SIZE": "131072"})[0] == -11


def test_unknown_system_call_is_named_once_under_v(build: Build) -> None:
    """ENOSYS as Linux would, and one line with its number; nothing without -v."""
    head = "#include <errno.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n"
    source = head + "int main(void) { syscall(999); return syscall(999) == -1 && errno == ENOSYS ? 5 : 1; }"
    program = build(source)
    assert outcome([*MINILOAD, program]) == (5, b"", b"")
    status, _, stderr = outcome([*MINILOAD, "-v", program])
    assert status == 5
    assert stderr.decode().splitlines() == [f"miniload: {program}: unknown system call 999"]


def test_unknown_instruction_is_named_under_v(build: Build) -> None:
    """SIGILL as Linux would, with its bytes and where it is."""
    program = build(f'int main(void) {{ __asm__ volatile("{UNDEFINED[build.arch]}"); return 0; }}')  # type: ignore[attr-defined]
    assert outcome([*MINILOAD, program]) == (-4, b"", b"")
    status, _, stderr = outcome([*MINILOAD, "-v", program])
    assert status == -4
    assert stderr.count(b"\n") == 1
    assert b"unknown instruction at 0x" in stderr
    assert (b"ad de 00 00" if build.arch == "aarch64" else b"00 00 00 00") in stderr  # type: ignore[attr-defined]


def test_native_engine_refuses_a_foreign_program(build: Build) -> None:
    """126 and one line."""
    program = build("int main(void) { return 0; }")
    status, stdout, stderr = outcome([*MINILOAD, "--engine", "native", program])
    assert (status, stdout, stderr.count(b"\n")) == (126, b"", 1)
    assert b"a program for " + build.arch.encode() in stderr  # type: ignore[attr-defined]


def test_missing_interpreter_says_what_would_help(build: Build) -> None:
    """127, the interpreter's path, and -L."""
    program = build("int main(void) { return 0; }", "-dynamic", "-O1")
    status, stdout, stderr = outcome([*MINILOAD, "-L", "/nonexistent", program])
    assert (status, stdout, stderr.count(b"\n")) == (127, b"", 1)
    assert b"ld-musl" in stderr
    assert b"-L" in stderr


def test_explain_tells_of_a_foreign_program(build: Build) -> None:
    """The same plan, as JSON, for the emulated architecture, and nothing runs."""
    program = build("int main(void) { return 9; }")
    status, stdout, stderr = outcome([*MINILOAD, "--explain", "--json", program])
    assert (status, stderr) == (0, b"")
    assert json.loads(stdout)["arch"] == build.arch  # type: ignore[attr-defined]


def test_stub_carries_the_plan_out_inside_the_emulator(build: Build) -> None:
    """--via-stub: the architecture's own stub maps and jumps by emulated system calls."""
    program = build('#include <stdio.h>\nint main(int c, char **v) { printf("%d %s", c, v[1]); return 6; }')
    assert outcome([*MINILOAD, "--via-stub", program, "word"]) == (6, b"2 word", b"")


def test_cpu_models_are_listed_and_unknown_ones_refused(build: Build) -> None:
    """--cpu help on stdout; a name that there is not: 125 and one line."""
    status, stdout, _ = outcome([*MINILOAD, "--cpu", "help"])
    assert status == 0
    assert b"aarch64: max" in stdout
    status, _, stderr = outcome([*MINILOAD, "--cpu", "z80", build("int main(void) { return 0; }")])
    assert (status, stderr.count(b"\n")) == (125, 1)


def test_program_of_this_machine_runs_natively_and_on_request_emulated(tmp_path: Path) -> None:
    """One setting serves all programs: what the machine can run it runs."""
    source = tmp_path / "x.c"
    source.write_text('#include <stdio.h>\nint main(void) { FILE *f = fopen("/proc/self/comm", "r"); char b[16]; fgets(b, 16, f); printf("%s", b); }')
    program = compile_c(source, tmp_path / "here", "-static", compiler=[*ZIG_CC, "-target", f"{os.uname().machine}-linux-musl"])
    assert outcome([*MINILOAD, str(program)]) == (0, b"here\n", b"")
    assert outcome([*MINILOAD, "--engine", "unicorn", str(program)]) == (0, b"here\n", b"")
    assert outcome([*MINILOAD, str(program)], env={"MINILOAD_ENGINE": "unicorn"}) == (0, b"here\n", b"")
