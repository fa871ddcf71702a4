"""Object files (`.o`) and archives of them (`.a`), made shared objects in memory, so that they go the same way as any other."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from miniload.elf.source import BytesSource
from miniload.linker.relocatable.archive import MAGIC as ARCHIVE
from miniload.linker.relocatable.archive import THIN, object_members
from miniload.linker.relocatable.link import LOW, link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.elf.source import Source

PLACES, DISTANCE = 20, 0x400_0000
"""How many preferred addresses there are for code with 32-bit addresses, and how far apart: taken in turn, so that several can be loaded."""
_turn = count()


def shared_object(source: Source, name: str) -> bytes:
    """A shared object of the file's contents; of an archive, all its object files, as with `ld --whole-archive`. ElfError, LinkError, RelocationError,
    UnsupportedError."""
    return _link(_object_files(source, name, None), name, ())


def link_files(files: Sequence[str | os.PathLike[str] | bytes], members: Sequence[str] | None, needed: Sequence[str]) -> bytes:
    """The same of several files together. `members`: the names of those of archives that are wanted; None: all."""
    found: list[tuple[str, bytes]] = []
    for number, file in enumerate(files):
        data, name = (file, f"<bytes {number}>") if isinstance(file, bytes) else (Path(file).read_bytes(), os.fspath(file))
        found += _object_files(BytesSource(data), name, members)
    return _link(found, ", ".join(dict.fromkeys(name for name, _ in found)), tuple(needed))


def _object_files(source: Source, name: str, members: Sequence[str] | None) -> list[tuple[str, bytes]]:
    data = source.read(0, source.size)
    return object_members(data, name, members) if data[:8] in (ARCHIVE, THIN) else [(name, data)]


def _link(files: list[tuple[str, bytes]], name: str, needed: tuple[str, ...]) -> bytes:
    return link(files, name, needed, LOW + next(_turn) % PLACES * DISTANCE)
