"""RISC-V 64 for the vCPU core: Unicorn's numbers (2.1.4), and the way from M-mode, where Unicorn starts, to U-mode."""

from __future__ import annotations

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
)
