"""mmap and its like on the host, and limits. OSError as usual. The interpreter's lock is kept: none of these waits, but msync."""

from __future__ import annotations

import os

from miniload.ffi import CDLL, PyDLL, byref, c_int, c_int64, c_size_t, c_uint64, c_void_p, get_errno

_libc = PyDLL(None, use_errno=True)
_mmap = _libc.mmap64 if hasattr(_libc, "mmap64") else _libc.mmap
_munmap, _mprotect, _madvise, _mremap, _mincore = _libc.munmap, _libc.mprotect, _libc.madvise, _libc.mremap, _libc.mincore
_mmap.restype = _mremap.restype = c_void_p
_mmap.argtypes = (c_void_p, c_size_t, c_int, c_int, c_int, c_int64)
_munmap.argtypes = (c_void_p, c_size_t)
_mprotect.argtypes = _madvise.argtypes = (c_void_p, c_size_t, c_int)
_mremap.argtypes = (c_void_p, c_size_t, c_size_t, c_int, c_void_p)
_mincore.argtypes = (c_void_p, c_size_t, c_void_p)
FAILED = c_void_p(-1).value


def _raise() -> None:
    code = get_errno()
    raise OSError(code, os.strerror(code))


def mmap(address: int, size: int, protection: int, flags: int, fd: int = -1, offset: int = 0) -> int:
    """mmap(2)."""
    got: int | None = _mmap(address, size, protection, flags, fd, offset)
    if got == FAILED:
        _raise()
    return got or 0


def munmap(address: int, size: int) -> None:
    """munmap(2)."""
    if _munmap(address, size):
        _raise()


def mprotect(address: int, size: int, protection: int) -> None:
    """mprotect(2)."""
    if _mprotect(address, size, protection):
        _raise()


def madvise(address: int, size: int, advice: int) -> None:
    """madvise(2)."""
    if _madvise(address, size, advice):
        _raise()


def msync(address: int, size: int, flags: int) -> None:
    """msync(2)."""
    if CDLL(None, use_errno=True).msync(c_void_p(address), c_size_t(size), c_int(flags)):
        _raise()


def mincore(address: int, size: int, vector: int) -> None:
    """mincore(2)."""
    if _mincore(address, size, vector):
        _raise()


def mremap(address: int, old_size: int, new_size: int, flags: int, target: int = 0) -> int:
    """mremap(2)."""
    got: int | None = _mremap(address, old_size, new_size, flags, target)
    if got == FAILED:
        _raise()
    return got or 0


def host_limit(kind: int) -> tuple[int, int]:
    """getrlimit(2) of this process: soft and hard limit, 2**64 - 1 for none. Not by `resource`, which would have to be found and loaded."""
    values = (c_uint64 * 2)()
    if _libc.getrlimit(c_int(kind), byref(values)):
        _raise()
    return values[0], values[1]


def set_host_limit(kind: int, soft: int, hard: int) -> None:
    """setrlimit(2) of this process."""
    if _libc.setrlimit(c_int(kind), byref((c_uint64 * 2)(soft, hard))):
        _raise()
