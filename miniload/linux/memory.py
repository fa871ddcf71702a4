"""System calls about memory (mm/mmap.c, mremap.c, mprotect.c, madvise.c, mincore.c, mlock.c, ipc/shm.c, process_vm_access.c)."""

from __future__ import annotations

import os
from errno import EBADF, EINVAL, ENOMEM, EPERM, ESRCH
from struct import iter_unpack, pack

from miniload.linux.dispatch import UIO_MAXIOV
from miniload.space import MAP_ANONYMOUS, MAP_FIXED, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE
from miniload.space.guest import PAGE, error, page_up
from miniload.space.vma import Vma

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC = 0o10000, 0o20000, 0o40000, 0o100000
IPC_STAT = 2


def mmap(task: Task, address: int, length: int, prot: int, flags: int, fd: int, offset: int) -> int:
    """mmap(2)."""
    if not flags & MAP_ANONYMOUS and task.process.is_reserved(fd):
        raise error(EBADF)
    return task.process.space.map(address, length, prot, flags & 0xFFFFFFFF, fd, offset)


def munmap(task: Task, address: int, length: int) -> int:
    """munmap(2)."""
    task.process.space.unmap(address, length)
    return 0


def mprotect(task: Task, address: int, length: int, prot: int) -> int:
    """mprotect(2)."""
    task.process.space.protect(address, length, prot & 0xFFFFFFFF)
    return 0


def pkey_mprotect(task: Task, address: int, length: int, prot: int, key: int) -> int:
    """pkey_mprotect(2): without protection keys only key -1 is one."""
    if key != -1:
        raise error(EINVAL)
    return mprotect(task, address, length, prot)


def mremap(task: Task, address: int, old: int, new: int, flags: int, target: int) -> int:
    """mremap(2)."""
    return task.process.space.remap(address, old, new, flags & 0xFFFFFFFF, target)


def brk(task: Task, address: int) -> int:
    """brk(2): never an error, the present end instead."""
    return task.process.space.set_brk(address)


def madvise(task: Task, address: int, length: int, advice: int) -> int:
    """madvise(2)."""
    task.process.space.advise(address, length, advice)
    return 0


def msync(task: Task, address: int, length: int, flags: int) -> int:
    """msync(2)."""
    task.process.space.sync(address, length, flags)
    return 0


def mincore(task: Task, address: int, length: int, vector: int) -> int:
    """mincore(2)."""
    space = task.process.space
    if address % PAGE:
        raise error(EINVAL)
    size = page_up(length)
    if address > space.end or size > space.end - address:
        raise error(ENOMEM)
    if not space.vmas.covered(address, address + size):
        raise error(ENOMEM)
    return task.host("mincore", space.base + address, size, space.host(vector, size // PAGE))


def mlock(task: Task, address: int, length: int, _flags: int = 0) -> int:
    """mlock(2), mlock2(2), munlock(2): taken note of; what is locked is the host's business."""
    space = task.process.space
    start, size = address & -PAGE, page_up(length + address % PAGE)
    if start > space.end or size > space.end - start or not space.vmas.covered(start, start + size):
        raise error(ENOMEM)
    return 0


def mlockall(_task: Task, flags: int) -> int:
    """mlockall(2)."""
    if not flags or flags & ~7 or flags == 4:
        raise error(EINVAL)
    return 0


def munlockall(_task: Task) -> int:
    """munlockall(2)."""
    return 0


def flush_icache(task: Task, start: int, end: int, flags: int) -> int:
    """riscv_flush_icache(2)."""
    if flags & ~1:
        raise error(EINVAL)
    space = task.process.space
    if start < end <= space.end:
        task.process.vcpu.invalidate(start, end - start)
    return 0


def shmat(task: Task, identifier: int, address: int, flags: int) -> int:
    """shmat(2): attached by the host inside the region."""
    space = task.process.space
    if address and address % PAGE:
        if not flags & SHM_RND:
            raise error(EINVAL)
        address &= -PAGE
    status = bytearray(112)
    import ctypes

    buffer = (ctypes.c_char * len(status)).from_buffer(status)
    task.host("shmctl", identifier, IPC_STAT, ctypes.addressof(buffer))
    size = page_up(int.from_bytes(status[48:56], "little"))
    if not address and flags & SHM_REMAP:
        raise error(EINVAL)
    protection = PROT_READ | (0 if flags & SHM_RDONLY else PROT_WRITE) | (PROT_EXEC if flags & SHM_EXEC else 0)
    if address and not flags & SHM_REMAP and space.vmas.within(address, address + size):
        raise error(EINVAL)
    kind = MAP_FIXED if address else 0
    place = space.map(address, size, 0, MAP_SHARED | MAP_ANONYMOUS | kind)
    try:
        task.host("shmat", identifier, space.base + place, flags & ~SHM_RND | SHM_REMAP)
    except OSError:
        space.unmap(place, size)
        raise
    space.vmas.add(Vma(place, place + size, protection, MAP_SHARED, b"/SYSV%08x (deleted)" % identifier, 0, 1, identifier | 1 << 40))
    space.vcpu.protect(place, size, protection)
    return place


def shmdt(task: Task, address: int) -> int:
    """shmdt(2)."""
    space = task.process.space
    vma = space.vmas.find(address)
    if vma is None or vma.start != address or not vma.file.startswith(b"/SYSV"):
        raise error(EINVAL)
    space.unmap(vma.start, vma.end - vma.start)
    return 0


def _vectors(task: Task, address: int, count: int) -> list[tuple[int, int]]:
    if count > UIO_MAXIOV:
        raise error(EINVAL)
    return [(base, size) for base, size in iter_unpack("<QQ", task.process.space.read(address, 16 * count))]


def _transfer(task: Task, name: str, pid: int, local: int, locals_: int, remote: int, remotes: int, flags: int) -> int:
    """Between the guest and itself: both sides are in the region. Of other processes the emulator must not tell."""
    if flags:
        raise error(EINVAL)
    if pid != os.getpid():
        raise error(EPERM if _exists(pid) else ESRCH)
    space = task.process.space
    sides = []
    for address, count in ((local, locals_), (remote, remotes)):
        pairs = [(space.host(base, size) if size else 0, size) for base, size in _vectors(task, address, count)]
        sides.append(pack(f"<{2 * len(pairs)}Q", *(word for pair in pairs for word in pair)) or b"\0")
    import ctypes

    buffers = [ctypes.create_string_buffer(side, len(side)) for side in sides]
    return task.host(name, pid, ctypes.addressof(buffers[0]), locals_, ctypes.addressof(buffers[1]), remotes, 0)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def process_vm_readv(task: Task, pid: int, local: int, local_count: int, remote: int, remote_count: int, flags: int) -> int:
    """process_vm_readv(2)."""
    return _transfer(task, "process_vm_readv", pid, local, local_count, remote, remote_count, flags)


def process_vm_writev(task: Task, pid: int, local: int, local_count: int, remote: int, remote_count: int, flags: int) -> int:
    """process_vm_writev(2)."""
    return _transfer(task, "process_vm_writev", pid, local, local_count, remote, remote_count, flags)
