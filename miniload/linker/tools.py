"""Debuggers and profilers: gdb is shown the symbols of each object, for what it does not find on the list (debug.c), perf gets a map of them. Both cost
time for each object, so they are asked for: MINILOAD_GDB=1 and MINILOAD_PERF_MAP=1, or the registrars given to a loader."""

from __future__ import annotations

import ctypes
import os
from struct import calcsize, pack

from miniload.errors import MiniloadError
from miniload.linker import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from miniload.linker.object import Object
    from miniload.linker.registrar import Registrar

HEADER, SECTION, SYMBOL = "<16sHHIQQQIHHHHHH", "<IIQQQQIIQQ", "<IBBHQQ"
ET_EXEC, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOBITS, SHF_ALLOC, SHF_EXECINSTR = 2, 1, 2, 3, 8, 2, 4
NAMES = b"\0.text\0.eh_frame\0.symtab\0.strtab\0"
NUMBERS = {"NOTYPE": 0, "OBJECT": 1, "FUNC": 2, "GNU_IFUNC": 10}
NATIVE = {"GLOBAL": 1, "WEAK": 2, "GNU_UNIQUE": 10}


def functions(loaded: Object) -> Iterator[tuple[str, int, int, int, int]]:
    """Name, address, size, type and binding of what the object defines with an address in it."""
    for symbol in loaded.symbols():
        if symbol.defined and symbol.type in NUMBERS and loaded.start <= symbol.address < loaded.end:
            yield symbol.name, symbol.address, symbol.size, NUMBERS[symbol.type], NATIVE.get(symbol.bind, 1)


def symbol_file(loaded: Object) -> bytes:
    """An ELF file for gdb: the object's dynamic symbols and its .eh_frame, at the addresses where they are (gdb takes those of JIT files as they stand)."""
    strings, symbols = bytearray(b"\0"), bytearray(calcsize(SYMBOL))
    for name, address, size, kind, bind in functions(loaded):
        symbols += pack(SYMBOL, len(strings), bind << 4 | kind, 0, 1, address, size)
        strings += name.encode("utf-8", "surrogateescape") + b"\0"
    length = ctypes.c_uint64()
    start = core.frames(loaded.where, ctypes.byref(length))
    frames = loaded.target.space.read(start, length.value) if start else b""
    at = {}
    body = bytearray(calcsize(HEADER))
    for what, data in (("frames", frames), ("symbols", symbols), ("strings", strings), ("names", NAMES)):
        body += bytes(-len(body) % 8)
        at[what] = len(body)
        body += data
    body += bytes(-len(body) % 8)
    table = len(body)
    rows = (
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (1, SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, loaded.start, calcsize(HEADER), loaded.end - loaded.start, 0, 0, 16, 0),
        (7, SHT_PROGBITS, SHF_ALLOC, start, at["frames"], len(frames), 0, 0, 8, 0),
        (17, SHT_SYMTAB, 0, 0, at["symbols"], len(symbols), 4, 1, 8, calcsize(SYMBOL)),
        (25, SHT_STRTAB, 0, 0, at["strings"], len(strings), 0, 0, 1, 0),
        (25, SHT_STRTAB, 0, 0, at["names"], len(NAMES), 0, 0, 1, 0),
    )
    for row in rows:
        body += pack(SECTION, *row)
    identity = b"\x7fELF\2\1\1" + bytes(9)
    machine = core.kinds_of(loaded.target.arch)[0].machine
    body[: calcsize(HEADER)] = pack(HEADER, identity, ET_EXEC, machine, 1, 0, 0, table, loaded.raw.image.flags, 64, 0, 0, 64, len(rows), len(rows) - 1)
    return bytes(body)


class Gdb:
    """A registrar: shows objects to gdb, whether it is there already or attaches later."""

    def __init__(self) -> None:
        self._shown: dict[Object, tuple[int, bytes]] = {}

    def added(self, loaded: Object) -> None:
        """See registrar.Registrar."""
        file, entry = symbol_file(loaded), ctypes.c_void_p()
        if core.debug_add(file, len(file), ctypes.byref(entry)):
            raise MiniloadError(loaded.name, "out of memory")
        self._shown[loaded] = entry.value or 0, file

    def removed(self, loaded: Object) -> None:
        """See registrar.Registrar."""
        shown = self._shown.pop(loaded, None)
        if shown is not None:
            core.debug_remove(shown[0])


class PerfMap:
    """A registrar: adds to /tmp/perf-PID.map, where perf looks for the names of code that is in no file (perf's jit-interface.txt)."""

    def added(self, loaded: Object) -> None:
        """See registrar.Registrar."""
        lines = [f"{address:x} {size:x} {name}\n" for name, address, size, kind, _ in functions(loaded) if kind == NUMBERS["FUNC"] and size]
        fd = os.open(f"/tmp/perf-{os.getpid()}.map", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        with os.fdopen(fd, "w", errors="surrogateescape") as file:
            file.writelines(lines)

    def removed(self, loaded: Object) -> None:
        """The map has no way to say so; a later line counts."""


def wanted(environment: Mapping[str, str]) -> list[Registrar]:
    """Those that the environment asks for."""
    return [registrar() for name, registrar in (("MINILOAD_GDB", Gdb), ("MINILOAD_PERF_MAP", PerfMap)) if environment.get(name)]
