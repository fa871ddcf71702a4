"""RISC-V 64: facts for loading, from Linux 6.18 arch/riscv (elf.h, processor.h, process.c), Sv39 virtual addresses."""

from __future__ import annotations

from miniload.arch import Arch


def segment_protection(protection: int, _features: int, _of_interpreter: bool, _has_interpreter: bool) -> int:
    """The kernel acts on no GNU property of RISC-V."""
    return protection


ARCH = Arch(
    name="riscv64",
    machine=243,
    triplet="riscv64-linux-gnu",
    task_size=0x40_0000_0000,
    et_dyn_base=0x40_0000_0000 // 3 * 2,
    rnd_bits=18,
    stack_gap=4096,
    platform=None,
    auxv=(33, 51, 40, 41, 42, 43, 44, 45, 46, 47, 16, 6, 17, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 23, 25, 26, 31, 27, 28),
    checks_class=True,
    entry_registers={"pc": "entry", "sp": "sp"},
    feature_property=None,
    segment_protection=segment_protection,
    max_page=4096,
    stub_target="riscv64-freestanding-none",
    stub_cpu="generic_rv64+m+a+c",
    oldest_glibc="2.27",
    stub_flags=("-mabi=lp64",),
)
