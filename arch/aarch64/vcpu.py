"""AArch64 for the vCPU core: Unicorn's numbers (2.1.4), the way from EL1, where Unicorn starts, to EL0, and what exceptions mean."""

from __future__ import annotations

from struct import pack

from miniload.arch.aarch64.hwcap import MAX_MODEL_AUXV, auxv_of, emulate
from miniload.vcpu.arch import GIVE, INVALIDATE, SKIP, Traps, VcpuArch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.vcpu.core import Vcpu

X = [*range(199, 228), 1, 2]
"""x0 to x30."""

# What Linux lets EL0 do (arch/arm64/include/asm/sysreg.h, SCTLR_EL1_SET): DC ZVA, WFI, WFE. It lets it read CTR_EL0 and do cache maintenance by address
# too, which trap here, since the engine takes the latter for nothing: code that was written at another address of the same memory would be stale.
SCTLR_USER = 1 << 14 | 1 << 16 | 1 << 18
LINE = 64
CTR = 0x94448004
"""CTR_EL0: lines of LINE bytes; VIPT: code is invalidated at the address at which it is executed; IDC: data need not be cleaned for that, so that nobody
does, which would trap for nothing."""
TRAPS = Traps(
    interrupt=1,  # EXCP_UDEF
    instructions=(
        (0xD50B7520, INVALIDATE, LINE),  # ic ivau, xt
        (0xD53B0020, GIVE, CTR),  # mrs xt, ctr_el0
        *((0xD50B7020 | crm << 8, SKIP, 0) for crm in (0xA, 0xB, 0xC, 0xD, 0xE)),  # dc cvac, cvau, cvap, cvadp, civac
    ),
    registers=(*(f"x{number}" for number in range(31)), ""),
)
CPACR_FP = 3 << 20
TCR_TBI0 = 1 << 37  # branches to tagged addresses drop the tag
CNTKCTL_USER = 3  # both counters readable; Linux allows the virtual one, which is the same clock here

TO_EL0 = (
    0xD5381003,  # mrs x3, sctlr_el1
    0xAA040063,  # orr x3, x3, x4
    0xD5181003,  # msr sctlr_el1, x3
    0xD5181045,  # msr cpacr_el1, x5
    0xD518E106,  # msr cntkctl_el1, x6
    0xD5182047,  # msr tcr_el1, x7
    0xD518401F,  # msr spsr_el1, xzr: EL0, no flags, nothing masked
    0xD518403F,  # msr elr_el1, xzr
    0xD69F03E0,  # eret
)


def enter_user(vcpu: Vcpu) -> None:
    """By TO_EL0, which needs four values and leaves them."""
    values = {"x4": SCTLR_USER, "x5": CPACR_FP, "x6": CNTKCTL_USER, "x7": TCR_TBI0}
    vcpu.run_privileged(pack(f"<{len(TO_EL0)}I", *TO_EL0), values)
    vcpu.write_registers({f"x{number}": 0 for number in range(31)})


UNDEFINED, DATA_ABORT, BREAKPOINT = 1, 4, 7
"""Unicorn's numbers of exceptions (qemu/target/arm/cpu.h, EXCP_*)."""


def classify(vcpu: Vcpu, _reason: int, number: int, pc: int) -> tuple[int, int, int, int]:
    """The program counter is the instruction's own always. A data abort is always one of alignment here, for what else there is the fill hook
    refuses: only exclusives and atomics have to be aligned, and their address is that of the base register, bits 9 to 5. The engine executes
    what is at a misaligned program counter, until that makes no sense."""
    from miniload.vcpu import core

    if number == BREAKPOINT:
        return core.BREAKPOINT, pc, pc, 0
    if number == DATA_ABORT:
        base = int.from_bytes(vcpu.code_at(pc, 4), "little") >> 5 & 31
        return core.ALIGNMENT, pc, pc, vcpu.read_registers(("sp" if base == 31 else f"x{base}",))[0]
    if pc & 3:
        return core.ALIGNMENT, pc, pc, pc
    return core.ILLEGAL, pc, pc, 0


VCPU = VcpuArch(
    uc_arch=2,
    uc_mode=0,
    cpu_model=3,  # UC_CPU_ARM64_MAX: the default, a Cortex-A72, has no LSE atomics
    page_size=4096,  # the default is 1 KiB
    registers={
        **{f"x{number}": unicorn for number, unicorn in enumerate(X)},
        "pc": 260,
        "sp": 4,
        "nzcv": 3,
        "tpidr_el0": 262,
        "fpcr": 291,
        "fpsr": 292,
        **{f"v{number}": 228 + number for number in range(32)},
    },
    number="x8",
    args=("x0", "x1", "x2", "x3", "x4", "x5"),
    result="x0",
    syscall_interrupt=2,
    enter_user=enter_user,
    classify=classify,
    emulate=emulate,
    models={"max": 3, "cortex-a53": 1, "cortex-a57": 0, "cortex-a72": 2},
    auxv=MAX_MODEL_AUXV,
    auxv_of=auxv_of,
    engine_suffix="aarch64",
    thread_pointer="tpidr_el0",
    wide={f"v{number}": 16 for number in range(32)},
    traps=TRAPS,
    data_address=(1 << 56) - 1,  # U28: the top byte is ignored, as Linux has it for user code (TCR_EL1.TBI0)
)
