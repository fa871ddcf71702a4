"""dlsym's pseudo-handles, dladdr, dl_iterate_phdr, dlinfo, and what an object says of itself. Expected: glibc's answers in a child beside, or the file."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, Structure, c_char_p, c_uint, c_uint64, c_void_p, cast
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from linkers import GLOBAL, NOW, Glibc, Libraries, Linker, Ours, both, in_child

from miniload.errors import SymbolError

if TYPE_CHECKING:
    from pathlib import Path

VALUE = "int value(void) { return %d; } int only%d = %d;"
NEXT = """
#define _GNU_SOURCE
#include <dlfcn.h>
int value(void) { return 1; }
long next_value(void) { int (*f)(void) = dlsym(RTLD_NEXT, "value"); return f ? f() : -1; }
long next_nothing(void) { return (long)dlsym(RTLD_NEXT, "there_is_no_such"); }
long default_value(void) { int (*f)(void) = dlsym(RTLD_DEFAULT, "value"); return f ? f() : -1; }
"""


@pytest.mark.feature(42)
def test_default_handle(library: Libraries) -> None:
    """RTLD_DEFAULT: what is global, not what is local."""
    one, two = library("libone.so", VALUE % (1, 1, 1)), library("libtwo.so", VALUE % (2, 2, 2))

    def scenario(linker: Linker) -> list[bool]:
        linker.open(one)
        handle = linker.open(two, NOW | GLOBAL)
        if isinstance(linker, Ours):
            found = [_or_zero(linker, name) for name in ("value", "only1", "malloc", "there_is_no_such")]
        else:
            found = [linker.address(None, name) for name in ("value", "only1", "malloc", "there_is_no_such")]
        malloc = cast(ctypes.CDLL(None).malloc, c_void_p).value
        return [found[0] == linker.address(handle, "value"), found[1] == 0, found[2] == malloc, found[3] == 0]

    assert both(scenario) == [True, True, True, True]


def _or_zero(linker: Ours, name: str) -> int:
    try:
        return linker.loader.default(name)
    except SymbolError:
        return 0


@pytest.mark.feature(25, 42)
def test_next_handle(library: Libraries) -> None:
    """RTLD_NEXT: what comes after the caller among what was loaded with it, though the global scope has another."""
    glob = library("libglobal.so", VALUE % (9, 9, 9))
    three = library("libthree.so", VALUE % (3, 3, 3))
    asking = library("libasking.so", NEXT, needs=(three,))
    outer = library("libouter.so", VALUE % (5, 5, 5), needs=(asking,))

    def scenario(linker: Linker) -> list[int]:
        linker.open(glob, NOW | GLOBAL)
        handle = linker.open(outer)
        if not isinstance(linker, Ours):
            return [linker.call(handle, "next_value"), linker.call(handle, "next_nothing")]
        loaded = next(loaded for loaded in linker.loader.objects if loaded.soname == "libasking.so")
        found = linker.loader.next(loaded, "value")
        with pytest.raises(SymbolError):
            linker.loader.next(loaded, "there_is_no_such")
        return [ctypes.CFUNCTYPE(ctypes.c_int)(found)(), 0]

    assert both(scenario) == [3, 0]


class DlInfo(Structure):
    """Dl_info."""

    _fields_ = (("file", c_char_p), ("base", c_void_p), ("symbol", c_char_p), ("address", c_void_p))


@pytest.mark.feature(42)
def test_dladdr(library: Libraries) -> None:
    """Object and symbol of an address: at a symbol, inside one, behind one, in no symbol, in no object."""
    path = library("libone.so", "int data[10] = {1}; int f(void) { return 1; } static char quiet[5000] = {2}; char *where(void) { return quiet + 4000; }")

    def describe(linker: Linker, address: int) -> tuple[str, int, str | None, int] | None:
        if isinstance(linker, Ours):
            found = linker.loader.describe(address)
            return found and (found.file, found.base, found.symbol, found.symbol_address)
        assert isinstance(linker, Glibc)
        info = DlInfo()
        if not linker.libc.dladdr(c_void_p(address), ctypes.byref(info)):
            return None
        return info.file.decode(), info.base or 0, info.symbol and info.symbol.decode(), info.address or 0

    def scenario(linker: Linker) -> list[object]:
        handle = linker.open(path)
        data, function = linker.address(handle, "data"), linker.address(handle, "f")
        where = ctypes.CFUNCTYPE(c_uint64)(linker.address(handle, "where"))()
        seen: list[object] = []
        for address in (data, data + 39, function, where, 1, cast(ctypes.CDLL(None).malloc, c_void_p).value or 0):
            found = describe(linker, address)
            if found is None:
                seen.append(None)
                continue
            file, base, symbol, at = found
            seen.append((os.path.basename(file), symbol, at and address - at, base <= address))
        return seen

    expected = both(scenario)
    assert expected[:2] == [("libone.so", "data", 0, True), ("libone.so", "data", 39, True)]
    assert expected[3:5] == [("libone.so", None, 0, True), None]


@pytest.mark.feature(42)
def test_phdrs(library: Libraries) -> None:
    """dl_iterate_phdr: the program first, the new library last, with its program headers where they are."""
    path = library("libone.so", "__thread int here = 3; int *f(void) { return &here; } int data = 1;")

    class Info(Structure):
        _fields_ = (("bias", c_uint64), ("name", c_char_p), ("phdr", c_void_p), ("count", ctypes.c_uint16))

    def scenario(linker: Linker) -> tuple[int, list[int], bool, bool]:
        handle = linker.open(path)
        if isinstance(linker, Ours):
            rows = [(info.bias, os.fsencode(info.name), info.phdr, info.count) for info in linker.loader.phdrs()]
        else:
            rows = []

            def note(info: object, _size: int, _data: object) -> int:
                entry = info.contents  # type: ignore[attr-defined]
                rows.append((entry.bias, entry.name, entry.phdr, entry.count))
                return 0

            ctypes.CDLL(None).dl_iterate_phdr(ctypes.CFUNCTYPE(ctypes.c_int, POINTER(Info), ctypes.c_size_t, c_void_p)(note), None)
        bias, name, phdr, count = rows[-1]
        kinds = [c_uint.from_address(phdr + 56 * index).value for index in range(count)]
        return count, kinds, name == os.fsencode(path), linker.address(handle, "data") > bias

    count, kinds, named, above = both(scenario)
    assert count == len(kinds)
    assert named
    assert above


class LinkMap(Structure):
    """struct link_map."""

    _fields_ = (("bias", c_uint64), ("name", c_char_p), ("dynamic", c_void_p))


@pytest.mark.feature(42)
def test_dlinfo(library: Libraries) -> None:
    """RTLD_DI_LINKMAP, _ORIGIN, _TLS_MODID (whether there is one) and _TLS_DATA."""
    path = library("libone.so", "__thread int here = 3; int *f(void) { return &here; } int data = 1;")

    def scenario(linker: Linker) -> tuple[str, str, bool, bool, bool]:
        handle = linker.open(path)
        block = ctypes.CFUNCTYPE(c_uint64)(linker.address(handle, "f"))()
        if isinstance(linker, Ours):
            info = linker.loader.info(handle)
            return info.name, info.origin, info.tls_module > 0, info.tls_data == block, info.dynamic - info.bias == _dynamic(path)
        assert isinstance(linker, Glibc)
        link, module, data = POINTER(LinkMap)(), ctypes.c_size_t(), c_void_p()
        origin = ctypes.create_string_buffer(4096)
        for request, where in ((2, ctypes.byref(link)), (6, origin), (9, ctypes.byref(module)), (10, ctypes.byref(data))):
            assert linker.libc.dlinfo(c_void_p(handle), request, where) == 0
        entry = link.contents
        return entry.name.decode(), origin.value.decode(), module.value > 0, data.value == block, entry.dynamic - entry.bias == _dynamic(path)

    assert both(scenario) == (str(path), str(path.parent), True, True, True)


def _dynamic(path: Path) -> int:
    with path.open("rb") as file:
        return int(next(segment["p_vaddr"] for segment in ELFFile(file).iter_segments() if segment["p_type"] == "PT_DYNAMIC"))


@pytest.mark.feature(42)
def test_search_path(library: Libraries) -> None:
    """RTLD_DI_SERINFO: the directories that a library's needs are looked for in."""
    path = library("libone.so", "int data = 1;", "-Wl,-rpath,/first:$ORIGIN/second", runpath=False)

    class SearchInfo(Structure):
        _fields_ = (("size", ctypes.c_size_t), ("count", c_uint))

    def scenario(linker: Linker) -> list[str]:
        handle = linker.open(path)
        if isinstance(linker, Ours):
            return list(linker.loader.info(handle).search_path)
        assert isinstance(linker, Glibc)
        size = SearchInfo()
        assert linker.libc.dlinfo(c_void_p(handle), 5, ctypes.byref(size)) == 0
        buffer = ctypes.create_string_buffer(size.size)
        ctypes.memmove(buffer, ctypes.byref(size), ctypes.sizeof(size))
        assert linker.libc.dlinfo(c_void_p(handle), 4, buffer) == 0
        at = ctypes.addressof(buffer) + 16
        return [ctypes.string_at(c_uint64.from_address(at + 16 * index).value).decode() for index in range(size.count)]

    places = both(scenario)
    assert "/first" in places
    assert f"{path.parent}/second" in places


@pytest.mark.feature(49)
def test_introspection(library: Libraries) -> None:
    """What a loaded object says of itself is what the file says."""
    inner = library("libinner.so", "int inner;")
    path = library("libone.so", "extern int inner; int f(void) { return inner; } int data = 1;", "-Wl,-soname,libsoname.so.1", "-Wl,-e,f", needs=(inner,))
    with path.open("rb") as file:
        elf = ELFFile(file)
        headers = [(segment["p_offset"], segment["p_vaddr"], segment["p_filesz"], segment["p_memsz"]) for segment in elf.iter_segments()]
        dynamic = [tag.entry.d_tag for tag in next(s for s in elf.iter_segments() if s["p_type"] == "PT_DYNAMIC").iter_tags()]
        names = sorted(symbol.name for symbol in elf.get_section_by_name(".dynsym").iter_symbols() if symbol.name)
        entry = elf["e_entry"]

    def scenario() -> dict[str, object]:
        loaded = Ours().open(path)
        with open("/proc/self/maps") as maps:
            ends = [int(line.split()[0].split("-")[1], 16) for line in maps if line.rstrip().endswith("/libone.so")]
        return {
            "headers": [(header.offset, header.vaddr, header.filesz, header.memsz) for header in loaded.program_headers()],
            "tags": len(loaded.dynamic()) + 1,
            "names": sorted(symbol.name for symbol in loaded.symbols()),
            "entry": loaded.entry - loaded.bias,
            "soname": loaded.soname,
            "needed": loaded.needed,
            "runpath": loaded.runpath,
            "rpath": loaded.rpath,
            "interpreter": loaded.interpreter,
            "covered": loaded.start + loaded.length >= max(ends),
            "scope": [member.soname for member in loaded.scope.members if getattr(member, "soname", None) in ("libsoname.so.1", "libinner.so")],
            "dependencies": [needed.soname for needed in loaded.dependencies],
        }

    assert in_child(scenario) == {
        "headers": headers,
        "tags": len(dynamic),
        "names": names,
        "entry": entry,
        "soname": "libsoname.so.1",
        "needed": tuple(in_needed(path)),
        "runpath": str(library.folder),
        "rpath": None,
        "interpreter": None,
        "covered": True,
        "scope": ["libsoname.so.1", "libinner.so"],
        "dependencies": in_needed(path),
    }


def in_needed(path: Path) -> list[str]:
    """DT_NEEDED as the file has it."""
    with path.open("rb") as file:
        segment = next(segment for segment in ELFFile(file).iter_segments() if segment["p_type"] == "PT_DYNAMIC")
        return [tag.needed for tag in segment.iter_tags() if tag.entry.d_tag == "DT_NEEDED"]


@pytest.mark.feature(49)
def test_introspection_of_a_program() -> None:
    """A program that is loaded as a library has an interpreter and an entry point."""
    with open("/bin/true", "rb") as file:
        elf = ELFFile(file)
        interpreter = next(segment.get_interp_name() for segment in elf.iter_segments() if segment["p_type"] == "PT_INTERP")
        entry = elf["e_entry"]

    def scenario() -> tuple[str | None, int]:
        loaded = Ours().open("/bin/true")
        return loaded.interpreter, loaded.entry - loaded.bias

    assert in_child(scenario) == (interpreter, entry)
