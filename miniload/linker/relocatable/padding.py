"""R_RISCV_ALIGN: the assembler leaves as much padding as can be needed, and the linker takes out what is not."""

from __future__ import annotations

from bisect import bisect_left

from miniload.linker.relocatable.facts import ALIGN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.linker.relocatable.facts import Static
    from miniload.linker.relocatable.read import ObjectFile, Section


def shorten(file: ObjectFile, static: Static) -> None:
    """Makes the padding of all sections right, and moves symbols and relocations with their code."""
    kinds = {number for number, relocation in static.relocations.items() if relocation.about == ALIGN}
    if not kinds:
        return
    for section in file.sections.values():
        if any(relocation.type in kinds for relocation in section.relocations):
            _shorten_section(file, section, kinds, static.nops)


def _shorten_section(file: ObjectFile, section: Section, kinds: set[int], nops: Callable[[int], bytes]) -> None:
    pieces: list[bytes] = []
    cuts: list[tuple[int, int]] = []  # (offset before which nothing more moves, bytes taken out up to there)
    done = taken = 0
    for relocation in sorted((entry for entry in section.relocations if entry.type in kinds), key=lambda entry: entry.offset):
        room, at = relocation.addend, relocation.offset
        align = 1 << max(room, 1).bit_length()
        if not 0 <= room <= len(section.data) - at or at < done:
            raise file.fail("padding outside its section", section.name, at)
        needed = -(at - taken) % align
        if needed > room or align > section.align:
            raise file.fail("not enough padding", section.name, at)
        pieces += (bytes(section.data[done:at]), nops(needed))
        done, taken = at + room, taken + room - needed
        cuts.append((at + needed, taken))
    pieces.append(bytes(section.data[done:]))
    section.data = bytearray(b"".join(pieces))
    section.size = len(section.data)
    places = [place for place, _ in cuts]

    def moved(offset: int) -> int:
        index = bisect_left(places, offset)
        return offset - (cuts[index - 1][1] if index else 0)

    section.relocations = [type(entry)(moved(entry.offset), entry.type, entry.symbol, entry.addend) for entry in section.relocations if entry.type not in kinds]
    for symbol in file.symbols:
        if symbol.section == section.index and not symbol.special:
            end = moved(symbol.value + symbol.size)
            symbol.value = moved(symbol.value)
            symbol.size = max(end - symbol.value, 0)
