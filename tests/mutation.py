"""Makes broken ELF files and scripts out of good ones: deterministic, many, and aimed at what a loader reads."""

from __future__ import annotations

import random
from struct import calcsize, pack_into, unpack_from
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

EHDR_FIELDS = [(16, "H"), (18, "H"), (20, "I"), (24, "Q"), (32, "Q"), (40, "Q"), (48, "I"), (52, "H"), (54, "H"), (56, "H"), (58, "H"), (60, "H"), (62, "H")]
PHDR_FIELDS = [(0, "I"), (4, "I"), (8, "Q"), (16, "Q"), (24, "Q"), (32, "Q"), (40, "Q"), (48, "Q")]
EHDR_SIZE, PHDR_SIZE = 64, 56
PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_GNU_PROPERTY, PT_GNU_STACK = 2, 3, 4, 0x6474E553, 0x6474E551
TYPES = (0, 1, 2, 3, 4, 5, 6, 7, PT_GNU_PROPERTY, PT_GNU_STACK, 0x6474E550, 0x6474E552, 0x70000000, 0xFFFFFFFF)
READ = (PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_GNU_PROPERTY)
"""Segments whose content is read at load time."""


def boundaries(size: int) -> list[int]:
    """Numbers at the edges of what fields can hold and of what makes sense for a file of `size` bytes."""
    edges = [0, 1, 2, 3, 7, 8, 55, 56, 57, 63, 64, 255, 0x1000, 0x1001, 0x10000, 0x200000, size, 1 << 31, 1 << 32, 1 << 40, 1 << 47, 1 << 48, 1 << 63]
    found = {value + delta for value in edges for delta in (-1, 0, 1)} | {0x7FFFFFFFF000, 0x7FFFFFFFE000, (1 << 64) - 0x1000, (1 << 64) - 1}
    return sorted(value & (1 << 64) - 1 for value in found)


def fit(value: int, code: str) -> int:
    return value & (1 << 8 * calcsize(f"<{code}")) - 1


def headers(data: bytes) -> list[int]:
    """Where the program headers lie in a good file."""
    (phoff,) = unpack_from("<Q", data, 32)
    (phnum,) = unpack_from("<H", data, 56)
    return [phoff + PHDR_SIZE * index for index in range(phnum)]


def fields(data: bytes) -> list[tuple[int, str]]:
    """Place and format of every number of the ELF header and the program headers."""
    return EHDR_FIELDS + [(at + offset, code) for at in headers(data) for offset, code in PHDR_FIELDS]


def every_field(data: bytes) -> Iterator[bytes]:
    """Each field of the headers, overwritten with each boundary value."""
    values = boundaries(len(data))
    for at, code in fields(data):
        for value in sorted({fit(value, code) for value in values}):
            changed = bytearray(data)
            pack_into(f"<{code}", changed, at, value)
            yield bytes(changed)
    for at in headers(data):
        for kind in TYPES:
            changed = bytearray(data)
            pack_into("<I", changed, at, kind)
            yield bytes(changed)


def every_header_bit(data: bytes) -> Iterator[bytes]:
    """Each bit of the ELF header and the program headers flipped."""
    table = headers(data)
    for at in [*range(EHDR_SIZE), *range(table[0], table[-1] + PHDR_SIZE)]:
        for bit in range(8):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            yield bytes(changed)


def truncations(data: bytes, source: random.Random, count: int) -> Iterator[bytes]:
    """Cut at every length up to behind the program headers, and at random."""
    for length in range(min(len(data), 700)):
        yield data[:length]
    for _ in range(count):
        yield data[: source.randrange(len(data))]


def random_mutant(data: bytes, source: random.Random) -> bytes:
    """One to four changes: bits, fields, and whole program headers moved about, in what a loader reads."""
    changed = bytearray(data)
    table = headers(data)
    for _ in range(source.choice((1, 1, 2, 3, 4))):
        what = source.randrange(6)
        if what == 0:
            at, code = source.choice(fields(data))
            pack_into(f"<{code}", changed, at, fit(source.choice(boundaries(len(data))), code))
        elif what == 1:
            at, code = source.choice(fields(data))
            pack_into(f"<{code}", changed, at, fit(source.getrandbits(source.randrange(1, 65)), code))
        elif what == 2:
            one, two = source.choice(table), source.choice(table)
            changed[one : one + PHDR_SIZE], changed[two : two + PHDR_SIZE] = changed[two : two + PHDR_SIZE], changed[one : one + PHDR_SIZE]
        elif what == 3:
            one, two = source.choice(table), source.choice(table)
            changed[one : one + PHDR_SIZE] = changed[two : two + PHDR_SIZE]
        elif what == 4:
            pack_into("<I", changed, source.choice(table), source.choice(TYPES))
        else:
            at = place_that_is_read(data, source)
            changed[at] ^= 1 << source.randrange(8)
    return bytes(changed)


def place_that_is_read(data: bytes, source: random.Random) -> int:
    """A byte of a header, or of a segment that is read at load time."""
    regions = [(0, EHDR_SIZE), (headers(data)[0], PHDR_SIZE * len(headers(data)))]
    for at in headers(data):
        kind, _, offset, _, _, size = unpack_from("<IIQQQQ", data, at)
        if kind in READ and size:
            regions.append((offset, size))
    start, size = source.choice(regions)
    return start + source.randrange(size)


def content_mutant(data: bytes, source: random.Random) -> bytes:
    """Numbers in the dynamic section, the notes and the interpreter's name overwritten with boundary values."""
    regions = []
    for at in headers(data):
        kind, _, offset, _, _, size = unpack_from("<IIQQQQ", data, at)
        if kind in READ and size >= 8:
            regions.append((offset, size))
    changed = bytearray(data)
    for _ in range(source.randrange(1, 4)):
        start, size = source.choice(regions) if regions else (0, EHDR_SIZE)
        code = source.choice("IQ")
        at = start + source.randrange(max(1, (size - 8) // 4)) * 4
        if at + 8 <= len(changed):
            pack_into(f"<{code}", changed, at, fit(source.choice(boundaries(len(data))), code))
    return bytes(changed)


def script_mutant(data: bytes, source: random.Random) -> bytes:
    """Bytes of a script's first line inserted, removed and replaced by those that mean something to execve."""
    changed = bytearray(data)
    for _ in range(source.randrange(1, 6)):
        at = source.randrange(len(changed) + 1)
        what = source.randrange(4)
        if what == 0:
            changed[at:at] = bytes(source.choices(b" \t\n\0/#!x\xff", k=source.choice((1, 2, 100, 300))))
        elif what == 1:
            del changed[at : at + source.choice((1, 2, 20))]
        elif what == 2 and at < len(changed):
            changed[at] = source.randrange(256)
        else:
            changed[at:at] = b" " * source.randrange(300)
    return bytes(changed)
