"""Code that has been loaded into bytes, run by Unicorn itself: what an object file's relocations come to on machines that are not this one."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm64_const, riscv_const, x86_const

from miniload.linker.loader import Loader
from miniload.linker.search import Search
from miniload.linker.target import MemoryTarget
from miniload.space.buffer import BufferSpace

if TYPE_CHECKING:
    from pathlib import Path

    from miniload.linker.object import Object

BASE, SIZE, STACK, THREAD, RETURN = 0x10000, 1 << 26, 0x7000_0000, 0x7100_0000, 0x7200_0000
MACHINES = {
    "x86_64": (
        unicorn.UC_ARCH_X86, unicorn.UC_MODE_64, x86_const.UC_X86_REG_RSP, x86_const.UC_X86_REG_RDI, x86_const.UC_X86_REG_RAX,
        None, x86_const.UC_X86_REG_FS_BASE,
    ),
    "aarch64": (
        unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM, arm64_const.UC_ARM64_REG_SP, arm64_const.UC_ARM64_REG_X0, arm64_const.UC_ARM64_REG_X0,
        arm64_const.UC_ARM64_REG_X30, arm64_const.UC_ARM64_REG_TPIDR_EL0,
    ),
    "riscv64": (
        unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64, riscv_const.UC_RISCV_REG_SP, riscv_const.UC_RISCV_REG_A0, riscv_const.UC_RISCV_REG_A0,
        riscv_const.UC_RISCV_REG_RA, riscv_const.UC_RISCV_REG_TP,
    ),
}  # fmt: skip
"""Architecture and mode; the registers for stack, first argument, result, return address, thread pointer."""


class FixedTarget(MemoryTarget):
    """Gives thread-local storage a place: 64 bytes above the thread pointer, or right below it, as the architecture wants it (linking.tls_above)."""

    def place_tls(self, loaded: Object) -> None:
        tls = loaded.raw.image.tls
        align = max(tls.align, 1)
        above = import_module(f"miniload.arch.{self.arch}.linking").LINKING.tls_above
        loaded.raw.tls_module, loaded.raw.tls_state = 1, 2
        loaded.raw.tls_offset = 64 if above else -(tls.size + align - 1 & -align)


def load(data: bytes, arch: str) -> tuple[Loader, Object, BufferSpace]:
    """The object, in memory of its own."""
    space = BufferSpace(SIZE, BASE)
    loader = Loader(FixedTarget(arch, space), Search())
    return loader, loader.load(data, os.RTLD_NOW, "object"), space


def call(data: bytes, arch: str, name: str, argument: int) -> int:
    """What a function returns, as a signed 32-bit number."""
    loader, loaded, space = load(data, arch)
    tls = loaded.raw.image.tls
    contents = (loaded.raw.tls_offset, space.read(loaded.bias + tls.address, tls.file_size)) if tls.present else None
    return _run(arch, [(BASE, bytes(space.memory))], loader.address(loaded, name), argument, contents)


def _run(arch: str, pieces: list[tuple[int, bytes]], entry: int, argument: int, thread_local: tuple[int, bytes] | None) -> int:
    """Calls what is at `entry`. `thread_local`: the block's offset from the thread pointer, and its contents."""
    kind, mode, stack, first, result, link, thread = MACHINES[arch]
    machine = unicorn.Uc(kind, mode)
    for start, content in (*pieces, (STACK, bytes(1 << 16)), (THREAD, bytes(1 << 16)), (RETURN, bytes(4096))):
        machine.mem_map(start, len(content))
        machine.mem_write(start, content)
    pointer = THREAD + (1 << 15)
    if thread_local:
        machine.mem_write(pointer + thread_local[0], thread_local[1])
    machine.mem_write(pointer, pointer.to_bytes(8, "little"))  # x86-64 reads it there
    machine.reg_write(thread, pointer)
    machine.reg_write(first, argument)
    if link is None:
        machine.reg_write(stack, STACK + (1 << 15) - 8)
        machine.mem_write(STACK + (1 << 15) - 8, RETURN.to_bytes(8, "little"))
    else:
        machine.reg_write(stack, STACK + (1 << 15))
        machine.reg_write(link, RETURN)
    machine.emu_start(entry, RETURN, timeout=20_000_000)
    value: int = machine.reg_read(result) & 0xFFFFFFFF
    return value - (value >> 31 << 32)


def run_program(path: Path, arch: str, argument: int) -> int:
    """What the code at a static program's entry returns."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        pieces = []
        for segment in elf.iter_segments("PT_LOAD"):
            start = segment["p_vaddr"] & -4096
            data = bytes(segment["p_vaddr"] - start) + segment.data() + bytes(segment["p_memsz"] - segment["p_filesz"])
            pieces.append((start, data + bytes(-len(data) % 4096)))
        return _run(arch, pieces, elf["e_entry"], argument, None)
