"""The address space of an emulated program: a region of host memory, its mappings made with the host's own mmap, so that files, sharing
and copy-on-write are the host kernel's. Guest address A is host address `base` + A. mm/mmap.c is the model."""

from __future__ import annotations

import os
from errno import EEXIST, EFAULT, EINVAL, ENOMEM, EPERM

from miniload.space import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_GROWSDOWN,
    MAP_HUGETLB,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_TYPE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    hostmap,
)
from miniload.space.vma import Vma, VmaList

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.vcpu.core import Vcpu

PAGE = 4096
MMAP_MIN_ADDR = 65536
"""vm.mmap_min_addr's default: nothing is mapped below, not even on request."""
GUARD_GAP = 256 * PAGE
"""stack_guard_gap: kept free below a mapping that grows down."""
FILE = 8
"""Protection bit of the vCPU core: the page belongs to a file, which may be shorter than the mapping."""
PROT_GROWSDOWN, PROT_GROWSUP = 0x1000000, 0x2000000
MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP = 1, 2, 4
MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK = 4, 8, 9, 10, 11
MADV_HARMLESS = frozenset({0, 1, 2, 3, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25})
"""Advice that changes nothing that the guest can see, or that the host does as it is: from MADV_NORMAL to MADV_COLLAPSE."""


def error(code: int) -> OSError:
    """OSError with its text."""
    return OSError(code, os.strerror(code))


def page_up(size: int) -> int:
    return size + PAGE - 1 & -PAGE


def host_protection(protection: int) -> int:
    """What the host kernel must allow itself to do on behalf of the guest: reads and writes. Code is only read."""
    return (PROT_READ if protection & (PROT_READ | PROT_EXEC) else 0) | (PROT_READ | PROT_WRITE if protection & PROT_WRITE else 0)


class GuestSpace:
    """An AddressSpace over a vCPU's region.

    `end`: end of user space. `mmap_base`: where mappings are searched downwards from. `brk_start`, `brk`: the heap.
    """

    page_size = PAGE

    def __init__(self, vcpu: Vcpu, end: int) -> None:
        self.vcpu = vcpu
        self.base = vcpu.base
        self.end = min(end, vcpu.size)
        self.vmas = VmaList()
        self.mmap_base = self.end - PAGE
        self.brk_start = self.brk = 0
        self.stack_limit = 0
        """Lowest address that the main stack may grow to; its host memory is there from the start."""

    # -- bytes

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the guest; OSError EFAULT."""
        return self.vcpu.copy_in(address, size)

    def write(self, address: int, data: bytes) -> None:
        """Stores bytes; OSError EFAULT. Code that was translated from there is forgotten."""
        self.vcpu.copy_out(address, data)
        if data and (self.vcpu.protection(address) | self.vcpu.protection(address + len(data) - 1)) & PROT_EXEC:
            self.vcpu.invalidate(address, len(data))

    def read_string(self, address: int, limit: int = 4096) -> bytes:
        """Up to the NUL, which is not included; EFAULT, or ENAMETOOLONG if there is none within `limit` bytes."""
        return self.vcpu.read_string(address, limit)

    def poke(self, address: int, data: bytes) -> None:
        """Stores bytes whatever the guest itself may do there."""
        start, size = address & -PAGE, page_up((address & PAGE - 1) + len(data))
        pieces = self.vmas.within(start, start + size)
        if not self.vmas.covered(start, start + size):
            raise error(EFAULT)
        for vma in pieces:
            hostmap.mprotect(self.base + max(vma.start, start), min(vma.end, start + size) - max(vma.start, start), PROT_READ | PROT_WRITE)
        try:
            self.write(address, data)
        finally:
            for vma in pieces:
                hostmap.mprotect(self.base + max(vma.start, start), min(vma.end, start + size) - max(vma.start, start), host_protection(vma.protection))

    def host(self, address: int, size: int) -> int:
        """The host's address of guest memory that lies in the region, which says nothing of what is mapped there; 0 for 0. OSError EFAULT."""
        if not address:
            return 0
        if address >= self.vcpu.size or size > self.vcpu.size - address:
            raise error(EFAULT)
        return self.base + address

    # -- mappings

    def map(self, address: int, size: int, protection: int, flags: int, fd: int = -1, offset: int = 0, name: bytes = b"") -> int:
        """mmap(2) as ksys_mmap_pgoff() and do_mmap() do it. `name` is for maps where the mapping has no file."""
        if offset % PAGE or not size or not flags & MAP_TYPE:
            raise error(EINVAL)
        size = page_up(size)
        if size > self.end:
            raise error(ENOMEM)
        if flags & MAP_HUGETLB:
            raise error(ENOMEM)  # no huge pages are set aside, as on most machines
        address = self._place(address, size, flags)
        return self._map_at(address, size, protection & 7, flags, fd, offset, name)

    def _place(self, address: int, size: int, flags: int) -> int:
        """get_unmapped_area()."""
        if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE):
            if address % PAGE:
                raise error(EINVAL)
            if address > self.end - size:
                raise error(ENOMEM)
            if address < MMAP_MIN_ADDR:
                raise error(EPERM)
            if flags & MAP_FIXED_NOREPLACE and self.vmas.within(address, address + size):
                raise error(EEXIST)
            return address
        hint = page_up(address) if address else 0
        if hint and hint < MMAP_MIN_ADDR:
            hint = MMAP_MIN_ADDR  # round_hint_to_min()
        if hint and hint <= self.end - size and self._free_with_gap(hint, size):
            return hint
        place = self.vmas.gap_below(size, MMAP_MIN_ADDR, self.mmap_base)
        if place is None:
            place = self.vmas.gap_above(size, self.mmap_base // 3 & -PAGE, self.end)
        if place is None:
            raise error(ENOMEM)
        return place

    def _free_with_gap(self, start: int, size: int) -> bool:
        after = self.vmas.after(start)
        if after is None:
            return True
        gap = GUARD_GAP if after.flags & MAP_GROWSDOWN else 0
        return start + size <= after.start - gap

    def _map_at(self, address: int, size: int, protection: int, flags: int, fd: int, offset: int, name: bytes) -> int:
        kind = flags & MAP_TYPE
        host_flags = MAP_FIXED | flags & ~(MAP_FIXED_NOREPLACE | MAP_GROWSDOWN | MAP_FIXED)
        if flags & MAP_ANONYMOUS:
            if kind not in (MAP_SHARED, MAP_PRIVATE):
                raise error(EINVAL)
            fd = -1
            file, inode, device = (b"", 0, 0) if kind == MAP_PRIVATE else self._shared_anonymous(size)
            offset = 0
        else:
            if kind not in (MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE):
                raise error(EINVAL)
            status = os.fstat(fd)
            file, inode, device = self._file_name(fd), status.st_ino, status.st_dev
        if not protection and flags & MAP_ANONYMOUS and kind == MAP_PRIVATE:
            host_flags |= MAP_NORESERVE
        hostmap.mmap(self.base + address, size, host_protection(protection), host_flags, fd, offset)
        shown = (MAP_SHARED if kind != MAP_PRIVATE else MAP_PRIVATE) | flags & MAP_GROWSDOWN
        self.vcpu.protect(address, size, protection | (FILE if inode and not flags & MAP_ANONYMOUS else 0))
        self.vmas.add(Vma(address, address + size, protection, shown, name or file, offset, device, inode))
        return address

    def _file_name(self, fd: int) -> bytes:
        return os.readlink(b"/proc/self/fd/%d" % fd)

    def _shared_anonymous(self, size: int) -> tuple[bytes, int, int]:
        """Shown as the file of shmem that it is."""
        self._shared = getattr(self, "_shared", 0) + 1
        return b"/dev/zero (deleted)", self._shared, 1

    def unmap(self, address: int, size: int) -> None:
        """munmap(2)."""
        if address % PAGE or not size or size > self.end or address > self.end - size:
            raise error(EINVAL)
        self._discard(address, page_up(size))

    def _discard(self, address: int, size: int) -> None:
        if self.vmas.remove(address, address + size):
            self._reserve(address, size)
            self.vcpu.protect(address, size, 0)

    def _reserve(self, address: int, size: int) -> None:
        """Back to what the region was: nothing there, but taken."""
        hostmap.mmap(self.base + address, size, 0, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

    def protect(self, address: int, size: int, protection: int) -> None:
        """mprotect(2): ENOMEM past the first hole, with what lies before it changed."""
        grows = protection & (PROT_GROWSDOWN | PROT_GROWSUP)
        if grows == (PROT_GROWSDOWN | PROT_GROWSUP) or address % PAGE:
            raise error(EINVAL)
        size = page_up(size)
        if not size:
            return
        if address + size > 1 << 64 or address + size > self.end:
            raise error(ENOMEM)
        if protection & ~(7 | PROT_GROWSDOWN | PROT_GROWSUP | 0x10 | 0x20 | 8):
            raise error(EINVAL)
        first = self.vmas.find(address)
        if grows & PROT_GROWSDOWN:
            if first is None or not first.flags & MAP_GROWSDOWN:
                raise error(EINVAL)
            size += address - first.start
            address = first.start
        at, end = address, address + size
        for vma in self.vmas.within(address, end):
            if vma.start > at:
                break
            stop = min(vma.end, end)
            self._protect_part(vma, at, stop, protection & 7)
            at = stop
        if at < end:
            raise error(ENOMEM)

    def _protect_part(self, vma: Vma, start: int, end: int, protection: int) -> None:
        if vma.protection == protection:
            return
        hostmap.mprotect(self.base + start, end - start, host_protection(protection))
        is_file = vma.inode and vma.device != 1
        self.vcpu.protect(start, end - start, protection | (FILE if is_file else 0))
        changed = vma.part(start, end)
        changed.protection = protection
        self.vmas.add(changed)

    def set_brk(self, value: int) -> int:
        """brk(2): the new end of the heap, or the present one if it cannot be had."""
        if value < self.brk_start or value > self.end:
            return self.brk
        old, new = page_up(self.brk), page_up(value)
        if new < old:
            self._discard(new, old - new)
        elif new > old:
            following = self.vmas.after(old)
            if following is not None and new > following.start - (GUARD_GAP if following.flags & MAP_GROWSDOWN else PAGE):
                return self.brk
            try:
                self._map_at(old, new - old, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, b"[heap]")
            except OSError:
                return self.brk
        self.brk = value
        return value

    def remap(self, address: int, old_size: int, new_size: int, flags: int, target: int) -> int:
        """mremap(2)."""
        if flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) or address % PAGE:
            raise error(EINVAL)
        if flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) and not flags & MREMAP_MAYMOVE:
            raise error(EINVAL)
        old, new = page_up(old_size), page_up(new_size)
        if not new or (flags & MREMAP_DONTUNMAP and old != new):
            raise error(EINVAL)
        vma = self.vmas.find(address)
        if vma is None or (address + old > vma.end and old):
            raise error(EFAULT)
        if flags & MREMAP_FIXED:
            if target % PAGE or new > self.end or target > self.end - new or (target < address + old and address < target + new):
                raise error(EINVAL)
            if target < MMAP_MIN_ADDR:
                raise error(EPERM)
        if not old:
            if vma.flags & MAP_TYPE != MAP_SHARED or not flags & MREMAP_MAYMOVE:
                raise error(EINVAL)
            return self._move(vma, address, 0, new, flags, target)
        if flags & (MREMAP_FIXED | MREMAP_DONTUNMAP):
            return self._move(vma, address, old, new, flags, target)
        if new <= old:
            if new < old:
                self._discard(address + new, old - new)
            return address
        if address + old == vma.end and not self.vmas.within(address + old, address + new) and address + new <= self.end:
            return self._grow(vma, address, old, new)
        if not flags & MREMAP_MAYMOVE:
            raise error(ENOMEM)
        return self._move(vma, address, old, new, flags, 0)

    def _grow(self, vma: Vma, address: int, old: int, new: int) -> int:
        """In place. The host has our reservation behind the mapping, which has to make room first."""
        grown = vma.part(address + old - PAGE, address + old)
        hostmap.munmap(self.base + address + old, new - old)
        try:
            hostmap.mremap(self.base + address, old, new, 0)
        except OSError:
            self._reserve(address + old, new - old)
            raise
        self.vcpu.protect(address + old, new - old, self.vcpu.protection(address))
        offset = grown.offset + PAGE if grown.inode else grown.offset
        self.vmas.add(Vma(address + old, address + new, vma.protection, vma.flags, vma.file, offset, vma.device, vma.inode))
        return address

    def _move(self, vma: Vma, address: int, old: int, new: int, flags: int, target: int) -> int:
        if not flags & MREMAP_FIXED:
            target = self._place(target if flags & MREMAP_DONTUNMAP else 0, new, 0)
        protection = self.vcpu.protection(address)
        host_flags = MREMAP_MAYMOVE | MREMAP_FIXED | flags & MREMAP_DONTUNMAP
        moved = vma.part(address, address + old) if old else vma.part(address, vma.end)
        hostmap.mremap(self.base + address, old, new, host_flags, self.base + target)
        if old and not flags & MREMAP_DONTUNMAP:
            self._reserve(address, old)
            self.vmas.remove(address, address + old)
            self.vcpu.protect(address, old, 0)
        elif old:
            self.vcpu.protect(address, old, protection)
        self.vcpu.protect(target, new, protection)
        self.vmas.add(Vma(target, target + new, moved.protection, moved.flags, moved.file, moved.offset, moved.device, moved.inode))
        return target

    def advise(self, address: int, size: int, advice: int) -> None:
        """madvise(2). What is about performance is taken note of by the host or not at all."""
        if address % PAGE:
            raise error(EINVAL)
        size = page_up(size)
        if not size:
            return
        if address > self.end or size > self.end - address:
            raise error(ENOMEM)
        if advice in (MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK) or advice in MADV_HARMLESS:
            for vma in self.vmas.within(address, address + size):
                start, end = max(vma.start, address), min(vma.end, address + size)
                self._advise_part(start, end - start, advice)
            if not self.vmas.covered(address, address + size):
                raise error(ENOMEM)
            return
        raise error(EINVAL)

    def _advise_part(self, address: int, size: int, advice: int) -> None:
        hostmap.madvise(self.base + address, size, advice)
        if advice in (MADV_DONTNEED, MADV_REMOVE) and self.vcpu.protection(address) & PROT_EXEC:
            self.vcpu.invalidate(address, size)

    def sync(self, address: int, size: int, flags: int) -> None:
        """msync(2)."""
        if address % PAGE or flags & ~7 or flags & 5 == 5:
            raise error(EINVAL)
        size = page_up(size)
        if address > self.end or size > self.end - address:
            raise error(ENOMEM)
        for vma in self.vmas.within(address, address + size):
            if vma.flags & MAP_TYPE == MAP_SHARED and vma.inode:
                start, end = max(vma.start, address), min(vma.end, address + size)
                code = self.vcpu.host_call(self.host_numbers["msync"], self.base + start, end - start, flags)
                if code < 0:
                    raise error(-code)
        if not self.vmas.covered(address, address + size):
            raise error(ENOMEM)

    host_numbers: dict[str, int] = {}  # noqa: RUF012 (set once, by the personality)

    # -- the stack

    def map_stack(self, top: int, size: int, limit: int, protection: int) -> None:
        """The main thread's stack: `size` bytes below `top` to begin with, growing down to `limit` bytes. The host's memory is all there from the
        start, since the host kernel does not grow it when a system call writes below what the guest has touched."""
        limit = max(page_up(limit), size)
        self.stack_limit = top - limit
        flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        hostmap.mmap(self.base + self.stack_limit, limit, PROT_READ | PROT_WRITE, flags | MAP_FIXED)
        self.vcpu.protect(top - size, size, protection)
        self.vmas.add(Vma(top - size, top, protection, MAP_PRIVATE | MAP_GROWSDOWN, b"[stack]"))

    def grow_stack(self, address: int) -> bool:
        """Whether the access at `address` made a stack grow (expand_stack())."""
        vma = self.vmas.after(address)
        if vma is None or not vma.flags & MAP_GROWSDOWN or address >= vma.start:
            return False
        start = address & -PAGE
        if vma.file != b"[stack]" or start < self.stack_limit or self.vmas.within(max(start - GUARD_GAP, 0), vma.start):
            return False
        self.vcpu.protect(start, vma.start - start, vma.protection)
        self.vmas.add(Vma(start, vma.start, vma.protection, vma.flags, vma.file))
        return True

    def clear(self) -> None:
        """Everything unmapped, as exec does."""
        spans = [(vma.start, vma.end) for vma in self.vmas]
        if self.stack_limit:
            stack = next((vma for vma in self.vmas if vma.file == b"[stack]"), None)
            spans.append((self.stack_limit, stack.end if stack else self.stack_limit + PAGE))
        self.vmas.clear()
        self.stack_limit = 0
        self.brk = self.brk_start = 0
        for start, end in spans:
            self._reserve(start, end - start)
            self.vcpu.protect(start, end - start, 0)
