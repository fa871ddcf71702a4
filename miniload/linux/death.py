"""How a guest that was killed by a signal leaves: its host process dies of that very signal, so that whoever waits for it sees so."""

from __future__ import annotations

import os

from miniload.ffi import CDLL, c_int, c_uint64, c_void_p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def die_of(signal: int) -> NoReturn:
    """The default action of `signal`, without the emulator's own core dump."""
    libc = CDLL(None)
    libc.signal.argtypes = (c_int, c_void_p)
    libc.signal(signal, None)
    # Only this one is let through: another that is caught would have the host block all again (vcpu/hostsig.c).
    others = (c_uint64 * 16)((1 << 64) - 1 & ~(1 << signal - 1))
    libc.sigprocmask(2, others, None)
    getattr(libc, "raise")(signal)  # to this very thread: of a process-directed one the kernel may only wake another, and this goes on
    os._exit(128 + signal)
