"""What code in an emulated process can see of the objects that are loaded into it here: residents.c has the functions that it calls, and the list that they
look through; what they leave to Python is done as for this process (linker/dlfcn.py)."""

from __future__ import annotations

import os
from ctypes import CFUNCTYPE, c_char_p, c_int, c_uint64, c_void_p
from struct import pack, unpack

from miniload.linker import core
from miniload.linker.dlfcn import Resident, Residents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.guest.target import SysrootTarget
    from miniload.linker.loader import Loader
    from miniload.linker.object import Object

NODE = 128
"""Bytes of residents.c's struct resident: 16 words, of which the first is the next one's address, and the second to sixth are a struct link_map, whose address
is the handle."""
MAP, LINK_NEXT, LINK_PREVIOUS = 8, 32, 40
FIRST, ADDED, REMOVED, PYTHON, FAILED, ERROR, OWN = 0, 8, 16, 32, 56, 64, 1088
"""Where those are in miniload_residents: the list, its counters, what Python serves, the error, libc's functions."""
ERROR_ROOM = OWN - ERROR
FUNCTIONS = ("dl_iterate_phdr", "dlopen", "dlsym", "dlvsym", "dlmopen", "dlclose", "dlerror", "dlinfo")
"""Of libc, as miniload_residents has them. The first is ELF's to replace, the others are replaced for what is loaded here."""
OPEN, CLOSE, SYMBOL = CFUNCTYPE(c_uint64, c_char_p, c_int, c_uint64), CFUNCTYPE(c_int, c_uint64), CFUNCTYPE(c_uint64, c_uint64, c_char_p, c_char_p, c_uint64)


def helper_path(arch: str) -> str:
    """Where the build has put residents.c's shared object for an architecture."""
    return os.path.join(os.path.dirname(core.library_path()), f"guest-{arch}.so")


class GuestResidents(Residents):
    """Those of an emulated process. `start`, `control`: the addresses of miniload_start and miniload_residents; `dlsym`: libc's."""

    def __init__(self, target: SysrootTarget, start: int, control: int, dlsym: int) -> None:
        super().__init__()
        self._target, self._control = target, control
        self._free: list[int] = []
        target.call(start, dlsym)
        own = unpack(f"<{len(FUNCTIONS)}Q", target.space.read(control + OWN, 8 * len(FUNCTIONS)))
        self.libc = {name: address for name, address in zip(FUNCTIONS, own, strict=True) if address}
        served = (("dlopen", OPEN, self.open), ("dlclose", CLOSE, self.close), ("dlsym", SYMBOL, self.symbol))
        self._callbacks = [target.callback(function, prototype, name) for name, prototype, function in served]
        target.space.write(control + PYTHON, pack("<3Q", *(callback.address for callback in self._callbacks)))

    def functions(self, helper: Object) -> dict[str, int]:
        """What stands for libc's, by name, as symbols that loaders look up first. `helper`: residents.c's object."""
        return {name: found.address for name in FUNCTIONS if name in self.libc and (found := helper.find(f"miniload_{name}")) is not None}

    # -- the guest's own dynamic linker

    def host_open(self, name: bytes, mode: int) -> int:
        return self._target.function(self.libc["dlopen"], "dlopen", c_void_p, (c_char_p, c_int))(name, mode) or 0

    def host_symbol(self, name: bytes, version: bytes | None) -> int:
        words = (c_uint64, c_char_p, *[c_char_p] * bool(version))
        function = self._target.function(self.libc["dlvsym" if version else "dlsym"], "dlsym", c_uint64, words)
        return int(function(0, name, *filter(None, [version])))

    def fail(self, text: bytes) -> None:
        self._target.space.write(self._control + ERROR, text[: ERROR_ROOM - 1] + b"\0")
        self._set(self._control + FAILED, 1)

    # -- the list

    def _word(self, address: int) -> int:
        return int(unpack("<Q", self._target.space.read(address, 8))[0])

    def _set(self, address: int, value: int) -> None:
        self._target.space.write(address, pack("<Q", value))

    def _count(self, at: int) -> None:
        self._set(self._control + at, self._word(self._control + at) + 1)

    def add(self, loader: Loader, loaded: Object) -> None:
        """The object can be seen by code, and unwound."""
        name = os.fsencode(loaded.path or loaded.name)
        at_name = self._target.keep(name + b"\0")[0]
        node = self._free.pop() if self._free else self._target.keep(bytes(NODE))[0]
        last = next(reversed(self.by_handle), 0)
        raw, bias = loaded.raw, loaded.bias
        dynamic, frames = (extent.present and bias + extent.address for extent in (raw.image.dynamic, raw.image.eh_frame))
        phdrs, shift = loaded.phdr_address, bias - raw.memory
        symbols, strings = (pointer and pointer + shift for pointer in (raw.symbols, raw.strings))
        self._target.space.write(node, pack(
            "<16Q", 0, bias, at_name, dynamic, 0, last, phdrs, raw.image.phdr_count if phdrs else 0, loaded.start, loaded.end,
            raw.tls_module if raw.tls_state else 0, frames, symbols, raw.symbol_count if symbols else 0, strings, raw.strings_size,
        ))  # fmt: skip
        if last:
            self._set(last - MAP + LINK_NEXT, node + MAP)
        self._set(last - MAP if last else self._control + FIRST, node)
        self._count(ADDED)
        self.enter(node + MAP, Resident(loader, loaded, name))

    def remove(self, loaded: Object) -> None:
        """It goes. Whoever is at the node at this moment goes on from it."""
        handle, loaded.raw.handle = loaded.raw.handle, 0
        if not handle:
            return
        del self.by_handle[handle]
        node = handle - MAP
        following, before = self._word(node), self._word(node + LINK_PREVIOUS)
        self._set(before - MAP if before else self._control + FIRST, following)
        if before:
            self._set(before - MAP + LINK_NEXT, following and following + MAP)
        if following:
            self._set(following + LINK_PREVIOUS, before)
        self._count(REMOVED)
        self._free.append(node)
