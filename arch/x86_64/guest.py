"""x86-64 for the Linux personality: Linux 6.18 arch/x86 (uapi/asm/stat.h, sigcontext.h)."""

from __future__ import annotations

from struct import pack

from miniload.arch.x86_64.abi import OPEN_FLAGS
from miniload.arch.x86_64.signal_frame import pop, push
from miniload.linux.arch import Frames, GuestArch, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from miniload.vcpu.core import Vcpu


def pack_stat(status: os.stat_result) -> bytes:
    """struct stat, 144 bytes."""
    return pack(
        "<QQQIIIIQqqqqQqQqQqqq",
        status.st_dev,
        status.st_ino,
        status.st_nlink,
        status.st_mode,
        status.st_uid,
        status.st_gid,
        0,
        status.st_rdev,
        status.st_size,
        status.st_blksize,
        status.st_blocks,
        *times(status),
        0,
        0,
        0,
    )


def cpuinfo(count: int, _vcpu: Vcpu) -> str:
    """/proc/cpuinfo of the emulated CPU (arch/x86/kernel/cpu/proc.c, show_cpuinfo())."""
    flags = "fpu tsc cx8 cmov mmx fxsr sse sse2 syscall nx lm"
    return "".join(f"processor\t: {index}\nvendor_id\t: GenuineIntel\nmodel name\t: miniload\nflags\t\t: {flags}\n\n" for index in range(count))


GUEST = GuestArch(
    machine="x86_64",
    open_flags=OPEN_FLAGS,
    pack_stat=pack_stat,
    epoll_packed=True,
    sem_padded=True,
    clone_tls_first=False,
    has_restorer=True,
    execute_only=False,
    low_flag=0x40,
    has_tagged_addresses=False,
    # Those of FNINIT, and MXCSR with every exception masked (arch/x86/kernel/fpu/init.c, fpstate_init_user()).
    entry_registers={"fpcw": 0x37F, "fptag": 0xFFFF, "mxcsr": 0x1F80},
    signal_return=b"",
    push_frame=push,
    pop_frame=pop,
    min_stack=2048,
    syscall_size=2,
    breakpoint_code=0x80,
    restores_number=True,
    cpuinfo=cpuinfo,
    frames=Frames(("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "sp", *(f"r{number}" for number in range(8, 16)), ""), "sp", "rbp", "", 0, 8),
)
