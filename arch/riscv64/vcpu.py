"""RISC-V 64 for the vCPU core: Unicorn's numbers (2.1.4), and the way from M-mode, where Unicorn starts, to U-mode, and what exceptions mean."""

from __future__ import annotations

from time import monotonic_ns

from miniload.vcpu.arch import VcpuArch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.vcpu.core import Vcpu

MSTATUS_FS_DIRTY = 3 << 13
NAMES = (
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
    "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
)  # fmt: skip


def enter_user(vcpu: Vcpu) -> None:
    """The FPU on, as Linux has it for user code from the start, and privilege U."""
    vcpu.write_registers({"mstatus": MSTATUS_FS_DIRTY})
    vcpu.write_registers({"priv": 0})


ILLEGAL, LOAD_MISALIGNED, STORE_MISALIGNED = 2, 4, 6
"""Unicorn's numbers of exceptions, which are those of scause."""
EBREAK, C_EBREAK = 0x00100073, 0x9002
RDTIME, RDTIME_MASK = 0xC0102073, 0xFFFFF07F
TIMEBASE_NS = 100
"""The clock that rdtime reads has 10 MHz."""
AT_HWCAP, AT_HWCAP2, AT_MINSIGSTKSZ = 16, 26, 51
AUXV = {AT_HWCAP: sum(1 << ord(letter) - ord("a") for letter in "imafdc"), AT_HWCAP2: 0, AT_MINSIGSTKSZ: 1248}
"""The letters of the ISA, as Linux 6.18 arch/riscv/kernel/cpufeature.c gives them; the size of struct rt_sigframe, rounded as minsigstksz is there."""


def code_word(vcpu: Vcpu, pc: int) -> int:
    """The instruction, of 2 or 4 bytes."""
    code = int.from_bytes(vcpu.code_at(pc, 4), "little")
    return code if code & 3 == 3 else code & 0xFFFF


def classify(vcpu: Vcpu, reason: int, number: int, pc: int) -> tuple[int, int, int, int]:
    """After an exception the engine's program counter is 4 bytes behind the instruction, however long that is; ebreak is no exception to it, but an
    instruction that it does not know. Only atomic accesses have to be aligned, and their address is that of the base register, bits 19 to 15."""
    from miniload.vcpu import core

    if reason == core.INVALID:
        return core.BREAKPOINT if code_word(vcpu, pc) in (EBREAK, C_EBREAK) else core.ILLEGAL, pc, pc, 0
    pc = pc - 4 & core.WORD
    if number in (LOAD_MISALIGNED, STORE_MISALIGNED):
        return core.ALIGNMENT, pc, pc, vcpu.read_registers((NAMES[code_word(vcpu, pc) >> 15 & 31],))[0]
    return core.ILLEGAL, pc, pc, 0


def emulate(vcpu: Vcpu, pc: int) -> bool:
    """Whether the instruction is `rdtime` (csrr of 0xc01), which traps in the engine (U25), and then has been executed."""
    code = code_word(vcpu, pc)
    if code & RDTIME_MASK != RDTIME:
        return False
    values = {"pc": pc + 4}
    if code >> 7 & 31:
        values[NAMES[code >> 7 & 31]] = monotonic_ns() // TIMEBASE_NS
    vcpu.write_registers(values)
    return True


def auxv_of(_vcpu: Vcpu) -> dict[int, int]:
    """There is one model."""
    return AUXV


VCPU = VcpuArch(
    uc_arch=8,
    uc_mode=8,  # UC_MODE_RISCV64
    cpu_model=0,  # UC_CPU_RISCV64_ANY: RV64GC
    page_size=0,
    registers={
        **{name: 1 + number for number, name in enumerate(NAMES)},
        **{f"f{number}": 158 + number for number in range(32)},
        "pc": 190,
        "fcsr": 43,
        "mstatus": 116,
        "priv": 191,
    },
    number="a7",
    args=("a0", "a1", "a2", "a3", "a4", "a5"),
    result="a0",
    syscall_interrupt=8,
    enter_user=enter_user,
    classify=classify,
    emulate=emulate,
    models={"max": 0, "rv64": 0},
    auxv=AUXV,
    auxv_of=auxv_of,
    engine_suffix="riscv64",
    thread_pointer="tp",
    hidden=("zero", "mstatus", "priv"),
)
