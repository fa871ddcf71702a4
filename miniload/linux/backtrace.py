"""Where a thread of the guest is: the chain of its calls, by the unwind tables of the mapped files (.eh_frame) or, where there is none, by frame pointers, and
the names that the files' symbol tables have for them. Imported only when there is something to tell."""

from __future__ import annotations

from bisect import bisect_right
from struct import unpack
from typing import TYPE_CHECKING

from elftools.common.exceptions import DWARFError, ELFError
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

if TYPE_CHECKING:
    from miniload.linux.process import Process
    from miniload.linux.task import Task
    from miniload.space.vma import Vma

    Frame = dict[str, int]
    """Registers by name, and "pc": those of a caller that are known."""

DEEPEST = 64
"""Calls of a thread that are shown."""
LOCAL = ("$", ".L")
"""What the names of assemblers' own labels begin with: mapping symbols, RISC-V's relaxation."""
FUNCTIONS = ("STT_FUNC", "STT_NOTYPE", "STT_GNU_IFUNC")


class Image:
    """What a mapped ELF file tells; all addresses are the file's own."""

    def __init__(self, path: bytes) -> None:
        self.path = path.decode(errors="backslashreplace")
        self._symbols: list[tuple[int, int, str]] = []
        self._tables: list[tuple[int, int, FDE]] = []
        self._segments: list[tuple[int, int, int]] = []
        try:
            with open(path, "rb") as file:
                self._read(ELFFile(file))
        except (OSError, ELFError, DWARFError, ValueError, KeyError, AssertionError):
            pass  # what is known by then is used

    def _read(self, elf: ELFFile) -> None:
        self._segments = [(segment["p_offset"], segment["p_filesz"], segment["p_vaddr"]) for segment in elf.iter_segments("PT_LOAD")]
        for section in elf.iter_sections():
            if isinstance(section, SymbolTableSection):
                for symbol in section.iter_symbols():
                    if symbol["st_info"]["type"] in FUNCTIONS and symbol["st_value"] and symbol.name and not symbol.name.startswith(LOCAL):
                        self._symbols.append((symbol["st_value"], symbol["st_size"], symbol.name))
        self._symbols.sort()
        for entry in elf.get_dwarf_info().EH_CFI_entries() if elf.has_dwarf_info() else ():
            if isinstance(entry, FDE):
                self._tables.append((entry["initial_location"], entry["address_range"], entry))
        self._tables.sort(key=lambda table: table[0])

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

    def table(self, address: int) -> FDE | None:
        """The unwind table of the code there."""
        at = bisect_right(self._tables, address, key=lambda table: table[0]) - 1
        if at < 0 or address >= self._tables[at][0] + self._tables[at][1]:
            return None
        return self._tables[at][2]


class Backtraces:
    """Of the threads of a process, none of which runs."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.abi = process.abi
        self._images: dict[bytes, Image] = {}

    def of(self, task: Task) -> list[str]:
        """A line for each call, innermost first: number, address, name, file and offset."""
        frame: Frame | None = self._registers(task)
        lines: list[str] = []
        seen = 0
        while frame is not None and len(lines) < DEEPEST:
            # A return address is behind the call, which may be the last instruction of its function.
            lines.append(f"#{len(lines):<2} {self._place(frame['pc'], back=1 if lines else 0)}")
            frame = self._caller(frame, first=len(lines) == 1)
            if frame is not None:
                if frame.get(self.abi.unwind[0], 0) < seen:
                    break  # the stack goes one way
                seen = frame.get(self.abi.unwind[0], 0)
        return lines

    def _registers(self, task: Task) -> Frame:
        vcpu = self.process.vcpu
        vcpu.take_turn(task.core)
        try:
            names = ["pc", *dict.fromkeys(name for name in self.abi.dwarf_registers if name)]
            return dict(zip(names, vcpu.read_registers(names), strict=True))
        finally:
            vcpu.give_turn(task.core)

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

    def _caller(self, frame: Frame, first: bool) -> Frame | None:
        """The registers in the caller, None where there is none any more."""
        found = self._by_table(frame, 0 if first else 1) or self._by_frame_pointer(frame, first)
        if found is None or not found["pc"] or self.process.space.vmas.find(found["pc"]) is None:
            return None
        return found

    def _by_table(self, frame: Frame, back: int) -> Frame | None:
        """By DWARF call frame information; None if there is none, or it says more than registers and offsets."""
        _, image, address = self._image(frame["pc"] - back)
        table = image.table(address) if image is not None and address is not None else None
        if table is None:
            return None
        try:
            rows = [row for row in table.get_decoded().table if row["pc"] <= address]
            if not rows:
                return None
            row, names = rows[-1], self.abi.dwarf_registers
            if row["cfa"].reg is None:
                return None
            cfa = frame[names[row["cfa"].reg]] + row["cfa"].offset
            caller = {name: value for name, value in frame.items() if name != "pc"}
            for number, rule in row.items():
                if not isinstance(number, int) or rule.type == "SAME_VALUE":
                    continue
                if rule.type != "OFFSET":
                    caller.pop(names[number], None)
                    continue
                caller[names[number]] = self._word(cfa + rule.arg)
            caller[self.abi.unwind[0]] = cfa
            caller["pc"] = caller[names[table.cie["return_address_register"] if table.cie is not None else -1]]
        except (OSError, KeyError, IndexError, DWARFError, AssertionError):
            return None
        return caller if caller["pc"] != frame["pc"] or cfa != frame.get(self.abi.unwind[0]) else None

    def _by_frame_pointer(self, frame: Frame, first: bool) -> Frame | None:
        """The psABI's chain of frame records. The innermost function may have none yet, and is left by its return address, if that has a register."""
        stack, pointer, link, previous, saved = self.abi.unwind
        try:
            at = frame[pointer]
            record = {**frame, stack: at, pointer: self._word(at + previous), "pc": self._word(at + saved)}
        except (OSError, KeyError):
            record = None
        if first and link and frame.get(link) and (record is None or record["pc"] != frame[link]):
            return {**frame, "pc": frame[link]}
        return record

    def _word(self, address: int) -> int:
        return int(unpack("<Q", self.process.space.read(address, 8))[0])
