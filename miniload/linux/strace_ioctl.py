"""ioctl(2) as --strace prints it: requests of terminals and sockets with what their argument points to, of others the address."""

from __future__ import annotations

from miniload.linux.strace_call import pointer
from miniload.linux.symbolic import ioctl as request_name
from miniload.linux.symbolic import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from miniload.linux.strace_call import Call

WITHOUT = frozenset((0x5450, 0x5451, 0x540C, 0x540D, 0x5422, 0x5427, 0x5428))
"""FIONCLEX, FIOCLEX, TIOCEXCL, TIOCNXCL, TIOCNOTTY, TIOCSBRK, TIOCCBRK: no argument."""
STORES = {
    0x5401: "termios", 0x5413: "winsize", 0x540F: "int", 0x5429: "int", 0x541B: "int", 0x5411: "int", 0x5424: "int", 0x80045430: "int", 0x80045440: "int",
    0x80045439: "int", 0x8905: "int", 0x8903: "int", 0x8904: "int",
}  # fmt: skip
"""Request to the struct that it stores: TCGETS, TIOCGWINSZ, TIOCGPGRP, TIOCGSID, FIONREAD, TIOCOUTQ, TIOCGETD, TIOCGPTN, ..."""
READS = {
    0x5402: "termios", 0x5403: "termios", 0x5404: "termios", 0x5414: "winsize", 0x5410: "int", 0x5421: "int", 0x5452: "int", 0x5423: "int",
    0x5420: "int", 0x40045431: "int", 0x8901: "int", 0x8902: "int",
}  # fmt: skip
"""To the struct that it reads: TCSETS, TCSETSW, TCSETSF, TIOCSWINSZ, TIOCSPGRP, FIONBIO, FIOASYNC, TIOCSETD, TIOCPKT, TIOCSPTLCK, ..."""


def ioctl(call: Call) -> Iterator[list[str]]:
    """ioctl(2), by its request."""
    request, value = call.unsigned(1), call.args[2]
    shown = [str(call.signed(0)), request_name(request)]
    if request in WITHOUT:
        yield shown
    elif request in STORES:
        yield shown
        yield [call.struct(STORES[request], value) if call.result >= 0 else pointer(value)]
    elif request in READS:
        yield [*shown, call.struct(READS[request], value)]
    else:
        yield [*shown, number(value)]


PRINTERS = {"ioctl": ioctl}
