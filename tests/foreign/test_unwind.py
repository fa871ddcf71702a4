"""The call frame information of foreign libraries, as it is found in memory. pyelftools, which reads it from the file, is the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

import miniload
from miniload.linux.unwind import Unwinding, search_table, section_table

if TYPE_CHECKING:
    from foreign.libraries import Libraries


def test_each_functions_entry_is_found(machine: str, libraries: Libraries) -> None:
    """By the table that linkers make, and, as in static programs without one, by reading all entries: at a function's first and last byte."""
    path = libraries(machine, "guest_long.c")
    with path.open("rb") as file:
        elf = ELFFile(file)
        section = elf.get_section_by_name(".eh_frame")
        entries = [entry for entry in elf.get_dwarf_info().EH_CFI_entries() if isinstance(entry, FDE)]
        start, size = section["sh_addr"], section["sh_size"]
    assert len(entries) > 5
    library = miniload.load(path, arch=machine)
    read, bias, header = library.target.space.read, library.loaded.bias, library.loaded.raw.image.eh_frame
    for table in (search_table(bias + header.address, header.size, read), section_table(bias + start, size, read)):
        for entry in entries:
            begin = bias + entry["initial_location"]
            for address in (begin, begin + entry["address_range"] - 1):
                assert table(address) == (begin, bias + start + entry.offset)
        with pytest.raises(Unwinding):
            table(bias)
