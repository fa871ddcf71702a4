"""Where a thread of the guest is: the chain of its calls (unwind.py), and the names that the symbol tables of the mapped files have for them. Imported only
when there is something to tell."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection

from miniload.linux.unwind import search_table, section_table, walk

if TYPE_CHECKING:
    from miniload.linux.process import Process
    from miniload.linux.task import Task
    from miniload.linux.unwind import Read, Table
    from miniload.space.vma import Vma

LOCAL = ("$", ".L")
"""What the names of assemblers' own labels begin with: mapping symbols, RISC-V's relaxation."""
FUNCTIONS = ("STT_FUNC", "STT_NOTYPE", "STT_GNU_IFUNC")


class Image:
    """What a mapped ELF file tells; all addresses are the file's own."""

    def __init__(self, path: bytes) -> None:
        self.path = path.decode(errors="backslashreplace")
        self._symbols: list[tuple[int, int, str]] = []
        self._frames: tuple[int, int] | None = None
        """Address and size of .eh_frame_hdr or, without, .eh_frame."""
        self._searched = False
        self._tables: dict[int, Table] = {}
        self._segments: list[tuple[int, int, int]] = []
        try:
            with open(path, "rb") as file:
                self._read(ELFFile(file))
        except (OSError, ELFError, ValueError, KeyError, AssertionError):
            pass  # what is known by then is used

    def _read(self, elf: ELFFile) -> None:
        self._segments = [(segment["p_offset"], segment["p_filesz"], segment["p_vaddr"]) for segment in elf.iter_segments("PT_LOAD")]
        for section in elf.iter_sections():
            if isinstance(section, SymbolTableSection):
                for symbol in section.iter_symbols():
                    if symbol["st_info"]["type"] in FUNCTIONS and symbol["st_value"] and symbol.name and not symbol.name.startswith(LOCAL):
                        self._symbols.append((symbol["st_value"], symbol["st_size"], symbol.name))
        self._symbols.sort()
        header = next(elf.iter_segments("PT_GNU_EH_FRAME"), None)
        frames: Section | None = elf.get_section_by_name(".eh_frame")
        if header is not None:
            self._frames, self._searched = (header["p_vaddr"], header["p_memsz"]), True
        elif frames is not None:
            self._frames = frames["sh_addr"], frames["sh_size"]

    def address(self, offset: int) -> int | None:
        """Of a byte of the file."""
        return next((offset - at + address for at, size, address in self._segments if at <= offset < at + size), None)

    def symbol(self, address: int) -> str:
        """NAME+0xOFFSET, or "" where there is no name."""
        at = bisect_right(self._symbols, (address, 1 << 64, "")) - 1
        if at < 0:
            return ""
        start, size, name = self._symbols[at]
        return f"{name}+{address - start:#x}" if not size or address < start + size else ""

    def table(self, bias: int, read: Read) -> Table | None:
        """Its call frame information, where it is mapped with that load bias."""
        if self._frames is None:
            return None
        if bias not in self._tables:
            self._tables[bias] = (search_table if self._searched else section_table)(self._frames[0] + bias, self._frames[1], read)
        return self._tables[bias]


class Backtraces:
    """Of the threads of a process, none of which runs."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.abi = process.abi
        self._images: dict[bytes, Image] = {}

    def of(self, task: Task) -> list[str]:
        """A line for each call, innermost first: number, address, name, file and offset."""
        space = self.process.space
        places = walk(self.abi.frames, self._registers(task), self._table, lambda address: space.vmas.find(address) is not None, space.read)
        return [f"#{number:<2} {self._place(pc, back=number > 0)}" for number, pc in enumerate(places)]

    def _registers(self, task: Task) -> dict[str, int]:
        vcpu = self.process.vcpu
        vcpu.take_turn(task.core)
        try:
            names = ["pc", *dict.fromkeys(name for name in self.abi.frames.registers if name)]
            return dict(zip(names, vcpu.read_registers(names), strict=True))
        finally:
            vcpu.give_turn(task.core)

    def _table(self, address: int) -> Table | None:
        _, image, link_address = self._image(address)
        return image.table(address - link_address, self.process.space.read) if image is not None and link_address is not None else None

    def _image(self, address: int) -> tuple[Vma | None, Image | None, int | None]:
        """The mapping, what its file tells, and the file's own address of what is there."""
        vma = self.process.space.vmas.find(address)
        if vma is None or not vma.inode:
            return vma, None, None
        image = self._images.get(vma.file)
        if image is None:
            image = self._images[vma.file] = Image(vma.file)
        return vma, image, image.address(address - vma.start + vma.offset)

    def _place(self, pc: int, back: int) -> str:
        vma, image, address = self._image(pc - back)
        if vma is None or image is None:
            return f"{pc:#018x}" + (f" {vma.file.decode(errors='backslashreplace')}" if vma is not None and vma.file else "")
        name = image.symbol(address) if address is not None else ""
        if name and back:
            name, _, offset = name.rpartition("+")
            name = f"{name}+{int(offset, 16) + back:#x}"
        return f"{pc:#018x} {name or '?'} ({image.path}+{pc - vma.start + vma.offset:#x})"
