"""RISC-V 64 for the dynamic linker: riscv-elf, "Relocations"; glibc 2.42 sysdeps/riscv/dl-machine.h."""

from __future__ import annotations

from miniload.linker.arch import (
    ADDRESS32,
    COPY,
    IRELATIVE,
    MODULE,
    NONE,
    OFFSET,
    RELATIVE,
    SLOT,
    SYMBOL,
    TLSDESC,
    TP_OFFSET,
    Linking,
    Relocation,
)


def resolver_arguments(hwcap: int, _hwcap2: int, _record: int) -> tuple[int, ...]:
    """AT_HWCAP, no address of __riscv_hwprobe (resolvers have to allow for that), and 0."""
    return hwcap, 0, 0


LINKING = Linking(
    machine=243,
    relocations={
        0: Relocation("R_RISCV_NONE", NONE),
        1: Relocation("R_RISCV_32", ADDRESS32),
        2: Relocation("R_RISCV_64", SYMBOL),
        3: Relocation("R_RISCV_RELATIVE", RELATIVE),
        4: Relocation("R_RISCV_COPY", COPY),
        5: Relocation("R_RISCV_JUMP_SLOT", SLOT),
        7: Relocation("R_RISCV_TLS_DTPMOD64", MODULE),
        9: Relocation("R_RISCV_TLS_DTPREL64", OFFSET),
        11: Relocation("R_RISCV_TLS_TPREL64", TP_OFFSET),
        12: Relocation("R_RISCV_TLSDESC", TLSDESC),
        58: Relocation("R_RISCV_IRELATIVE", IRELATIVE),
    },
    dtp_bias=0x800,
    slot_addend=True,
    special_call=0x80,  # STO_RISCV_VARIANT_CC
    tls_above=True,
    resolver_arguments=resolver_arguments,
    file_flags=4,  # EF_RISCV_FLOAT_ABI_DOUBLE
)
