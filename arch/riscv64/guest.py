"""RISC-V 64 for the Linux personality: Linux 6.18 arch/riscv (uapi/asm/ucontext.h, kernel/vdso/rt_sigreturn.S)."""

from __future__ import annotations

from struct import pack

from miniload.arch.riscv64.abi import OPEN_FLAGS
from miniload.arch.riscv64.signal_frame import pop, push
from miniload.arch.riscv64.vcpu import NAMES
from miniload.linux.arch import Frames, GuestArch, pack_generic_stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.vcpu.core import Vcpu


def cpuinfo(count: int, _vcpu: Vcpu) -> str:
    """/proc/cpuinfo of the emulated CPU (arch/riscv/kernel/cpu.c, c_show())."""
    return "".join(f"processor\t: {index}\nhart\t\t: {index}\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\n\n" for index in range(count))


GUEST = GuestArch(
    machine="riscv64",
    open_flags=OPEN_FLAGS,
    pack_stat=pack_generic_stat,
    epoll_packed=False,
    sem_padded=False,
    clone_tls_first=True,
    has_restorer=False,
    execute_only=True,
    low_flag=0,
    has_tagged_addresses=False,
    entry_registers={},
    signal_return=pack("<II", 0x08B00893, 0x00000073),  # li a7, 139; ecall
    push_frame=push,
    pop_frame=pop,
    min_stack=2048,
    syscall_size=4,
    breakpoint_code=1,
    restores_number=False,
    cpuinfo=cpuinfo,
    frames=Frames(NAMES, "sp", "s0", "ra", -16, -8),
)
