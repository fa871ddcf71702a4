"""mmap and its like on the host, by ctypes, at addresses of ours. OSError as usual. The interpreter's lock is kept: none of these waits, but msync."""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.PyDLL(None, use_errno=True)
_mmap = _libc.mmap64 if hasattr(_libc, "mmap64") else _libc.mmap
_munmap, _mprotect, _madvise, _mremap, _mincore = _libc.munmap, _libc.mprotect, _libc.madvise, _libc.mremap, _libc.mincore
_msync = ctypes.CDLL(None, use_errno=True).msync
_mmap.restype = _mremap.restype = ctypes.c_void_p
_mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64)
_munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_mprotect.argtypes = _madvise.argtypes = _msync.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_mremap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p)
_mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
FAILED = ctypes.c_void_p(-1).value


def _raise() -> None:
    code = ctypes.get_errno()
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
    if _msync(address, size, flags):
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
