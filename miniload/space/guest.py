"""The address space of an emulated program: a region of host memory, its mappings made with the host's own mmap, so that files, sharing
and copy-on-write are the host kernel's. Guest address A is host address `base` + A. Linux 6.18 mm/mmap.c, vma.c and mprotect.c are the model.

What the guest has not mapped is mapped too, without any permission: so the host kernel gives EFAULT there, and nothing of the host's own can ever
come to lie inside the region. No step may leave a hole in it, not even for a moment, since other threads of the host process map memory.
"""

from __future__ import annotations

import os
from errno import EACCES, EAGAIN, EFAULT, EINVAL, ENOMEM, EOPNOTSUPP, EPERM

from miniload.space import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_GROWSDOWN,
    MAP_HUGETLB,
    MAP_LOCKED,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_SYNC,
    MAP_TYPE,
    PAGE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    hostmap,
    page_up,
)
from miniload.space import error as error
from miniload.space.access import AccessTable
from miniload.space.place import place
from miniload.space.vma import DONTFORK, GUARD_GAP, LOCKED, NEVER_EXEC, WIPEONFORK, Vma, VmaList

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.vcpu.core import Vcpu

MMAP_MIN_ADDR = 65536
"""vm.mmap_min_addr's default: nothing is mapped below, not even on request."""
INFINITY = (1 << 64) - 1
FILE = 8
"""Protection bit of the vCPU core: the page belongs to a file, which may be shorter than the mapping."""
PROT_GROWSDOWN, PROT_GROWSUP, PROT_SEM = 0x1000000, 0x2000000, 8
MADV_DONTNEED = 4
DEV_ZERO = os.makedev(1, 5)
RESERVED = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
"""Host mapping of what the guest has not mapped; its protection is 0."""
LEGACY_FLAGS = 0x7C07F933
"""LEGACY_MAP_MASK: what MAP_SHARED_VALIDATE knows without asking the file."""
UNPASSED = MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_GROWSDOWN | MAP_LOCKED
"""Flags that are acted on here, not by the host."""
MDWE_REFUSE_EXEC_GAIN, MDWE_NO_INHERIT = 1, 2
"""prctl(PR_SET_MDWE)."""
READ_MAX = 1 << 28
"""Bytes that one read() gives at most: more is a mistake, or an attempt to use up the host's memory."""


class GuestSpace:
    """An AddressSpace over a vCPU's region.

    `end`: end of user space. `mmap_base`: where mappings are searched downwards from. `brk_start`, `brk`: the heap.
    `min_address`: mmap_min_addr. `execute_only`: whether PROT_EXEC without PROT_READ forbids reading. `low_flag`: the architecture's MAP_32BIT, or 0.
    `address_limit`, `data_limit`, `stack_limit`: soft RLIMIT_AS, RLIMIT_DATA and RLIMIT_STACK, bytes or INFINITY.
    `lock_future`: LOCKED after mlockall(MCL_FUTURE), or 0. `deny_write_exec`: the bits of PR_SET_MDWE.
    """

    page_size = PAGE
    maps_files = True
    """See NativeSpace."""

    def __init__(self, vcpu: Vcpu, end: int) -> None:
        self.vcpu = vcpu
        self.base = vcpu.base
        self.end = min(end, vcpu.size) & -PAGE
        self.vmas = VmaList()
        self.access = AccessTable(vcpu, self.vmas, self.access_of)
        self.mmap_base = self.end - PAGE
        self.brk_start = self.brk = 0
        self.min_address = MMAP_MIN_ADDR
        self.execute_only = False
        self.low_flag = 0
        self.address_limit = self.data_limit = self.stack_limit = INFINITY
        self.lock_future = 0
        self.deny_write_exec = 0
        self._shared = 0

    # -- bytes

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the guest; OSError EFAULT, or ENOMEM for more than READ_MAX."""
        if size > READ_MAX:
            raise error(ENOMEM)
        return self.vcpu.copy_in(address, size) if size else b""

    def write(self, address: int, data: bytes) -> None:
        """Stores bytes; OSError EFAULT. Code that was translated from there is forgotten."""
        if data:
            self.vcpu.copy_out(address, data)
            self._forget_code(address, address + len(data))

    def _forget_code(self, start: int, end: int) -> None:
        for vma in self.vmas.within(start, end):
            if vma.protection & PROT_EXEC:
                low, high = max(vma.start, start), min(vma.end, end)
                self.vcpu.invalidate(low, high - low)

    def host_pointer(self, address: int, size: int) -> int | None:
        """Where this process can reach the bytes; None outside the address space."""
        return self.base + address if 0 <= address <= address + size <= self.end else None

    def write_stack(self, address: int, data: bytes) -> None:
        """Stores bytes below what a stack has had so far, which makes it grow. OSError EFAULT."""
        self.grow_stack(address)
        self.write(address, data)

    def read_string(self, address: int, limit: int = 4096) -> bytes:
        """Up to the NUL, which is not included; EFAULT, or ENAMETOOLONG if there is none within `limit` bytes."""
        return self.vcpu.read_string(address, limit)

    def poke(self, address: int, data: bytes) -> None:
        """Stores bytes whatever the guest itself may do there."""
        if not data:
            return
        start, end = address & -PAGE, page_up(address + len(data))
        if self.vmas.covered(start, end) < end:
            raise error(EFAULT)
        opened: list[Vma] = []
        try:
            for vma in self.vmas.within(start, end):
                if not vma.protection & PROT_WRITE:
                    piece = vma.part(max(vma.start, start), min(vma.end, end))
                    hostmap.mprotect(self.base + piece.start, piece.end - piece.start, PROT_READ | PROT_WRITE)
                    opened.append(piece)
            self.write(address, data)
        finally:
            for piece in opened:
                hostmap.mprotect(self.base + piece.start, piece.end - piece.start, host_protection(piece.protection))

    def host(self, address: int, size: int) -> int:
        """The host's address of guest memory that lies in the region, which says nothing of what is mapped there; 0 for 0. OSError EFAULT."""
        if not address:
            return 0
        if address >= self.vcpu.size or size > self.vcpu.size - address:
            raise error(EFAULT)
        return self.base + address

    def access_of(self, vma: Vma) -> int:
        """What the guest may do in a mapping, as the vCPU core takes it: writable is readable everywhere, executable where the MMU cannot tell."""
        protection = vma.protection
        if protection & PROT_WRITE or (protection & PROT_EXEC and not self.execute_only):
            protection |= PROT_READ
        return protection | FILE if vma.inode and protection else protection

    # -- mappings

    def map(self, address: int, size: int, protection: int, flags: int, fd: int = -1, offset: int = 0, name: bytes = b"") -> int:
        """mmap(2) as ksys_mmap_pgoff() and do_mmap() do it. `name` is for maps where the mapping has no file."""
        if offset % PAGE:
            raise error(EINVAL)
        status = None if flags & MAP_ANONYMOUS else os.fstat(fd)
        if flags & MAP_HUGETLB:
            raise error(EINVAL if status else ENOMEM)  # no huge pages are set aside, as on most machines
        if not size:
            raise error(EINVAL)
        size = page_up(size)
        if flags & self.low_flag and not flags & (MAP_FIXED | MAP_FIXED_NOREPLACE):
            address = self._place_low(size)
        address = self.place(address, size, flags)
        vma = self._described(address, address + size, protection & 7, flags, name)
        if status:
            self._describe_file(vma, fd, offset, status)
        self.check_exec_gain(vma.protection, vma.protection)
        return self._enact(vma, flags, fd, offset)

    def place(self, address: int, size: int, flags: int) -> int:
        """get_unmapped_area()."""
        return place(self.vmas, address, size, flags, self.min_address, self.mmap_base, self.end)

    def _place_low(self, size: int) -> int:
        """For MAP_32BIT: find_start_end() of arch/x86."""
        found = self.vmas.gap_above(size, 0x40000000, 0x80000000)
        if found is None:
            raise error(ENOMEM)
        return found

    def _described(self, start: int, end: int, protection: int, flags: int, name: bytes) -> Vma:
        """The new mapping as if it had no file, its flags checked as do_mmap() does."""
        kind = flags & MAP_TYPE
        locked = LOCKED if flags & MAP_LOCKED else self.lock_future
        if locked:
            from miniload.space import lock

            if flags & MAP_LOCKED:
                lock.check_permission()
            if not lock.fits(self, end - start):
                raise error(EAGAIN)
        if kind == MAP_SHARED_VALIDATE and not flags & MAP_ANONYMOUS:
            if flags & ~(LEGACY_FLAGS | MAP_SYNC | self.low_flag):
                raise error(EOPNOTSUPP)
            kind = MAP_SHARED
        if kind not in (MAP_SHARED, MAP_PRIVATE) or (flags & MAP_GROWSDOWN and (kind == MAP_SHARED or not flags & MAP_ANONYMOUS)):
            raise error(EINVAL)
        vma = Vma(start, end, protection, kind | locked | flags & (MAP_GROWSDOWN | MAP_NORESERVE), name)
        if kind == MAP_SHARED and flags & MAP_ANONYMOUS:
            self._describe_shared(vma)
        return vma

    def _describe_shared(self, vma: Vma) -> None:
        """A file of shmem of its own (shmem_zero_setup())."""
        self._shared += 1
        vma.file, vma.inode, vma.device, vma.offset = b"/dev/zero (deleted)", self._shared, 1, 0

    def _describe_file(self, vma: Vma, fd: int, offset: int, status: os.stat_result) -> None:
        vma.offset = offset
        if status.st_rdev == DEV_ZERO and status.st_mode >> 12 == 2 and vma.flags & MAP_TYPE == MAP_SHARED:
            self._describe_shared(vma)
            return
        vma.inode, vma.device = status.st_ino or 1, status.st_dev
        try:
            vma.file = os.readlink(b"/proc/self/fd/%d" % fd)
        except OSError:
            vma.file = b""  # no /proc: the name is for maps only
        if os.fstatvfs(fd).f_flag & os.ST_NOEXEC:
            if vma.protection & PROT_EXEC:
                raise error(EPERM)
            vma.flags |= NEVER_EXEC

    def _enact(self, vma: Vma, flags: int, fd: int, offset: int) -> int:
        """mmap_region()."""
        start, end = vma.start, vma.end
        replaced = self.vmas.within(start, end)
        self.check_limits(end - start, vma, sum(min(old.end, end) - max(old.start, start) for old in replaced))
        host_flags = flags & ~UNPASSED | MAP_FIXED | (MAP_POPULATE if flags & MAP_LOCKED else 0)
        if flags & MAP_ANONYMOUS:
            fd, offset = -1, 0
        try:
            hostmap.mmap(
                self.base + start,
                end - start,
                host_protection(vma.protection),
                host_flags,
                -1 if flags & MAP_ANONYMOUS else fd,
                0 if flags & MAP_ANONYMOUS else offset,
            )
        except OSError:
            self.mend(start, end)
            raise
        self.vmas.add(vma)
        if vma.protection or replaced:
            self.access.set(start, end, self.access_of(vma))
        self.note_sharing(vma)
        return start

    def note_sharing(self, vma: Vma) -> None:
        """Memory that may be another process's too: atomic operations have to be atomic there, from the first such mapping on."""
        if vma.protection & PROT_WRITE and vma.flags & MAP_TYPE == MAP_SHARED:
            self.vcpu.share_memory(True)

    def check_exec_gain(self, before: int, after: int) -> None:
        """map_deny_write_exec(): OSError EACCES if what was written could be executed, where PR_SET_MDWE forbids that."""
        if self.deny_write_exec and after & PROT_EXEC and (after & PROT_WRITE or not before & PROT_EXEC):
            raise error(EACCES)

    def check_limits(self, size: int, vma: Vma, replaced: int = 0, was: Vma | None = None) -> None:
        """may_expand_vm(): OSError ENOMEM if `size` bytes more, like `vma`, are over RLIMIT_AS or RLIMIT_DATA. `replaced` bytes go at the same
        time; of a mapping that only changes, `was` is what it has been."""
        if self.address_limit == self.data_limit == INFINITY:
            return
        if was is None and self.vmas.size() - replaced + size > self.address_limit:
            raise error(ENOMEM)
        grows = is_data(vma) and not (was and is_data(was))
        if grows and sum(other.end - other.start for other in self.vmas if is_data(other)) + size > self.data_limit:
            raise error(ENOMEM)

    def mend(self, start: int, end: int) -> None:
        """After a host mmap or mremap to [start, end) has failed: if it has unmapped what was there before, as some do, that is true of the guest too."""
        mapped = self.vmas.within(start, end)
        try:
            hostmap.mmap(self.base + start, end - start, 0, RESERVED & ~MAP_FIXED | MAP_FIXED_NOREPLACE if mapped else RESERVED)
        except OSError:
            return  # EEXIST: it is still there. ENOMEM: the host has no mapping left to give, and checks that before it unmaps anything
        self.forget(start, end)

    def unmap(self, address: int, size: int) -> None:
        """munmap(2)."""
        if address % PAGE or not size or size > self.end or address > self.end - size:
            raise error(EINVAL)
        self.discard(address, address + page_up(size))

    def discard(self, start: int, end: int) -> None:
        """Unmaps what is mapped in [start, end). OSError ENOMEM, with nothing changed, if the host cannot split its mappings further."""
        pieces = self.vmas.within(start, end)
        if pieces:
            start, end = max(start, pieces[0].start), min(end, pieces[-1].end)
            hostmap.mmap(self.base + start, end - start, 0, RESERVED)
            self.forget(start, end)

    def forget(self, start: int, end: int) -> None:
        """Takes [start, end) out of the books."""
        if any(piece.protection for piece in self.vmas.remove(start, end)):
            self.access.set(start, end, 0)

    def protect(self, address: int, size: int, protection: int) -> None:
        """mprotect(2): ENOMEM past the first hole, with what lies before it changed."""
        grows = protection & (PROT_GROWSDOWN | PROT_GROWSUP)
        if grows == PROT_GROWSDOWN | PROT_GROWSUP or address % PAGE:
            raise error(EINVAL)
        if not size:
            return
        end = address + page_up(size)
        if end > INFINITY:
            raise error(ENOMEM)
        if protection & ~(grows | PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM):
            raise error(EINVAL)
        at = self._protect_start(address, end, grows) if grows else address
        for vma in self.vmas.within(at, end):
            if vma.start > at:
                break
            stop = min(vma.end, end)
            self._protect_part(vma, at, stop, protection & 7)
            at = stop
        if at < end:
            raise error(ENOMEM)

    def _protect_start(self, address: int, end: int, grows: int) -> int:
        """Where the change begins with PROT_GROWSDOWN: at the start of the mapping, which has to be one that grows. None grows up."""
        vma = self.vmas.after(address)
        if vma is None or vma.start >= end or (grows & PROT_GROWSUP and vma.start > address):
            raise error(ENOMEM)
        if grows & PROT_GROWSUP or not vma.flags & MAP_GROWSDOWN:
            raise error(EINVAL)
        return vma.start

    def _protect_part(self, vma: Vma, start: int, end: int, protection: int) -> None:
        self.check_exec_gain(vma.protection, protection)
        if vma.protection == protection:
            return
        if protection & PROT_EXEC and vma.flags & NEVER_EXEC:
            raise error(EACCES)
        changed = vma.part(start, end)
        changed.protection = protection
        self.check_limits(end - start, changed, was=vma)
        if host_protection(protection) != host_protection(vma.protection):
            hostmap.mprotect(self.base + start, end - start, host_protection(protection))
        self.vmas.add(changed)
        self.access.set(start, end, self.access_of(changed))
        self.note_sharing(changed)

    def set_brk(self, value: int) -> int:
        """brk(2): the new end of the heap, or the present one if it cannot be had."""
        if value < self.brk_start or value > self.end - PAGE or value - self.brk_start > self.data_limit:
            return self.brk
        old, new = page_up(self.brk), page_up(value)
        try:
            if new < old:
                if not self.vmas.within(new, old):
                    return self.brk
                self.discard(new, old)
            elif new > old:
                following = self.vmas.after(old)
                if following is not None and new + PAGE > following.floor:
                    return self.brk
                heap = self._described(old, new, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, b"[heap]")
                self._enact(heap, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        except OSError:
            return self.brk
        self.brk = value
        return value

    # -- stacks

    def map_stack(self, top: int, size: int, limit: int, protection: int) -> None:
        """The main thread's stack: `size` bytes below `top` to begin with, growing down to `limit` bytes (RLIMIT_STACK as exec found it). The host's
        memory is all there from the start, since the host kernel does not grow it when a system call writes below what the guest has touched."""
        self.stack_limit = limit = max(page_up(limit), size)
        below = self.vmas.before(top)
        lowest = max(top - limit, below.end) if below else top - limit
        if lowest > top - size:
            raise error(ENOMEM)
        hostmap.mmap(self.base + lowest, top - lowest, PROT_READ | PROT_WRITE, RESERVED)
        stack = Vma(top - size, top, protection, MAP_PRIVATE | MAP_GROWSDOWN, b"[stack]")
        self.vmas.add(stack)
        self.access.set(stack.start, top, self.access_of(stack))

    def grow_stack(self, address: int) -> bool:
        """Whether an access at `address` that the core has refused may be made again: a stack has grown there (expand_stack()), or the core had not
        been told of the mapping yet."""
        vma = self.vmas.after(address)
        if vma is None or address >= self.end:
            return False
        if address >= vma.start:
            return self.access.resolve(address)
        return bool(vma.flags & MAP_GROWSDOWN) and self._expand_down(vma, address & -PAGE)

    def _expand_down(self, vma: Vma, start: int) -> bool:
        """expand_downwards() and acct_stack_growth()."""
        before = self.vmas.before(vma.start)
        if before is not None and not before.flags & MAP_GROWSDOWN and before.protection and start - before.end < GUARD_GAP:
            return False
        if start < self.min_address or vma.end - start > self.stack_limit:
            return False
        grown = vma.part(start, vma.start)
        try:
            self.check_limits(vma.start - start, grown)
            hostmap.mprotect(self.base + start, vma.start - start, host_protection(vma.protection))
        except OSError:
            return False
        self.vmas.add(grown)
        self.access.set(start, grown.end, self.access_of(grown))
        return True

    # -- processes

    def after_fork(self) -> None:
        """In the child (dup_mmap()): locks are not inherited, and what MADV_DONTFORK and MADV_WIPEONFORK say comes true only here. The host does not
        know of either: memory that it left out would be a hole in the region."""
        self.lock_future = 0
        self._inherit_denial()
        for vma in list(self.vmas):
            if vma.flags & DONTFORK:
                self.discard(vma.start, vma.end)
                continue
            if vma.flags & WIPEONFORK:
                hostmap.madvise(self.base + vma.start, vma.end - vma.start, MADV_DONTNEED)
                self._forget_code(vma.start, vma.end)
            if vma.flags & LOCKED:
                self.reflag(vma, vma.start, vma.end, vma.flags & ~LOCKED)

    def _inherit_denial(self) -> None:
        """mmf_init_flags(), of fork and exec."""
        if self.deny_write_exec & MDWE_NO_INHERIT:
            self.deny_write_exec = 0

    def reflag(self, vma: Vma, start: int, end: int, flags: int) -> None:
        """Gives a part of a mapping other flags."""
        if flags != vma.flags:
            changed = vma.part(start, end)
            changed.flags = flags
            self.vmas.add(changed)

    def clear(self) -> None:
        """Everything unmapped, as exec does."""
        if len(self.vmas):
            hostmap.mmap(self.base, self.vcpu.size, 0, RESERVED)
        self.access.clear()
        self.vmas.clear()
        self.vcpu.share_memory(False)
        self._inherit_denial()
        self.lock_future = self.brk = self.brk_start = 0


def host_protection(protection: int) -> int:
    """What the host kernel must allow itself to do on behalf of the guest: reads and writes. Code is only read."""
    return (PROT_READ if protection else 0) | (protection & PROT_WRITE)


def is_data(vma: Vma) -> bool:
    """is_data_mapping(): what RLIMIT_DATA is about."""
    return vma.protection & PROT_WRITE != 0 and vma.flags & MAP_TYPE == MAP_PRIVATE and not vma.flags & MAP_GROWSDOWN
