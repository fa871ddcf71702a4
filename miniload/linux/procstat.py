"""/proc/self/stat, statm, status and limits: the host's, with what is the guest's own (Linux 6.18 fs/proc/array.c, task_mmu.c, base.c)."""

from __future__ import annotations

from miniload.linux.execute import Memory
from miniload.linux.limits import INFINITY, RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK
from miniload.linux.procmem import KIB_PAGE, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.process import Process

PAGE = 4096
PF_RANDOMIZE = 0x00400000
LIMIT_NAMES = {b"Max data size": RLIMIT_DATA, b"Max stack size": RLIMIT_STACK, b"Max address space": RLIMIT_AS}


def read_host(folder: bytes, name: bytes) -> bytes:
    """The host's file of the process or thread."""
    with open(folder + b"/" + name, "rb") as file:
        return file.read()


def memory_of(process: Process) -> Memory:
    """What exec, or the program itself, has said of its memory."""
    memory = process.plan.memory if process.plan is not None else None
    return memory if isinstance(memory, Memory) else Memory.unknown()


def text_pages(memory: Memory) -> int:
    """The code's bounds, in whole pages."""
    return (memory.end_code + PAGE - 1 & -PAGE) - (memory.start_code & -PAGE) >> 12


def signal_sets(process: Process) -> tuple[int, int]:
    """The signals that are ignored and those that are caught, as bits."""
    ignored = caught = 0
    for signal, action in process.actions.items():
        if action.handler == 1:
            ignored |= 1 << signal - 1
        elif action.handler:
            caught |= 1 << signal - 1
    return ignored, caught


def stat(process: Process, folder: bytes) -> bytes:
    """/proc/self/stat (do_task_stat())."""
    before, _, rest = read_host(folder, b"stat").rpartition(b")")
    fields = rest.split()
    memory, usage = memory_of(process), Usage(process)
    ignored, caught = signal_sets(process)
    start, middle, end = process.strings
    randomized = PF_RANDOMIZE if process.plan is not None and process.plan.randomize else 0
    guest = {
        9: int(fields[6]) & ~PF_RANDOMIZE | randomized, 20: max(len(process.tasks), 1), 23: usage.total * PAGE, 24: usage.resident,
        26: memory.start_code, 27: memory.end_code, 28: memory.start_stack, 33: ignored & 0x7FFFFFFF, 34: caught & 0x7FFFFFFF,
        45: memory.start_data, 46: memory.end_data, 47: process.space.brk_start, 48: start, 49: middle, 50: middle, 51: end,
    }  # fmt: skip
    # fields[0] is field 3 of proc_pid_stat(5).
    for number, value in guest.items():
        if number - 3 < len(fields):
            fields[number - 3] = b"%d" % value
    return before + b") " + b" ".join(fields) + b"\n"


def statm(process: Process, _folder: bytes) -> bytes:
    """/proc/self/statm, in pages (task_statm())."""
    usage = Usage(process)
    shared = usage.file + usage.shared_memory
    sizes = (usage.total, usage.resident, shared, text_pages(memory_of(process)), 0, usage.data + usage.stack, 0)
    return " ".join(map(str, sizes)).encode() + b"\n"


def status(process: Process, folder: bytes) -> bytes:
    """/proc/self/status (proc_pid_status(), task_mem())."""
    usage = Usage(process)
    code = min(text_pages(memory_of(process)), usage.code)
    ignored, caught = signal_sets(process)
    sizes = {
        b"VmPeak": usage.total, b"VmSize": usage.total, b"VmLck": usage.locked, b"VmHWM": usage.resident, b"VmRSS": usage.resident,
        b"RssAnon": usage.anonymous, b"RssFile": usage.file, b"RssShmem": usage.shared_memory,
        b"VmData": usage.data, b"VmStk": usage.stack, b"VmExe": code, b"VmLib": usage.code - code, b"VmSwap": usage.swap,
    }  # fmt: skip
    values = {name: b"%8d kB" % (pages * KIB_PAGE) for name, pages in sizes.items()}
    values.update({b"Threads": b"%d" % max(len(process.tasks), 1), b"SigIgn": b"%016x" % ignored, b"SigCgt": b"%016x" % caught})
    lines = read_host(folder, b"status").split(b"\n")
    for index, line in enumerate(lines):
        name = line.partition(b":")[0]
        if name in values:
            lines[index] = name + b":\t" + values[name]
    return b"\n".join(lines)


def limits(process: Process, folder: bytes) -> bytes:
    """/proc/self/limits (proc_pid_limits()): those on memory are the guest's own."""
    lines = read_host(folder, b"limits").split(b"\n")
    for index, line in enumerate(lines):
        name = line[:25].rstrip()
        if name in LIMIT_NAMES:
            soft, hard = (b"unlimited" if value == INFINITY else b"%d" % value for value in process.limits.get(LIMIT_NAMES[name]))
            lines[index] = name.ljust(25) + b" " + soft.ljust(20) + b" " + hard.ljust(20) + line[67:]
    return b"\n".join(lines)
