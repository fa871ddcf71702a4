"""RISC-V relocations of object files: riscv-elf, "Relocations" and "Thread Local Storage"."""

from __future__ import annotations

from struct import pack

from miniload.linker.relocatable.facts import (
    ABSOLUTE,
    ADD,
    ALIGN,
    DESCRIPTOR,
    GOT,
    MODULE_PAIR,
    PLACE,
    SET,
    SUBTRACT,
    SYMBOL,
    TP_OFFSET,
    TP_SLOT,
    UPPER,
    Field,
    Static,
    StaticRelocation,
    Stub,
    data,
    either,
    signed,
)

R = StaticRelocation
FAR = (-(1 << 31) - 0x800, (1 << 31) - 0x801)
"""What a pair of instructions with 20 and 12 bits can add, the lower half being signed."""
UPPER20 = Field(4, ((12, 20, 12, 0x800),), FAR)
LOW_I, LOW_S = Field(4, ((0, 12, 20, 0),)), Field(4, ((0, 5, 7, 0), (5, 7, 25, 0)))
CALL = Field(8, ((12, 20, 12, 0x800), (0, 12, 52, 0)), FAR)
BRANCH = Field(4, ((11, 1, 7, 0), (1, 4, 8, 0), (5, 6, 25, 0), (12, 1, 31, 0)), signed(13), 2)
JUMP = Field(4, ((12, 8, 12, 0), (11, 1, 20, 0), (1, 10, 21, 0), (20, 1, 31, 0)), signed(21), 2)
SHORT_BRANCH = Field(2, ((5, 1, 2, 0), (1, 2, 3, 0), (6, 2, 5, 0), (3, 2, 10, 0), (8, 1, 12, 0)), signed(9), 2)
SHORT_JUMP = Field(
    2, ((5, 1, 2, 0), (1, 3, 3, 0), (7, 1, 6, 0), (6, 1, 7, 0), (10, 1, 8, 0), (8, 2, 9, 0), (4, 1, 11, 0), (11, 1, 12, 0)), signed(12), 2
)  # fmt: skip
SHORT_UPPER = Field(2, ((12, 5, 2, 0x800), (17, 1, 12, 0x800)), (-(1 << 17) - 0x800, (1 << 17) - 0x801))
SIX = Field(1, ((0, 6, 0, 0),))
ULEB128 = Field(1, (), uleb=True)


def nops(size: int) -> bytes:
    """c.nop where two bytes are left, and nops."""
    return pack("<H", 1) * (size % 4 // 2) + pack("<I", 0x13) * (size // 4)


def merge_flags(one: int, two: int) -> int | None:
    """The float ABI and RVE have to agree; compressed code and TSO are needed if one file needs them (riscv-elf, "File Header")."""
    same, either_flag = 0x6 | 0x8, 0x1 | 0x10
    return None if (one ^ two) & same else one | two & either_flag


STATIC = Static(
    relocations={
        0: R("R_RISCV_NONE"),
        1: R("R_RISCV_32", SYMBOL, ABSOLUTE, data(4, either(32))),
        2: R("R_RISCV_64", SYMBOL, ABSOLUTE, data(8)),
        16: R("R_RISCV_BRANCH", SYMBOL, PLACE, BRANCH, call=True),
        17: R("R_RISCV_JAL", SYMBOL, PLACE, JUMP, call=True),
        18: R("R_RISCV_CALL", SYMBOL, PLACE, CALL, call=True),
        19: R("R_RISCV_CALL_PLT", SYMBOL, PLACE, CALL, call=True),
        20: R("R_RISCV_GOT_HI20", GOT, PLACE, UPPER20),
        21: R("R_RISCV_TLS_GOT_HI20", TP_SLOT, PLACE, UPPER20),
        22: R("R_RISCV_TLS_GD_HI20", MODULE_PAIR, PLACE, UPPER20),
        23: R("R_RISCV_PCREL_HI20", SYMBOL, PLACE, UPPER20),
        24: R("R_RISCV_PCREL_LO12_I", UPPER, PLACE, LOW_I),
        25: R("R_RISCV_PCREL_LO12_S", UPPER, PLACE, LOW_S),
        26: R("R_RISCV_HI20", SYMBOL, ABSOLUTE, UPPER20),
        27: R("R_RISCV_LO12_I", SYMBOL, ABSOLUTE, LOW_I),
        28: R("R_RISCV_LO12_S", SYMBOL, ABSOLUTE, LOW_S),
        29: R("R_RISCV_TPREL_HI20", TP_OFFSET, ABSOLUTE, UPPER20),
        30: R("R_RISCV_TPREL_LO12_I", TP_OFFSET, ABSOLUTE, LOW_I),
        31: R("R_RISCV_TPREL_LO12_S", TP_OFFSET, ABSOLUTE, LOW_S),
        32: R("R_RISCV_TPREL_ADD"),
        33: R("R_RISCV_ADD8", SYMBOL, ABSOLUTE, data(1), action=ADD),
        34: R("R_RISCV_ADD16", SYMBOL, ABSOLUTE, data(2), action=ADD),
        35: R("R_RISCV_ADD32", SYMBOL, ABSOLUTE, data(4), action=ADD),
        36: R("R_RISCV_ADD64", SYMBOL, ABSOLUTE, data(8), action=ADD),
        37: R("R_RISCV_SUB8", SYMBOL, ABSOLUTE, data(1), action=SUBTRACT),
        38: R("R_RISCV_SUB16", SYMBOL, ABSOLUTE, data(2), action=SUBTRACT),
        39: R("R_RISCV_SUB32", SYMBOL, ABSOLUTE, data(4), action=SUBTRACT),
        40: R("R_RISCV_SUB64", SYMBOL, ABSOLUTE, data(8), action=SUBTRACT),
        41: R("R_RISCV_GOT32_PCREL", GOT, PLACE, data(4, signed(32))),
        43: R("R_RISCV_ALIGN", ALIGN),
        44: R("R_RISCV_RVC_BRANCH", SYMBOL, PLACE, SHORT_BRANCH),
        45: R("R_RISCV_RVC_JUMP", SYMBOL, PLACE, SHORT_JUMP),
        46: R("R_RISCV_RVC_LUI", SYMBOL, ABSOLUTE, SHORT_UPPER),
        51: R("R_RISCV_RELAX"),
        52: R("R_RISCV_SUB6", SYMBOL, ABSOLUTE, SIX, action=SUBTRACT),
        53: R("R_RISCV_SET6", SYMBOL, ABSOLUTE, SIX, action=SET),
        54: R("R_RISCV_SET8", SYMBOL, ABSOLUTE, data(1), action=SET),
        55: R("R_RISCV_SET16", SYMBOL, ABSOLUTE, data(2), action=SET),
        56: R("R_RISCV_SET32", SYMBOL, ABSOLUTE, data(4), action=SET),
        57: R("R_RISCV_32_PCREL", SYMBOL, PLACE, data(4, signed(32))),
        59: R("R_RISCV_PLT32", SYMBOL, PLACE, data(4, signed(32)), call=True),
        60: R("R_RISCV_SET_ULEB128", SYMBOL, ABSOLUTE, ULEB128, action=SET),
        61: R("R_RISCV_SUB_ULEB128", SYMBOL, ABSOLUTE, ULEB128, action=SUBTRACT),
        62: R("R_RISCV_TLSDESC_HI20", DESCRIPTOR, PLACE, UPPER20),
        63: R("R_RISCV_TLSDESC_LOAD_LO12", UPPER, PLACE, LOW_I),
        64: R("R_RISCV_TLSDESC_ADD_LO12", UPPER, PLACE, LOW_I),
        65: R("R_RISCV_TLSDESC_CALL"),
    },
    stub=Stub(
        pack("<4I", 0x00000E17, 0x000E3E03, 0x000E0067, 0x13),  # auipc t3, slot; ld t3, slot(t3); jr t3
        ((0, 23, 0, 0), (4, 24, 0, 0)),
    ),
    finalizer=Stub(
        pack("<5I", 0x00000517, 0x00050513, 0x00000E17, 0x000E3E03, 0x000E0067),  # auipc a0, object; addi a0, a0, object; as above
        ((0, 23, 0, 1), (4, 24, 0, 1), (8, 23, 8, 0), (12, 24, 8, 0)),
    ),
    nops=nops,
    merge_flags=merge_flags,
)
