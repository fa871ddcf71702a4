"""What the guest finds in /proc of itself: its own program and mappings, not the emulator's. What is where; procmem.py and procstat.py have the contents."""

from __future__ import annotations

import os

from miniload.linux.paths import absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.linux.process import Process

    View = Callable[[Process, bytes], bytes]


def own_place(process: Process, dirfd: int, path: bytes) -> tuple[bytes, bytes] | None:
    """The host's folder in /proc of this process or one of its threads, and the entry in it, if that is where (dirfd, path) leads: by pid, by self or
    thread-self, or by task/TID."""
    if path.startswith(b"/"):
        if b"proc" not in path:
            return None
    elif dirfd < 0 and not in_proc_directory():
        return None
    place = b"/" + absolute(process, dirfd, path).lstrip(b"/")
    if not place.startswith(b"/proc/"):
        return None
    parts = place.split(b"/")[2:]
    if parts[0] not in (b"self", b"thread-self") and parts[0] != b"%d" % os.getpid() and not is_thread(process, parts[0]):
        return None
    folder = b"/proc/thread-self" if parts[0] == b"thread-self" else b"/proc/self"
    if len(parts) > 2 and parts[1] == b"task":
        if not is_thread(process, parts[2]):
            return None
        folder = b"/proc/self/task/" + parts[2]
        parts = parts[2:]
    return folder, b"/".join(parts[1:])


def is_thread(process: Process, name: bytes) -> bool:
    """Whether a name is the number of one of the guest's threads."""
    return name.isdigit() and len(name) < 11 and int(name) in process.tasks


def own_entry(process: Process, dirfd: int, path: bytes) -> bytes | None:
    """The part behind /proc/self/ if that is where (dirfd, path) leads."""
    found = own_place(process, dirfd, path)
    return None if found is None else found[1]


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
    if path == b"/proc/cpuinfo":
        return process.abi.cpuinfo(len(os.sched_getaffinity(0)), process.vcpu).encode()
    found = own_place(process, dirfd, path)
    view = VIEWS.get(found[1]) if found is not None else None
    return None if found is None or view is None else view(process, found[0])


def cmdline(process: Process, _folder: bytes) -> bytes:
    """/proc/self/cmdline, from where argv's strings are now."""
    start, middle, _ = process.strings
    return _memory(process, start, middle)


def environ(process: Process, _folder: bytes) -> bytes:
    """/proc/self/environ."""
    _, middle, end = process.strings
    return _memory(process, middle, end)


def _memory(process: Process, start: int, end: int) -> bytes:
    try:
        return process.space.read(start, end - start)
    except OSError:
        return b""


def auxv(process: Process, _folder: bytes) -> bytes:
    """/proc/self/auxv."""
    return process.auxv


def personality(process: Process, _folder: bytes) -> bytes:
    """/proc/self/personality."""
    return b"%08x\n" % process.persona


def of_memory(name: str) -> View:
    """A view of procmem.py, which few programs ask for."""

    def view(process: Process, _folder: bytes) -> bytes:
        from miniload.linux import procmem

        text: bytes = getattr(procmem, name)(process)
        return text

    return view


def of_state(name: str) -> View:
    """A view of procstat.py."""

    def view(process: Process, folder: bytes) -> bytes:
        from miniload.linux import procstat

        text: bytes = getattr(procstat, name)(process, folder)
        return text

    return view


VIEWS: dict[bytes, View] = {
    b"maps": of_memory("maps"),
    b"smaps": of_memory("smaps"),
    b"smaps_rollup": of_memory("smaps_rollup"),
    b"cmdline": cmdline,
    b"environ": environ,
    b"auxv": auxv,
    b"personality": personality,
    b"stat": of_state("stat"),
    b"statm": of_state("statm"),
    b"status": of_state("status"),
    b"limits": of_state("limits"),
}
