"""Finding an object's file by its name, as ld.so does (glibc 2.42 elf/dl-load.c, _dl_map_object; ld.so(8))."""

from __future__ import annotations

import os
from errno import ENOENT
from functools import cached_property

from miniload import arch as architectures
from miniload.elf.header import MAGIC
from miniload.elf.tokens import expand
from miniload.errors import NotFoundError
from miniload.linker.finding import get_finding
from miniload.linker.ldcache import LdCache
from miniload.linker.ldscript import MAX_SIZE, script_members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from miniload.linker.object import Object

DF_1_NODEFLIB = 0x800
IDENT = 20
"""Bytes of the header up to e_machine."""


class Search:
    """Where objects are looked for.

    `arch`: whose files; those of others are passed over. `environment`: where LD_LIBRARY_PATH is taken from; by default this process's own if the
    files are for this machine, else none. `sysroot`: a directory where absolute paths are looked up first. `cache`: /etc/ld.so.cache, "" for
    none. `directories`: the default ones, by default those of the architecture's C library.
    """

    def __init__(
        self,
        arch: str | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        sysroot: str = "",
        cache: str = "/etc/ld.so.cache",
        directories: tuple[str, ...] | None = None,
    ) -> None:
        host = architectures.host()
        self.arch = arch or (host.name if host else "x86_64")
        self.facts = get_finding(self.arch)
        self.machine = architectures.get(self.arch).machine
        self.native = host is not None and host.name == self.arch and not sysroot
        self.sysroot = os.path.realpath(sysroot).rstrip("/") if sysroot else ""
        given = os.environ if environment is None and self.native else environment or {}
        self.library_path = given.get("LD_LIBRARY_PATH", "")
        self._cache_path = cache
        self._directories = directories
        self._levels_of: dict[str, tuple[str, ...]] = {}
        self._cache: tuple[object, LdCache] | None = None

    # -- the C library's facts

    @cached_property
    def lib(self) -> str:
        """$LIB: what stands for "lib" in the paths of this architecture's libraries."""
        names = self.facts.directories
        return next((name for name in names if os.path.exists(self.rooted(f"/{name}/libc.so.6"))), names[0])

    @cached_property
    def directories(self) -> tuple[str, ...]:
        """The default directories."""
        if self._directories is not None:
            return self._directories
        return tuple(dict.fromkeys((f"/{self.lib}", f"/usr/{self.lib}", "/lib", "/usr/lib")))

    @cached_property
    def platform(self) -> str | None:
        """$PLATFORM; None if nobody knows it."""
        own = architectures.get(self.arch).platform
        kernel = own.decode() if own else None
        return self.facts.platform(kernel) if self.native else kernel

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """The subdirectories of glibc-hwcaps that this machine can use, best first."""
        return self.facts.levels() if self.native else ()

    # -- looking

    def find(self, name: str, requester: Object | None, program: Object | None = None) -> str:
        """The path of the file that an object needs, or, without requester, that the program asks for. `name` may have a slash and tokens.
        NotFoundError says what was tried."""
        requester = requester or program
        expanded = self.expand(name, requester)
        if expanded is None:
            raise NotFoundError(name, "uses a token that has no value here", errno=ENOENT)
        if "/" in expanded:
            return self.rooted(expanded)
        tried: list[str] = []
        for source, path in self.candidates(expanded, requester, program):
            wrong = self._verdict(path)
            if not wrong:
                return path
            tried.append(f"{path} ({source}{'' if wrong == MISSING else ', ' + wrong})")
        wanted = f", which {requester.name} needs," if requester and requester is not program else ""
        raise NotFoundError(name, f"no file of that name{wanted} for {self.arch}; tried {', '.join(tried) or 'nothing'}", errno=ENOENT)

    def candidates(self, name: str, requester: Object | None, program: Object | None = None) -> Iterator[tuple[str, str]]:
        """(where it comes from, path), in the order in which ld.so tries them. `name` is without a slash."""
        asker = requester or program
        for source, directory in self._given(asker, program):
            yield from self._in(directory, name, source)
        nodeflib = not self._has_defaults(asker)
        cached = self._cached(name)
        if cached is not None and not (nodeflib and cached.startswith(tuple(f"{directory}/" for directory in self.directories))):
            yield self._cache_path, self.rooted(cached)
        if not nodeflib:
            for directory in self.directories:
                yield from self._in(self.sysroot + directory, name, "a default directory")

    def places(self, requester: Object | None, program: Object | None = None) -> list[str]:
        """The directories that are looked at for what an object needs: those of dlinfo(3)'s RTLD_DI_SERINFO."""
        asker = requester or program
        return [directory for _, directory in self._given(asker, program)] + list(self.directories if self._has_defaults(asker) else ())

    def _has_defaults(self, asker: Object | None) -> bool:
        return asker is None or not asker.raw.dynamic_flags_1 & DF_1_NODEFLIB

    def _given(self, asker: Object | None, program: Object | None) -> Iterator[tuple[str, str]]:
        """The directories that come before the cache: DT_RPATH or DT_RUNPATH, and LD_LIBRARY_PATH between them."""
        runpath = asker.runpath if asker is not None else None
        if runpath is None:
            yield from self._inherited(asker, program)
        for directory in self._elements(self.library_path, program, ":;"):
            yield "LD_LIBRARY_PATH", directory
        if asker is not None and runpath is not None:
            for directory in self._elements(runpath, asker):
                yield f"RUNPATH of {asker.name}", directory

    def _inherited(self, requester: Object | None, program: Object | None) -> Iterator[tuple[str, str]]:
        """DT_RPATH of the requester, of what has loaded that, and so on up to the program, whose own is always looked at."""
        holders: list[Object] = []
        while requester is not None:
            holders.append(requester)
            requester = requester.needed_by
        if program is not None and program not in holders:
            holders.append(program)
        for holder in holders:
            for directory in self._elements(holder.rpath or "", holder):
                yield f"RPATH of {holder.name}", directory

    def _elements(self, text: str, holder: Object | None, separators: str = ":") -> Iterator[str]:
        """A search path's directories, tokens replaced; an empty one is the current directory, one with a token of no value is left out."""
        if not text:
            return
        for separator in separators[1:]:
            text = text.replace(separator, separators[0])
        for element in text.split(separators[0]):
            directory = self.expand(element, holder)
            if directory is not None:
                yield self.rooted(directory) or "."

    def _in(self, directory: str, name: str, source: str) -> Iterator[tuple[str, str]]:
        """The file in a directory, those in its glibc-hwcaps subdirectories first."""
        levels = self._levels_of.get(directory)
        if levels is None:
            there = os.path.isdir(f"{directory}/glibc-hwcaps")
            levels = self._levels_of[directory] = self.levels if there else ()
        for level in levels:
            yield source, self.rooted(f"{directory}/glibc-hwcaps/{level}/{name}")
        yield source, self.rooted(f"{directory}/{name}" if directory != "/" else f"/{name}")

    def _cached(self, name: str) -> str | None:
        """What ldconfig has noted for a name. The file is read anew when it has changed."""
        if not self._cache_path:
            return None
        path = self.sysroot + self._cache_path
        try:
            status = os.stat(path)
            stamp = status.st_mtime_ns, status.st_ino, status.st_size
            if self._cache is None or self._cache[0] != stamp:
                with open(path, "rb") as file:
                    self._cache = stamp, LdCache(file.read(), self.facts.cache_flags)
        except OSError:
            return None
        cache = self._cache[1]
        found = cache.lookup(os.fsencode(name), self.levels if cache.has_levels else ())
        return None if found is None else os.fsdecode(found)

    def _verdict(self, path: str) -> str:
        """Why ld.so passes a file over; empty if it does not. That the file is no good for other reasons is found when it is loaded."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            return MISSING if error.errno == ENOENT else error.strerror or "cannot be opened"
        try:
            head = os.pread(fd, IDENT, 0)
        except OSError:
            return ""  # a directory: ld.so's search ends there, too
        finally:
            os.close(fd)
        if head[:4] == MAGIC and (head[4:6] != b"\2\1" or int.from_bytes(head[18:20], "little") != self.machine):
            return "for another architecture"
        return ""

    # -- names

    def expand(self, text: str, holder: Object | None) -> str | None:
        """The text with $ORIGIN (the directory of `holder`), $LIB and $PLATFORM replaced. None if one of them has no value."""
        if "$" not in text:
            return text
        origin = os.path.dirname(holder.path) if holder is not None and holder.path else None
        values = {
            b"ORIGIN": None if origin is None else os.fsencode(origin or "/"),
            b"PLATFORM": self.platform.encode() if "PLATFORM" in text and self.platform else None,
            b"LIB": self.lib.encode(),
        }
        expanded = expand(os.fsencode(text), values)
        return None if expanded is None else os.fsdecode(expanded)

    def rooted(self, path: str) -> str:
        """Where a path is in the sysroot, if something is there; else itself."""
        if not self.sysroot or not path.startswith("/"):
            return path
        guest = path[len(self.sysroot) :] if path.startswith(f"{self.sysroot}/") else path
        inside = self.sysroot + guest
        if os.path.realpath(inside).startswith(f"{self.sysroot}/") and os.path.exists(inside):
            return inside
        from miniload.linux.paths import Paths  # for absolute symbolic links in the sysroot

        found = os.fsdecode(Paths(os.fsencode(self.sysroot)).host(os.fsencode(guest)))
        return path if found == guest else found

    # -- text files that stand for libraries

    def script(self, path: str) -> list[str] | None:
        """The files that a GNU ld script stands for, those that are found; None if the file is none."""
        try:
            with open(path, "rb") as file:
                names = script_members(file.read(MAX_SIZE + 1))
        except OSError:
            return None
        if names is None:
            return None
        places = [self._member(name, os.path.dirname(path)) for name in names]
        return [place for place in places if place is not None]

    def _member(self, name: str, directory: str) -> str | None:
        """A script's names are looked for beside it and then everywhere. Archives are for the link editor only."""
        if name.endswith(".a"):
            return None
        name = f"lib{name[2:]}.so" if name.startswith("-l") else name
        if "/" in name:
            return self.rooted(name)
        beside = os.path.join(directory, name)
        try:
            return beside if not self._verdict(beside) else self.find(name, None)
        except NotFoundError:
            return None


MISSING = "not there"
