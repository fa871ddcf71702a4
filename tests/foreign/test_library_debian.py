"""Debian's libraries for another machine, called from Python. The oracle is the same function of this machine's own, through Python's modules or ctypes."""

from __future__ import annotations

import binascii
import ctypes
import hashlib
import math
import sqlite3
import zlib
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_double, c_int, c_size_t, c_ulong, c_void_p, create_string_buffer
from typing import TYPE_CHECKING, Any

import pytest

import miniload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from miniload.linker.library import Library

pytestmark = pytest.mark.feature(12, 13, 17)
TEXT = b"".join(b"%d bottles of beer on the wall\n" % number for number in range(2000))


@pytest.fixture
def load(arch: str, sysroots: Callable[[str], Path]) -> Callable[[str], Library]:
    """load("libz.so.1"): that library of the sysroot's."""
    return lambda name: miniload.load(name, arch=arch, sysroot=sysroots(arch))


def test_libz(load: Callable[[str], Library]) -> None:
    """Checksums are Python's; what it compresses Python's zlib takes, and the other way round."""
    library = load("libz.so.1")
    for name in ("crc32", "adler32"):
        library[name].restype = c_ulong
        function = library[name]
        function.restype = c_ulong
        assert function(1, TEXT, len(TEXT)) == getattr(zlib, name)(TEXT, 1)
    room = create_string_buffer(len(TEXT))
    size = c_ulong(len(room))
    assert library["compress2"](room, byref(size), TEXT, c_ulong(len(TEXT)), 9) == 0
    assert zlib.decompress(room.raw[: size.value]) == TEXT
    packed = zlib.compress(TEXT, 6)
    size.value = len(room)
    assert library["uncompress"](room, byref(size), packed, c_ulong(len(packed))) == 0
    assert room.raw[: size.value] == TEXT


def test_libcrypto(load: Callable[[str], Library]) -> None:
    """Digests, PBKDF2 and numbers of 2000 bits, which hashlib and Python's integers know."""
    library = load("libcrypto.so.3")
    for name, size in (("SHA1", 20), ("SHA256", 32), ("SHA512", 64)):
        digest = create_string_buffer(size)
        assert library[name](TEXT, c_size_t(len(TEXT)), digest) != 0
        assert digest.raw == hashlib.new(name.lower(), TEXT).digest()
    library["EVP_sha256"].restype = c_void_p
    sha256 = library["EVP_sha256"]
    sha256.restype = c_void_p
    key = create_string_buffer(40)
    assert library["PKCS5_PBKDF2_HMAC"](b"password", 8, b"salt", 4, 100, sha256(), 40, key) == 1
    assert key.raw == hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 100, 40)
    new, parse, context, show = (library[name] for name in ("BN_new", "BN_dec2bn", "BN_CTX_new", "BN_bn2dec"))
    for function in (new, context):
        function.restype = c_void_p
    show.restype, show.argtypes = c_char_p, (c_void_p,)
    numbers = [3**1000, 7**300, (1 << 2203) - 1]
    pointers = []
    for number in numbers:
        place = c_void_p(new())
        assert parse(byref(place), str(number).encode()) > 0
        pointers.append(place)
    result = c_void_p(new())
    assert library["BN_mod_exp"](result, *pointers, c_void_p(context())) == 1
    assert int(show(result)) == pow(*numbers)


def test_libsqlite3(load: Callable[[str], Library]) -> None:
    """A query with sorting, arithmetic, text functions and a recursive table, row by row through a callback, as Python's sqlite3 gives it."""
    library = load("libsqlite3.so.0")
    statements = (
        "create table t(a integer primary key, b text, c real);"
        "insert into t(b, c) with recursive n(i) as (select 1 union all select i + 1 from n where i < 200) "
        "select printf('%04d', i * 7919 % 1000), i / 7.0 from n;"
    )
    query = "select count(*), upper(min(b)), round(sum(c), 6), max(length(b) + a % 10) from t group by substr(b, 1, 2) order by 3 desc, 2"
    database = c_void_p()
    assert library["sqlite3_open"](b":memory:", byref(database)) == 0
    rows: list[tuple[bytes | None, ...]] = []

    def row(_user: int | None, count: int, texts: Any, _names: Any) -> int:
        rows.append(tuple(texts[index] for index in range(count)))
        return 0

    execute = library["sqlite3_exec"]
    execute.argtypes = (c_void_p, c_char_p, CFUNCTYPE(c_int, c_void_p, c_int, POINTER(c_char_p), POINTER(c_char_p)), c_void_p, POINTER(c_char_p))
    assert execute(database, statements.encode(), None, None, None) == 0
    assert execute(database, query.encode(), row, None, None) == 0
    assert library["sqlite3_close"](database) == 0
    with sqlite3.connect(":memory:") as oracle:
        oracle.executescript(statements)
        expected = [tuple(str(value).encode() for value in line) for line in oracle.execute(query)]
    assert len(rows) == 10
    assert rows == expected


def test_libpng(load: Callable[[str], Library]) -> None:
    """png_image_write_to_memory of a picture gives a file whose chunks have right checksums, whose pixels are the picture, by Python's zlib and by the PNG
    specification (filters undone here)."""
    library = load("libpng16.so.16")
    width, height = 37, 21
    pixels = bytes((x * 7 + y * 13 + channel * 50) & 255 for y in range(height) for x in range(width) for channel in range(3))
    image = Image(version=1, width=width, height=height, format=2)  # PNG_FORMAT_RGB
    room, size = create_string_buffer(1 << 16), c_size_t(1 << 16)
    write = library["png_image_write_to_memory"]
    write.argtypes = (POINTER(Image), c_void_p, POINTER(c_size_t), c_int, c_char_p, ctypes.c_int32, c_void_p)
    assert write(byref(image), room, byref(size), 0, pixels, 0, None) == 1, image.message
    assert decode_png(room.raw[: size.value], width, height) == pixels


class Image(ctypes.Structure):
    """png_image (png.h, "Simplified API")."""

    _fields_ = (
        ("opaque", c_void_p), ("version", ctypes.c_uint32), ("width", ctypes.c_uint32), ("height", ctypes.c_uint32), ("format", ctypes.c_uint32),
        ("flags", ctypes.c_uint32), ("colormap_entries", ctypes.c_uint32), ("warning_or_error", ctypes.c_uint32), ("message", ctypes.c_char * 64),
    )  # fmt: skip


def decode_png(data: bytes, width: int, height: int) -> bytes:
    """The pixels of an RGB picture of 8 bits."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert int.from_bytes(data[at + 8 + size : at + 12 + size], "big") == binascii.crc32(kind + body)
        if kind == b"IHDR":
            assert body == width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
        packed += body if kind == b"IDAT" else b""
        at += 12 + size
    raw, row = zlib.decompress(packed), 3 * width
    above, result = bytearray(row), b""
    for y in range(height):
        kind, line = raw[y * (row + 1)], bytearray(raw[y * (row + 1) + 1 : (y + 1) * (row + 1)])
        for x in range(row):
            left, up, corner = (line[x - 3], above[x], above[x - 3]) if x >= 3 else (0, above[x], 0)
            guess = min((abs(up - corner), 0, left), (abs(left - corner), 1, up), (abs(left + up - 2 * corner), 2, corner))[2]
            line[x] = line[x] + (0, left, up, (left + up) // 2, guess)[kind] & 255
        above = line
        result += line
    return result


@pytest.mark.parametrize("name", ["sqrt", "floor", "exp", "log", "sin", "cos", "tan", "atan2", "pow", "fmod", "hypot", "cbrt", "erf", "tgamma"])
def test_libm(load: Callable[[str], Library], name: str) -> None:
    """This machine's libm, to the last bit but one: releases of glibc differ so much, and no more."""
    guest, native = load("libm.so.6")[name], getattr(ctypes.CDLL("libm.so.6"), name)
    count = 2 if name in ("atan2", "pow", "fmod", "hypot") else 1
    for function in (guest, native):
        function.restype, function.argtypes = c_double, (c_double,) * count
    for arguments in ((0.5, 2.5), (1.75, -0.25), (10.125, 3.0), (0.001, 0.1)):
        found, expected = guest(*arguments[:count]), native(*arguments[:count])
        assert abs(found - expected) <= 8 * math.ulp(expected), arguments
