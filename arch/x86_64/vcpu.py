"""x86-64 for the vCPU core: Unicorn's numbers (2.1.4), and the way from ring 0, where Unicorn starts, to ring 3, and what exceptions mean.

U27: the engine has no AVX, and CPUID says so; but it executes instructions with a VEX prefix and 128-bit operands as if they were the SSE ones without
it, where a CPU without AVX has them undefined. Only a program that uses AVX without asking CPUID can tell.
"""

from __future__ import annotations

from struct import pack

from miniload.vcpu.arch import HookedCall, VcpuArch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.vcpu.core import Vcpu

GENERAL = {
    "rax": 35, "rbp": 36, "rbx": 37, "rcx": 38, "rdi": 39, "rdx": 40, "rsi": 43,
    "r8": 106, "r9": 107, "r10": 108, "r11": 109, "r12": 110, "r13": 111, "r14": 112, "r15": 113,
}  # fmt: skip
EFER, STAR = 0xC0000080, 0xC0000081
EFER_SCE, EFER_LME, EFER_LMA, EFER_NXE = 1, 1 << 8, 1 << 10, 1 << 11
USER_BASE = 0x23
"""STAR's upper selector: sysret makes CS 0x33 and SS 0x2b of it, as Linux has them."""

TO_RING_3 = (
    b"\x0f\x30"  # wrmsr: EFER
    b"\x0f\x20\xe0\x0d\x00\x06\x00\x00\x0f\x22\xe0"  # cr4 |= OSFXSR | OSXMMEXCPT
    b"\x0f\x20\xc0\x24\xf3\x0c\x22\x0f\x22\xc0"  # cr0 &= ~(EM | TS), |= MP | NE
    b"\xb9" + pack("<I", STAR) + b"\x31\xc0"  # mov ecx, STAR; xor eax, eax
    b"\xba" + pack("<I", USER_BASE << 16) + b"\x0f\x30"  # mov edx, selector; wrmsr
    b"\x31\xc9"  # xor ecx, ecx: where to
    b"\x41\xbb\x02\x02\x00\x00"  # mov r11d, 0x202: flags
    b"\x48\x0f\x07"  # sysretq
)


def enter_user(vcpu: Vcpu) -> None:
    """By TO_RING_3, which needs EFER's number and value and leaves them."""
    vcpu.run_privileged(TO_RING_3, {"rcx": EFER, "rax": EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE, "rdx": 0})
    vcpu.write_registers({**dict.fromkeys(GENERAL, 0), "eflags": 0x202})


DIVIDE_ERROR, DEBUG, BREAKPOINT, X87_ERROR, ALIGNMENT_CHECK, SIMD_ERROR = 0, 1, 3, 16, 17, 19
"""Numbers of exceptions."""
AT_HWCAP, AT_HWCAP2, AT_MINSIGSTKSZ = 16, 26, 51
AUXV = {AT_HWCAP: 0x078BFBFD, AT_HWCAP2: 0, AT_MINSIGSTKSZ: 1008}
"""Of the default model: EDX of CPUID 1; neither ring 3 MWAIT nor FSGSBASE; the signal frame without XSAVE (Linux 6.18 arch/x86/kernel/fpu/xstate.c,
signal.c: fpstate of 512 bytes, frame of 440, 24 to align and 32 more)."""


def classify(vcpu: Vcpu, reason: int, number: int, pc: int) -> tuple[int, int, int, int]:
    """Faults have the instruction's own program counter, `int3` and `int n` the next one's. Of the latter user code may use 3 only: Linux has the
    others refused by their gates, a protection fault at the instruction."""
    from miniload.vcpu import core

    if reason == core.INVALID:
        return core.ILLEGAL, pc, pc, 0
    if number == BREAKPOINT:
        start = pc - 1 if vcpu.code_at(pc - 1, 1) == b"\xcc" else pc - 2
        return core.BREAKPOINT, start, pc, 0
    if vcpu.code_at(pc - 2, 2) == bytes((0xCD, number & 255)):
        return core.PROTECTION, pc - 2, pc - 2, 0
    found = {DIVIDE_ERROR: core.DIVIDE, DEBUG: core.BREAKPOINT, X87_ERROR: core.FLOATING, SIMD_ERROR: core.FLOATING, ALIGNMENT_CHECK: core.ALIGNMENT}
    return found.get(number, core.PROTECTION), pc, pc, 0


def emulate(_vcpu: Vcpu, _pc: int) -> bool:
    """Nothing traps that Linux would emulate."""
    return False


def auxv_of(_vcpu: Vcpu) -> dict[int, int]:
    """There is one model."""
    return AUXV


VCPU = VcpuArch(
    uc_arch=4,
    uc_mode=8,  # UC_MODE_64
    cpu_model=15,  # UC_CPU_X86_NEHALEM: x86-64-v2, and nothing that the engine only pretends to have
    page_size=0,
    registers={
        **GENERAL,
        **{f"xmm{number}": 122 + number for number in range(16)},
        "pc": 41,
        "sp": 44,
        "eflags": 25,
        "fs_base": 250,
        "gs_base": 251,
        "mxcsr": 249,
        **{f"st{number}": 114 + number for number in range(8)},
        "fpsw": 31,
        "fpcw": 246,
        "fptag": 247,
    },
    number="rax",
    args=("rdi", "rsi", "rdx", "r10", "r8", "r9"),
    result="rax",
    syscall_interrupt=1 << 31,  # none: the instruction is hooked
    enter_user=enter_user,
    classify=classify,
    emulate=emulate,
    models={"nehalem": 15},
    auxv=AUXV,
    auxv_of=auxv_of,
    thread_pointer="fs_base",
    wide={**{f"xmm{number}": 16 for number in range(16)}, **{f"st{number}": 10 for number in range(8)}},
    engine_suffix="x86_64",
    hooked_call=HookedCall(699, 2, "rcx", "r11", "eflags"),
)
