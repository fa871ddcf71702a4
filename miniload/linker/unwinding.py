"""Unwinding through loaded code: C++ exceptions, backtrace(3), pthread_exit. The process's unwinder is libgcc_s; it finds ld.so's objects by itself, and others
in the list that __register_frame keeps. The core gives it each object's .eh_frame, if that is sound (frames.c)."""

from __future__ import annotations

import ctypes
from ctypes import c_void_p

from miniload.linker import core


def find_unwinder() -> None:
    """Tells the core of the unwinder. Without one in the process there is nobody to unwind."""
    try:
        library = ctypes.CDLL("libgcc_s.so.1")
        functions = [ctypes.cast(library[name], c_void_p) for name in ("__register_frame", "__deregister_frame")]
    except (OSError, AttributeError):
        return
    core.unwinder(*functions)
