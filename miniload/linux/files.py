"""System calls that open, name and close files: those for which the host's own call is not enough."""

from __future__ import annotations

import os
from errno import E2BIG, EACCES, EINVAL, ENOTDIR
from fcntl import fcntl as fcntl_
from struct import pack, unpack

from miniload.linux import procfs
from miniload.linux.dispatch import pointer
from miniload.linux.paths import O_PATH, RESOLVE_IN_ROOT
from miniload.space import PAGE, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.process import Process
    from miniload.linux.task import Task

AT_FDCWD, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH = -100, 0x100, 0x1000
O_ACCMODE, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC = 3, 1, 2, 0o100, 0o200, 0o1000
RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH = 2, 4, 8
HOW_SIZE = 24
"""sizeof(struct open_how), as all of them have had so far."""
HOST_NAMES = ("O_DIRECTORY", "O_NOFOLLOW", "O_DIRECT", "O_LARGEFILE")
F_DUPFD, F_GETFL, F_SETFL, F_SETOWN, F_GETOWN, F_DUPFD_CLOEXEC = 0, 3, 4, 8, 9, 1030
F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 5, 6, 7, 36, 37, 38
F_SETOWN_EX, F_GETOWN_EX, F_GET_RW_HINT, F_SET_FILE_RW_HINT = 15, 16, 1035, 1038
POINTER_COMMANDS = {
    **dict.fromkeys((F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW), 32),
    F_SETOWN_EX: 8,
    F_GETOWN_EX: 8,
    **dict.fromkeys(range(F_GET_RW_HINT, F_SET_FILE_RW_HINT + 1), 8),
}
"""fcntl commands whose argument is an address, and the bytes there."""


def to_host(process: Process, flags: int) -> int:
    """O_* flags of the guest in the host's numbers."""
    return _convert(flags, process.abi.open_flags, process.host_abi.open_flags)


def to_guest(process: Process, flags: int) -> int:
    """And back."""
    return _convert(flags, process.host_abi.open_flags, process.abi.open_flags)


def _convert(flags: int, source: dict[str, int], target: dict[str, int]) -> int:
    if source == target:
        return flags
    result = flags
    for name in HOST_NAMES:
        result &= ~source[name]
    for name in HOST_NAMES:
        if flags & source[name]:
            result |= target[name]
    return result


def openat(task: Task, dirfd: int, path: int, flags: int, mode: int) -> int:
    """openat(2)."""
    process = task.process
    return open_at(task, dirfd, process.space.read_string(path), to_host(process, flags), mode)


def open_at(task: Task, dirfd: int, name: bytes, flags: int, mode: int) -> int:
    """Opens with the host's flags: one of the views of /proc, or a file of the sysroot or the host."""
    process = task.process
    place = None
    if b"proc" in name or dirfd >= 0 or name[:1] != b"/":
        text = procfs.content(process, dirfd, name)
        if text is not None:
            return open_view(task, text, flags)
        if procfs.own_entry(process, dirfd, name) == b"mem":
            raise error(EACCES)  # it would show, and let change, the emulator
        if not flags & os.O_NOFOLLOW:
            place = procfs.target(process, dirfd, name)
    if place is None:
        place = process.paths.host(name, not flags & os.O_NOFOLLOW)
    keep: list[object] = []
    return refuse_memory(task.host("openat", process.checked(dirfd), pointer(place + b"\0", keep), flags, mode))


def refuse_memory(fd: int) -> int:
    """The descriptor, unless it is /proc/PID/mem by whatever name: that of the emulator, or of another one. EACCES."""
    if os.fstat(fd).st_dev == proc_device() and os.readlink(b"/proc/self/fd/%d" % fd).endswith(b"/mem"):
        os.close(fd)
        raise error(EACCES)
    return fd


def proc_device() -> int:
    """The device of /proc, asked for once."""
    if not _proc:
        try:
            _proc.append(os.stat(b"/proc").st_dev)
        except OSError:
            _proc.append(-1)
    return _proc[0]


_proc: list[int] = []


def open_view(task: Task, text: bytes, flags: int) -> int:
    """A descriptor that reads as `text`."""
    if flags & O_ACCMODE != os.O_RDONLY:
        raise error(EACCES)
    if flags & os.O_DIRECTORY:
        raise error(ENOTDIR)
    fd = os.memfd_create("proc", os.MFD_CLOEXEC)
    try:
        write_all(fd, text)
        os.lseek(fd, 0, os.SEEK_SET)
        # Open it once more: as a descriptor that can be had for reading only, and in the lowest number.
        again = os.open(b"/proc/self/fd/%d" % fd, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(fd)
    lowest = os.dup(again)
    if lowest < again:
        os.close(again)
    else:
        os.close(lowest)
        lowest = again
    os.set_inheritable(lowest, not flags & os.O_CLOEXEC)
    return lowest


def write_all(fd: int, data: bytes) -> None:
    """All of it, however little the host takes at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def open(task: Task, path: int, flags: int, mode: int) -> int:
    """open(2)."""
    return openat(task, AT_FDCWD, path, flags, mode)


def creat(task: Task, path: int, mode: int) -> int:
    """creat(2)."""
    return openat(task, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode)


def openat2(task: Task, dirfd: int, path: int, how: int, size: int) -> int:
    """openat2(2). The host's own checks flags and walks the path; what it has opened is looked at then, since the walk may have been any."""
    process = task.process
    if size < HOW_SIZE:
        raise error(EINVAL)
    if size > PAGE:
        raise error(E2BIG)
    given = process.space.read(how, size)
    if any(given[HOW_SIZE:]):
        raise error(E2BIG)
    flags, mode, resolve = unpack("<QQQ", given[:HOW_SIZE])
    flags = to_host(process, flags)
    fd = walk(task, dirfd, process.space.read_string(path), flags, mode, resolve)
    text = view_of(process, refuse_memory(fd))
    if text is None:
        return fd
    os.close(fd)
    return open_view(task, text, flags)


def walk(task: Task, dirfd: int, name: bytes, flags: int, mode: int, resolve: int) -> int:
    """The host's openat2 for a path of the guest's. In the sysroot it begins there, which is the root of that walk."""
    process = task.process
    keep: list[object] = []
    dirfd, root = process.checked(dirfd), -1
    if not resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT):
        follow = not (flags & os.O_NOFOLLOW or resolve & (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS))
        place = procfs.target(process, dirfd, name) if follow else None
        if place is None and resolve and process.paths.is_inside(name):
            dirfd = root = process.keep(process.paths.open_root())
            resolve |= RESOLVE_IN_ROOT
        else:
            name = place or process.paths.host(name, not flags & os.O_NOFOLLOW)
    how = pack("<QQQ", flags, mode, resolve)
    try:
        return task.host("openat2", dirfd, pointer(name + b"\0", keep), pointer(how, keep), HOW_SIZE)
    finally:
        if root >= 0:
            os.close(root)


def view_of(process: Process, fd: int) -> bytes | None:
    """What the guest has to see of a file of /proc that has been opened, None if it is the host's own; a descriptor of the name alone stays one."""
    if os.fstat(fd).st_dev != proc_device() or fcntl_(fd, F_GETFL) & O_PATH:
        return None
    return procfs.content(process, AT_FDCWD, os.readlink(b"/proc/self/fd/%d" % fd))


def dup2(task: Task, old: int, new: int) -> int:
    """dup2(2)."""
    process = task.process
    return task.host("dup2", process.checked(old), process.checked(new)) if "dup2" in process.host_numbers else _dup2(task, old, new)


def _dup2(task: Task, old: int, new: int) -> int:
    if old == new:
        os.fstat(old)
        return new
    return dup3(task, old, new, 0)


def dup3(task: Task, old: int, new: int, flags: int) -> int:
    """dup3(2)."""
    return task.host("dup3", task.process.checked(old), task.process.checked(new), flags)


def pipe2(task: Task, fds: int, flags: int) -> int:
    """pipe2(2): O_DIRECT, packet mode, differs between architectures."""
    process = task.process
    return task.host("pipe2", process.space.host(fds, 8), to_host(process, flags))


def close_range(task: Task, first: int, last: int, flags: int) -> int:
    """close_range(2), around the emulator's own descriptors."""
    if first > last:
        raise error(EINVAL)
    low, high = task.process.reserved
    if low <= high and first <= high and last >= low:
        if first < low:
            task.host("close_range", first, low - 1, flags)
        if last > high:
            task.host("close_range", high + 1, last, flags)
        return 0
    return task.host("close_range", first, last, flags)


def ftruncate(task: Task, fd: int, length: int) -> int:
    """ftruncate(2): pages of a mapping of that file may be gone afterwards, which the vCPU has to find out anew."""
    got = task.host("ftruncate", task.process.checked(fd), length)
    forget_pages(task.process, os.fstat(fd))
    return got


def truncate(task: Task, path: int, length: int) -> int:
    """truncate(2)."""
    place = task.process.paths.host(task.process.space.read_string(path))
    keep: list[object] = []
    got = task.host("truncate", pointer(place + b"\0", keep), length)
    forget_pages(task.process, os.stat(place))
    return got


def forget_pages(process: Process, status: os.stat_result) -> None:
    """Has the pages of a file that is mapped looked for once more."""
    if any(vma.inode == status.st_ino and vma.device == status.st_dev for vma in process.space.vmas):
        process.vcpu.flush()


def fcntl(task: Task, fd: int, command: int, argument: int) -> int:
    """fcntl(2)."""
    process = task.process
    fd = process.checked(fd)
    if command == F_SETFL:
        return task.host("fcntl", fd, command, to_host(process, argument))
    if command == F_GETFL:
        return to_guest(process, task.host("fcntl", fd, command, 0))
    if command in POINTER_COMMANDS:
        argument = process.space.host(argument, POINTER_COMMANDS[command])
    return task.host("fcntl", fd, command, argument)


def faccessat(task: Task, dirfd: int, path: int, mode: int) -> int:
    """faccessat(2)."""
    return _access(task, "faccessat", dirfd, path, mode)


def faccessat2(task: Task, dirfd: int, path: int, mode: int, flags: int) -> int:
    """faccessat2(2)."""
    return _access(task, "faccessat2", dirfd, path, mode, flags)


def _access(task: Task, name: str, dirfd: int, path: int, mode: int, flags: int = 0) -> int:
    process = task.process
    text = b"" if not path and flags & AT_EMPTY_PATH else process.space.read_string(path)
    follow = not flags & AT_SYMLINK_NOFOLLOW
    place = procfs.target(process, dirfd, text) if follow and text else None
    keep: list[object] = []
    where = pointer((place or process.paths.host(text, follow)) + b"\0", keep)
    return task.host(name, process.checked(dirfd), where, mode, flags)


def readlink(task: Task, path: int, buffer: int, size: int) -> int:
    """readlink(2)."""
    return readlinkat(task, AT_FDCWD, path, buffer, size)


def readlinkat(task: Task, dirfd: int, path: int, buffer: int, size: int) -> int:
    """readlinkat(2): /proc/self/exe is the guest's program."""
    process = task.process
    if size <= 0:
        raise error(EINVAL)
    name = process.space.read_string(path)
    exe = procfs.target(process, dirfd, name) if name else None
    if exe is not None:
        process.space.write(buffer, exe[:size])
        return len(exe[:size])
    keep: list[object] = []
    where = pointer(process.paths.host(name, follow=False) + b"\0", keep)
    return task.host("readlinkat", process.checked(dirfd), where, process.space.host(buffer, size), size)
