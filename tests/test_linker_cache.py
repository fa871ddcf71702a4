"""/etc/ld.so.cache and ld scripts, parsed. Expected: what ldconfig prints of a cache that it has made, else the format's definition."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from random import Random
from struct import pack, pack_into
from typing import TYPE_CHECKING

import pytest
from linkers import Libraries

from miniload import arch as architectures
from miniload.linker.finding import get_finding
from miniload.linker.ldcache import LdCache
from miniload.linker.ldscript import script_members
from miniload.linker.search import Search

if TYPE_CHECKING:
    from pathlib import Path

HOST = architectures.host()
assert HOST is not None
FLAGS = get_finding(HOST.name).cache_flags
LDCONFIG = shutil.which("ldconfig", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")


def made(library: Libraries, *options: str) -> Path:
    """A cache of a folder that has a library with versions for some processors."""
    if LDCONFIG is None:
        pytest.skip("needs ldconfig (see .ci/packages: libc-bin)")
    folder = library.folder / "usr/lib/extra"
    for place in ("", "glibc-hwcaps/x86-64-v2", "glibc-hwcaps/x86-64-v3", "glibc-hwcaps/x86-64-v9"):
        library("libone.so.1", "int one;", folder=folder / place, runpath=False)
    library("libtwo.so.1", "int two;", folder=folder, runpath=False)
    configuration = library.folder / "ld.so.conf"
    configuration.write_text(f"{folder}\n")
    cache = library.folder / "cache"
    subprocess.run([LDCONFIG, *options, "-C", str(cache), "-f", str(configuration), "-X"], check=True, capture_output=True)
    return cache


def printed(cache: Path) -> dict[str, list[str]]:
    """What ldconfig says is in a cache, for this architecture."""
    assert LDCONFIG is not None
    done = subprocess.run([LDCONFIG, "-p", "-C", str(cache)], capture_output=True, text=True, check=True)
    mark = "libc6,x86-64" if HOST.name == "x86_64" else "libc6,"
    entries: dict[str, list[str]] = {}
    for name, kind, path in re.findall(r"^\t(\S+) \(([^)]*)\) => (\S+)$", done.stdout, re.M):
        if kind.startswith(mark):
            entries.setdefault(name, []).append(path)
    return entries


@pytest.mark.feature(28)
@pytest.mark.parametrize("form", ["new", "compat"])
def test_every_entry(library: Libraries, form: str) -> None:
    """Of both forms that ldconfig writes: that of today, and with that of before 2000 in front."""
    cache = made(library, "-c", form)
    parsed = LdCache(cache.read_bytes(), FLAGS)
    entries = {os.fsdecode(name): sorted(os.fsdecode(path) for _, path in found) for name, found in parsed.entries.items()}
    expected = printed(cache)
    assert "libtwo.so.1" in expected
    assert entries == {name: sorted(paths) for name, paths in expected.items()}


@pytest.mark.feature(28)
def test_systems_cache() -> None:
    """The one that this machine has."""
    if LDCONFIG is None or not os.path.exists("/etc/ld.so.cache"):
        pytest.skip("needs ldconfig and its cache")
    from pathlib import Path

    parsed = LdCache(Path("/etc/ld.so.cache").read_bytes(), FLAGS)
    expected = printed(Path("/etc/ld.so.cache"))
    assert {os.fsdecode(name): [os.fsdecode(path) for _, path in found] for name, found in parsed.entries.items()} == expected


@pytest.mark.feature(28)
def test_subdirectories_for_processors(library: Libraries) -> None:
    """The first of the levels that there is an entry for, else the plain file; a level that the processor has not is nothing."""
    cache = LdCache(made(library).read_bytes(), FLAGS)
    folder = f"{library.folder}/usr/lib/extra"

    def found(*levels: str) -> str:
        return (cache.lookup(b"libone.so.1", levels) or b"").decode()

    assert found("x86-64-v4", "x86-64-v3", "x86-64-v2") == f"{folder}/glibc-hwcaps/x86-64-v3/libone.so.1"
    assert found("x86-64-v2") == f"{folder}/glibc-hwcaps/x86-64-v2/libone.so.1"
    assert found() == f"{folder}/libone.so.1"
    assert cache.lookup(b"libnone.so.1", ()) is None


@pytest.mark.feature(28)
def test_changed_cache_is_read_anew(library: Libraries) -> None:
    """ldconfig may run while a process does."""
    cache = made(library)
    search = Search(cache=str(cache), directories=())
    first = search.find("libtwo.so.1", None)
    late = library("liblate.so.1", "int late;", folder=library.folder / "usr/lib/extra", runpath=False)
    made(library)
    assert first == f"{library.folder}/usr/lib/extra/libtwo.so.1"
    assert search.find("liblate.so.1", None) == str(late)


def cache_of(entries: list[tuple[int, int, int, int]], strings: bytes, extensions: int = 0, tail: bytes = b"") -> bytes:
    """A cache by hand: (flags, key, value, hwcap), offsets from the file's start."""
    head = b"glibc-ld.so.cache1.1" + pack("<IIB3xI12x", len(entries), len(strings), 2, extensions)
    return head + b"".join(pack("<iIIIQ", flags, key, value, 0, hwcap) for flags, key, value, hwcap in entries) + strings + tail


@pytest.mark.feature(28, 52)
@pytest.mark.parametrize("change", ["magic", "count", "strings", "key", "value", "no end", "big-endian", "extension", "extension count", "hwcap table", "cut"])
def test_malformed_caches_have_no_entries(change: str) -> None:
    """Offsets and counts that lead out of the file."""
    at = 48 + 24
    strings = b"libx.so\0/lib/libx.so\0level\0"
    extension = at + len(strings) + (-(at + len(strings)) % 4)
    tail = bytes(extension - at - len(strings)) + pack("<II4I", 0xEAA42174, 1, 1, 0, extension + 24, 4) + pack("<I", at + 21)
    data = bytearray(cache_of([(FLAGS, at, at + 8, 1 << 62)], strings, extension, tail))
    assert LdCache(bytes(data), FLAGS).lookup(b"libx.so", ("level",)) == b"/lib/libx.so"
    places = {"magic": 3, "count": 20, "strings": 24, "key": 52, "value": 56, "extension": 32, "extension count": extension + 4, "hwcap table": extension + 16}
    if change in places:
        pack_into("<I", data, places[change], 0xFFFFFFF0)
    elif change == "big-endian":
        data[28] = 3
    elif change == "cut":
        data = data[: extension + 10]
    else:
        data[data.rindex(b"level\0") + 5 :] = b"x" * (len(data) - data.rindex(b"level\0") - 5)
    assert LdCache(bytes(data), FLAGS).lookup(b"libx.so", ("level",)) is None


@pytest.mark.feature(28, 52)
def test_mutated_caches() -> None:
    """Whatever bytes: no other exception, no endless work."""
    random = Random(28)
    at = 48 + 24 * 3
    strings = b"libx.so\0/lib/libx.so\0level\0"
    whole = cache_of(
        [(FLAGS, at, at + 8, 0), (FLAGS, at, at + 8, 1 << 62), (1, at + 21, at, 7)], strings, at + 28, b"\0" + pack("<II4I", 0xEAA42174, 1, 1, 0, at, 4)
    )
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(random.randrange(1, 5)):
            data[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
        LdCache(bytes(data[: random.randrange(len(data) + 1)] if random.random() < 0.3 else data), FLAGS).lookup(b"libx.so", ("level",))


@pytest.mark.feature(28)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INPUT(a.so b.so)", ["a.so", "b.so"]),
        ("INPUT ( a.so , -lb )", ["a.so", "-lb"]),
        ('GROUP("/lib/a.so" /* not b.so */ AS_NEEDED(c.so))INPUT(d.so)', ["/lib/a.so", "d.so"]),
        (
            "OUTPUT_FORMAT(elf64-x86-64)\nGROUP ( /lib/libc.so.6 /usr/lib/libc_nonshared.a  AS_NEEDED ( /lib/ld.so ) )",
            ["/lib/libc.so.6", "/usr/lib/libc_nonshared.a"],
        ),
        ("INPUT(a.so", ["a.so"]),
        ("/* INPUT(a.so)", None),
        ("OUTPUT_FORMAT(elf64-x86-64)", None),
        ("INPUT", None),
        ("", None),
        ("INPUT()", []),
        ("INPUT(((((a))))", ["a"]),
        ("x\0INPUT(a)", None),
    ],
)
def test_script(text: str, expected: list[str] | None) -> None:
    """The files that INPUT and GROUP name (ld's manual, "Commands Dealing with Files")."""
    assert script_members(text.encode()) == expected
