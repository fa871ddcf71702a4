"""System calls about the machine, limits and the process's attributes."""

from __future__ import annotations

import os
from errno import EFAULT, EINVAL, ENOSYS, EPERM
from struct import pack, unpack

from miniload.linux.dispatch import pointer
from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

ADDR_NO_RANDOMIZE = 0x0040000
ARCH_SET_GS, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS = 0x1001, 0x1002, 0x1003, 0x1004
MEMBARRIER_QUERY = 0
UTS_FIELD = 65


def uname(task: Task, name: int) -> int:
    """uname(2): the host's, but for the machine, and the release if -r says so."""
    host = os.uname()
    domain = domain_name()
    release = task.process.options.uname_release or host.release
    fields = [os.fsencode(field) for field in (host.sysname, host.nodename, release, host.version, task.process.abi.machine)]
    task.process.space.write(name, b"".join(field[: UTS_FIELD - 1].ljust(UTS_FIELD, b"\0") for field in (*fields, domain)))
    return 0


def domain_name() -> bytes:
    """The NIS domain, which os.uname() does not tell."""
    try:
        fd = os.open("/proc/sys/kernel/domainname", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b"(none)"
    try:
        return os.read(fd, UTS_FIELD).strip()
    finally:
        os.close(fd)


def getrlimit(task: Task, resource: int, limit: int) -> int:
    """getrlimit(2)."""
    return prlimit64(task, 0, resource, 0, limit)


def setrlimit(task: Task, resource: int, limit: int) -> int:
    """setrlimit(2)."""
    if not limit:
        raise error(EFAULT)
    return prlimit64(task, 0, resource, limit, 0)


def prlimit64(task: Task, pid: int, resource: int, new: int, old: int) -> int:
    """prlimit(2): of limits on memory the guest's own are kept here, since the host's would be the emulator's."""
    space, keep = task.process.space, []  # type: ignore[var-annotated]
    own = pid in (0, os.getpid())
    limits = task.process.limits
    if own and resource in limits.KEPT:
        before = limits.get(resource)
        if new:
            soft, hard = unpack("<QQ", space.read(new, 16))
            limits.set(resource, soft, hard)
            limits.apply(space)
        if old:
            space.write(old, pack("<QQ", *before))
        return 0
    value = pointer(space.read(new, 16), keep) if new else 0
    return task.host("prlimit64", pid, resource, value, space.host(old, 16))


def sched_getaffinity(task: Task, pid: int, size: int, mask: int) -> int:
    """sched_getaffinity(2): EINVAL unless the mask has room for the machine's CPUs, in words."""
    if size % 8:
        raise error(EINVAL)
    return task.host("sched_getaffinity", pid, min(size, 1 << 16), task.process.space.host(mask, size))


def membarrier(_task: Task, command: int, _flags: int, _cpu: int) -> int:
    """membarrier(2): guest threads take turns on one CPU, so every barrier is there already."""
    if command == MEMBARRIER_QUERY:
        return 0x1FF
    if command & ~0x1FF or command & command - 1:
        raise error(EINVAL)
    return 0


def personality(task: Task, persona: int) -> int:
    """personality(2)."""
    process = task.process
    before = process.persona
    persona &= 0xFFFFFFFF
    if persona != 0xFFFFFFFF:
        process.persona = persona
        process.options.aslr = not persona & ADDR_NO_RANDOMIZE
    return before


def arch_prctl(task: Task, option: int, address: int) -> int:
    """arch_prctl(2) of x86-64."""
    vcpu = task.process.vcpu
    register = {ARCH_SET_FS: "fs_base", ARCH_GET_FS: "fs_base", ARCH_SET_GS: "gs_base", ARCH_GET_GS: "gs_base"}.get(option)
    if register is None:
        raise error(EINVAL)
    if option in (ARCH_SET_FS, ARCH_SET_GS):
        if address >= task.process.space.end:
            raise error(EPERM)
        vcpu.write_registers({register: address})
    else:
        task.process.space.write(address, pack("<Q", vcpu.read_registers((register,))[0]))
    return 0


def riscv_hwprobe(_task: Task, _pairs: int, _count: int, _set_size: int, _cpus: int, _flags: int) -> int:
    """riscv_hwprobe(2), which Linux has since 6.4: programs fall back to AT_HWCAP."""
    raise error(ENOSYS)
