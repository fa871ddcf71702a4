"""What the vCPU core has to know of an architecture; arch/<name>/vcpu.py has the values, in Unicorn's own numbering."""

from __future__ import annotations

from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.vcpu.core import Vcpu


class HookedCall(Record):
    """A system call instruction that is hooked: Unicorn's number of it, its size, and the registers in which it leaves the address behind it and the
    flags."""

    instruction: int
    size: int
    return_address: str
    saved_flags: str
    flags: str


class VcpuArch(Record):
    """`registers`: names to Unicorn's numbers, the program counter as "pc", the stack pointer as "sp". `number`, `args`, `result`: registers
    of a system call. `syscall_interrupt`: the exception that its instruction raises. `page_size`: to be set, 0 if it is fixed.
    `enter_user`: brings a new vCPU into the state in which Linux runs user code.
    """

    uc_arch: int
    uc_mode: int
    cpu_model: int
    page_size: int
    registers: dict[str, int]
    number: str
    args: tuple[str, ...]
    result: str
    syscall_interrupt: int
    enter_user: Callable[[Vcpu], None]
    hooked_call: HookedCall | None = None
