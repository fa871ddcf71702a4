"""What /proc tells of the guest's memory: maps, smaps and the sizes (Linux 6.18 fs/proc/task_mmu.c).

Pages that are there are the host's to count. It shows the guest's region in its own /proc/self/smaps, with the emulator's reservation around it, where
two of the guest's mappings may be one: then each has its share.
"""

from __future__ import annotations

import os

from miniload.space import MAP_GROWSDOWN, MAP_NORESERVE, MAP_SHARED, MAP_TYPE, PROT_EXEC, PROT_READ, PROT_WRITE
from miniload.space.vma import DONTDUMP, DONTFORK, HUGEPAGE, LOCKED, MERGEABLE, NEVER_EXEC, NOHUGEPAGE, RANDOM, SEQUENTIAL, WIPEONFORK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from miniload.linux.process import Process
    from miniload.space.vma import Vma

    Sizes = dict[bytes, int]

KIB_PAGE = 4
NOT_COUNTED = frozenset({b"Size", b"KernelPageSize", b"MMUPageSize"})
SHARED_MEMORY = (b"/dev/zero", b"/memfd:", b"/SYSV")
"""How the names of mappings of tmpfs files that the kernel makes begin."""


def maps(process: Process) -> bytes:
    """/proc/self/maps (show_map_vma())."""
    return b"".join(head(vma) + b"\n" for vma in process.space.vmas)


def head(vma: Vma) -> bytes:
    """A line of maps."""
    letters = "".join(letter if vma.protection & bit else "-" for bit, letter in ((PROT_READ, "r"), (PROT_WRITE, "w"), (PROT_EXEC, "x")))
    device = f"{os.major(vma.device):02x}:{os.minor(vma.device):02x}"
    line = f"{vma.start:08x}-{vma.end:08x} {letters}{'s' if is_shared(vma) else 'p'} {vma.offset:08x} {device} {vma.inode} ".encode()
    return line.ljust(73) + vma.file.replace(b"\n", b"\\012") if vma.file else line


def is_shared(vma: Vma) -> bool:
    """Of MAP_SHARED, not MAP_PRIVATE."""
    return vma.flags & MAP_TYPE == MAP_SHARED


def in_shared_memory(vma: Vma) -> bool:
    """Whether its pages are tmpfs's, without a file of a name."""
    return is_shared(vma) and vma.file.startswith(SHARED_MEMORY)


def flags_of(vma: Vma) -> bytes:
    """VmFlags (show_smap_vma_flags()), in the order of VM_*. Whether a shared mapping's file was opened for reading only is not known."""
    shared = is_shared(vma)
    counted = vma.protection & PROT_WRITE and not vma.flags & MAP_NORESERVE and (not shared or in_shared_memory(vma))
    present = (
        (b"rd", vma.protection & PROT_READ),
        (b"wr", vma.protection & PROT_WRITE),
        (b"ex", vma.protection & PROT_EXEC),
        (b"sh", shared),
        (b"mr", True),
        (b"mw", True),
        (b"me", not vma.flags & NEVER_EXEC),
        (b"ms", shared),
        (b"gd", vma.flags & MAP_GROWSDOWN),
        (b"lo", vma.flags & LOCKED),
        (b"sr", vma.flags & SEQUENTIAL),
        (b"rr", vma.flags & RANDOM),
        (b"dc", vma.flags & DONTFORK),
        (b"ac", counted),
        (b"nr", vma.flags & MAP_NORESERVE),
        (b"wf", vma.flags & WIPEONFORK),
        (b"dd", vma.flags & DONTDUMP),
        (b"hg", vma.flags & HUGEPAGE),
        (b"nh", vma.flags & NOHUGEPAGE),
        (b"mg", vma.flags & MERGEABLE),
    )
    return b"".join(name + b" " for name, there in present if there)


def host_rows(start: int, end: int) -> Iterator[tuple[int, int, Sizes]]:
    """Start, end and rows in kB of the host's mappings that lie between two of its addresses."""
    with open("/proc/self/smaps", "rb") as file:
        low = high = 0
        rows: Sizes = {}
        for line in file:
            name, colon, rest = line.partition(b":")
            if colon and b" " not in name:
                if rest.endswith(b" kB\n") and name not in NOT_COUNTED:
                    rows[name] = int(rest[:-3])
                continue
            if start < high and low < end:
                yield low, high, rows
            first, _, second = line.split(b" ", 1)[0].partition(b"-")
            low, high, rows = int(first, 16), int(second, 16), {}
        if start < high and low < end:
            yield low, high, rows


def present(process: Process) -> list[tuple[Vma, Sizes]]:
    """The guest's mappings, each with its rows of smaps in kB."""
    base = process.space.base
    host = list(host_rows(base, base + process.space.end))
    names = host[0][2] if host else {}
    found: list[tuple[Vma, Sizes]] = []
    at = 0
    for vma in process.space.vmas:
        rows = dict.fromkeys(names, 0)
        start, end = base + vma.start, base + vma.end
        while at < len(host) and host[at][1] <= start:
            at += 1
        for low, high, values in host[at:]:
            if low >= end:
                break
            common = min(high, end) - max(low, start)
            for name, value in values.items():
                rows[name] += value if common == high - low else value * common // (high - low) & -KIB_PAGE
        found.append((vma, rows))
    return found


def smaps(process: Process) -> bytes:
    """/proc/self/smaps (show_smap())."""
    blocks = []
    for vma, rows in present(process):
        fixed = {b"Size": vma.end - vma.start >> 10, b"KernelPageSize": KIB_PAGE, b"MMUPageSize": KIB_PAGE}
        blocks += [head(vma), *map(row, {**fixed, **rows}.items()), b"VmFlags: " + flags_of(vma)]
    return b"\n".join([*blocks, b""])


def smaps_rollup(process: Process) -> bytes:
    """/proc/self/smaps_rollup (show_smaps_rollup()): the sums, and the shares of anonymous memory, files and shared memory."""
    total = dict.fromkeys((b"Rss", b"Pss", b"Pss_Dirty", b"Pss_Anon", b"Pss_File", b"Pss_Shmem"), 0)
    vmas = list(process.space.vmas)
    for vma, rows in present(process):
        anonymous = min(rows.get(b"Anonymous", 0), rows.get(b"Pss", 0))
        total[b"Pss_Anon"] += anonymous
        total[b"Pss_Shmem" if in_shared_memory(vma) else b"Pss_File"] += rows.get(b"Pss", 0) - anonymous
        for name, value in rows.items():
            total[name] = total.get(name, 0) + value
    start, end = (vmas[0].start, vmas[-1].end) if vmas else (0, 0)
    line = f"{start:08x}-{end:08x} ---p 00000000 00:00 0 ".encode().ljust(73) + b"[rollup]"
    return b"\n".join([line, *map(row, total.items()), b""])


def row(item: tuple[bytes, int]) -> bytes:
    return (item[0] + b":").ljust(16) + b"%8d kB" % item[1]


class Usage:
    """Sizes in pages, as struct mm_struct keeps them: `total`, `code` (exec_vm), `data` (data_vm), `stack` (stack_vm), `locked`; of what is
    there `anonymous`, `file`, `shared_memory`, `swap`."""

    def __init__(self, process: Process) -> None:
        self.total = self.code = self.data = self.stack = self.locked = 0
        self.anonymous = self.file = self.shared_memory = self.swap = 0
        for vma, rows in present(process):
            self._add(vma, vma.end - vma.start >> 12)
            anonymous = rows.get(b"Anonymous", 0) // KIB_PAGE
            others = rows.get(b"Rss", 0) // KIB_PAGE - anonymous
            self.anonymous += anonymous
            self.swap += rows.get(b"Swap", 0) // KIB_PAGE
            if in_shared_memory(vma):
                self.shared_memory += others
            else:
                self.file += others

    def _add(self, vma: Vma, pages: int) -> None:
        """vm_stat_account()."""
        self.total += pages
        if vma.flags & LOCKED:
            self.locked += pages
        if vma.flags & MAP_GROWSDOWN:
            self.stack += pages
        elif vma.protection & PROT_WRITE:
            self.data += 0 if is_shared(vma) else pages
        elif vma.protection & PROT_EXEC:
            self.code += pages

    @property
    def resident(self) -> int:
        """Pages that are there."""
        return self.anonymous + self.file + self.shared_memory
