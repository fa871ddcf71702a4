"""What the personality has to know of an architecture; arch/<name>/guest.py has the values."""

from __future__ import annotations

from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from miniload.linux.signals import Frame
    from miniload.space.guest import GuestSpace
    from miniload.vcpu.core import Vcpu


class Frames(Record):
    """How callers are found. `registers`: general registers by their DWARF numbers, as the psABI has them, "" for others. `stack`, `pointer`: the stack and
    the frame pointer. `link`: the register that calls leave the return address in, or "". `previous`, `saved`: where, seen from the frame pointer, the
    caller's frame pointer and the return address are stored."""

    registers: tuple[str, ...]
    stack: str
    pointer: str
    link: str
    previous: int
    saved: int


class GuestArch(Record):
    """What differs between architectures, and where it is.

    `machine`: uname's. `open_flags`: the architecture's own values of those O_* flags that differ between architectures. `pack_stat`:
    struct stat. `epoll_packed`: whether struct epoll_event has no padding. `sem_padded`: whether struct semid64_ds has some.
    `clone_tls_first`: the order of clone's last arguments (CONFIG_CLONE_BACKWARDS). `has_restorer`: whether struct sigaction has sa_restorer.
    `execute_only`: whether code can be mapped so that it cannot be read. `low_flag`: MAP_32BIT, or 0.
    `has_tagged_addresses`: whether there is PR_SET_TAGGED_ADDR_CTRL.
    `entry_registers`: what exec leaves in registers that are not 0. `signal_return`: machine code of the rt_sigreturn trampoline, b"" where libc always
    brings its own. `push_frame`, `pop_frame`: of signals, see linux/signals.py. `min_stack`: MINSIGSTKSZ.
    `syscall_size`: bytes of the system call instruction.
    `breakpoint_code`: si_code of a breakpoint instruction's SIGTRAP. `restores_number`: whether a system call's result takes its number's
    place. `cpuinfo(count, vcpu)`: /proc/cpuinfo.
    """

    machine: str
    open_flags: dict[str, int]
    pack_stat: Callable[[os.stat_result], bytes]
    epoll_packed: bool
    sem_padded: bool
    clone_tls_first: bool
    has_restorer: bool
    execute_only: bool
    low_flag: int
    has_tagged_addresses: bool
    entry_registers: dict[str, int]
    signal_return: bytes
    push_frame: Callable[[Vcpu, int, Frame], tuple[int, bytes, dict[str, int]]]
    pop_frame: Callable[[Vcpu, GuestSpace, int], tuple[int, tuple[int, int, int]]]
    min_stack: int
    syscall_size: int
    breakpoint_code: int
    restores_number: bool
    cpuinfo: Callable[[int, Vcpu], str]
    frames: Frames


def load(name: str) -> GuestArch:
    """The description of that architecture."""
    guest: GuestArch = __import__(f"miniload.arch.{name}.guest", fromlist=["GUEST"]).GUEST
    return guest


def pack_generic_stat(status: os.stat_result) -> bytes:
    """struct stat of include/uapi/asm-generic/stat.h, 128 bytes."""
    from struct import pack

    return pack(
        "<QQIIIIQQqiiqqQqQqQII",
        status.st_dev,
        status.st_ino,
        status.st_mode,
        status.st_nlink,
        status.st_uid,
        status.st_gid,
        status.st_rdev,
        0,
        status.st_size,
        status.st_blksize,
        0,
        status.st_blocks,
        *times(status),
        0,
        0,
    )


def times(status: os.stat_result) -> tuple[int, int, int, int, int, int]:
    """Seconds and nanoseconds of access, modification, change."""
    second = 1_000_000_000
    return (*divmod(status.st_atime_ns, second), *divmod(status.st_mtime_ns, second), *divmod(status.st_ctime_ns, second))
