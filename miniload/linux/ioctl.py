"""ioctl(2): requests are passed on when it is known how much memory their argument points to."""

from __future__ import annotations

from errno import ENOTTY
from struct import pack, unpack

from miniload.linux.dispatch import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

NUMBER = -1
"""The argument is a number."""

# include/uapi/asm-generic/ioctls.h: from before sizes were part of the request. Bytes behind the argument.
OLD = {
    0x5401: 36, 0x5402: 36, 0x5403: 36, 0x5404: 36,  # TCGETS, TCSETS, TCSETSW, TCSETSF
    0x5405: 18, 0x5406: 18, 0x5407: 18, 0x5408: 18,  # TCGETA, ...
    0x5409: NUMBER, 0x540A: NUMBER, 0x540B: NUMBER,  # TCSBRK, TCXONC, TCFLSH
    0x540C: NUMBER, 0x540D: NUMBER, 0x540E: NUMBER, 0x540F: 4, 0x5410: 4, 0x5411: 4,  # TIOCEXCL, TIOCNXCL, TIOCSCTTY, TIOC[GS]PGRP, TIOCOUTQ
    0x5413: 8, 0x5414: 8, 0x5415: 4, 0x5416: 4, 0x5417: 4, 0x5418: 4,  # TIOC[GS]WINSZ, TIOCM*
    0x5419: 4, 0x541A: 4, 0x541B: 4, 0x5420: 4, 0x5421: 4, 0x5422: NUMBER, 0x5423: 4, 0x5424: 4,  # FIONREAD, TIOCPKT, FIONBIO, TIOCNOTTY, TIOC[SG]ETD
    0x5425: NUMBER, 0x5427: NUMBER, 0x5428: NUMBER, 0x5429: 4, 0x5437: NUMBER,  # TCSBRKP, TIOCSBRK, TIOCCBRK, TIOCGSID, TIOCVHANGUP
    0x5450: NUMBER, 0x5451: NUMBER, 0x5452: 4, 0x5456: 44, 0x5457: 44, 0x545D: 64, 0x545E: 64,  # FIONCLEX, FIOCLEX, FIOASYNC, ...
    0x5460: 8,  # FIOQSIZE
    # include/uapi/linux/sockios.h
    0x8901: 4, 0x8902: 4, 0x8903: 4, 0x8904: 4, 0x8905: 4, 0x8906: 16, 0x8907: 16, 0x8910: 40, 0x8913: 40, 0x8914: 40, 0x8915: 40, 0x8916: 40,
    0x8917: 40, 0x8918: 40, 0x8919: 40, 0x891A: 40, 0x891B: 40, 0x891C: 40, 0x891D: 40, 0x891E: 40, 0x8921: 40, 0x8922: 40, 0x8923: 40, 0x8924: 40,
    0x8927: 40, 0x8929: 40, 0x8930: 40, 0x8931: 40, 0x8932: 40, 0x8933: 40, 0x8934: 40, 0x8935: 40, 0x8936: 40, 0x8937: 40, 0x8938: 40, 0x8939: 40,
    0x8942: 40, 0x8943: 40,
    # include/uapi/linux/fs.h
    0x1: 4, 0x2: 4, 0x125D: 4, 0x125E: 4, 0x125F: NUMBER, 0x1260: 8, 0x1261: NUMBER, 0x1262: NUMBER, 0x1263: 8, 0x1268: 4,  # FIBMAP, BLK*
    # include/uapi/linux/kd.h and vt.h
    0x4B33: 1, 0x4B3A: NUMBER, 0x4B3B: 4, 0x4B44: 4, 0x4B64: 1, 0x5600: 4, 0x5601: 8, 0x5603: 6, 0x5605: NUMBER, 0x5606: NUMBER, 0x5607: NUMBER,
}  # fmt: skip

SIOCGIFCONF = 0x8912
FS_IOC_FIEMAP, FIEMAP_HEAD, FIEMAP_EXTENT = 0xC020660B, 32, 56
FIDEDUPERANGE, DEDUPE_HEAD, DEDUPE_INFO = 0xC0189436, 24, 32
# Types whose structs hold no addresses: of file systems, terminals, random, loop devices and the like.
PLAIN_TYPES = frozenset(b"fXvrTRpWELqeF") | {0x94, 0x93, 0x12, 0xB7}


def ioctl(task: Task, fd: int, request: int, argument: int) -> int:
    """ioctl(2). A request that is not known is ENOTTY, and -v names it."""
    process = task.process
    request &= 0xFFFFFFFF
    fd = process.checked(fd)
    size = OLD.get(request)
    if size is None:
        if request == SIOCGIFCONF:
            return interfaces(task, fd, argument)
        size = variable_size(task, request, argument)
    if size is None:
        size = encoded_size(request)
    if size is None:
        process.report(f"unknown ioctl {request:#x}")
        raise OSError(ENOTTY, "unknown ioctl")
    if size != NUMBER:
        argument = process.space.host(argument, size)
    return task.host("ioctl", fd, request, argument)


def encoded_size(request: int) -> int | None:
    """Direction, size, type and number are in newer requests (include/uapi/asm-generic/ioctl.h)."""
    direction, size, kind = request >> 30, request >> 16 & 0x3FFF, request >> 8 & 0xFF
    if kind not in PLAIN_TYPES:
        return None
    if not direction and not size:
        return NUMBER if kind in b"Tf" or kind == 0x94 else None
    # FICLONE and FIOPTYPE-like requests say four bytes and mean the number itself.
    return NUMBER if request == 0x40049409 else size


def variable_size(task: Task, request: int, argument: int) -> int | None:
    """Those whose struct is followed by as many elements as it says."""
    space = task.process.space
    if request == FS_IOC_FIEMAP:
        return FIEMAP_HEAD + FIEMAP_EXTENT * int.from_bytes(space.read(argument + 24, 4), "little")
    if request == FIDEDUPERANGE:
        return DEDUPE_HEAD + DEDUPE_INFO * int.from_bytes(space.read(argument + 16, 2), "little")
    return None


def interfaces(task: Task, fd: int, argument: int) -> int:
    """SIOCGIFCONF: a length, and the address of a buffer."""
    space, keep = task.process.space, []  # type: ignore[var-annotated]
    length, buffer = unpack("<i4xQ", space.read(argument, 16))
    import ctypes

    inner = pack("<i4xQ", length, space.host(buffer, max(length, 0)))
    place = pointer(inner, keep)
    got = task.host("ioctl", fd, SIOCGIFCONF, place)
    space.write(argument, ctypes.string_at(place, 4))
    return got
