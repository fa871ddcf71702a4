"""This process's own memory as an address space. Bad addresses raise EFAULT: bytes are copied by the kernel, never by a load or store of ours."""

from __future__ import annotations

import ctypes
import os
from errno import EFAULT, EINVAL, ENOMEM

from miniload.space import MAP_FIXED, MAP_FIXED_NOREPLACE, error, hostmap

_libc = ctypes.PyDLL(None, use_errno=True)
TOP = 1 << 64
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class _Piece(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_uint64), ("size", ctypes.c_size_t))


class NativeSpace:
    """An AddressSpace: mappings are the kernel's, at addresses that it chooses. Unmapping or replacing what is the interpreter's own ends it, as in C."""

    maps_files = True
    """Whether a mapping of a file keeps its inode from being another file's."""

    def __init__(self) -> None:
        self.page_size = os.sysconf("SC_PAGE_SIZE")

    def map(self, address: int, size: int, protection: int, flags: int, fd: int = -1, offset: int = 0) -> int:
        """mmap(2)."""
        fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)
        if not 0 <= address < TOP or not 0 <= size < TOP:
            raise error(ENOMEM)
        got = hostmap.mmap(address, size, protection, flags, fd, offset)
        if fixed and got != address:  # Linux before 4.17 takes MAP_FIXED_NOREPLACE for a hint
            hostmap.munmap(got, size)
            from errno import EEXIST

            raise error(EEXIST)
        return got

    def unmap(self, address: int, size: int) -> None:
        """munmap(2)."""
        if not 0 <= address < TOP or not 0 <= size < TOP:
            raise error(EINVAL)
        hostmap.munmap(address, size)

    def protect(self, address: int, size: int, protection: int) -> None:
        """mprotect(2)."""
        if not 0 <= address < TOP or not 0 <= size < TOP:
            raise error(ENOMEM)
        hostmap.mprotect(address, size, protection)

    def read(self, address: int, size: int) -> bytes:
        """The bytes there. EFAULT; ENOMEM if there is not even room for the copy."""
        if not 0 <= address <= address + size <= TOP:
            raise error(EFAULT)
        try:
            buffer = ctypes.create_string_buffer(size)
        except (MemoryError, OverflowError, ValueError):
            raise error(ENOMEM) from None
        self._copy(_libc.process_vm_readv, buffer, address, size)
        return buffer.raw

    def write(self, address: int, data: bytes) -> None:
        """Stores bytes. EFAULT."""
        if not 0 <= address <= address + len(data) <= TOP:
            raise error(EFAULT)
        self._copy(_libc.process_vm_writev, ctypes.create_string_buffer(bytes(data), len(data)), address, len(data))

    def _copy(self, call: Callable[..., int], buffer: ctypes.Array[ctypes.c_char], address: int, size: int) -> None:
        """process_vm_readv(2) or process_vm_writev(2) with this very process; a short count means a fault in the middle."""
        done = 0
        while done < size:
            here, there = _Piece(ctypes.addressof(buffer) + done, size - done), _Piece(address + done, size - done)
            one = ctypes.c_ulong(1)
            got = call(os.getpid(), ctypes.byref(here), one, ctypes.byref(there), one, ctypes.c_ulong(0))
            if got <= 0:
                raise error(ctypes.get_errno() if got else EFAULT)
            done += got

    def host_pointer(self, address: int, _size: int) -> int:
        """Where this process can reach the bytes: right there."""
        return address

    def poke(self, address: int, data: bytes) -> None:
        """Stores bytes whatever the protection, as a debugger does. EFAULT."""
        try:
            self.write(address, data)
            return
        except OSError as failure:
            if failure.errno != EFAULT:
                raise
        memory = os.open("/proc/self/mem", os.O_WRONLY | os.O_CLOEXEC)
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(memory, data[done:], address + done)
        except (OSError, OverflowError):
            raise error(EFAULT) from None
        finally:
            os.close(memory)


_libc.process_vm_readv.restype = _libc.process_vm_writev.restype = ctypes.c_ssize_t
