"""What an AArch64 CPU has, read off its ID registers as Linux does: AT_HWCAP, AT_HWCAP2, and the `mrs` of ID registers that Linux lets user code do.

Linux 6.18 arch/arm64: kernel/cpufeature.c (arm64_elf_hwcaps[], ftr_id_*[], emulate_mrs()), uapi/asm/hwcap.h. Left out on purpose, though the engine has
some of it: pointer authentication and BTI, which need keys and page attributes that only a kernel sets; MTE; and SVE, which the engine has not.
"""

from __future__ import annotations

from struct import pack, unpack_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.vcpu.core import Vcpu

AT_HWCAP, AT_HWCAP2, AT_MINSIGSTKSZ = 16, 26, 51
MIN_SIGNAL_STACK = 4720
"""Without SVE: struct rt_sigframe, a frame record and what aligns them (signal.c, minsigstksz_setup())."""

MIDR, ISAR0, ISAR1, PFR0, PFR1, MMFR2 = (0, 0), (6, 0), (6, 1), (4, 0), (4, 1), (7, 2)
"""ID registers by CRm and op2; op0 is 3, op1 and CRn are 0."""

SECOND = 64
FEATURES = (
    ("fp", 0, PFR0, 16, 0), ("asimd", 1, PFR0, 20, 0), ("aes", 3, ISAR0, 4, 1), ("pmull", 4, ISAR0, 4, 2), ("sha1", 5, ISAR0, 8, 1),
    ("sha2", 6, ISAR0, 12, 1), ("crc32", 7, ISAR0, 16, 1), ("atomics", 8, ISAR0, 20, 2), ("fphp", 9, PFR0, 16, 1), ("asimdhp", 10, PFR0, 20, 1),
    ("asimdrdm", 12, ISAR0, 28, 1), ("jscvt", 13, ISAR1, 12, 1), ("fcma", 14, ISAR1, 16, 1), ("lrcpc", 15, ISAR1, 20, 1), ("dcpop", 16, ISAR1, 0, 1),
    ("sha3", 17, ISAR0, 32, 1), ("sm3", 18, ISAR0, 36, 1), ("sm4", 19, ISAR0, 40, 1), ("asimddp", 20, ISAR0, 44, 1), ("sha512", 21, ISAR0, 12, 2),
    ("asimdfhm", 23, ISAR0, 48, 1), ("dit", 24, PFR0, 48, 1), ("uscat", 25, MMFR2, 32, 1), ("ilrcpc", 26, ISAR1, 20, 2), ("flagm", 27, ISAR0, 52, 1),
    ("ssbs", 28, PFR1, 4, 2), ("sb", 29, ISAR1, 36, 1),
    ("dcpodp", SECOND + 0, ISAR1, 0, 2), ("flagm2", SECOND + 7, ISAR0, 52, 2), ("frint", SECOND + 8, ISAR1, 32, 1),
    ("i8mm", SECOND + 13, ISAR1, 52, 1), ("bf16", SECOND + 14, ISAR1, 44, 1), ("rng", SECOND + 16, ISAR0, 60, 1),
)  # fmt: skip
"""Name in /proc/cpuinfo, bit of AT_HWCAP (from 64 on: of AT_HWCAP2), register, lowest bit of the field, least value."""
CPUID = ("cpuid", 11)
"""HWCAP_CPUID: ID registers can be read, by emulate()."""
SIGNED = {(PFR0, 16), (PFR0, 20)}
"""Fields of which 15 means none."""

VISIBLE = {
    ISAR0: 0xF0FFFFFFF0FFFFF0,  # all but TLB and TME
    ISAR1: 0x00FFF0FF00FFF00F,  # I8MM, DGH, BF16, SB, FRINTTS, LRCPC, FCMA, JSCVT, DPB
    PFR0: 0x000F000000FF0000,  # DIT, AdvSIMD, FP
    PFR1: 0x00000000000000F0,  # SSBS
    MMFR2: 0x0000000F00000000,  # AT
}
"""The fields that Linux shows (FTR_VISIBLE) and that are announced; all else reads as 0."""
MPIDR_SAFE = 1 << 31

CP_REG = 290
"""Unicorn's number for any system register, UC_ARM64_REG_CP_REG, which is read through struct uc_arm64_cp_reg."""


def read_id(vcpu: Vcpu, crm: int, op2: int) -> int:
    """The engine's value of the ID register with that CRm and op2."""
    request = pack("<IIIIIIQ", 0, crm, 3, 0, op2, 0, 0)
    value: int = unpack_from("<Q", vcpu.read_structure(CP_REG, request), 24)[0]
    return value


def auxv_of(vcpu: Vcpu) -> dict[int, int]:
    """AT_HWCAP, AT_HWCAP2 and AT_MINSIGSTKSZ of a vCPU."""
    registers = {register: read_id(vcpu, *register) for register in VISIBLE}
    bits = 1 << CPUID[1]
    for _name, bit, register, low, least in FEATURES:
        field = registers[register] >> low & 15
        if field >= least and not (field == 15 and (register, low) in SIGNED):
            bits |= 1 << bit
    return {AT_HWCAP: bits & (1 << SECOND) - 1, AT_HWCAP2: bits >> SECOND, AT_MINSIGSTKSZ: MIN_SIGNAL_STACK}


MAX_MODEL_AUXV = {AT_HWCAP: 0x2CBFFFFB, AT_HWCAP2: 0x10181, AT_MINSIGSTKSZ: MIN_SIGNAL_STACK}
"""auxv_of() of the default model; a test holds the two together."""


def names(auxv: dict[int, int]) -> str:
    """The line "Features" of /proc/cpuinfo."""
    bits = auxv[AT_HWCAP] | auxv[AT_HWCAP2] << SECOND
    return " ".join(name for name, bit in sorted([*((row[0], row[1]) for row in FEATURES), CPUID], key=lambda row: row[1]) if bits >> bit & 1)


def id_value(vcpu: Vcpu, crm: int, op2: int) -> int:
    """What `mrs` of the ID register gives to user code under Linux."""
    if crm == 0:
        return {0: read_id(vcpu, *MIDR), 5: MPIDR_SAFE}.get(op2, 0)
    visible = VISIBLE.get((crm, op2), 0)
    return read_id(vcpu, crm, op2) & visible if visible else 0


def emulate(vcpu: Vcpu, pc: int) -> bool:
    """Whether the instruction is an `mrs` that Linux emulates (is_emulated(): MIDR, MPIDR and REVIDR, and CRm 2 to 7), and then has been executed."""
    code = int.from_bytes(vcpu.code_at(pc, 4), "little")
    if code & 0xFFFFF000 != 0xD5380000:  # mrs xt, s3_0_c0_<CRm>_<op2>
        return False
    crm, op2, target = code >> 8 & 15, code >> 5 & 7, code & 31
    if not (2 <= crm <= 7 or (crm == 0 and op2 in (0, 5, 6))):
        return False
    values = {"pc": pc + 4}
    if target != 31:
        values[f"x{target}"] = id_value(vcpu, crm, op2)
    vcpu.write_registers(values)
    return True
