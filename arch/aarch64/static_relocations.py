"""AArch64 relocations of object files: aaelf64, "Static Data", "Static AArch64" and "Thread-local storage" relocations."""

from __future__ import annotations

from struct import pack

from miniload.linker.relocatable.facts import (
    ABSOLUTE,
    BLOCK_OFFSET,
    DESCRIPTOR,
    FROM_GOT,
    FROM_GOT_PAGE,
    GOT,
    IN_PAGE,
    MODULE_PAIR,
    OWN_PAIR,
    PAGES,
    PLACE,
    SYMBOL,
    TP_OFFSET,
    TP_SLOT,
    Field,
    Static,
    StaticRelocation,
    Stub,
    data,
    either,
    signed,
    unsigned,
)

R = StaticRelocation
ADRP = Field(4, ((12, 2, 29, 0), (14, 19, 5, 0)), signed(33))
ADRP_UNCHECKED = Field(4, ((12, 2, 29, 0), (14, 19, 5, 0)))
ADR = Field(4, ((0, 2, 29, 0), (2, 19, 5, 0)), signed(21))
LITERAL = Field(4, ((2, 19, 5, 0),), signed(21), 4)
BRANCH26, BRANCH14 = Field(4, ((2, 26, 0, 0),), signed(28), 4), Field(4, ((2, 14, 5, 0),), signed(16), 4)
ADD_LOW, ADD_HIGH = Field(4, ((0, 12, 10, 0),)), Field(4, ((12, 12, 10, 0),), (0, (1 << 24) - 1))
ADD_LOW_CHECKED = Field(4, ((0, 12, 10, 0),), (0, 4095))


def load_store(shift: int, checked: bool = False) -> Field:
    """The unsigned offset of an access to 1 << shift bytes."""
    return Field(4, ((shift, 12 - shift, 10, 0),), (0, 4095) if checked else None, 1 << shift)


def move(group: int, limits: tuple[int, int] | None = None) -> Field:
    """MOVZ and MOVK's 16 bits."""
    return Field(4, ((16 * group, 16, 5, 0),), limits)


def move_signed(group: int, limits: tuple[int, int] | None = None) -> Field:
    """MOVZ, which becomes MOVN for what is negative."""
    return Field(4, ((16 * group, 16, 5, 0),), limits, invert=30)


GOT_LOW15 = Field(4, ((3, 12, 10, 0),), (0, (1 << 15) - 1), 8)


def nops(size: int) -> bytes:
    """Of four bytes each."""
    return pack("<I", 0xD503201F) * (size // 4)


def merge_flags(_one: int, _two: int) -> int:
    """There are none."""
    return 0


def _tls_load_stores(base: int, prefix: str, about: int) -> dict[int, StaticRelocation]:
    """LDST8 to LDST64 of a TLS offset, checked and not, from number `base` on."""
    return {
        base + 2 * shift + unchecked: R(
            f"R_AARCH64_{prefix}_LO12{'_NC' * unchecked}".replace("_X_", f"_LDST{8 << shift}_"),
            about,
            IN_PAGE if unchecked else ABSOLUTE,
            load_store(shift, not unchecked),
        )
        for shift in range(4)
        for unchecked in (0, 1)
    }


STATIC = Static(
    relocations={
        0: R("R_AARCH64_NONE"),
        256: R("R_AARCH64_NONE"),
        257: R("R_AARCH64_ABS64", SYMBOL, ABSOLUTE, data(8)),
        258: R("R_AARCH64_ABS32", SYMBOL, ABSOLUTE, data(4, either(32))),
        259: R("R_AARCH64_ABS16", SYMBOL, ABSOLUTE, data(2, either(16))),
        260: R("R_AARCH64_PREL64", SYMBOL, PLACE, data(8)),
        261: R("R_AARCH64_PREL32", SYMBOL, PLACE, data(4, either(32))),
        262: R("R_AARCH64_PREL16", SYMBOL, PLACE, data(2, either(16))),
        263: R("R_AARCH64_MOVW_UABS_G0", SYMBOL, ABSOLUTE, move(0, unsigned(16))),
        264: R("R_AARCH64_MOVW_UABS_G0_NC", SYMBOL, ABSOLUTE, move(0)),
        265: R("R_AARCH64_MOVW_UABS_G1", SYMBOL, ABSOLUTE, move(1, unsigned(32))),
        266: R("R_AARCH64_MOVW_UABS_G1_NC", SYMBOL, ABSOLUTE, move(1)),
        267: R("R_AARCH64_MOVW_UABS_G2", SYMBOL, ABSOLUTE, move(2, unsigned(48))),
        268: R("R_AARCH64_MOVW_UABS_G2_NC", SYMBOL, ABSOLUTE, move(2)),
        269: R("R_AARCH64_MOVW_UABS_G3", SYMBOL, ABSOLUTE, move(3)),
        270: R("R_AARCH64_MOVW_SABS_G0", SYMBOL, ABSOLUTE, move_signed(0, signed(17))),
        271: R("R_AARCH64_MOVW_SABS_G1", SYMBOL, ABSOLUTE, move_signed(1, signed(33))),
        272: R("R_AARCH64_MOVW_SABS_G2", SYMBOL, ABSOLUTE, move_signed(2, signed(49))),
        273: R("R_AARCH64_LD_PREL_LO19", SYMBOL, PLACE, LITERAL),
        274: R("R_AARCH64_ADR_PREL_LO21", SYMBOL, PLACE, ADR),
        275: R("R_AARCH64_ADR_PREL_PG_HI21", SYMBOL, PAGES, ADRP),
        276: R("R_AARCH64_ADR_PREL_PG_HI21_NC", SYMBOL, PAGES, ADRP_UNCHECKED),
        277: R("R_AARCH64_ADD_ABS_LO12_NC", SYMBOL, IN_PAGE, ADD_LOW),
        278: R("R_AARCH64_LDST8_ABS_LO12_NC", SYMBOL, IN_PAGE, load_store(0)),
        279: R("R_AARCH64_TSTBR14", SYMBOL, PLACE, BRANCH14, call=True),
        280: R("R_AARCH64_CONDBR19", SYMBOL, PLACE, LITERAL, call=True),
        282: R("R_AARCH64_JUMP26", SYMBOL, PLACE, BRANCH26, call=True),
        283: R("R_AARCH64_CALL26", SYMBOL, PLACE, BRANCH26, call=True),
        284: R("R_AARCH64_LDST16_ABS_LO12_NC", SYMBOL, IN_PAGE, load_store(1)),
        285: R("R_AARCH64_LDST32_ABS_LO12_NC", SYMBOL, IN_PAGE, load_store(2)),
        286: R("R_AARCH64_LDST64_ABS_LO12_NC", SYMBOL, IN_PAGE, load_store(3)),
        287: R("R_AARCH64_MOVW_PREL_G0", SYMBOL, PLACE, move_signed(0, signed(17))),
        288: R("R_AARCH64_MOVW_PREL_G0_NC", SYMBOL, PLACE, move(0)),
        289: R("R_AARCH64_MOVW_PREL_G1", SYMBOL, PLACE, move_signed(1, signed(33))),
        290: R("R_AARCH64_MOVW_PREL_G1_NC", SYMBOL, PLACE, move(1)),
        291: R("R_AARCH64_MOVW_PREL_G2", SYMBOL, PLACE, move_signed(2, signed(49))),
        292: R("R_AARCH64_MOVW_PREL_G2_NC", SYMBOL, PLACE, move(2)),
        293: R("R_AARCH64_MOVW_PREL_G3", SYMBOL, PLACE, move_signed(3)),
        299: R("R_AARCH64_LDST128_ABS_LO12_NC", SYMBOL, IN_PAGE, load_store(4)),
        307: R("R_AARCH64_GOTREL64", SYMBOL, FROM_GOT, data(8)),
        308: R("R_AARCH64_GOTREL32", SYMBOL, FROM_GOT, data(4, signed(32))),
        309: R("R_AARCH64_GOT_LD_PREL19", GOT, PLACE, LITERAL),
        310: R("R_AARCH64_LD64_GOTOFF_LO15", GOT, FROM_GOT, GOT_LOW15),
        311: R("R_AARCH64_ADR_GOT_PAGE", GOT, PAGES, ADRP),
        312: R("R_AARCH64_LD64_GOT_LO12_NC", GOT, IN_PAGE, load_store(3)),
        313: R("R_AARCH64_LD64_GOTPAGE_LO15", GOT, FROM_GOT_PAGE, GOT_LOW15),
        314: R("R_AARCH64_PLT32", SYMBOL, PLACE, data(4, signed(32)), call=True),
        315: R("R_AARCH64_GOTPCREL32", GOT, PLACE, data(4, signed(32))),
        512: R("R_AARCH64_TLSGD_ADR_PREL21", MODULE_PAIR, PLACE, ADR),
        513: R("R_AARCH64_TLSGD_ADR_PAGE21", MODULE_PAIR, PAGES, ADRP),
        514: R("R_AARCH64_TLSGD_ADD_LO12_NC", MODULE_PAIR, IN_PAGE, ADD_LOW),
        517: R("R_AARCH64_TLSLD_ADR_PREL21", OWN_PAIR, PLACE, ADR),
        518: R("R_AARCH64_TLSLD_ADR_PAGE21", OWN_PAIR, PAGES, ADRP),
        519: R("R_AARCH64_TLSLD_ADD_LO12_NC", OWN_PAIR, IN_PAGE, ADD_LOW),
        523: R("R_AARCH64_TLSLD_MOVW_DTPREL_G2", BLOCK_OFFSET, ABSOLUTE, move_signed(2, signed(49))),
        524: R("R_AARCH64_TLSLD_MOVW_DTPREL_G1", BLOCK_OFFSET, ABSOLUTE, move_signed(1, signed(33))),
        525: R("R_AARCH64_TLSLD_MOVW_DTPREL_G1_NC", BLOCK_OFFSET, ABSOLUTE, move(1)),
        526: R("R_AARCH64_TLSLD_MOVW_DTPREL_G0", BLOCK_OFFSET, ABSOLUTE, move_signed(0, signed(17))),
        527: R("R_AARCH64_TLSLD_MOVW_DTPREL_G0_NC", BLOCK_OFFSET, ABSOLUTE, move(0)),
        528: R("R_AARCH64_TLSLD_ADD_DTPREL_HI12", BLOCK_OFFSET, ABSOLUTE, ADD_HIGH),
        529: R("R_AARCH64_TLSLD_ADD_DTPREL_LO12", BLOCK_OFFSET, ABSOLUTE, ADD_LOW_CHECKED),
        530: R("R_AARCH64_TLSLD_ADD_DTPREL_LO12_NC", BLOCK_OFFSET, IN_PAGE, ADD_LOW),
        **_tls_load_stores(531, "TLSLD_X_DTPREL", BLOCK_OFFSET),
        541: R("R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21", TP_SLOT, PAGES, ADRP),
        542: R("R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC", TP_SLOT, IN_PAGE, load_store(3)),
        543: R("R_AARCH64_TLSIE_LD_GOTTPREL_PREL19", TP_SLOT, PLACE, LITERAL),
        544: R("R_AARCH64_TLSLE_MOVW_TPREL_G2", TP_OFFSET, ABSOLUTE, move_signed(2, signed(49))),
        545: R("R_AARCH64_TLSLE_MOVW_TPREL_G1", TP_OFFSET, ABSOLUTE, move_signed(1, signed(33))),
        546: R("R_AARCH64_TLSLE_MOVW_TPREL_G1_NC", TP_OFFSET, ABSOLUTE, move(1)),
        547: R("R_AARCH64_TLSLE_MOVW_TPREL_G0", TP_OFFSET, ABSOLUTE, move_signed(0, signed(17))),
        548: R("R_AARCH64_TLSLE_MOVW_TPREL_G0_NC", TP_OFFSET, ABSOLUTE, move(0)),
        549: R("R_AARCH64_TLSLE_ADD_TPREL_HI12", TP_OFFSET, ABSOLUTE, ADD_HIGH),
        550: R("R_AARCH64_TLSLE_ADD_TPREL_LO12", TP_OFFSET, ABSOLUTE, ADD_LOW_CHECKED),
        551: R("R_AARCH64_TLSLE_ADD_TPREL_LO12_NC", TP_OFFSET, IN_PAGE, ADD_LOW),
        **_tls_load_stores(552, "TLSLE_X_TPREL", TP_OFFSET),
        560: R("R_AARCH64_TLSDESC_LD_PREL19", DESCRIPTOR, PLACE, LITERAL),
        561: R("R_AARCH64_TLSDESC_ADR_PREL21", DESCRIPTOR, PLACE, ADR),
        562: R("R_AARCH64_TLSDESC_ADR_PAGE21", DESCRIPTOR, PAGES, ADRP),
        563: R("R_AARCH64_TLSDESC_LD64_LO12", DESCRIPTOR, IN_PAGE, load_store(3)),
        564: R("R_AARCH64_TLSDESC_ADD_LO12", DESCRIPTOR, IN_PAGE, ADD_LOW),
        567: R("R_AARCH64_TLSDESC_LDR"),
        568: R("R_AARCH64_TLSDESC_ADD"),
        569: R("R_AARCH64_TLSDESC_CALL"),
        570: R("R_AARCH64_TLSLE_LDST128_TPREL_LO12", TP_OFFSET, ABSOLUTE, load_store(4, True)),
        571: R("R_AARCH64_TLSLE_LDST128_TPREL_LO12_NC", TP_OFFSET, IN_PAGE, load_store(4)),
    },
    stub=Stub(
        pack("<4I", 0xD503245F, 0x90000010, 0xF9400211, 0xD61F0220),  # bti c; adrp x16, slot; ldr x17, [x16, :lo12:slot]; br x17
        ((4, 275, 4, 0), (8, 286, 8, 0)),
    ),
    finalizer=Stub(
        pack("<6I", 0xD503245F, 0x90000000, 0x91000000, 0x90000010, 0xF9400211, 0xD61F0220),  # bti c; adrp x0, object; add x0, x0, :lo12:object; as above
        ((4, 275, 4, 1), (8, 277, 8, 1), (12, 275, 12, 0), (16, 286, 16, 0)),
    ),
    nops=nops,
    merge_flags=merge_flags,
)
