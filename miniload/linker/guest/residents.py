"""What code in an emulated process can see of the objects that are loaded into it here: the list that residents.c looks through for the guest's unwinder, and
for dl_iterate_phdr(3) and dladdr(3) in general."""

from __future__ import annotations

import os
from struct import pack, unpack

from miniload.linker import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.guest.target import SysrootTarget
    from miniload.linker.object import Object

NODE = 128
"""Bytes of residents.c's struct resident: 16 words, of which the first is the next one's address, and the second to sixth are a struct link_map."""
FIRST, ADDED, REMOVED, ITERATE = 0, 8, 16, 24
"""Where those are in miniload_residents."""
LINK_NEXT, LINK_PREVIOUS = 32, 40


def helper_path(arch: str) -> str:
    """Where the build has put residents.c's shared object for an architecture."""
    return os.path.join(os.path.dirname(core.library_path()), f"guest-{arch}.so")


class GuestResidents:
    """A registrar: has the guest's list agree with what is loaded. `start`, `control`: the addresses of miniload_start and miniload_residents."""

    def __init__(self, target: SysrootTarget, start: int, control: int, dlsym: int) -> None:
        self._target, self._control = target, control
        self._nodes: dict[Object, int] = {}
        self._free: list[int] = []
        target.call(start, dlsym)
        self.iterate = self._word(control + ITERATE)
        """The address of the C library's own dl_iterate_phdr."""

    def _word(self, address: int) -> int:
        return int(unpack("<Q", self._target.space.read(address, 8))[0])

    def _set(self, address: int, value: int) -> None:
        self._target.space.write(address, pack("<Q", value))

    def _count(self, at: int) -> None:
        self._set(self._control + at, self._word(self._control + at) + 1)

    def added(self, loaded: Object) -> None:
        """See registrar.Registrar."""
        name = self._target.keep(os.fsencode(loaded.path or loaded.name) + b"\0")[0]
        node = self._free.pop() if self._free else self._target.keep(bytes(NODE))[0]
        last = next(reversed(self._nodes.values()), 0)
        raw, bias = loaded.raw, loaded.bias
        dynamic, frames = (extent.present and bias + extent.address for extent in (raw.image.dynamic, raw.image.eh_frame))
        phdrs, shift = loaded.phdr_address, bias - raw.memory
        symbols, strings = (pointer and pointer + shift for pointer in (raw.symbols, raw.strings))
        self._target.space.write(node, pack(
            "<16Q", 0, bias, name, dynamic, 0, last and last + 8, phdrs, raw.image.phdr_count if phdrs else 0, loaded.start, loaded.end,
            raw.tls_module if raw.tls_state else 0, frames, symbols, raw.symbol_count if symbols else 0, strings, raw.strings_size,
        ))  # fmt: skip
        if last:
            self._set(last + LINK_NEXT, node + 8)
        self._set(last or self._control + FIRST, node)
        self._count(ADDED)
        self._nodes[loaded] = node

    def removed(self, loaded: Object) -> None:
        """See registrar.Registrar. Whoever is at the node at this moment goes on from it."""
        node = self._nodes.pop(loaded, 0)
        if not node:
            return
        following = self._word(node)
        before = next((other for other in self._nodes.values() if self._word(other) == node), 0)
        self._set(before or self._control + FIRST, following)
        if before:
            self._set(before + LINK_NEXT, following and following + 8)
        if following:
            self._set(following + LINK_PREVIOUS, before and before + 8)
        self._count(REMOVED)
        self._free.append(node)
