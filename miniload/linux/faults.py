"""What an exception of the CPU means: a stack that grows, or a signal (arch/*/mm/fault.c, traps.c)."""

from __future__ import annotations

from miniload.linux import signals
from miniload.linux.signals import SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP
from miniload.vcpu import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task
    from miniload.vcpu.core import Exit

SEGV_MAPERR, SEGV_ACCERR, BUS_ADRALN, BUS_ADRERR, ILL_ILLOPC, TRAP_BRKPT, FPE_INTDIV, FPE_FLTINV, SI_KERNEL = 1, 2, 1, 2, 1, 1, 1, 7, 0x80
INSTRUCTION_BYTES = 15
"""The longest of any architecture."""


def handle(task: Task, left: Exit) -> None:
    """Makes the guest go on after an exit that is no system call, or signals it."""
    if left.reason == core.FAULT:
        refused(task, left)
    elif left.reason == core.ILLEGAL:
        name_instruction(task, left.pc)
        signals.force(task, SIGILL, ILL_ILLOPC, left.pc)
    elif left.reason == core.BREAKPOINT:
        signals.force(task, SIGTRAP, task.process.abi.breakpoint_code, left.pc if task.process.abi.breakpoint_code == TRAP_BRKPT else 0)
    elif left.reason == core.DIVIDE:
        signals.force(task, SIGFPE, FPE_INTDIV, left.pc)
    elif left.reason == core.FLOATING:
        signals.force(task, SIGFPE, FPE_FLTINV, left.pc)
    elif left.reason == core.ALIGNMENT:
        signals.force(task, SIGBUS, BUS_ADRALN, left.address)
    elif left.reason == core.PROTECTION:
        signals.force(task, SIGSEGV, SI_KERNEL, 0)
    else:
        task.process.report(f"the engine gave up at {left.pc:#x}: error {left.number}")
        signals.force(task, SIGILL, ILL_ILLOPC, left.pc)


def refused(task: Task, left: Exit) -> None:
    """An access that the page table does not allow."""
    space = task.process.space
    if left.bus:
        signals.force(task, SIGBUS, BUS_ADRERR, left.address)
    elif not space.grow_stack(left.address):
        mapped = space.vmas.find(left.address) is not None
        signals.force(task, SIGSEGV, SEGV_ACCERR if mapped else SEGV_MAPERR, left.address)


def name_instruction(task: Task, pc: int) -> None:
    """Under -v: which instruction it was."""
    if task.process.options.verbose:
        code = task.process.vcpu.code_at(pc, INSTRUCTION_BYTES)
        task.process.report(f"unknown instruction at {pc:#x}: {code.hex(' ')}")
