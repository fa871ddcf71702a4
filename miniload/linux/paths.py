"""Where the guest's paths lead on the host: absolute ones to the sysroot first, as qemu-user's -L does."""

from __future__ import annotations

import os
from errno import ELOOP, ENOSYS, EPERM
from struct import pack

from miniload.ffi import CDLL, get_errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.process import Process

AT_FDCWD = -100
O_PATH, O_CLOEXEC, O_NOFOLLOW = 0o10000000, 0o2000000, os.O_NOFOLLOW
RESOLVE_IN_ROOT = 0x10
SYS_openat2 = 437
"""The same number on every architecture, as all since Linux 5.1."""
HOST_TREES = (b"/proc", b"/dev", b"/sys")
"""Never looked for in the sysroot: what lies there is the kernel's, and a sysroot has at most an empty directory in its place."""


class Paths:
    """Looks paths up. `sysroot` is a directory's absolute path without a slash at its end, or b"" for none."""

    def __init__(self, sysroot: bytes) -> None:
        # One that is not there is none, as to qemu-user: the variable may be set for everybody.
        self.sysroot = os.path.realpath(sysroot).rstrip(b"/") if sysroot and os.path.isdir(sysroot) else b""
        self._openat2 = True
        self._syscall = CDLL(None, use_errno=True).syscall if self.sysroot else None

    def host(self, path: bytes, follow: bool = True) -> bytes:
        """The host's path for a guest's: in the sysroot if something is there, else as it is. Symbolic links in the sysroot, absolute ones
        included, stay in it."""
        found = self._find(path, follow) if self._is_looked_for(path) else None
        return path if found is None else found

    def is_inside(self, path: bytes) -> bool:
        """Whether something is there in the sysroot, perhaps a link that leads nowhere."""
        return self._is_looked_for(path) and self._find(path, follow=False) is not None

    def open_root(self) -> int:
        """A descriptor of the sysroot."""
        return os.open(self.sysroot, O_PATH | O_CLOEXEC)

    def _is_looked_for(self, path: bytes) -> bool:
        if not self.sysroot or not path.startswith(b"/") or path.startswith(self.sysroot):
            return False
        return not any(path.startswith(tree) and path[len(tree) : len(tree) + 1] in (b"", b"/") for tree in HOST_TREES)

    def _find(self, path: bytes, follow: bool) -> bytes | None:
        if self._openat2:
            how = pack("<QQQ", O_PATH | O_CLOEXEC | (0 if follow else O_NOFOLLOW), 0, RESOLVE_IN_ROOT)
            root = self.open_root()
            assert self._syscall is not None
            try:
                fd = self._syscall(SYS_openat2, root, path, how, len(how))
                code = get_errno() if fd < 0 else 0
            finally:
                os.close(root)
            if fd >= 0:
                try:
                    found = os.readlink(b"/proc/self/fd/%d" % fd)
                finally:
                    os.close(fd)
                # A trailing slash asks for a directory, and says so to whoever opens the result.
                return found + b"/" if path.endswith(b"/") and not found.endswith(b"/") else found
            if code not in (ENOSYS, EPERM):
                return self.sysroot + path if code == ELOOP else None
            self._openat2 = False
        candidate = self.sysroot + path
        exists = os.path.exists(candidate) if follow else os.path.lexists(candidate)
        return candidate if exists else None


def absolute(process: Process, dirfd: int, path: bytes) -> bytes:
    """The guest's absolute path that (dirfd, path) names, not followed; for finding out whether it is one of the views of /proc."""
    if path.startswith(b"/"):
        return os.path.normpath(path)
    try:
        start = os.getcwdb() if dirfd == AT_FDCWD else os.readlink(b"/proc/self/fd/%d" % dirfd)
    except OSError:
        return path
    return os.path.normpath(os.path.join(start, path))
