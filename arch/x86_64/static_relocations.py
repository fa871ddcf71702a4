"""x86-64 relocations of object files: System V psABI, AMD64 supplement, table "Relocation Types"."""

from __future__ import annotations

from miniload.linker.relocatable.facts import (
    ABSOLUTE,
    BLOCK_OFFSET,
    DESCRIPTOR,
    FROM_GOT,
    GOT,
    GOT_BASE,
    MODULE_PAIR,
    OWN_PAIR,
    PLACE,
    SIZE,
    SYMBOL,
    TP_OFFSET,
    TP_SLOT,
    Static,
    StaticRelocation,
    Stub,
    data,
    either,
    signed,
    unsigned,
)

WORD8, WORD32, UNSIGNED32, WORD64 = data(1, either(8)), data(4, signed(32)), data(4, unsigned(32)), data(8)
R = StaticRelocation


def nops(size: int) -> bytes:
    """One-byte ones."""
    return b"\x90" * size


def merge_flags(_one: int, _two: int) -> int:
    """There are none."""
    return 0


STATIC = Static(
    relocations={
        0: R("R_X86_64_NONE"),
        1: R("R_X86_64_64", SYMBOL, ABSOLUTE, WORD64),
        2: R("R_X86_64_PC32", SYMBOL, PLACE, WORD32),
        3: R("R_X86_64_GOT32", GOT, FROM_GOT, WORD32),
        4: R("R_X86_64_PLT32", SYMBOL, PLACE, WORD32, call=True),
        9: R("R_X86_64_GOTPCREL", GOT, PLACE, WORD32),
        10: R("R_X86_64_32", SYMBOL, ABSOLUTE, UNSIGNED32),
        11: R("R_X86_64_32S", SYMBOL, ABSOLUTE, WORD32),
        12: R("R_X86_64_16", SYMBOL, ABSOLUTE, data(2, either(16))),
        13: R("R_X86_64_PC16", SYMBOL, PLACE, data(2, signed(16))),
        14: R("R_X86_64_8", SYMBOL, ABSOLUTE, WORD8),
        15: R("R_X86_64_PC8", SYMBOL, PLACE, data(1, signed(8))),
        17: R("R_X86_64_DTPOFF64", BLOCK_OFFSET, ABSOLUTE, WORD64),
        18: R("R_X86_64_TPOFF64", TP_OFFSET, ABSOLUTE, WORD64),
        19: R("R_X86_64_TLSGD", MODULE_PAIR, PLACE, WORD32),
        20: R("R_X86_64_TLSLD", OWN_PAIR, PLACE, WORD32),
        21: R("R_X86_64_DTPOFF32", BLOCK_OFFSET, ABSOLUTE, WORD32),
        22: R("R_X86_64_GOTTPOFF", TP_SLOT, PLACE, WORD32),
        23: R("R_X86_64_TPOFF32", TP_OFFSET, ABSOLUTE, WORD32),
        24: R("R_X86_64_PC64", SYMBOL, PLACE, WORD64),
        25: R("R_X86_64_GOTOFF64", SYMBOL, FROM_GOT, WORD64),
        26: R("R_X86_64_GOTPC32", GOT_BASE, PLACE, WORD32),
        27: R("R_X86_64_GOT64", GOT, FROM_GOT, WORD64),
        28: R("R_X86_64_GOTPCREL64", GOT, PLACE, WORD64),
        29: R("R_X86_64_GOTPC64", GOT_BASE, PLACE, WORD64),
        31: R("R_X86_64_PLTOFF64", SYMBOL, FROM_GOT, WORD64, call=True),
        32: R("R_X86_64_SIZE32", SIZE, ABSOLUTE, UNSIGNED32),
        33: R("R_X86_64_SIZE64", SIZE, ABSOLUTE, WORD64),
        34: R("R_X86_64_GOTPC32_TLSDESC", DESCRIPTOR, PLACE, WORD32),
        35: R("R_X86_64_TLSDESC_CALL"),
        41: R("R_X86_64_GOTPCRELX", GOT, PLACE, WORD32),
        42: R("R_X86_64_REX_GOTPCRELX", GOT, PLACE, WORD32),
    },
    stub=Stub(
        bytes.fromhex("f30f1efa ff2500000000 660f1f440000"),  # endbr64; jmp *slot(%rip); nop
        ((6, 2, 10, 0),),
    ),
    finalizer=Stub(bytes.fromhex("f30f1efa 488d3d00000000 ff2500000000"), ((7, 2, 11, 1), (13, 2, 17, 0))),  # endbr64; lea object(%rip), %rdi; jmp *slot(%rip)
    nops=nops,
    merge_flags=merge_flags,
)
