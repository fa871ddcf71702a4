"""System calls that make, change and end processes (kernel/fork.c, exit.c, fs/exec.c)."""

from __future__ import annotations

import os
from errno import E2BIG, EFAULT, EINVAL, ENAMETOOLONG, ENOSYS, ESRCH
from struct import unpack

from miniload.linux import threads
from miniload.linux.loop import Exited
from miniload.linux.threads import CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_PARENT_SETTID, CLONE_THREAD, CLONE_VFORK, CLONE_VM
from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

MAX_ARGUMENTS, MAX_ARG_STRLEN = 1 << 20, 131072


def exit(task: Task, status: int) -> int:
    """exit(2): of the last thread, it ends the process."""
    if len(task.process.tasks) > 1:
        raise threads.Ended
    raise Exited(status & 0xFF)


def exit_group(task: Task, status: int) -> int:
    """exit_group(2)."""
    raise Exited(status & 0xFF)


def gettid(task: Task) -> int:
    """gettid(2)."""
    return task.tid


def set_tid_address(task: Task, address: int) -> int:
    """set_tid_address(2)."""
    task.clear_tid = address
    return task.tid


def set_robust_list(task: Task, head: int, size: int) -> int:
    """set_robust_list(2)."""
    if size != 24:
        raise error(EINVAL)
    task.keep_robust_list(head)
    return 0


def get_robust_list(task: Task, pid: int, head: int, size: int) -> int:
    """get_robust_list(2)."""
    process = task.process
    asked = process.tasks.get(pid) if pid else task
    if asked is None:
        raise error(ESRCH)
    process.space.write(size, (24).to_bytes(8, "little"))
    process.space.write(head, asked.robust_list.to_bytes(8, "little"))
    return 0


def clone(task: Task, flags: int, stack: int, a2: int, a3: int, a4: int) -> int:
    """clone(2)."""
    if task.process.abi.clone_tls_first:
        parent_tid, tls, child_tid = a2, a3, a4
    else:
        parent_tid, child_tid, tls = a2, a3, a4
    return spawn(task, flags, stack, parent_tid, child_tid, tls)


def clone3(_task: Task, _arguments: int, _size: int) -> int:
    """clone3(2): both libcs fall back to clone."""
    raise error(ENOSYS)


def fork(task: Task) -> int:
    """fork(2)."""
    return spawn(task, 17, 0, 0, 0, 0)


def vfork(task: Task) -> int:
    """vfork(2)."""
    return spawn(task, 17 | CLONE_VM | CLONE_VFORK, 0, 0, 0, 0)


def spawn(task: Task, flags: int, stack: int, parent_tid: int, child_tid: int, tls: int) -> int:
    """A new process (kernel_clone())."""
    process = task.process
    if flags & CLONE_THREAD:
        return threads.start(task, flags, stack, parent_tid, child_tid, tls)
    ends = os.pipe2(os.O_CLOEXEC) if flags & CLONE_VFORK and flags & CLONE_VM else None
    try:
        pid = os.fork()
    except OSError:
        for fd in ends or ():
            os.close(fd)
        raise
    if pid:
        if ends:
            os.close(ends[1])
            from miniload.linux import borrow

            borrow.wait_for_child(task, ends[0])
        if flags & CLONE_PARENT_SETTID:
            process.space.write(parent_tid, pid.to_bytes(4, "little"))
        return pid
    process.after_fork(task, shared=bool(flags & CLONE_VM))
    if ends:
        os.close(ends[0])
        from miniload.linux import borrow

        process.borrowed = borrow.Borrowed(process, ends[1])
    if flags & CLONE_CHILD_SETTID:
        process.space.write(child_tid, task.tid.to_bytes(4, "little"))
    task.clear_tid = child_tid if flags & CLONE_CHILD_CLEARTID else 0
    process.vcpu.write_registers(threads.cloned_registers(process, flags, stack, tls))
    return 0


def unshare(task: Task, flags: int) -> int:
    """unshare(2)."""
    return task.host("unshare", flags)


def _strings(task: Task, address: int) -> list[bytes]:
    """A NULL-terminated array of strings."""
    space = task.process.space
    found: list[bytes] = []
    if not address:
        return []
    while True:
        pointer = unpack("<Q", space.read(address, 8))[0]
        if not pointer:
            return found
        try:
            found.append(space.read_string(pointer, MAX_ARG_STRLEN))
        except OSError as failure:
            raise error(E2BIG if failure.errno == ENAMETOOLONG else EFAULT) from None
        if len(found) > MAX_ARGUMENTS:
            raise error(E2BIG)
        address += 8


def execve(task: Task, path: int, argv: int, envp: int) -> int | None:
    """execve(2)."""
    from miniload.linux.exec import exec_in_place

    name = task.process.space.read_string(path)
    return exec_in_place(task, name, _strings(task, argv), _strings(task, envp))


def execveat(task: Task, dirfd: int, path: int, argv: int, envp: int, flags: int) -> int | None:
    """execveat(2)."""
    from miniload.linux.exec import exec_in_place

    name = task.process.space.read_string(path)
    if not name.startswith(b"/") and dirfd != -100:
        os.fstat(task.process.checked(dirfd))  # EBADF
        if name:
            name = b"/proc/self/fd/%d/%s" % (dirfd, name)
        elif flags & 0x1000:
            name = b"/dev/fd/%d" % dirfd
    return exec_in_place(task, name, _strings(task, argv), _strings(task, envp))
