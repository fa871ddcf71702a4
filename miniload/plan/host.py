"""What the planner asks of the running kernel: read once, handed around as one value."""

from __future__ import annotations

import os
from struct import iter_unpack

from miniload.plan.auxv import AT_BASE_PLATFORM, AT_NULL, AT_PAGESZ, AT_PLATFORM
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.arch import Arch

ARG_MAX, ARG_MAX_CEILING = 128 << 10, 6 << 20
"""Bounds of a quarter of RLIMIT_STACK: what arguments and environment may take (Linux 6.18 fs/exec.c, bprm_stack_limits)."""


class HostFacts(Record):
    """`auxv`: entry types in the kernel's order. `platform`, `base_platform`: those strings, None where the kernel gives none.
    `argument_limit`: bytes for argument and environment strings and pointers; `string_limit`: for the strings alone, which have to fit into the
    stack while the old image is still there. `randomize`: randomize_va_space. `rnd_bits`: mmap randomisation in pages.
    """

    page_size: int
    auxv: tuple[int, ...]
    platform: bytes | None
    base_platform: bytes | None
    argument_limit: int
    string_limit: int
    randomize: int
    rnd_bits: int


def read_host(arch: Arch) -> HostFacts:
    """The facts of this process and kernel. Without /proc, what the architecture's kernel usually gives."""
    auxv = _read_auxv()
    page_size = auxv.get(AT_PAGESZ, 4096)
    argument_limit, string_limit = _size_limits(page_size)
    return HostFacts(
        page_size=page_size,
        auxv=tuple(auxv) or arch.auxv,
        platform=_read_string(auxv[AT_PLATFORM]) if AT_PLATFORM in auxv else None if auxv else arch.platform,
        base_platform=_read_string(auxv[AT_BASE_PLATFORM]) if AT_BASE_PLATFORM in auxv else None,
        argument_limit=argument_limit,
        string_limit=string_limit,
        randomize=_read_number("/proc/sys/kernel/randomize_va_space", 2),
        rnd_bits=_read_number("/proc/sys/vm/mmap_rnd_bits", arch.rnd_bits),
    )


def _size_limits(page_size: int) -> tuple[int, int]:
    """The limits for strings and pointers, and for strings. glibc computes _SC_ARG_MAX from RLIMIT_STACK as the kernel does, less the ceiling
    (sysdeps/unix/sysv/linux/sysconf.c); only where it is at the minimum, or a constant as in musl, is `resource` imported, which costs 0.3 ms."""
    limit = os.sysconf("SC_ARG_MAX")
    if limit > ARG_MAX:
        return min(limit, ARG_MAX_CEILING), ARG_MAX_CEILING
    from resource import RLIM_INFINITY, RLIMIT_STACK, getrlimit

    stack = getrlimit(RLIMIT_STACK)[0]
    if stack == RLIM_INFINITY:
        return ARG_MAX_CEILING, ARG_MAX_CEILING
    return max(ARG_MAX, min(stack // 4, ARG_MAX_CEILING)), (stack & -page_size) - 8


def _read_auxv() -> dict[int, int]:
    try:
        data = _read_file("/proc/self/auxv")
    except OSError:
        return {}
    return {kind: value for kind, value in iter_unpack("@NN", data) if kind != AT_NULL}


def _read_string(address: int) -> bytes | None:
    """A NUL-terminated string of this process's memory. Not by ctypes, whose import costs 2.5 ms."""
    try:
        fd = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.pread(fd, 64, address).split(b"\0", 1)[0]
    except OSError:
        return None
    finally:
        os.close(fd)


def process_status(field: bytes) -> bytes:
    """One field of /proc/self/status, without blanks around it; b"" if there is none or no /proc."""
    try:
        text = _read_file("/proc/self/status")
    except OSError:
        return b""
    return text.partition(b"\n" + field + b":")[2].partition(b"\n")[0].strip()


def _read_number(path: str, otherwise: int) -> int:
    try:
        return int(_read_file(path))
    except (OSError, ValueError):
        return otherwise


def _read_file(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 65536)
    finally:
        os.close(fd)
