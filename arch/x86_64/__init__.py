"""x86-64: facts for loading, from Linux 6.18 arch/x86 (elf.h, processor.h, page_64_types.h, process.c) and the psABI."""

from __future__ import annotations

from miniload.arch import Arch


def segment_protection(protection: int, _features: int, _of_interpreter: bool, _has_interpreter: bool) -> int:
    """GNU_PROPERTY_X86_FEATURE_1_AND (IBT, SHSTK) is left to libc: the 64-bit kernel acts on neither at exec."""
    return protection


ARCH = Arch(
    name="x86_64",
    machine=62,
    triplet="x86_64-linux-gnu",
    task_size=0x7FFF_FFFF_F000,  # TASK_SIZE_MAX with four-level paging, one guard page below 2^47
    et_dyn_base=0x7FFF_FFFF_F000 // 3 * 2,
    rnd_bits=28,
    stack_gap=8192,
    platform=b"x86_64",
    auxv=(33, 51, 16, 6, 17, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 23, 25, 26, 31, 15, 27, 28),
    checks_class=False,
    entry_registers={"rip": "entry", "rsp": "sp"},
    feature_property=None,
    segment_protection=segment_protection,
    max_page=4096,
    stub_target="x86_64-freestanding-none",
    stub_cpu="x86_64-x87-mmx-sse-sse2+soft_float",
    oldest_glibc="2.17",
    stub_flags=("-mgeneral-regs-only",),
)
