"""Small C programs for the vCPU tests: the same source for every guest architecture, compiled freestanding, put into guest memory."""

from __future__ import annotations

import ctypes
import subprocess
from importlib import import_module
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile
from support import ROOT, ZIG_CC

from miniload.vcpu.core import EXEC, PAGE, READ, SYSCALL, WRITE, Vcpu

if TYPE_CHECKING:
    from pathlib import Path

GUESTS = ("aarch64", "riscv64", "x86_64")
STACK = 0x70000000
FLAGS = ("-O1", "-std=c11", "-ffreestanding", "-fno-stack-protector", "-fno-sanitize=all", "-fno-builtin", "-nostdlib", "-static", "-Wl,-z,norelro")
PROLOGUE = """
#include "stub_arch.h"
#define CALL(nr, a, b, c, d, e, f) arch_syscall6((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define TELL(x) CALL(2000, x, 0, 0, 0, 0, 0)
"""
TELL = 2000
_libc = ctypes.CDLL(None, use_errno=True)


def compile_guest(guest: str, body: str, folder: Path, *flags: str) -> Path:
    """A static program for `guest` whose `_start` is in `body`; TELL(x) in it is system call 2000 with x."""
    source, output = folder / f"{guest}.c", folder / guest
    source.write_text(PROLOGUE + body)
    command = [*ZIG_CC, "-target", f"{guest}-freestanding-none", *FLAGS, *flags, f"-I{ROOT / 'arch' / guest}", str(source), "-o", str(output)]
    subprocess.run(command, check=True, capture_output=True)
    return output


def map_guest(vcpu: Vcpu, start: int, size: int, protection: int, data: bytes = b"") -> None:
    """Memory at `start` with `data` at its beginning: readable and writable for the host, `protection` for the guest."""
    host = ctypes.c_void_p(vcpu.base + start)
    assert _libc.mprotect(host, ctypes.c_size_t(size), 3) == 0
    ctypes.memmove(vcpu.base + start, data, len(data))
    vcpu.protect(start, size, protection)


def load(guest: str, program: Path) -> Vcpu:
    """A vCPU with the program in its memory, at its entry, with a stack."""
    vcpu = Vcpu(import_module(f"miniload.arch.{guest}.vcpu").VCPU)
    with program.open("rb") as file:
        elf = ELFFile(file)
        for segment in elf.iter_segments("PT_LOAD"):
            start = segment["p_vaddr"] & -PAGE
            size = (segment["p_vaddr"] + segment["p_memsz"] - start + PAGE - 1) & -PAGE
            flags = segment["p_flags"]
            protection = READ * bool(flags & 4) | WRITE * bool(flags & 2) | EXEC * bool(flags & 1)
            map_guest(vcpu, start, size, protection, bytes(segment["p_vaddr"] - start) + segment.data())
        vcpu.write_registers({"pc": elf["e_entry"], "sp": STACK + 0x10000 - 64})
    map_guest(vcpu, STACK, 0x10000, READ | WRITE)
    return vcpu


def told(vcpu: Vcpu) -> int:
    """What the program tells next, as a signed number."""
    left = vcpu.run()
    assert (left.reason, left.number) == (SYSCALL, TELL), left
    return left.args[0] - (1 << 64) * (left.args[0] >> 63)
