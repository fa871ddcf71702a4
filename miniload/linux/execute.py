"""Carries a LoadPlan out in guest memory: what the stub does natively (stub/image.c, stack.c, process.c), for the emulator."""

from __future__ import annotations

import os
from errno import EEXIST, ENOMEM
from struct import pack, unpack_from

from miniload.errors import ExecError
from miniload.plan.auxv import AT_NULL
from miniload.plan.model import ABSOLUTE, PROGRAM, STRINGS, TABLE, Address, MemoryMap
from miniload.record import replace
from miniload.space import MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_NORESERVE, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.arch import Arch
    from miniload.linux.process import Process
    from miniload.plan.host import HostFacts
    from miniload.plan.model import Base, FileRef, Fixup, LoadPlan, Op

PAGE = 4096
ADDRESS_BITS = 46
STACK_SPAN = 1 << 22
"""Pages by which the top of the stack is randomised (STACK_RND_MASK), 16 GiB."""
MIN_GAP, MAX_STACK = 128 << 20, 1 << 30
RLIMIT_STACK = 3
AT_PAGESZ, AT_CLKTCK, AT_SECURE, AT_UID, AT_SYSINFO_EHDR = 6, 17, 23, 11, 33
DROPPED = frozenset({AT_SYSINFO_EHDR, 27, 28})
"""Entries that the guest does not get: there is no vDSO image, and rseq is not served."""
STACK_EXPAND = 128 << 10
"""What setup_arg_pages() adds to the stack below the strings."""
ADDR_NO_RANDOMIZE = 0x0040000


class Memory(MemoryMap):
    """A plan's MemoryMap as it has been carried out: its numbers are addresses. `start_stack`: the stack pointer of the first instruction."""

    start_stack: int = 0

    @staticmethod
    def unknown() -> Memory:
        """Of a process that has not begun yet."""
        return Memory(0, 0, 0, 0, Address(ABSOLUTE, 0), 0, 0)


def guest_arch(arch: Arch, region: int = 1 << ADDRESS_BITS) -> Arch:
    """The architecture with an end of user space that the emulator's region, of so many bytes, has room for."""
    size = min(arch.task_size, region - PAGE)
    return arch if size == arch.task_size else replace(arch, task_size=size, et_dyn_base=size // 3 * 2 & -PAGE)


def guest_facts(arch: Arch, host: HostFacts) -> HostFacts:
    """What the planner asks of the running kernel, for the emulated one."""
    kinds = tuple(kind for kind in arch.auxv if kind not in DROPPED)
    return replace(host, page_size=PAGE, auxv=kinds, platform=arch.platform, base_platform=None, rnd_bits=arch.rnd_bits)


class Layout:
    """Where things end up: a load bias for each base of the plan."""

    def __init__(self, plan: LoadPlan, task_size: int) -> None:
        self.bias = [0] * (PROGRAM + len(plan.bases))
        self.task_size = task_size
        self.randomize = bool(plan.randomize)

    def below(self, limit: int) -> int:
        """A random number below `limit`, 0 without randomisation."""
        return int.from_bytes(os.urandom(8), "little") % limit if self.randomize and limit else 0

    def address(self, where: Address) -> int:
        return self.bias[where.base] + where.offset


def execute(process: Process, plan: LoadPlan) -> None:
    """Replaces whatever the process has in memory by the plan's program, and sets the registers for its first instruction."""
    set_personality(process)
    process.wants_tracer = 0
    if process.persona & ADDR_NO_RANDOMIZE:
        plan = replace(plan, randomize=0)
    files = [open_planned(ref) for ref in plan.files]
    try:
        exe = name_of(files[0], plan.files[0])
        process.space.clear()
        layout = Layout(plan, process.space.end)
        limit = stack_limit(process)
        top = place_stack_top(process, layout, limit)
        choose_bases(process, plan, layout)
        carry_out_ops(process, plan, layout, files)
    finally:
        for fd in files:
            os.close(fd)
    map_trampoline(process)
    sp = compose_stack(process, plan, layout, top, limit)
    place_heap(process, plan, layout)
    process.plan = replace(plan, memory=carried_out(plan.memory, layout, sp))
    process.exe = exe
    enter(process, layout.address(plan.entry), sp)


def name_of(fd: int, ref: FileRef) -> bytes:
    """What the exe link shows of an opened program: its path without links. The name by which it was opened if nothing is there any more."""
    name = os.readlink(b"/proc/self/fd/%d" % fd)
    try:
        status = os.stat(name)
    except OSError:
        return ref.path
    return name if (status.st_dev, status.st_ino) == (ref.device, ref.inode) else ref.path


def carried_out(memory: MemoryMap, layout: Layout, sp: int) -> Memory:
    """The bounds of code and data with the program's load bias."""
    bias = layout.bias[PROGRAM]
    brk = Address(ABSOLUTE, layout.address(memory.brk))
    return Memory(bias + memory.start_code, bias + memory.end_code, bias + memory.start_data, bias + memory.end_data, brk, 0, 0, sp)


def set_personality(process: Process) -> None:
    """The first program inherits the host's (personality(2)); --no-aslr is a personality."""
    if process.plan is None:
        process.persona = max(process.vcpu.host_call(process.host_numbers["personality"], 0xFFFFFFFF), 0)  # a filter may refuse it
    if not process.options.aslr:
        process.persona |= ADDR_NO_RANDOMIZE


def open_planned(ref: FileRef) -> int:
    """Opens a file of the plan, which must be the one that was planned."""
    fd = os.open(ref.path, os.O_RDONLY | os.O_CLOEXEC)
    if not ref.is_still(os.fstat(fd)):
        os.close(fd)
        raise ExecError(ref.path, "has changed since the plan was made", errno=EEXIST)
    return fd


def stack_limit(process: Process) -> int:
    """Bytes that the stack may grow to: the guest's RLIMIT_STACK, within reason."""
    return min(max(process.limits.get(RLIMIT_STACK)[0], 128 << 10), MAX_STACK)


def place_stack_top(process: Process, layout: Layout, limit: int) -> int:
    """The end of the stack, and with it the start of the mmap area (mmap_base())."""
    span = min(STACK_SPAN * PAGE, layout.task_size // 64)
    top = layout.task_size - layout.below(span // PAGE) * PAGE
    gap = max(limit + span + (1 << 20), MIN_GAP)
    process.space.mmap_base = layout.task_size - gap - layout.below(min(1 << 28, layout.task_size // 64) // PAGE) * PAGE & -PAGE
    return top & -PAGE


def choose_bases(process: Process, plan: LoadPlan, layout: Layout) -> None:
    for index, base in enumerate(plan.bases, PROGRAM):
        if base.kind == "window":
            layout.bias[index] = reserve_window(process, plan, layout, base) - base.anchor
        elif base.kind == "anywhere":
            layout.bias[index] = reserve_anywhere(process, base) - base.anchor


def reserve(process: Process, at: int, size: int) -> None:
    flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE
    process.space.map(at, size, 0, flags)


def reserve_window(process: Process, plan: LoadPlan, layout: Layout, base: Base) -> int:
    """ELF_ET_DYN_BASE plus randomisation, aligned down to the largest p_align."""
    span = min(1 << plan.rnd_bits, (layout.task_size - base.window) // 4 // PAGE)
    for _ in range(8):
        at = base.window + layout.below(span) * PAGE & -base.align
        try:
            reserve(process, at - base.anchor + base.low, base.size)
        except OSError:
            continue
        return at
    raise ExecError(plan.program, "no room for the program", errno=ENOMEM)


def reserve_anywhere(process: Process, base: Base) -> int:
    spare = base.align if base.align > PAGE else 0
    start = process.space.map(0, base.size + spare, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
    first = start + base.anchor - base.low
    chosen = first + base.align - 1 & -base.align if spare else first
    low = chosen - base.anchor + base.low
    if low > start:
        process.space.unmap(start, low - start)
    if start + spare > low:
        process.space.unmap(low + base.size, start + spare - low)
    return chosen


def carry_out_ops(process: Process, plan: LoadPlan, layout: Layout, files: list[int]) -> None:
    for op in plan.ops:
        carry_out(process, plan, layout.address(op.where), op, files)


def carry_out(process: Process, plan: LoadPlan, at: int, op: Op, files: list[int]) -> None:
    space = process.space
    if op.kind == "map_file":
        space.map(at, op.size, op.prot & 7, MAP_PRIVATE | MAP_FIXED, files[op.file], op.file_offset)
    elif op.kind == "map_anon":
        space.map(at, op.size, op.prot & 7, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS)
    elif op.kind == "zero":
        space.write(at, bytes(op.size))
    elif op.kind == "unmap":
        space.unmap(at, op.size)
    elif op.kind == "reserve":
        try:
            reserve(process, at, op.size)
        except OSError as error:
            raise ExecError(plan.program, "the address that the file asks for is taken", value=at, errno=error.errno) from None


def map_trampoline(process: Process) -> None:
    """The page with the return from signal handlers, which on Linux is part of the vDSO."""
    code = process.abi.signal_return
    process.trampoline = 0
    if code:
        at = process.space.map(0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, name=b"[vdso]")
        process.space.poke(at, code)
        process.trampoline = at


def compose_stack(process: Process, plan: LoadPlan, layout: Layout, top: int, limit: int) -> int:
    """Puts the composed stack below `top` and applies its fixups. The stack pointer."""
    stack, space = plan.stack, process.space
    strings = top - len(stack.strings)
    sp = (strings - layout.below(stack.gap_limit) & -16) - len(stack.table)
    layout.bias[STRINGS], layout.bias[TABLE] = strings, sp
    size = max(top - (strings & -PAGE) + STACK_EXPAND, top - (sp & -PAGE))
    protection = PROT_READ | PROT_WRITE | (PROT_EXEC if stack.executable else 0)
    space.map_stack(top, size, max(limit, size), protection)
    table = bytearray(stack.table)
    for fixup in stack.fixups:
        apply(process, layout, table, fixup)
    space.write(strings, stack.strings)
    space.write(sp, bytes(table))
    argv = sum(len(argument) + 1 for argument in stack.argv)
    environment = sum(len(entry) + 1 for entry in stack.env)
    process.strings = (strings, strings + argv, strings + argv + environment)
    process.auxv = bytes(table[stack.auxv_offset : stack.auxv_offset + 16 * (len(stack.auxv) + 1)])
    return sp


def apply(process: Process, layout: Layout, table: bytearray, fixup: Fixup) -> None:
    at = fixup.where.offset
    if fixup.kind == "add":
        value = layout.address(fixup.value) - (layout.bias[fixup.minus] if fixup.minus != ABSOLUTE else 0)
        words = unpack_from(f"<{fixup.count}Q", table, at)
        table[at : at + 8 * fixup.count] = pack(f"<{fixup.count}Q", *(word + value & (1 << 64) - 1 for word in words))
    elif fixup.kind == "set":
        table[at : at + 8] = pack("<Q", layout.address(fixup.value) - layout.bias[fixup.minus] & (1 << 64) - 1)
    elif fixup.kind == "random":
        table[at : at + 16] = os.urandom(16)
    elif fixup.kind == "forward":
        kind = unpack_from("<Q", table, at)[0]
        table[at : at + 16] = pack("<QQ", kind, kernel_auxv(process, kind))


def kernel_auxv(process: Process, kind: int) -> int:
    """An auxv entry that is the kernel's own to fill."""
    if kind in process.cpu_auxv:
        return process.cpu_auxv[kind]
    if AT_UID <= kind <= 14:
        return (os.getuid, os.geteuid, os.getgid, os.getegid)[kind - AT_UID]()
    return {AT_PAGESZ: PAGE, AT_CLKTCK: 100, AT_SECURE: 0, AT_NULL: 0}.get(kind, 0)


def place_heap(process: Process, plan: LoadPlan, layout: Layout) -> None:
    memory = plan.memory
    start = layout.address(memory.brk)
    if plan.randomize >= 2:
        start += memory.brk_gap + (layout.below(memory.brk_span // PAGE) * PAGE)
    process.space.brk_start = process.space.brk = start


def enter(process: Process, entry: int, sp: int) -> None:
    """Registers as ELF_PLAT_INIT and start_thread() leave them."""
    process.vcpu.restore(process.fresh)
    process.vcpu.write_registers({**process.abi.entry_registers, "pc": entry, process.vcpu.arch.stack_pointer: sp})
