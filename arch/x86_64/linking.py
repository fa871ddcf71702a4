"""x86-64 for the dynamic linker: System V psABI, AMD64 supplement, table "Relocation Types"; glibc 2.42 sysdeps/x86_64/dl-machine.h."""

from __future__ import annotations

from miniload.linker.arch import (
    ADDRESS,
    ADDRESS32,
    COPY,
    IRELATIVE,
    MODULE,
    NONE,
    OFFSET,
    RELATIVE,
    RELATIVE32,
    SIZE32,
    SIZE64,
    SLOT,
    SYMBOL,
    TLSDESC,
    TP_OFFSET,
    Linking,
    Relocation,
)


def resolver_arguments(_hwcap: int, _hwcap2: int, _record: int) -> tuple[int, ...]:
    """Resolvers ask CPUID."""
    return ()


LINKING = Linking(
    machine=62,
    relocations={
        0: Relocation("R_X86_64_NONE", NONE),
        1: Relocation("R_X86_64_64", SYMBOL),
        2: Relocation("R_X86_64_PC32", RELATIVE32),
        5: Relocation("R_X86_64_COPY", COPY),
        6: Relocation("R_X86_64_GLOB_DAT", ADDRESS),  # glibc ignores the addend
        7: Relocation("R_X86_64_JUMP_SLOT", SLOT),
        8: Relocation("R_X86_64_RELATIVE", RELATIVE),
        10: Relocation("R_X86_64_32", ADDRESS32),
        16: Relocation("R_X86_64_DTPMOD64", MODULE),
        17: Relocation("R_X86_64_DTPOFF64", OFFSET),
        18: Relocation("R_X86_64_TPOFF64", TP_OFFSET),
        32: Relocation("R_X86_64_SIZE32", SIZE32),
        33: Relocation("R_X86_64_SIZE64", SIZE64),
        36: Relocation("R_X86_64_TLSDESC", TLSDESC),
        37: Relocation("R_X86_64_IRELATIVE", IRELATIVE),
        38: Relocation("R_X86_64_RELATIVE64", RELATIVE),
    },
    dtp_bias=0,
    slot_addend=False,
    special_call=0,
    tls_above=False,
    resolver_arguments=resolver_arguments,
)
