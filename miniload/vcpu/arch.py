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


class Traps(Record):
    """Instructions that trap in the engine and that the core executes (vcpu.h, struct vcpu_trap). `interrupt`: the exception that they raise.
    `instructions`: each with its register's number left out, what is done (SKIP, INVALIDATE, GIVE), and with which value. `registers`: names by number,
    "" for the one that is always zero."""

    interrupt: int
    instructions: tuple[tuple[int, int, int], ...]
    registers: tuple[str, ...]


SKIP, INVALIDATE, GIVE = 1, 2, 3


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
    classify: Callable[[Vcpu, int, int, int], tuple[int, int, int, int]]
    """(vcpu, INTERRUPT or INVALID, exception number, program counter as the engine has it) -> (reason, address of the instruction,
    program counter as Linux has it then, address that was accessed, for ALIGNMENT)."""
    emulate: Callable[[Vcpu, int], bool]
    """(vcpu, address) -> whether the instruction there, which traps, is one that Linux emulates, and then it has been executed."""
    models: dict[str, int]
    """Names of CPU models, the default among them, to Unicorn's numbers."""
    auxv: dict[int, int]
    """AT_HWCAP, AT_HWCAP2 and AT_MINSIGSTKSZ: what the default model has, and the size of its signal frame."""
    auxv_of: Callable[[Vcpu], dict[int, int]]
    """The same of the vCPU, whatever its model."""
    thread_pointer: str
    stack_pointer: str = "sp"
    wide: dict[str, int] = {}  # noqa: RUF012  (Record values are not changed)
    """Registers of more than 8 bytes, to their sizes."""
    hidden: tuple[str, ...] = ()
    """Registers that user code does not have."""
    data_address: int = (1 << 64) - 1
    """The bits of an address that count when data is accessed."""
    hooked_call: HookedCall | None = None
    traps: Traps | None = None
    engine_suffix: str = ""
    """What the engine's own functions for this architecture end with, where the core may lead them through itself."""
