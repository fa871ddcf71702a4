"""Unwinding through loaded code: C++ exceptions, backtrace(3), pthread_exit. The process's unwinder is libgcc_s. It asks the C library which object an address
is in, and is made to ask us before. So it looks at .eh_frame_hdr of our objects as it does with ld.so's: when it comes to one, and a load costs nothing for it.
Where its call is not to be found, the core gives it each object's .eh_frame with __register_frame, if that is sound (frames.c)."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_void_p

from miniload.linker import core
from miniload.linker.family import UNWINDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from miniload.linker.native import NativeTarget

ASKS = ("_dl_find_object", "dl_iterate_phdr")
"""What libgcc_s calls: since version 12 with glibc since 2.35, and otherwise."""


def find_unwinder(target: NativeTarget, functions: Mapping[str, int]) -> None:
    """Makes the process's unwinder know our objects. `functions`: what stands for the C library's, by name. Without an unwinder there is nobody to unwind."""
    name = f"{UNWINDER[0]}.so.1"
    try:
        library = ctypes.CDLL(name)
        addresses = [ctypes.cast(library[function], c_void_p) for function in ("_Unwind_Find_FDE", "__register_frame", "__deregister_frame")]
    except (OSError, AttributeError):
        return
    library["_Unwind_Find_FDE"](addresses[0], (c_void_p * 8)())  # has its call bound, which would otherwise be when it is first made, and undo ours
    target.existing()
    if not redirect(target, name, functions):
        core.unwinder(addresses[1], addresses[2])


def redirect(target: NativeTarget, name: str, functions: Mapping[str, int]) -> bool:
    """Whether the unwinder asks us from now on."""
    unwinder, kinds, page = target.named(name), core.kinds_of(target.arch)[1], target.space.page_size
    if unwinder is None:
        return False
    return any(core.redirect(unwinder.where, byref(kinds), ask.encode(), functions[ask], page) > 0 for ask in ASKS if ask in functions)
