"""How segments lie in files and in memory. Expected: what glibc's ld.so does in a child beside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from linkers import Libraries, Linker, Ours, both, in_child

from miniload.elf.header import parse_header
from miniload.elf.segments import PT_LOAD, parse_segments
from miniload.elf.source import BytesSource

if TYPE_CHECKING:
    from miniload.elf.segments import Segment

SOURCE = """
int data[3000] = {1, 2, 3};
int *const pointers[] = {&data[0], &data[2]};
char bss[100000];
const int constants[2000] = {4, 5};
int ask(void) {
  int sum = 0;
  for (unsigned i = 0; i < sizeof bss; i++) sum += bss[i];
  bss[0] = bss[sizeof bss - 1] = 1;
  return *pointers[0] * 1000 + *pointers[1] * 100 + constants[1] * 10 + sum + data[2999] + constants[1999];
}
"""
ANSWER = 1350


def segments(path: Path) -> list[Segment]:
    """The PT_LOAD ones."""
    source = BytesSource(path.read_bytes())
    return [segment for segment in parse_segments(source, parse_header(source)) if segment.type == PT_LOAD]


def answer(linker: Linker, path: Path) -> int:
    """What the library computes."""
    return linker.call(linker.open(path), "ask")


@pytest.mark.feature(35)
@pytest.mark.parametrize("size", [0x10000, 0x200000])
def test_alignment_above_the_page_size(library: Libraries, size: int) -> None:
    """p_align of 64 KiB and 2 MiB: the load bias is a multiple of it."""
    path = library("libaligned.so", SOURCE, f"-Wl,-z,max-page-size={size:#x},-z,common-page-size={size:#x}")
    assert {segment.align for segment in segments(path)} == {size}

    ask = next(symbol["st_value"] for symbol in symbols(path) if symbol.name == "ask")

    def scenario(linker: Linker) -> tuple[int, int]:
        handle = linker.open(path)
        return linker.call(handle, "ask"), (linker.address(handle, "ask") - ask) % size

    assert both(scenario) == (ANSWER, 0)


def symbols(path: Path) -> list:  # type: ignore[type-arg]
    """The dynamic symbols."""
    with path.open("rb") as file:
        return list(ELFFile(file).get_section_by_name(".dynsym").iter_symbols())


@pytest.mark.feature(35)
def test_alignment_from_bytes(library: Libraries) -> None:
    """The same without a file."""
    data = library("libaligned.so", SOURCE, "-Wl,-z,max-page-size=0x10000").read_bytes()

    def scenario() -> int:
        linker = Ours()
        return linker.call(linker.loader.load(data), "ask")

    assert in_child(scenario) == ANSWER


SHAPES = {
    "separate code": ("-Wl,-z,separate-code",),
    "no separate code": ("-Wl,-z,noseparate-code",),
    "pages shared by segments": ("-Wl,-z,noseparate-code,-z,max-page-size=4096,-z,common-page-size=4096,-z,norelro",),
    "OMAGIC, all in one writable segment": ("-nostdlib", "-Wl,-N"),
    "no sections": ("-s",),
    "high link address": ("-Wl,-Ttext-segment=0x10000000",),
    "large gap": ("-Wl,--section-start=.data=0x4000000",),
}


@pytest.mark.feature(36)
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(library: Libraries, shape: str) -> None:
    """Layouts that link editors make."""
    path = library("libshape.so", SOURCE, *SHAPES[shape])
    assert both(lambda linker: answer(linker, path)) == ANSWER


@pytest.mark.feature(36)
def test_shapes_from_bytes(library: Libraries) -> None:
    """The same layouts of files that are only bytes."""
    paths = [library(f"lib{index}.so", SOURCE, *flags) for index, flags in enumerate(SHAPES.values())]

    def scenario() -> list[int]:
        linker = Ours()
        return [linker.call(linker.loader.load(path.read_bytes()), "ask") for path in paths]

    assert in_child(scenario) == [ANSWER] * len(paths)


def scripted(library: Libraries, phdrs: str, sections: str, source: str = SOURCE) -> Path:
    """A library laid out by a linker script."""
    script = library.folder / "layout.lds"
    names = (".hash", ".gnu.hash", ".dynsym", ".dynstr", ".gnu.version", ".rela.dyn", ".rela.plt", ".plt", ".text", ".rodata", ".eh_frame")
    common = " ".join(f"{name} : {{ *({name} {name}.*) }} :first" for name in names)
    script.write_text(
        "PHDRS { " + phdrs + " }\nSECTIONS { " + sections.replace("COMMON_PARTS", common) + " /DISCARD/ : { *(.comment) *(.note.gnu.property) } }\n"
    )
    return library("libscript.so", source, "-nostdlib", f"-Wl,-T,{script},-z,norelro,--build-id=none")


@pytest.mark.feature(36)
def test_empty_segment(library: Libraries) -> None:
    """A PT_LOAD of no bytes, neither in the file nor in memory, is nothing."""
    path = library("libempty.so", SOURCE)
    data = bytearray(path.read_bytes())
    last = segments(path)[-1]
    place = last.vaddr + last.memsz + 0x10000 & -4096
    # The last entry of the table may be a PT_LOAD without breaking the order of addresses.
    count = int.from_bytes(data[56:58], "little")
    header = int.from_bytes(data[32:40], "little") + 56 * (count - 1)
    data[header : header + 56] = b"".join(
        [(1).to_bytes(4, "little"), (6).to_bytes(4, "little"), *(number.to_bytes(8, "little") for number in (0, place, place, 0, 0, 4096))]
    )
    path.write_bytes(data)
    assert [segment.memsz for segment in segments(path)][-1] == 0
    assert both(lambda linker: answer(linker, path)) == ANSWER


@pytest.mark.feature(36)
def test_bss_in_the_first_segment(library: Libraries) -> None:
    """The segment that is mapped first has memory behind its file part, and another segment follows."""
    source = "char early[10000]; int late = 6;"
    source += "int ask(void) { int sum = 0; for (int i = 0; i < 10000; i++) sum += early[i]; early[9999] = 1; return sum + late + early[9999]; }"
    layout = ". = SIZEOF_HEADERS; COMMON_PARTS .dynamic : { *(.dynamic) } :first :dynamic .got : { *(.got*) } :first "
    layout += ".bss : { *(.bss*) *(COMMON) } :first . = ALIGN(4096) + 4096; .data : { *(.data*) } :second"
    path = scripted(library, "first PT_LOAD FILEHDR PHDRS FLAGS(7); second PT_LOAD FLAGS(6); dynamic PT_DYNAMIC;", layout, source)
    first = segments(path)[0]
    assert first.memsz > first.filesz
    assert both(lambda linker: answer(linker, path)) == 7


@pytest.mark.feature(36)
def test_segment_of_bss_only(library: Libraries) -> None:
    """A PT_LOAD with no file part at all."""
    source = "char early[10000]; int late = 6; int ask(void) { early[9999] += 1; return late + early[9999]; }"
    layout = ". = SIZEOF_HEADERS; COMMON_PARTS .dynamic : { *(.dynamic) } :first :dynamic .got : { *(.got*) } :first .data : { *(.data*) } :first "
    layout += ". = ALIGN(4096) + 4096; .bss : { *(.bss*) *(COMMON) } :second"
    path = scripted(library, "first PT_LOAD FILEHDR PHDRS FLAGS(7); second PT_LOAD FLAGS(6); dynamic PT_DYNAMIC;", layout, source)
    assert [segment.filesz for segment in segments(path)][1] == 0
    assert both(lambda linker: answer(linker, path)) == 7


@pytest.mark.feature(36)
def test_segments_on_one_page(library: Libraries) -> None:
    """Two segments share a page of memory: the later one's protection is the page's, as with the kernel's exec. glibc 2.36 refuses this file."""
    source = "int late = 6; int ask(void) { return ++late; }"
    layout = ". = SIZEOF_HEADERS; COMMON_PARTS . = ALIGN(16); .dynamic : { *(.dynamic) } :second :dynamic .got : { *(.got*) } :second "
    layout += ".data : { *(.data*) } :second"
    path = scripted(library, "first PT_LOAD FILEHDR PHDRS FLAGS(5); second PT_LOAD FLAGS(7); dynamic PT_DYNAMIC;", layout, source)
    first, second = segments(path)
    assert (first.vaddr + first.memsz) // 4096 == second.vaddr // 4096
    assert in_child(lambda: answer(Ours(), path)) == 7


def corrupt(path: Path, field: str) -> None:
    """Makes one thing of a library's headers wrong."""
    data = bytearray(path.read_bytes())
    if field == "e_machine":
        data[18] = 40
    elif field == "e_type":
        data[16] = 1
    elif field == "truncated":
        data = data[:40]
    else:
        second = int.from_bytes(data[32:40], "little") + 56
        data[second + 8 : second + 16] = (1 << 40).to_bytes(8, "little")
    path.write_bytes(data)


def failures(linker: Linker, paths: list[Path]) -> list[bool]:
    """Whether each cannot be opened, and whether the maps are as before."""
    before = Path("/proc/self/maps").read_text().count(str(paths[0].parent))
    return [*[isinstance(linker.open(path), str) for path in paths], before == Path("/proc/self/maps").read_text().count(str(paths[0].parent))]


@pytest.mark.feature(51)
@pytest.mark.parametrize("field", ["e_machine", "e_type", "truncated"])
def test_bad_file_changes_nothing(library: Libraries, field: str) -> None:
    """A library that is no good, and one that needs it: errors, and nothing stays mapped."""
    bad = library("libbad.so", SOURCE)
    outer = library("libouter.so", "int outer;", needs=(bad,))
    corrupt(bad, field)
    assert both(lambda linker: failures(linker, [bad, outer])) == [True, True, True]


@pytest.mark.feature(51)
def test_segment_outside_the_file(library: Libraries) -> None:
    """An error, too, where ld.so maps what is not there and dies of SIGBUS."""
    bad = library("libbad.so", SOURCE)
    outer = library("libouter.so", "int outer;", needs=(bad,))
    corrupt(bad, "p_offset")
    assert in_child(lambda: failures(Ours(), [bad, outer])) == [True, True, True]
