"""/etc/ld.so.cache: which names ldconfig has found where (glibc 2.42 sysdeps/generic/dl-cache.h). Everything in it is checked before it is followed."""

from __future__ import annotations

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
    """A parsed cache. `lookup` is what ld.so does with it; a file that is no cache has no names in it."""

    def __init__(self, data: bytes, flags: int) -> None:
        self.entries: dict[bytes, list[tuple[str | None, bytes]]] = {}
        """By name: the subdirectory of glibc-hwcaps that the file is in, None for none, and the path; in the cache's order."""
        try:
            self._parse(data, data[_start(data) :], flags)
        except _Malformed:
            self.entries = {}

    def lookup(self, name: bytes, levels: tuple[str, ...]) -> bytes | None:
        """The path for a name; one from the first of `levels` that has it, else the plain one (dl-cache.c, search_cache)."""
        best, rank = None, len(levels) + 1
        for level, path in self.entries.get(name, ()):
            if level is not None and level not in levels:
                continue
            of_level = len(levels) if level is None else levels.index(level)
            if of_level < rank:
                best, rank = path, of_level
        return best

    def _parse(self, whole: bytes, data: bytes, flags: int) -> None:
        if data[: len(MAGIC)] != MAGIC or len(data) < HEADER or data[28] & 3 == BIG_ENDIAN:
            raise _Malformed
        count, strings = unpack_from("<II", data, 20)
        (extensions,) = unpack_from("<I", data, 32)
        if HEADER + count * ENTRY.size + strings > len(data):
            raise _Malformed
        names = _hwcaps(whole, data, extensions) if extensions else []
        entries, find = self.entries, data.find  # thousands of them, at the first look-up by name
        for entry_flags, key, value, _version, hwcap in ENTRY.iter_unpack(data[HEADER : HEADER + count * ENTRY.size]):
            # 1 is FLAG_ELF: any architecture's (_dl_cache_check_flags).
            if entry_flags not in (1, flags):
                continue
            level = None
            if hwcap:
                number = hwcap & 0xFFFFFFFF
                if hwcap >> 32 & ~ISA_LEVEL != NAMED or number >= len(names):
                    continue  # of a kind that glibc gave up with 2.37
                level = names[number]
            key_end, value_end = find(b"\0", key), find(b"\0", value)
            if key_end < 0 or value_end < 0:
                raise _Malformed
            name, entry = data[key:key_end], (level, data[value:value_end])
            if name in entries:
                entries[name].append(entry)
            else:
                entries[name] = [entry]


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
