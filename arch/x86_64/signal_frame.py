"""The frame of a signal handler on x86-64: struct rt_sigframe of Linux 6.18 arch/x86/kernel/signal_64.c and uapi/asm/sigcontext.h."""

from __future__ import annotations

from struct import pack, unpack_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.signals import Frame
    from miniload.space.guest import GuestSpace
    from miniload.vcpu.core import Vcpu

GENERAL = ("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "sp", "pc", "eflags")
XMM = tuple(f"xmm{number}" for number in range(16))
RED_ZONE, FPSTATE = 128, 512
UC_FLAGS = 6
"""UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS."""
USER_CS, USER_SS = 0x33, 0x2B
CONTEXT = 8
"""Offset of ucontext: the return address comes first."""
REGISTERS = CONTEXT + 40
INFO = REGISTERS + 256 + 8
SIZE = INFO + 128
FIX_EFLAGS = 0x40DD5 | 0x100
"""AC, OF, DF, TF, SF, ZF, AF, PF, CF: what a handler may change."""


def push(vcpu: Vcpu, sp: int, frame: Frame) -> tuple[int, bytes, dict[str, int]]:
    """Where the frame goes, the frame, and the registers of the handler."""
    values = vcpu.read_registers(GENERAL)
    mxcsr = vcpu.read_registers(("mxcsr",))[0]
    if not frame.on_alt_stack:
        sp -= RED_ZONE
    fp = sp - FPSTATE & -64
    start = (fp - SIZE & -16) - 8
    stack, stack_flags, stack_size = frame.alt_stack
    context = pack("<QQQiiQ", UC_FLAGS, 0, stack, stack_flags, 0, stack_size)
    segments = USER_CS | USER_SS << 48
    trap = pack("<QQQQQ64x", 4 if frame.flags & 4 else 0, frame.trap, 0, frame.address, fp)
    registers = pack("<18QQ", *values, segments) + trap
    fields = pack("<HHBBHQQII", 0x37F, 0, 0, 0, 0, 0, 0, mxcsr & 0xFFFFFFFF, 0xFFFF).ljust(160, b"\0")
    state = (fields + b"".join(vcpu.read_bytes(name) for name in XMM)).ljust(FPSTATE, b"\0")
    data = pack("<Q", frame.trampoline) + context + registers.ljust(256, b"\0") + pack("<Q", frame.mask) + frame.info
    data = data.ljust(fp - start, b"\0") + state
    entered = {
        "pc": frame.handler,
        "sp": start,
        "rdi": frame.signal,
        "rsi": start + INFO,
        "rdx": start + CONTEXT,
        "rax": 0,
        "eflags": values[17] & ~0x10500 | 2,
    }
    return start, data, entered


def pop(vcpu: Vcpu, space: GuestSpace, sp: int) -> tuple[int, tuple[int, int, int]]:
    """Puts the registers of the frame at `sp` back, whose return address has been taken off. Mask and alternate stack. OSError EFAULT."""
    data = space.read(sp - 8, SIZE)
    stack, stack_flags, _, stack_size = unpack_from("<QiiQ", data, CONTEXT + 16)
    values = dict(zip(GENERAL, unpack_from("<18Q", data, REGISTERS), strict=True))
    flags = vcpu.read_registers(("eflags",))[0]
    values["eflags"] = flags & ~FIX_EFLAGS | values["eflags"] & FIX_EFLAGS
    fp = unpack_from("<Q", data, REGISTERS + 184)[0]
    mask = unpack_from("<Q", data, REGISTERS + 256)[0]
    if fp:
        state = space.read(fp, FPSTATE)
        vcpu.write_registers({"mxcsr": unpack_from("<I", state, 24)[0]})
        for number, name in enumerate(XMM):
            vcpu.write_bytes(name, state[160 + 16 * number : 176 + 16 * number])
    vcpu.write_registers(values)
    return mask, (stack, stack_flags, stack_size)
