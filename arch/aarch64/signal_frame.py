"""The frame of a signal handler on AArch64: struct rt_sigframe of Linux 6.18 arch/arm64/kernel/signal.c and uapi/asm/sigcontext.h."""

from __future__ import annotations

from struct import pack, unpack_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.signals import Frame
    from miniload.space.guest import GuestSpace
    from miniload.vcpu.core import Vcpu

X = tuple(f"x{number}" for number in range(31))
V = tuple(f"v{number}" for number in range(32))
INFO, CONTEXT = 128, 128 + 176
"""Offsets of ucontext and of its sigcontext."""
RESERVED = CONTEXT + 288
FPSIMD_MAGIC, FPSIMD_SIZE = 0x46508001, 528
SIZE = RESERVED + 4096
FLAGS = 0xF0000000
SA_SIGINFO = 4


def push(vcpu: Vcpu, sp: int, frame: Frame) -> tuple[int, bytes, dict[str, int]]:
    """Where the frame goes, the frame, and the registers of the handler."""
    values = vcpu.read_registers((*X, "sp", "pc", "nzcv", "fpsr", "fpcr"))
    x, (old_sp, pc, flags, fpsr, fpcr) = values[:31], values[31:]
    record = (sp & -16) - 16
    start = record - SIZE & -16
    stack, stack_flags, stack_size = frame.alt_stack
    context = pack("<QQQiiQQ", 0, 0, stack, stack_flags, 0, stack_size, frame.mask).ljust(176, b"\0")
    registers = pack("<Q31QQQQ", frame.address, *x, old_sp, pc, flags & FLAGS).ljust(288, b"\0")
    vectors = pack("<IIII", FPSIMD_MAGIC, FPSIMD_SIZE, fpsr & 0xFFFFFFFF, fpcr & 0xFFFFFFFF) + b"".join(vcpu.read_bytes(name) for name in V)
    data = (frame.info + context + registers + vectors).ljust(SIZE, b"\0")
    data += bytes(record - start - SIZE) + pack("<QQ", x[29], x[30])
    entered = {"x0": frame.signal, "sp": start, "pc": frame.handler, "x29": record, "x30": frame.trampoline, "nzcv": 0}
    if frame.flags & SA_SIGINFO:
        entered.update(x1=start, x2=start + INFO)
    return start, data, entered


def pop(vcpu: Vcpu, space: GuestSpace, sp: int) -> tuple[int, tuple[int, int, int]]:
    """Puts the registers of the frame at `sp` back. Mask and alternate stack. OSError EFAULT."""
    data = space.read(sp, SIZE)
    stack, stack_flags, _, stack_size, mask = unpack_from("<QiiQQ", data, INFO + 16)
    x = unpack_from("<31QQQQ", data, CONTEXT + 8)
    values = {**dict(zip(X, x, strict=False)), "sp": x[31], "pc": x[32], "nzcv": x[33] & FLAGS}
    magic, size, fpsr, fpcr = unpack_from("<IIII", data, RESERVED)
    if (magic, size) != (FPSIMD_MAGIC, FPSIMD_SIZE):
        raise OSError(14, "bad frame")
    vcpu.write_registers({**values, "fpsr": fpsr, "fpcr": fpcr})
    for number, name in enumerate(V):
        at = RESERVED + 16 + 16 * number
        vcpu.write_bytes(name, data[at : at + 16])
    return mask, (stack, stack_flags, stack_size)
