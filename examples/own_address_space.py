"""A library for another machine, mapped and relocated in an address space of one's own: here a dictionary of pages, in practice somebody's emulator.

    python examples/own_address_space.py LIBRARY [ARCH]

Nothing of it runs, so it needs no C library and no emulated CPU. An address space is any object with these methods (miniload.space.AddressSpace); whoever can
tell where its memory is in this process adds `host_pointer(address, size)`, and loading works there in place.
"""

from __future__ import annotations

import os
import sys
from errno import EFAULT, EINVAL, ENOMEM

from miniload.linker.analysis import AnalysisTarget
from miniload.linker.image import read
from miniload.linker.object import Object, map_object
from miniload.linker.relocate import relocate
from miniload.linker.scope import Scope

MAP_FIXED, MAP_ANONYMOUS = 0x10, 0x20
PAGE = 4096


class Pages:
    """Memory as a dictionary from page numbers to (bytes, protection)."""

    page_size = PAGE

    def __init__(self, start: int = 0x4000_0000) -> None:
        self.pages: dict[int, tuple[bytearray, int]] = {}
        self.next = start

    def map(self, address: int, size: int, protection: int, flags: int, fd: int = -1, offset: int = 0) -> int:
        size = -(-size // PAGE) * PAGE
        if size <= 0:
            raise OSError(EINVAL, "no size")
        if not flags & MAP_FIXED:
            address, self.next = self.next, self.next + size + PAGE
        data = b"" if flags & MAP_ANONYMOUS else os.pread(fd, size, offset)
        for at in range(0, size, PAGE):
            self.pages[(address + at) // PAGE] = bytearray(data[at : at + PAGE].ljust(PAGE, b"\0")), protection
        return address

    def unmap(self, address: int, size: int) -> None:
        for page in range(address // PAGE, -(-(address + size) // PAGE)):
            self.pages.pop(page, None)

    def protect(self, address: int, size: int, protection: int) -> None:
        for page in range(address // PAGE, -(-(address + size) // PAGE)):
            if page not in self.pages:
                raise OSError(ENOMEM, "not mapped")
            self.pages[page] = self.pages[page][0], protection

    def read(self, address: int, size: int) -> bytes:
        return b"".join(bytes(page[low:high]) for page, low, high in self._parts(address, size, 1 | 2 | 4))

    def write(self, address: int, data: bytes) -> None:
        self._store(address, data, 2)

    def poke(self, address: int, data: bytes) -> None:
        self._store(address, data, 0)

    def _store(self, address: int, data: bytes, needed: int) -> None:
        at = 0
        for page, low, high in self._parts(address, len(data), needed):
            page[low:high] = data[at : at + high - low]
            at += high - low

    def _parts(self, address: int, size: int, needed: int) -> list[tuple[bytearray, int, int]]:
        parts, end = [], address + size
        while address < end:
            page, protection = self.pages.get(address // PAGE, (bytearray(), 0))
            if not page or (needed and not protection & needed):
                raise OSError(EFAULT, f"{address:#x} cannot be accessed")
            low = address % PAGE
            high = min(PAGE, low + end - address)
            parts.append((page, low, high))
            address += high - low
        return parts


def load(path: str, space: Pages, arch: str) -> Object:
    """The library in `space`, relocated. What it imports is at addresses that say so: 0xdead0000, and 16 more for each."""
    imports: dict[str, int] = {}

    def missing(_loaded: Object, name: str) -> int:
        return imports.setdefault(name, 0xDEAD0000 + 16 * len(imports))

    with read(path) as image:
        loaded = map_object(image, AnalysisTarget(arch, space))
    relocate(loaded, Scope([loaded]), missing=missing)
    return loaded


def main(path: str, arch: str = "aarch64") -> None:
    space = Pages()
    loaded = load(path, space, arch)
    print(f"{loaded.soname or loaded.name} at {loaded.start:#x}, {loaded.end - loaded.start:#x} bytes, {len(space.pages)} pages")
    for symbol in loaded.symbols():
        if symbol.defined and symbol.type == "FUNC":
            print(f"{symbol.address:#x} {symbol.name}: {space.read(symbol.address, 8).hex()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
