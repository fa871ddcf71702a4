"""ioctl(2): requests are passed on when it is known how much memory their argument points to, and that no address is in there.

No request is passed on by its encoded size alone unless all requests of its type are plain: among those of one type (a letter, as Linux's
Documentation/userspace-api/ioctl/ioctl-number.rst lists them) there usually are some whose structs hold addresses, and the host's kernel would take a
guest's address for one of the emulator's.
"""

from __future__ import annotations

from errno import EFAULT, EINVAL, EIO, ENOTTY
from struct import pack, unpack

from miniload.ffi import string_at
from miniload.linux.dispatch import pointer
from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

NUMBER, DESCRIPTOR = -1, -2
"""Instead of a size: the argument is a number, or a descriptor."""

# Requests from before sizes were part of them, and those whose size says something else: bytes behind the argument.
SIZES = {
    # Terminals: include/uapi/asm-generic/ioctls.h and termbits.h
    0x5401: 36, 0x5402: 36, 0x5403: 36, 0x5404: 36,  # TCGETS, TCSETS, TCSETSW, TCSETSF
    0x5405: 18, 0x5406: 18, 0x5407: 18, 0x5408: 18,  # TCGETA, TCSETA, TCSETAW, TCSETAF
    0x5409: NUMBER, 0x540A: NUMBER, 0x540B: NUMBER,  # TCSBRK, TCXONC, TCFLSH
    0x540C: NUMBER, 0x540D: NUMBER, 0x540E: NUMBER, 0x540F: 4, 0x5410: 4, 0x5411: 4,  # TIOCEXCL, TIOCNXCL, TIOCSCTTY, TIOC[GS]PGRP, TIOCOUTQ
    0x5413: 8, 0x5414: 8, 0x5415: 4, 0x5416: 4, 0x5417: 4, 0x5418: 4,  # TIOC[GS]WINSZ, TIOCMGET, TIOCMBIS, TIOCMBIC, TIOCMSET
    0x5419: 4, 0x541A: 4, 0x541B: 4, 0x541D: NUMBER, 0x541E: 72,  # TIOC[GS]SOFTCAR, FIONREAD, TIOCCONS, TIOCGSERIAL
    0x5420: 4, 0x5421: 4, 0x5422: NUMBER, 0x5423: 4, 0x5424: 4,  # TIOCPKT, FIONBIO, TIOCNOTTY, TIOC[SG]ETD
    0x5425: NUMBER, 0x5427: NUMBER, 0x5428: NUMBER, 0x5429: 4,  # TCSBRKP, TIOCSBRK, TIOCCBRK, TIOCGSID
    0x802C542A: 44, 0x402C542B: 44, 0x402C542C: 44, 0x402C542D: 44,  # TCGETS2, TCSETS2, TCSETSW2, TCSETSF2
    0x542E: 32, 0x542F: 32, 0x80045430: 4, 0x40045431: 4, 0x80045432: 4,  # TIOC[GS]RS485, TIOCGPTN, TIOCSPTLCK, TIOCGDEV
    0x40045436: NUMBER, 0x5437: NUMBER, 0x80045438: 4, 0x80045439: 4, 0x80045440: 4,  # TIOCSIG, TIOCVHANGUP, TIOCGPKT, TIOCGPTLCK, TIOCGEXCL
    0x5441: NUMBER, 0x5450: NUMBER, 0x5451: NUMBER, 0x5452: 4,  # TIOCGPTPEER, FIONCLEX, FIOCLEX, FIOASYNC
    0x5456: 44, 0x5457: 44, 0x5459: 4, 0x545C: NUMBER, 0x545D: 80, 0x5460: 8,  # TIOC[GS]LCKTRMIOS, TIOCSERGETLSR, TIOCMIWAIT, TIOCGICOUNT, FIOQSIZE
    # Consoles: include/uapi/linux/kd.h and vt.h
    0x4B2F: NUMBER, 0x4B30: NUMBER, 0x4B31: 1, 0x4B32: NUMBER, 0x4B33: 1, 0x4B3A: NUMBER, 0x4B3B: 4, 0x4B44: 4, 0x4B45: NUMBER, 0x4B62: 4, 0x4B64: 1,
    0x4B65: NUMBER, 0x5600: 4, 0x5601: 8, 0x5602: 8, 0x5603: 6, 0x5605: NUMBER, 0x5606: NUMBER, 0x5607: NUMBER, 0x5608: NUMBER,
    # Sockets: include/uapi/linux/sockios.h. struct ifreq has 40 bytes, struct arpreq 68.
    0x8901: 4, 0x8902: 4, 0x8903: 4, 0x8904: 4, 0x8905: 4, 0x8906: 16, 0x8907: 16, 0x80108906: 16, 0x80108907: 16, 0x894B: 4, 0x894C: NUMBER,
    **dict.fromkeys((0x8910, 0x8911, *range(0x8913, 0x8925), 0x8927, 0x8929, *range(0x8930, 0x893A), 0x8942, 0x8943, 0x8970, 0x8971, 0x8B01), 40),
    0x8953: 68, 0x8954: 68, 0x8955: 68, 0x89A0: 16, 0x89A1: 16, 0x89A2: 40, 0x89A3: 40,
    # Network tunnels: include/uapi/linux/if_tun.h
    0x400454C8: NUMBER, 0x400454C9: NUMBER, 0x400454CA: 40, 0x400454CB: NUMBER, 0x400454CC: NUMBER, 0x400454CD: NUMBER, 0x400454CE: NUMBER,
    0x800454CF: 4, 0x400454D0: NUMBER, 0x800454D2: 40, 0x800454D3: 4, 0x400454D4: 4, 0x800454D7: 4, 0x400454D8: 4, 0x400454D9: 40, 0x400454DA: 4,
    # File systems: include/uapi/linux/fs.h, fscrypt.h, msdos_fs.h
    0x1: 4, 0x2: 4, 0x80086601: 8, 0x40086602: 8, 0x80087601: 8, 0x40087602: 8,  # FIBMAP, FIGETBSZ, FS_IOC_[GS]ETFLAGS, FS_IOC_[GS]ETVERSION
    0x801C581F: 28, 0x401C5820: 28, 0xC0045877: NUMBER, 0xC0045878: NUMBER, 0xC0185879: 24,  # FS_IOC_FS[GS]ETXATTR, FIFREEZE, FITHAW, FITRIM
    0x81009431: 256, 0x41009432: 256, 0x80111500: 17, 0x80811501: 129,  # FS_IOC_[GS]ETFSLABEL, FS_IOC_GETFSUUID, FS_IOC_GETFSSYSFSPATH
    0x40049409: DESCRIPTOR, 0x4020940D: 32, 0x800C6613: 12, 0x400C6615: 12, 0xC0096616: 32, 0x40106614: 16,  # FICLONE, FICLONERANGE, encryption
    0x80047210: 4, 0x40047211: 4, 0x80047213: 4,  # FAT_IOCTL_[GS]ET_ATTRIBUTES, FAT_IOCTL_GET_VOLUME_ID
    # Block devices: fs.h, hdreg.h, loop.h
    0x125D: 4, 0x125E: 4, 0x125F: NUMBER, 0x1260: 8, 0x1261: NUMBER, 0x1262: NUMBER, 0x1263: 8, 0x1264: NUMBER, 0x1265: 8, 0x1267: 2, 0x1268: 4,
    0x80081270: 8, 0x40081271: 8, 0x80081272: 8, 0x1277: 16, 0x1278: 4, 0x1279: 4, 0x127A: 4, 0x127B: 4, 0x127C: 4, 0x127D: 16, 0x127E: 2, 0x127F: 16,
    0x80081280: 8, 0x80041284: 4, 0x80041285: 4, 0x301: 16,
    0x4C00: DESCRIPTOR, 0x4C01: NUMBER, 0x4C02: 168, 0x4C03: 168, 0x4C04: 232, 0x4C05: 232, 0x4C06: DESCRIPTOR, 0x4C07: NUMBER, 0x4C08: NUMBER,
    0x4C09: NUMBER, 0x4C0A: 304, 0x4C80: NUMBER, 0x4C81: NUMBER, 0x4C82: NUMBER,
    # The rest: random.h, timerfd.h, eventpoll.h
    0x80045200: 4, 0x40045201: 4, 0x5204: NUMBER, 0x5206: NUMBER, 0x5207: NUMBER, 0x40085400: 8, 0x40088A01: 8, 0x80088A02: 8,
}  # fmt: skip

# Requests whose struct is followed by as many elements as it says: bytes of the struct, place and format of the count, bytes of an element.
VARIABLE = {
    0xC020660B: (32, 24, "<I", 56),  # FS_IOC_FIEMAP
    0xC0189436: (24, 16, "<H", 32),  # FIDEDUPERANGE
    0x40085203: (8, 4, "<I", 1),  # RNDADDENTROPY
    0xC0046686: (4, 2, "<H", 1),  # FS_IOC_MEASURE_VERITY
}
MOST_BYTES = 0xFFFFFFFF
"""FIEMAP_MAX_EXTENTS is the number that makes no more bytes than this."""
SIOCGIFCONF, TIOCSTI = 0x8912, 0x5412
PLAIN_TYPES = frozenset((0xB7, 0xFF, *b"pW"))
"""Types of which no request has addresses: of namespaces, of pidfds, of real-time clocks, of watchdogs."""
READ, EVENT_DEVICES = 2, ord("E")


def ioctl(task: Task, fd: int, request: int, argument: int) -> int:
    """ioctl(2). A request that is not known is ENOTTY, and -v names it."""
    process = task.process
    request &= 0xFFFFFFFF
    fd = process.checked(fd)
    if request == SIOCGIFCONF:
        return interfaces(task, fd, argument)
    if request == TIOCSTI:
        raise error(EIO)  # as since Linux 6.2 by default: it would type into whatever terminal the emulator is run from
    size = size_behind(task, request, argument)
    if size is None:
        task.host("fcntl", fd, 1, 0)  # EBADF comes first
        process.report(f"unknown ioctl {request:#x}")
        raise error(ENOTTY)
    if size == DESCRIPTOR:
        value = argument & 0xFFFFFFFF
        argument = process.checked(value - (value >> 31 << 32))
    elif size != NUMBER:
        argument = process.space.host(argument, size)
    return task.host("ioctl", fd, request, argument)


def size_behind(task: Task, request: int, argument: int) -> int | None:
    """Bytes that the argument points to, NUMBER or DESCRIPTOR; None if that is not known."""
    size = SIZES.get(request)
    if size is not None:
        return size
    if request in VARIABLE:
        head, place, form, element = VARIABLE[request]
        width = 2 if form == "<H" else 4
        size = head + element * int(unpack(form, task.process.space.read(argument + place, width))[0])
        if size > MOST_BYTES:
            raise error(EINVAL)
        return size
    # include/uapi/asm-generic/ioctl.h: direction, size, type and number.
    direction, size, kind = request >> 30, request >> 16 & 0x3FFF, request >> 8 & 0xFF
    if kind in PLAIN_TYPES:
        return size if direction else NUMBER
    return size if kind == EVENT_DEVICES and direction == READ else None


def interfaces(task: Task, fd: int, argument: int) -> int:
    """SIOCGIFCONF: a length, and the address of a buffer."""
    space = task.process.space
    keep: list[object] = []
    length, buffer = unpack("<i4xQ", space.read(argument, 16))
    if buffer >= space.end:
        raise error(EFAULT)
    place = pointer(pack("<i4xQ", length, space.host(buffer, max(length, 0))), keep)
    got = task.host("ioctl", fd, SIOCGIFCONF, place)
    space.write(argument, string_at(place, 4))
    return got
