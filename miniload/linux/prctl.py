"""prctl(2) (kernel/sys.c): what the host keeps of a thread or process is the host's to answer, what it would say of the emulator's memory is not."""

from __future__ import annotations

from errno import EINVAL, ENAMETOOLONG, EPERM
from struct import pack

from miniload.linux.dispatch import pointer
from miniload.space.guest import MDWE_NO_INHERIT, MDWE_REFUSE_EXEC_GAIN, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.linux.task import Task

PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE = 1, 2, 3, 4
PR_GET_KEEPCAPS, PR_SET_KEEPCAPS, PR_GET_TIMING, PR_SET_TIMING, PR_SET_NAME, PR_GET_NAME = 7, 8, 13, 14, 15, 16
PR_GET_SECCOMP, PR_CAPBSET_READ, PR_CAPBSET_DROP = 21, 23, 24
PR_GET_SECUREBITS, PR_SET_SECUREBITS, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK = 27, 28, 29, 30
PR_TASK_PERF_EVENTS_DISABLE, PR_TASK_PERF_EVENTS_ENABLE, PR_MCE_KILL, PR_MCE_KILL_GET, PR_SET_MM = 31, 32, 33, 34, 35
PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 36, 37, 38, 39
PR_GET_TID_ADDRESS, PR_SET_THP_DISABLE, PR_GET_THP_DISABLE, PR_CAP_AMBIENT = 40, 41, 42, 47
PR_GET_SPECULATION_CTRL, PR_SET_SPECULATION_CTRL, PR_SET_TAGGED_ADDR_CTRL, PR_GET_TAGGED_ADDR_CTRL = 52, 53, 55, 56
PR_SET_IO_FLUSHER, PR_GET_IO_FLUSHER, PR_SET_MDWE, PR_GET_MDWE, PR_SET_MEMORY_MERGE, PR_GET_MEMORY_MERGE = 57, 58, 65, 66, 67, 68
PR_TIMER_CREATE_RESTORE_IDS, PR_GET_AUXV, PR_SET_VMA, PR_SET_PTRACER = 77, 0x41555856, 0x53564D41, 0x59616D61
AS_THEY_ARE = frozenset({
    PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK,
    PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_THP_DISABLE, PR_GET_THP_DISABLE, PR_CAP_AMBIENT, PR_SET_KEEPCAPS,
    PR_GET_KEEPCAPS, PR_SET_SECUREBITS, PR_GET_SECUREBITS, PR_GET_TIMING, PR_SET_TIMING, PR_TASK_PERF_EVENTS_DISABLE, PR_TASK_PERF_EVENTS_ENABLE,
    PR_MCE_KILL, PR_MCE_KILL_GET, PR_GET_SPECULATION_CTRL, PR_SET_SPECULATION_CTRL, PR_SET_IO_FLUSHER, PR_GET_IO_FLUSHER, PR_SET_MEMORY_MERGE,
    PR_GET_MEMORY_MERGE, PR_TIMER_CREATE_RESTORE_IDS, PR_SET_PTRACER,
})  # fmt: skip
"""Options without an address: the host's own."""
INT_OUT = frozenset({PR_GET_PDEATHSIG, PR_GET_CHILD_SUBREAPER})


def prctl(task: Task, option: int, a1: int, a2: int, a3: int, a4: int) -> int:
    """prctl(2)."""
    if option in AS_THEY_ARE:
        return task.host("prctl", option, a1, a2, a3, a4)
    if option in INT_OUT:
        return task.host("prctl", option, task.process.space.host(a1, 4), a2, a3, a4)
    own = OWN.get(option)
    if own is None:
        raise error(EINVAL)
    return own(task, a1, a2, a3, a4)


def set_name(task: Task, address: int, *_unused: int) -> int:
    """PR_SET_NAME: up to 15 bytes of a string that may be longer."""
    try:
        name = task.process.space.read_string(address, 16)
    except OSError as failure:
        if failure.errno != ENAMETOOLONG:
            raise
        name = task.process.space.read(address, 15)
    keep: list[object] = []
    return task.host("prctl", PR_SET_NAME, pointer(name.ljust(16, b"\0"), keep), 0, 0, 0)


def get_name(task: Task, address: int, *_unused: int) -> int:
    """PR_GET_NAME."""
    return task.host("prctl", PR_GET_NAME, task.process.space.host(address, 16), 0, 0, 0)


def get_seccomp(_task: Task, *_unused: int) -> int:
    """PR_GET_SECCOMP: a filter of the host's is about the emulator's calls."""
    return 0


def set_mm(task: Task, option: int, address: int, size: int, _unused: int) -> int:
    """PR_SET_MM."""
    from miniload.linux import set_mm as memory

    return memory.set_mm(task, option, address, size)


def set_vma(_task: Task, *_unused: int) -> int:
    """PR_SET_VMA: a name for an anonymous mapping, which maps shows only where the kernel is so configured."""
    return 0


def get_tid_address(task: Task, address: int, *_unused: int) -> int:
    """PR_GET_TID_ADDRESS."""
    task.process.space.write(address, pack("<Q", task.clear_tid))
    return 0


def set_tagged(task: Task, control: int, *others: int) -> int:
    """PR_SET_TAGGED_ADDR_CTRL: addresses with a tag cannot be had in system calls, as after `sysctl abi.tagged_addr_disabled=1`."""
    if not task.process.abi.has_tagged_addresses or control or any(others):
        raise error(EINVAL)
    return 0


def get_tagged(task: Task, *arguments: int) -> int:
    """PR_GET_TAGGED_ADDR_CTRL."""
    return set_tagged(task, *arguments)


def set_mdwe(task: Task, bits: int, *others: int) -> int:
    """PR_SET_MDWE, once and for all: memory that can be written will not be executed (prctl_set_mdwe())."""
    space = task.process.space
    if any(others) or bits & ~(MDWE_REFUSE_EXEC_GAIN | MDWE_NO_INHERIT) or bits == MDWE_NO_INHERIT:
        raise error(EINVAL)
    if space.deny_write_exec and space.deny_write_exec != bits:
        raise error(EPERM)
    space.deny_write_exec = bits
    return 0


def get_mdwe(task: Task, *arguments: int) -> int:
    """PR_GET_MDWE."""
    if any(arguments):
        raise error(EINVAL)
    return task.process.space.deny_write_exec


def get_auxv(task: Task, address: int, size: int, *others: int) -> int:
    """PR_GET_AUXV: the vector's size, however much of it there is room for."""
    if any(others):
        raise error(EINVAL)
    auxv = task.process.auxv
    task.process.space.write(address, auxv[:size])
    return len(auxv)


OWN: dict[int, Callable[..., int]] = {
    PR_SET_NAME: set_name, PR_GET_NAME: get_name, PR_GET_SECCOMP: get_seccomp, PR_SET_MM: set_mm, PR_SET_VMA: set_vma,
    PR_GET_TID_ADDRESS: get_tid_address, PR_SET_TAGGED_ADDR_CTRL: set_tagged, PR_GET_TAGGED_ADDR_CTRL: get_tagged, PR_SET_MDWE: set_mdwe,
    PR_GET_MDWE: get_mdwe, PR_GET_AUXV: get_auxv,
}  # fmt: skip
"""Options that are the emulator's to serve."""
