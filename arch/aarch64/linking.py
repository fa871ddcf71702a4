"""AArch64 for the dynamic linker: aaelf64, "Dynamic relocations"; sysvabi64 for IFUNC resolvers; glibc 2.42 sysdeps/aarch64/dl-machine.h."""

from __future__ import annotations

from miniload.linker.arch import (
    COPY,
    IRELATIVE,
    MODULE,
    NONE,
    OFFSET,
    REFUSED,
    RELATIVE,
    SLOT,
    SYMBOL,
    TLSDESC,
    TP_OFFSET,
    Linking,
    Relocation,
)

IFUNC_ARG_HWCAP = 1 << 62


def resolver_arguments(hwcap: int, _hwcap2: int, record: int) -> tuple[int, ...]:
    """AT_HWCAP with the bit that announces the second argument, a record with all of them (sysvabi64, "GNU indirect functions")."""
    return hwcap | IFUNC_ARG_HWCAP, record


LINKING = Linking(
    machine=183,
    relocations={
        0: Relocation("R_AARCH64_NONE", NONE),
        256: Relocation("R_AARCH64_NONE", NONE),
        257: Relocation("R_AARCH64_ABS64", SYMBOL),
        258: Relocation("R_AARCH64_ABS32", REFUSED),  # glibc stores eight bytes, the document has it for ILP32 only
        580: Relocation("R_AARCH64_AUTH_ABS64", REFUSED),
        1024: Relocation("R_AARCH64_COPY", COPY),
        1025: Relocation("R_AARCH64_GLOB_DAT", SYMBOL),
        1026: Relocation("R_AARCH64_JUMP_SLOT", SLOT),
        1027: Relocation("R_AARCH64_RELATIVE", RELATIVE),
        1028: Relocation("R_AARCH64_TLS_DTPMOD", MODULE),
        1029: Relocation("R_AARCH64_TLS_DTPREL", OFFSET),
        1030: Relocation("R_AARCH64_TLS_TPREL", TP_OFFSET),
        1031: Relocation("R_AARCH64_TLSDESC", TLSDESC),
        1032: Relocation("R_AARCH64_IRELATIVE", IRELATIVE),
        1041: Relocation("R_AARCH64_AUTH_RELATIVE", REFUSED),
        1042: Relocation("R_AARCH64_AUTH_GLOB_DAT", REFUSED),
        1043: Relocation("R_AARCH64_AUTH_TLSDESC", REFUSED),
        1044: Relocation("R_AARCH64_AUTH_IRELATIVE", REFUSED),
    },
    dtp_bias=0,
    slot_addend=True,
    special_call=0x80,  # STO_AARCH64_VARIANT_PCS
    tls_above=True,
    resolver_arguments=resolver_arguments,
)
