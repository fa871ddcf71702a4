"""Compiles the probe (tests/probe), for every architecture and in every shape in which execve starts a program."""

from __future__ import annotations

import os
import shlex
import subprocess
from struct import pack_into, unpack_from
from typing import TYPE_CHECKING

from support import ROOT, ZIG_CC

from miniload import arch as architectures

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ROOT / "tests" / "probe"
FLAGS = (
    "-Os", "-std=c11", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib",
    "-fno-sanitize=all", "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fvisibility=hidden",
    "-Wl,-z,noexecstack", "-Wl,--build-id=none",
)  # fmt: skip
PIE = ("-fpie", "-pie", "-Wl,--no-dynamic-linker")
PT_GNU_STACK, PF_X, PF_W, PF_R = 0x6474E551, 1, 2, 4
FIXED = ("-fno-pie", "-no-pie", "-static")


def build_probe(arch: str, output: Path, *, fixed: bool = False, interpreter: Path | str | None = None, executable_stack: bool = False) -> Path:
    """Compiles the probe to `output`: a static PIE, or `fixed` an ET_EXEC; with `interpreter`, one that names it in PT_INTERP; with
    `executable_stack`, one whose PT_GNU_STACK asks for that.

    CalledProcessError if the compiler fails. CC_<arch> names another compiler than zig's, as for the stub.
    """
    facts = architectures.get(arch)
    chosen = os.environ.get(f"CC_{arch}")
    compiler = shlex.split(chosen) if chosen else [*ZIG_CC, "-target", facts.stub_target, f"-mcpu={facts.stub_cpu}"]
    named = [] if interpreter is None else [f'-DPROBE_INTERPRETER="{interpreter}"']
    command = [
        *compiler, *FLAGS, *(FIXED if fixed else PIE), *facts.stub_flags, f'-DPROBE_MACHINE="{arch}.h"', *named,
        str(SOURCES / f"{arch}.S"), *map(str, sorted(SOURCES.glob("*.c"))), "-o", str(output),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, text=True)
    if executable_stack:
        make_stack_executable(output)
    return output


def make_stack_executable(program: Path) -> None:
    """Sets PF_X of PT_GNU_STACK; zig's linker has no option for it."""
    image = bytearray(program.read_bytes())
    (phoff,), (phnum,) = unpack_from("<Q", image, 32), unpack_from("<H", image, 56)
    for at in range(phoff, phoff + 56 * phnum, 56):
        if unpack_from("<I", image, at)[0] == PT_GNU_STACK:
            pack_into("<I", image, at + 4, PF_R | PF_W | PF_X)
    program.write_bytes(image)
