"""How a guest that was killed by a signal leaves: its host process dies of that very signal, so that whoever waits for it sees so."""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def die_of(signal: int) -> NoReturn:
    """The default action of `signal`, without the emulator's own core dump."""
    libc = ctypes.CDLL(None)
    libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    libc.signal(signal, None)
    # Only this one is let through: another that is caught would have the host block all again (vcpu/hostsig.c).
    others = (ctypes.c_uint64 * 16)((1 << 64) - 1 & ~(1 << signal - 1))
    libc.sigprocmask(2, others, None)
    libc["raise"](signal)  # to this very thread: of a process-directed one the kernel may only wake another, and this goes on
    os._exit(128 + signal)
