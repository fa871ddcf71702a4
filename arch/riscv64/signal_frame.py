"""The frame of a signal handler on RISC-V 64: struct rt_sigframe of Linux 6.18 arch/riscv/kernel/signal.c and uapi/asm/sigcontext.h."""

from __future__ import annotations

from struct import pack, unpack_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.signals import Frame
    from miniload.space.guest import GuestSpace
    from miniload.vcpu.core import Vcpu

X = (
    "pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
    "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
)  # fmt: skip
F = tuple(f"f{number}" for number in range(32))
INFO, CONTEXT = 128, 128 + 176
"""Offsets of ucontext and of its mcontext."""
SIZE = CONTEXT + 256 + 528


def push(vcpu: Vcpu, sp: int, frame: Frame) -> tuple[int, bytes, dict[str, int]]:
    """Where the frame goes, the frame, and the registers of the handler."""
    values = vcpu.read_registers((*X, *F, "fcsr"))
    start = sp - SIZE & -16
    stack, stack_flags, stack_size = frame.alt_stack
    context = pack("<QQQiiQQ", 0, 0, stack, stack_flags, 0, stack_size, frame.mask).ljust(176, b"\0")
    data = (frame.info + context + pack("<64QI", *values[:64], values[64] & 0xFFFFFFFF)).ljust(SIZE, b"\0")
    entered = {"pc": frame.handler, "sp": start, "a0": frame.signal, "a1": start, "a2": start + INFO, "ra": frame.trampoline}
    return start, data, entered


def pop(vcpu: Vcpu, space: GuestSpace, sp: int) -> tuple[int, tuple[int, int, int]]:
    """Puts the registers of the frame at `sp` back. Mask and alternate stack. OSError EFAULT."""
    data = space.read(sp, SIZE)
    stack, stack_flags, _, stack_size, mask = unpack_from("<QiiQQ", data, INFO + 16)
    values = unpack_from("<64QI", data, CONTEXT)
    vcpu.write_registers(dict(zip((*X, *F, "fcsr"), values, strict=True)))
    return mask, (stack, stack_flags, stack_size)
