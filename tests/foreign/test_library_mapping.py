"""Foreign libraries that are mapped and relocated, and nothing of them runs: in plain bytes, and in an address space of the user's own."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from struct import unpack
from typing import TYPE_CHECKING, Any

import pytest
from elftools.elf.elffile import ELFFile
from support import ROOT

from miniload.errors import UnsupportedError
from miniload.linker.analysis import AnalysisTarget
from miniload.linker.image import read
from miniload.linker.object import Object, map_object, unmap_object
from miniload.linker.relocate import relocate
from miniload.linker.scope import Scope
from miniload.linker.target import MemoryTarget
from miniload.space.buffer import BufferSpace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from foreign.libraries import Libraries

EXAMPLE = ROOT / "examples" / "own_address_space.py"
MISSING = 0xDEAD0000
RELATIVE = {"aarch64": 1027, "riscv64": 3, "x86_64": 8}


def example() -> Any:
    """The example as a module."""
    spec = spec_from_file_location("own_address_space", EXAMPLE)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_in_bytes(path: Path, arch: str) -> Object:
    """In plain bytes; what is missing is at an address that says so."""
    with read(str(path)) as image:
        loaded = map_object(image, AnalysisTarget(arch, BufferSpace(64 << 20)))
    relocate(loaded, Scope([loaded]), missing=lambda _loaded, _name: MISSING)
    return loaded


@pytest.mark.feature(13, 47)
def test_every_relocation_has_its_value(machine: str, libraries: Libraries) -> None:
    """pyelftools reads the file's own tables: a RELATIVE place holds bias + addend, one with a symbol of the library's own bias + value + addend (only the
    addend of x86-64's GLOB_DAT and JUMP_SLOT does not count, and it is 0), one of an undefined symbol what stands for it."""
    path = libraries(machine, "guest_calls.c", "-DIMPORTS")
    loaded = load_in_bytes(path, machine)
    space, checked = loaded.target.space, 0
    with path.open("rb") as file:
        elf = ELFFile(file)
        symbols = elf.get_section_by_name(".dynsym")
        for name in (".rela.dyn", ".rela.plt"):
            section = elf.get_section_by_name(name)
            for entry in section.iter_relocations() if section else ():
                symbol = symbols.get_symbol(entry["r_info_sym"])
                if symbol["st_info"]["type"] == "STT_TLS" or (not symbol.name and entry["r_info_type"] != RELATIVE[machine]):
                    continue
                found = unpack("<Q", space.read(loaded.bias + entry["r_offset"], 8))[0]
                value = MISSING if symbol.name and symbol["st_shndx"] == "SHN_UNDEF" else loaded.bias + symbol["st_value"]
                if symbol["st_info"]["bind"] == "STB_WEAK" and symbol["st_shndx"] == "SHN_UNDEF":
                    value = 0
                assert found == (value + entry["r_addend"]) % (1 << 64), symbol.name
                checked += 1
    assert checked >= 5


@pytest.mark.feature(47)
def test_an_address_space_of_the_users_own(machine: str, libraries: Libraries) -> None:
    """Only the protocol's methods, and no memory that this process could reach. All its bytes are those of the same library in a BufferSpace, but for the
    addresses: so it is loaded twice into the same place."""
    path = libraries(machine, "guest_calls.c", "-DIMPORTS")
    expected = load_in_bytes(path, machine)
    module = example()
    space = module.Pages(expected.start)
    with read(str(path)) as image:
        loaded = map_object(image, AnalysisTarget(machine, space))
    relocate(loaded, Scope([loaded]), missing=lambda _loaded, _name: MISSING)
    assert loaded.start == expected.start
    for segment in expected.raw.image.segments[: expected.raw.image.segment_count]:
        at = expected.bias + segment.address
        assert space.read(at, segment.size) == expected.target.space.read(at, segment.size)
    unmap_object(loaded)
    assert not space.pages


@pytest.mark.feature(13)
def test_nothing_runs(machine: str, libraries: Libraries) -> None:
    """A function needs a target that runs code, and a file for another machine its own."""
    path = libraries(machine, "guest_imports.c")
    with read(str(path)) as image:
        loaded = map_object(image, MemoryTarget(machine, BufferSpace(1 << 20)))
    with pytest.raises(UnsupportedError, match="runs none"):
        loaded.target.call(loaded.start)
    other = "riscv64" if machine == "aarch64" else "aarch64"
    with read(str(path)) as image, pytest.raises(UnsupportedError, match="e_machine"):
        map_object(image, MemoryTarget(other, BufferSpace(1 << 20)))


@pytest.mark.feature(13, 17)
def test_libc_needs_nobody_to_be_relocated(arch: str, sysroots: Callable[[str], Path]) -> None:
    """With its IFUNCs bound to their resolvers, which are functions of it, and its thread-local block at the offset that the ABI gives the first one."""
    path = next(sysroots(arch).glob("usr/lib/*-linux-gnu/libc.so.6"))
    loaded = load_in_bytes(path, arch)
    assert loaded.raw.tls_offset == {"aarch64": 16, "riscv64": 0}[arch]
    target = loaded.target
    assert isinstance(target, AnalysisTarget)
    assert all(loaded.start <= address < loaded.end for address in target.resolvers)
    assert target.resolvers


@pytest.mark.feature(13, 17)
def test_debians_libraries_are_relocated(arch: str, sysroots: Callable[[str], Path]) -> None:
    """libz, libcrypto and libsqlite3, of tens of thousands of relocations: the values that pyelftools expects of the RELATIVE ones."""
    for name in ("libz.so.1", "libcrypto.so.3", "libsqlite3.so.0"):
        path = next(sysroots(arch).glob(f"usr/lib/*-linux-gnu/{name}")).resolve()
        loaded = load_in_bytes(path, arch)
        memory, base = loaded.target.space, loaded.bias
        with path.open("rb") as file:
            relatives = [entry for entry in ELFFile(file).get_section_by_name(".rela.dyn").iter_relocations() if entry["r_info_type"] == RELATIVE[arch]]
        assert relatives
        for entry in relatives[:: max(1, len(relatives) // 500)]:
            assert int.from_bytes(memory.read(base + entry["r_offset"], 8), "little") == base + entry["r_addend"]


def test_the_example_runs(machine: str, libraries: Libraries) -> None:
    """It lists the library's functions, each with its first eight bytes."""
    command = [sys.executable, str(EXAMPLE), str(libraries(machine, "guest_calls.c", "-DIMPORTS")), machine]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert " trivial: " in done.stdout
    assert "0x40000000" in done.stdout
