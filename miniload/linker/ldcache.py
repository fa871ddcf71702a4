"""/etc/ld.so.cache: which names ldconfig has found where (glibc 2.42 sysdeps/generic/dl-cache.h). Everything in it is checked before it is followed."""

from __future__ import annotations

from array import array
from struct import Struct, unpack_from

OLD_MAGIC, MAGIC = b"ld.so-1.7.0\0", b"glibc-ld.so.cache1.1"
EXTENSIONS = 0xEAA42174
HWCAPS_TAG = 1
NAMED = 1 << 30
"""In the upper half of an entry's hwcap word: the lower half is the number of a glibc-hwcaps subdirectory. The ten lowest bits are an ISA level."""
ISA_LEVEL = (1 << 10) - 1
BIG_ENDIAN = 3
ENTRY = Struct("<iIIIQ")
HEADER = 48
MAX_SIZE = 64 << 20


class LdCache:
    """A cache. `lookup` is what ld.so does with it; a file that is no cache has no names in it. Of thousands of entries those asked for are read."""

    def __init__(self, data: bytes, flags: int) -> None:
        self._data, self._flags = data[_start(data) :], flags
        self._levels: list[str] = []
        self._found: dict[bytes, list[tuple[str | None, bytes]]] = {}
        self._keys = array("I")
        """Where each entry's name is."""
        try:
            self._read(data)
        except _Malformed:
            self._keys = array("I")
        self._last = dict(zip(self._keys, range(len(self._keys)), strict=True))
        self.has_levels = bool(self._levels)
        """Whether there may be entries of subdirectories for processors."""

    @property
    def entries(self) -> dict[bytes, list[tuple[str | None, bytes]]]:
        """By name: the subdirectory of glibc-hwcaps that the file is in, None for none, and the path; in the cache's order."""
        names = dict.fromkeys(name for key in self._keys if (name := self._string(key)) is not None)
        return {name: found for name in names if (found := self._find(name))}

    def lookup(self, name: bytes, levels: tuple[str, ...]) -> bytes | None:
        """The path for a name; one from the first of `levels` that has it, else the plain one (dl-cache.c, search_cache)."""
        best, rank = None, len(levels) + 1
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._find(name)
        for level, path in found:
            if level is not None and level not in levels:
                continue
            of_level = len(levels) if level is None else levels.index(level)
            if of_level < rank:
                best, rank = path, of_level
        return best

    def _find(self, name: bytes) -> list[tuple[str | None, bytes]]:
        """The entries of a name, in order. Each place where it stands may be what some of them refer to."""
        text, at, numbers = name + b"\0", -1, []
        while (at := self._data.find(text, at + 1)) >= 0:
            if at in self._last:
                last = self._last[at]
                numbers += [last] if self._keys.index(at) == last else [number for number, key in enumerate(self._keys) if key == at]
        entries = [self._entry(number) for number in sorted(numbers)]
        return [entry for entry in entries if entry is not None]

    def _entry(self, number: int) -> tuple[str | None, bytes] | None:
        """None if it is of no use here."""
        flags, _key, value, _version, hwcap = ENTRY.unpack_from(self._data, HEADER + number * ENTRY.size)
        level, index, path = None, hwcap & 0xFFFFFFFF, self._string(value)
        # 1 is FLAG_ELF: any architecture's (_dl_cache_check_flags).
        if flags not in (1, self._flags) or path is None:
            return None
        if hwcap:
            if hwcap >> 32 & ~ISA_LEVEL != NAMED or index >= len(self._levels):
                return None  # of a kind that glibc gave up with 2.37
            level = self._levels[index]
        return level, path

    def _string(self, offset: int) -> bytes | None:
        end = self._data.find(b"\0", offset)
        return self._data[offset:end] if end >= 0 else None

    def _read(self, whole: bytes) -> None:
        data = self._data
        if data[: len(MAGIC)] != MAGIC or len(data) < HEADER or data[28] & 3 == BIG_ENDIAN:
            raise _Malformed
        count, strings = unpack_from("<II", data, 20)
        (extensions,) = unpack_from("<I", data, 32)
        if HEADER + count * ENTRY.size + strings > len(data):
            raise _Malformed
        self._levels = _hwcaps(whole, data, extensions) if extensions else []
        words = array("I", data[HEADER : HEADER + count * ENTRY.size])
        self._keys = words[1 :: ENTRY.size // words.itemsize]


class _Malformed(Exception):
    pass


def _start(data: bytes) -> int:
    """Where the present format begins: ldconfig may put that of before glibc 2.2 in front."""
    if not data.startswith(OLD_MAGIC[:-1]):
        return 0
    count = int.from_bytes(data[12:16], "little")
    return (16 + 12 * count + 7) & -8


def _string(data: bytes, offset: int) -> bytes:
    end = data.find(b"\0", offset)
    if offset >= len(data) or end < 0:
        raise _Malformed
    return data[offset:end]


def _hwcaps(data: bytes, strings: bytes, offset: int) -> list[str]:
    """The subdirectories of glibc-hwcaps that entries refer to by number. Offsets of extensions count from the file's start, those of strings do not."""
    if offset % 4 or offset + 8 > len(data):
        raise _Malformed
    magic, count = unpack_from("<II", data, offset)
    if magic != EXTENSIONS or offset + 8 + 16 * count > len(data):
        raise _Malformed
    for index in range(count):
        tag, _flags, at, size = unpack_from("<4I", data, offset + 8 + 16 * index)
        if tag == HWCAPS_TAG:
            if at + size > len(data):
                raise _Malformed
            return [_string(strings, unpack_from("<I", data, place)[0]).decode("utf-8", "surrogateescape") for place in range(at, at + size - 3, 4)]
    return []
