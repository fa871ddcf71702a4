"""AArch64: facts for loading, from Linux 6.18 arch/arm64 (elf.h, processor.h, process.c), 48-bit virtual addresses."""

from __future__ import annotations

from miniload.arch import Arch

PROT_EXEC = 4
PROT_BTI = 0x10
GNU_PROPERTY_AARCH64_FEATURE_1_AND = 0xC0000000
GNU_PROPERTY_AARCH64_FEATURE_1_BTI = 1


def segment_protection(protection: int, features: int, of_interpreter: bool, has_interpreter: bool) -> int:
    """arch_elf_adjust_prot(): code marked for BTI is mapped guarded, but of a dynamic program only the interpreter's is,
    since the interpreter looks after the rest."""
    guarded = features & GNU_PROPERTY_AARCH64_FEATURE_1_BTI and protection & PROT_EXEC
    if guarded and of_interpreter == has_interpreter:
        return protection | PROT_BTI
    return protection


ARCH = Arch(
    name="aarch64",
    machine=183,
    triplet="aarch64-linux-gnu",
    task_size=1 << 48,
    et_dyn_base=2 * (1 << 48) // 3,
    rnd_bits=18,
    stack_gap=4096,
    platform=b"aarch64",
    auxv=(33, 51, 16, 6, 17, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 23, 25, 26, 31, 15, 27, 28),
    checks_class=False,
    entry_registers={"pc": "entry", "sp": "sp"},
    feature_property=GNU_PROPERTY_AARCH64_FEATURE_1_AND,
    segment_protection=segment_protection,
    max_page=65536,
    stub_target="aarch64-freestanding-none",
    stub_cpu="generic-fp_armv8-neon",
    oldest_glibc="2.17",
    stub_flags=("-mgeneral-regs-only",),
)
