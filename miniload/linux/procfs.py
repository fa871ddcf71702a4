"""What the guest finds in /proc of itself: its own program and mappings, not the emulator's."""

from __future__ import annotations

import os

from miniload.linux.paths import absolute
from miniload.space import MAP_SHARED, MAP_TYPE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.linux.process import Process

    View = Callable[[Process], bytes]


def own_entry(process: Process, dirfd: int, path: bytes) -> bytes | None:
    """The part behind /proc/self/ if that is where (dirfd, path) leads: by pid, by self or thread-self, or by task/TID."""
    if path.startswith(b"/"):
        if not path.startswith(b"/proc"):
            return None
    elif dirfd < 0 and not in_proc_directory():
        return None
    place = absolute(process, dirfd, path)
    if not place.startswith(b"/proc/"):
        return None
    parts = place.split(b"/")[2:]
    if parts[0] not in (b"self", b"thread-self") and parts[0] != b"%d" % os.getpid() and not (parts[0].isdigit() and int(parts[0]) in process.tasks):
        return None
    if len(parts) > 2 and parts[1] == b"task":
        parts = parts[2:]
    return b"/".join(parts[1:])


def in_proc_directory() -> bool:
    """Whether the working directory is one of /proc's."""
    try:
        return os.getcwdb().startswith(b"/proc")
    except OSError:
        return False


def target(process: Process, dirfd: int, path: bytes) -> bytes | None:
    """Where a magic link of the guest's own leads, as the host's path: exe. None if it is none."""
    return process.exe if own_entry(process, dirfd, path) == b"exe" else None


def content(process: Process, dirfd: int, path: bytes) -> bytes | None:
    """What the guest reads there, None if it is the host's file."""
    if path in (b"/proc/cpuinfo",):
        return process.abi.cpuinfo(len(os.sched_getaffinity(0))).encode()
    entry = own_entry(process, dirfd, path)
    view = VIEWS.get(entry) if entry is not None else None
    return None if view is None else view(process)


def maps(process: Process) -> bytes:
    """/proc/self/maps (fs/proc/task_mmu.c, show_map_vma())."""
    lines = []
    for vma in process.space.vmas:
        letters = "".join(letter if vma.protection & bit else "-" for bit, letter in ((1, "r"), (2, "w"), (4, "x")))
        shared = "s" if vma.flags & MAP_TYPE == MAP_SHARED else "p"
        device = f"{os.major(vma.device):02x}:{os.minor(vma.device):02x}"
        line = f"{vma.start:08x}-{vma.end:08x} {letters}{shared} {vma.offset:08x} {device} {vma.inode} ".encode()
        lines.append((line.ljust(73) + vma.file if vma.file else line) + b"\n")
    return b"".join(lines)


def smaps(process: Process) -> bytes:
    """/proc/self/smaps: the sizes that readers add up."""
    blocks = []
    for line, vma in zip(maps(process).splitlines(), process.space.vmas, strict=True):
        size = vma.end - vma.start >> 10
        rows = [("Size", size), ("KernelPageSize", 4), ("MMUPageSize", 4), ("Rss", 0), ("Pss", 0), ("Private_Dirty", 0), ("Referenced", 0), ("Swap", 0)]
        blocks.append(line + b"\n" + "".join(f"{name + ':':<16}{value:>8} kB\n" for name, value in rows).encode())
    return b"".join(blocks)


def cmdline(process: Process) -> bytes:
    """/proc/self/cmdline, from where argv's strings are now."""
    start, middle, _ = process.strings
    return _memory(process, start, middle)


def environ(process: Process) -> bytes:
    """/proc/self/environ."""
    _, middle, end = process.strings
    return _memory(process, middle, end)


def _memory(process: Process, start: int, end: int) -> bytes:
    try:
        return process.space.read(start, end - start)
    except OSError:
        return b""


def stat(process: Process) -> bytes:
    """/proc/self/stat: the host's, with the guest's addresses."""
    with open("/proc/self/stat", "rb") as file:
        before, _, rest = file.read().rpartition(b")")
    fields = rest.split()
    stack = next((vma for vma in process.space.vmas if vma.file == b"[stack]"), None)
    code = next((vma for vma in process.space.vmas if vma.protection & 4), None)
    size = sum(vma.end - vma.start for vma in process.space.vmas)
    # fields[0] is field 3 of proc(5)
    for number, value in ((23, size), (26, code.start if code else 0), (27, code.end if code else 0), (28, stack.end if stack else 0)):
        fields[number - 3] = b"%d" % value
    start, middle, end = process.strings
    for number, value in ((47, process.space.brk_start), (48, start), (49, middle), (50, middle), (51, end)):
        if number - 3 < len(fields):
            fields[number - 3] = b"%d" % value
    return before + b") " + b" ".join(fields) + b"\n"


def status(process: Process) -> bytes:
    """/proc/self/status: the host's, with the guest's size."""
    with open("/proc/self/status", "rb") as file:
        lines = file.read().split(b"\n")
    size = sum(vma.end - vma.start for vma in process.space.vmas) >> 10
    for index, line in enumerate(lines):
        if line.startswith((b"VmSize:", b"VmPeak:")):
            lines[index] = line[:7] + b"\t%8d kB" % size
        elif line.startswith(b"Threads:"):
            lines[index] = b"Threads:\t%d" % max(len(process.tasks), 1)
    return b"\n".join(lines)


VIEWS: dict[bytes, View] = {
    b"maps": maps,
    b"smaps": smaps,
    b"cmdline": cmdline,
    b"environ": environ,
    b"auxv": lambda process: process.auxv,
    b"stat": stat,
    b"status": status,
}
