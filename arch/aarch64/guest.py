"""AArch64 for the Linux personality: Linux 6.18 arch/arm64 (uapi/asm/fcntl.h, sigcontext.h, kernel/vdso/sigreturn.S)."""

from __future__ import annotations

from struct import pack

from miniload.arch.aarch64 import hwcap
from miniload.arch.aarch64.abi import OPEN_FLAGS
from miniload.arch.aarch64.signal_frame import pop, push
from miniload.linux.arch import Frames, GuestArch, pack_generic_stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.vcpu.core import Vcpu


def cpuinfo(count: int, vcpu: Vcpu) -> str:
    """/proc/cpuinfo of the emulated CPU (arch/arm64/kernel/cpuinfo.c, c_show())."""
    midr = hwcap.read_id(vcpu, *hwcap.MIDR)
    one = (
        f"BogoMIPS\t: 125.00\nFeatures\t: {hwcap.names(hwcap.auxv_of(vcpu))}\nCPU implementer\t: 0x{midr >> 24 & 255:02x}\nCPU architecture: 8\n"
        f"CPU variant\t: 0x{midr >> 20 & 15:x}\nCPU part\t: 0x{midr >> 4 & 4095:03x}\nCPU revision\t: {midr & 15}\n\n"
    )
    return "".join(f"processor\t: {index}\n{one}" for index in range(count))


GUEST = GuestArch(
    machine="aarch64",
    open_flags=OPEN_FLAGS,
    pack_stat=pack_generic_stat,
    epoll_packed=False,
    sem_padded=False,
    clone_tls_first=True,
    has_restorer=True,
    execute_only=False,
    low_flag=0,
    has_tagged_addresses=True,
    entry_registers={},
    signal_return=pack("<II", 0xD2801168, 0xD4000001),  # mov x8, #139; svc #0
    push_frame=push,
    pop_frame=pop,
    min_stack=5120,
    syscall_size=4,
    breakpoint_code=1,
    restores_number=False,
    cpuinfo=cpuinfo,
    frames=Frames((*(f"x{number}" for number in range(31)), "sp"), "sp", "x29", "x30", 0, 8),
)
