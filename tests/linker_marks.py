"""Shared objects with their program headers changed: for what linkers cannot be asked for."""

from __future__ import annotations

from struct import pack_into, unpack_from
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PT_NULL, PT_GNU_STACK = 0, 0x6474E551
PHDR = 56


def change_header(path: Path, kind: int, output: Path, **fields: int) -> Path:
    """A copy whose program header of that type has another `type` or other `flags`."""
    data = bytearray(path.read_bytes())
    start, count = unpack_from("<Q", data, 32)[0], unpack_from("<H", data, 56)[0]
    at = next(start + PHDR * index for index in range(count) if unpack_from("<I", data, start + PHDR * index)[0] == kind)
    for name, value in fields.items():
        pack_into("<I", data, at + {"type": 0, "flags": 4}[name], value)
    output.write_bytes(data)
    return output
