"""stat and its like: the host's answer in the architecture's struct."""

from __future__ import annotations

import os
from errno import EINVAL, ENOENT

from miniload.linux import procfs
from miniload.linux.dispatch import pointer
from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

AT_FDCWD, AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT, AT_EMPTY_PATH = -100, 0x100, 0x800, 0x1000


def _store(task: Task, address: int, status: os.stat_result) -> int:
    task.process.space.write(address, task.process.abi.pack_stat(status))
    return 0


def _status(task: Task, dirfd: int, path: bytes, follow: bool) -> os.stat_result:
    place = procfs.target(task.process, dirfd, path) if follow else None
    if place is not None:
        return os.stat(place)
    return os.stat(task.process.paths.host(path, follow), dir_fd=None if dirfd == AT_FDCWD or path.startswith(b"/") else dirfd, follow_symlinks=follow)


def fstat(task: Task, fd: int, status: int) -> int:
    """fstat(2)."""
    return _store(task, status, os.fstat(-1 if task.process.is_reserved(fd) else fd))


def stat(task: Task, path: int, status: int) -> int:
    """stat(2)."""
    return newfstatat(task, AT_FDCWD, path, status, 0)


def lstat(task: Task, path: int, status: int) -> int:
    """lstat(2)."""
    return newfstatat(task, AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW)


def newfstatat(task: Task, dirfd: int, path: int, status: int, flags: int) -> int:
    """fstatat(2). A null path with AT_EMPTY_PATH is an empty one since Linux 6.11."""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH):
        raise error(EINVAL)
    name = b"" if not path and flags & AT_EMPTY_PATH else task.process.space.read_string(path)
    if not name:
        if not flags & AT_EMPTY_PATH:
            raise error(ENOENT)
        return _store(task, status, os.stat(b".")) if dirfd == AT_FDCWD else fstat(task, dirfd, status)
    return _store(task, status, _status(task, dirfd, name, not flags & AT_SYMLINK_NOFOLLOW))


def statx(task: Task, dirfd: int, path: int, flags: int, mask: int, status: int) -> int:
    """statx(2), whose struct is the same everywhere."""
    space, keep = task.process.space, []  # type: ignore[var-annotated]
    name = b"" if not path and flags & AT_EMPTY_PATH else space.read_string(path)
    follow = not flags & AT_SYMLINK_NOFOLLOW
    place = procfs.target(task.process, dirfd, name) if name and follow else None
    if place is None:
        place = task.process.paths.host(name, follow)
    if task.process.is_reserved(dirfd):
        dirfd = -1
    return task.host("statx", dirfd, pointer(place + b"\0", keep), flags, mask, space.host(status, 256))
