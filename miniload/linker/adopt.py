"""Objects that are in an address space already, put there by its own dynamic linker."""

from __future__ import annotations

import os
from ctypes import addressof, byref

from miniload.errors import ElfError
from miniload.linker import core
from miniload.linker.arch import get_linking
from miniload.linker.core import CImage, CObject
from miniload.linker.image import identity_of
from miniload.linker.object import Object, attach
from miniload.linker.scope import Shortcut
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from miniload.linker.target import Target


class Seen(Record):
    """What struct dl_phdr_info says: load bias, the name, address and number of program headers, TLS module (0: none). `signature`: what differs from that of
    another object in the same place."""

    base: int
    name: str
    phdr: int
    count: int
    module: int
    signature: int = 0


class Adopted:
    """The list of them, kept up to date. `shift`: from the target's addresses to this process's. `read(address, size)`: the target's memory.
    `host(name)`: the file that an object's name stands for. `program`: what to call the one without a name."""

    def __init__(self, target: Target, shift: int, read: Callable[[int, int], bytes], host: Callable[[str], str], program: str) -> None:
        self._target = target
        self._shift = shift
        self._read = read
        self._host = host
        self._program = program
        self._known: dict[tuple[int, int, int], Object] = {}
        self.order: list[Object] = []
        """All of them, in the dynamic linker's order: the program, what it needs, what was opened later."""
        self.shared: list[Object] = []
        """The global scope: the program and what it needs, breadth first."""
        self.shortcut: Shortcut | None = None
        self.named: dict[str, Object] = {}
        """By DT_SONAME and by the file's name."""

    def take(self, seen: Sequence[Seen]) -> None:
        """The list as it is now."""
        known, self._known = self._known, {}
        order = self.order = []
        for entry in seen:
            key = entry.phdr, entry.base, entry.signature
            loaded = known.get(key)
            if loaded is None:
                loaded = self._adopt(entry)
            if loaded is not None:
                self._known[key] = loaded
                order.append(loaded)
        self._index()

    def _index(self) -> None:
        """What is asked about them often."""
        order = self.order
        self.named = {key: loaded for loaded in reversed(order) for key in (os.path.basename(loaded.name), loaded.soname) if key}
        queue = order[:1]
        for loaded in queue:
            queue += [needed for name in loaded.needed if (needed := self.named.get(os.path.basename(name))) is not None and needed not in queue]
        self.shared, self.shortcut = queue, Shortcut(queue)

    def _adopt(self, entry: Seen) -> Object | None:
        target, image, wrong = self._target, CImage(), core.Trouble()
        if core.parse_mapped(self._read(entry.phdr, 56 * entry.count), entry.count, target.space.page_size, addressof(image), byref(wrong)):
            return None
        image.machine = get_linking(target.arch).machine
        loaded = Object(entry.name or (self._program if not self.order else ""), target, CObject(memory=entry.base + self._shift, bias=entry.base, image=image))
        try:
            attach(loaded, True)
        except ElfError:
            return None  # nothing can be bound to it
        loaded.path = self._host(entry.name) if entry.name else None
        loaded.phdr_place = entry.phdr
        loaded.relocated = loaded.started = True
        if entry.module:
            loaded.raw.tls_module, loaded.raw.tls_state = entry.module, 1
        loaded.identity = identity_of(loaded.path) if loaded.path else None
        return loaded
