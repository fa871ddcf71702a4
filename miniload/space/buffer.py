"""An address space that is nothing but bytes: for looking at what a loader would do, without a process or a CPU."""

from __future__ import annotations

import os
from errno import EACCES, EBADF, EFAULT, EINVAL, ENODEV, ENOMEM
from stat import S_ISREG

from miniload.space import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_TYPE,
    PAGE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    error,
    page_up,
)
from miniload.space.place import place
from miniload.space.vma import Vma, VmaList

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctypes import c_char


class BufferSpace:
    """An AddressSpace of `size` bytes at `base`, kept in `memory`, whose byte 0 is address `base`.

    Files are copied in when they are mapped: what is written to the file later, or to a shared mapping, does not reach the other. What lies beyond
    a file's end reads as zeros.
    """

    page_size = PAGE

    def __init__(self, size: int, base: int = 0x10000) -> None:
        if size <= 0 or size % PAGE or base < 0 or base % PAGE:
            raise error(EINVAL)
        self.base = base
        self.end = base + size
        self.memory = bytearray(size)
        self.vmas = VmaList()
        self._pinned: c_char | None = None

    def map(self, address: int, size: int, protection: int, flags: int, fd: int = -1, offset: int = 0) -> int:
        """mmap(2); of files, only regular ones can be mapped."""
        if offset < 0 or offset % PAGE or size <= 0:
            raise error(EINVAL)
        if not flags & MAP_ANONYMOUS and fd < 0:
            raise error(EBADF)
        status = None if flags & MAP_ANONYMOUS else os.fstat(fd)
        size = page_up(size)
        if address < 0:
            raise error(ENOMEM)
        hint = address if address >= self.base or flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) else 0
        at = place(self.vmas, hint, size, flags, self.base, self.end, self.end)
        if flags & MAP_TYPE not in (MAP_SHARED, MAP_PRIVATE):
            raise error(EINVAL)
        data = b"" if status is None else self._contents(fd, size, protection, flags, offset, status)
        start = at - self.base
        self.memory[start : start + len(data)] = data
        self._clear(at + len(data), at + size)
        kind, inode = flags & MAP_TYPE, 0 if status is None else status.st_ino or 1
        self.vmas.add(Vma(at, at + size, protection & 7, kind, b"", offset if inode else 0, status.st_dev if status else 0, inode))
        return at

    def _contents(self, fd: int, size: int, protection: int, flags: int, offset: int, status: os.stat_result) -> bytes:
        from fcntl import F_GETFL, fcntl

        access = fcntl(fd, F_GETFL) & os.O_ACCMODE
        if access == os.O_WRONLY or (flags & MAP_TYPE == MAP_SHARED and protection & PROT_WRITE and access != os.O_RDWR):
            raise error(EACCES)
        if not S_ISREG(status.st_mode):
            raise error(ENODEV)
        pieces, left = [], min(size, max(status.st_size - offset, 0))
        while left:
            piece = os.pread(fd, left, offset)
            if not piece:
                break
            pieces.append(piece)
            left, offset = left - len(piece), offset + len(piece)
        return b"".join(pieces)

    def _clear(self, start: int, end: int) -> None:
        self.memory[start - self.base : end - self.base] = bytes(end - start)

    def unmap(self, address: int, size: int) -> None:
        """munmap(2)."""
        if address < 0 or address % PAGE or size <= 0 or address + size > max(self.end, 1 << 47):
            raise error(EINVAL)
        self.vmas.remove(address, address + page_up(size))

    def protect(self, address: int, size: int, protection: int) -> None:
        """mprotect(2)."""
        if address % PAGE or protection & ~(PROT_READ | PROT_WRITE | PROT_EXEC):
            raise error(EINVAL)
        end = address + page_up(size)
        covered = self.vmas.covered(address, end)
        for vma in self.vmas.within(address, covered) if covered > address else ():
            changed = vma.part(max(vma.start, address), min(vma.end, covered))
            changed.protection = protection
            self.vmas.add(changed)
        if covered < end:
            raise error(ENOMEM)

    def read(self, address: int, size: int) -> bytes:
        """The bytes there. Whatever is mapped with any permission is readable, as on most machines."""
        if size:
            self._check(address, size, PROT_READ | PROT_WRITE | PROT_EXEC)
        return bytes(self.memory[address - self.base : address - self.base + size]) if size else b""

    def write(self, address: int, data: bytes) -> None:
        """Stores bytes."""
        self._store(address, data, PROT_WRITE)

    def poke(self, address: int, data: bytes) -> None:
        """Stores bytes whatever the protection."""
        self._store(address, data, 0)

    def host_pointer(self, address: int, size: int) -> int | None:
        """Where this process can reach the bytes; None outside the address space. From then on `memory` keeps its place, and cannot be resized."""
        from ctypes import addressof, c_char

        if not self.base <= address <= address + size <= self.end:
            return None
        if self._pinned is None:
            self._pinned = c_char.from_buffer(self.memory)
        return addressof(self._pinned) + address - self.base

    def _store(self, address: int, data: bytes, needed: int) -> None:
        if data:
            self._check(address, len(data), needed)
            self.memory[address - self.base : address - self.base + len(data)] = data

    def _check(self, address: int, size: int, needed: int) -> None:
        """OSError EFAULT unless all is mapped, with one of the permissions `needed` (0: none is)."""
        end = address + size
        if address < 0 or self.vmas.covered(address, end) < end:
            raise error(EFAULT)
        if needed and not all(vma.protection & needed for vma in self.vmas.within(address, end)):
            raise error(EFAULT)
