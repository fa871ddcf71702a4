"""System calls about memory (mm/mmap.c, mremap.c, mprotect.c, madvise.c, mincore.c, mlock.c, ipc/shm.c, process_vm_access.c)."""

from __future__ import annotations

import os
from errno import EBADF, EINVAL, EPERM, ESRCH
from struct import iter_unpack, pack, unpack_from

from miniload.linux.dispatch import UIO_MAXIOV, pointer
from miniload.space import MAP_ANONYMOUS, MAP_FIXED, MAP_SHARED, PAGE, PROT_EXEC, PROT_READ, PROT_WRITE, error, page_up
from miniload.space.vma import Vma

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC = 0o10000, 0o20000, 0o40000, 0o100000
IPC_STAT = 2
SHMID_DS_SIZE = 112
MLOCK_ONFAULT = 1
READ_IMPLIES_EXEC = 0x0400000
"""personality(2)."""


def mmap(task: Task, address: int, length: int, prot: int, flags: int, fd: int, offset: int) -> int:
    """mmap(2)."""
    process = task.process
    if not flags & MAP_ANONYMOUS and process.is_reserved(fd):
        raise error(EBADF)
    return process.space.map(address, length, _readable_as_code(task, prot), flags & 0xFFFFFFFF, fd, offset)


def _readable_as_code(task: Task, prot: int) -> int:
    return prot | PROT_EXEC if prot & PROT_READ and task.process.persona & READ_IMPLIES_EXEC else prot


def munmap(task: Task, address: int, length: int) -> int:
    """munmap(2)."""
    task.process.space.unmap(address, length)
    return 0


def mprotect(task: Task, address: int, length: int, prot: int) -> int:
    """mprotect(2)."""
    task.process.space.protect(address, length, _readable_as_code(task, prot) & 0xFFFFFFFF)
    return 0


def pkey_mprotect(task: Task, address: int, length: int, prot: int, key: int) -> int:
    """pkey_mprotect(2): without protection keys only key -1 is one."""
    if key != -1:
        raise error(EINVAL)
    return mprotect(task, address, length, prot)


def mremap(task: Task, address: int, old: int, new: int, flags: int, target: int) -> int:
    """mremap(2)."""
    from miniload.space.remap import remap

    return remap(task.process.space, address, old, new, flags & 0xFFFFFFFF, target)


def brk(task: Task, address: int) -> int:
    """brk(2): never an error, the present end instead."""
    return task.process.space.set_brk(address)


def madvise(task: Task, address: int, length: int, advice: int) -> int:
    """madvise(2)."""
    from miniload.space.advise import advise

    advise(task.process.space, address, length, advice)
    return 0


def msync(task: Task, address: int, length: int, flags: int) -> int:
    """msync(2)."""
    from miniload.space.advise import sync

    sync(task.process.space, address, length, flags)
    return 0


def mincore(task: Task, address: int, length: int, vector: int) -> int:
    """mincore(2)."""
    from miniload.space.advise import in_core

    in_core(task.process.space, address, length, vector)
    return 0


def mlock(task: Task, address: int, length: int, flags: int = 0) -> int:
    """mlock(2), mlock2(2)."""
    from miniload.space.lock import lock

    if flags & ~MLOCK_ONFAULT:
        raise error(EINVAL)
    lock(task.process.space, address, length, on=True, now=not flags)
    return 0


def munlock(task: Task, address: int, length: int) -> int:
    """munlock(2)."""
    from miniload.space.lock import lock

    lock(task.process.space, address, length, on=False)
    return 0


def mlockall(task: Task, flags: int) -> int:
    """mlockall(2)."""
    from miniload.space.lock import lock_all

    lock_all(task.process.space, flags)
    return 0


def munlockall(task: Task) -> int:
    """munlockall(2)."""
    from miniload.space.lock import unlock_all

    unlock_all(task.process.space)
    return 0


def flush_icache(task: Task, start: int, end: int, flags: int) -> int:
    """riscv_flush_icache(2)."""
    if flags & ~1:
        raise error(EINVAL)
    space = task.process.space
    if start < end <= space.end:
        task.process.vcpu.invalidate(start, end - start)
    return 0


def segment(task: Task, identifier: int) -> tuple[int, int]:
    """Key and bytes of a System V segment, from the host's struct shmid64_ds (x86-64)."""
    keep: list[object] = []
    place = pointer(bytes(SHMID_DS_SIZE), keep)
    task.host("shmctl", identifier, IPC_STAT, place)
    status = bytes(keep[0])  # type: ignore[call-overload]
    return unpack_from("<I", status)[0], unpack_from("<Q", status, 48)[0]


def shmat(task: Task, identifier: int, address: int, flags: int) -> int:
    """shmat(2): attached by the host inside the region."""
    space = task.process.space
    rounded = address & -PAGE if flags & SHM_RND else address
    if rounded % PAGE or (flags & SHM_REMAP and not rounded):
        raise error(EINVAL)
    key, bytes_long = segment(task, identifier)
    size = page_up(bytes_long)
    protection = PROT_READ | (0 if flags & SHM_RDONLY else PROT_WRITE) | (PROT_EXEC if flags & SHM_EXEC else 0)
    if address and not flags & SHM_REMAP and space.vmas.within(rounded, rounded + size):
        raise error(EINVAL)
    place = space.place(rounded, size, MAP_FIXED if address else 0)
    vma = Vma(place, place + size, protection, MAP_SHARED, b"/SYSV%08x (deleted)" % key, 0, 1, identifier or 1 << 32)
    space.check_exec_gain(protection, protection)
    space.check_limits(size, vma)
    try:
        task.host("shmat", identifier, space.base + place, flags & (SHM_RDONLY) | SHM_REMAP)
    except OSError:
        space.mend(place, place + size)
        raise
    space.vmas.add(vma)
    space.access.set(place, place + size, space.access_of(vma))
    space.note_sharing(vma)
    return place


def shmdt(task: Task, address: int) -> int:
    """shmdt(2): what is left of the attachment that began at `address`."""
    space, identifier = task.process.space, 0
    for vma in list(space.vmas):
        attached = vma.file.startswith(b"/SYSV") and vma.device == 1 and vma.start >= address and vma.offset == vma.start - address
        if attached and identifier in (0, vma.inode):
            identifier = vma.inode
            space.discard(vma.start, vma.end)
    if not identifier:
        raise error(EINVAL)
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
    keep: list[object] = []
    return task.host(name, pid, pointer(sides[0], keep), locals_, pointer(sides[1], keep), remotes, 0)


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
