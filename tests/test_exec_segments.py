"""How execve maps PT_LOADs (exec.md A5, A6, B, C): one file per rule, the maps compared with the kernel's, line by line."""

from __future__ import annotations

import signal
from dataclasses import replace
from errno import EINVAL
from typing import TYPE_CHECKING

import pytest
from acceptance import DIES, RUNS, Case, check
from elfbuilder import CODE_AT, PAGE, PT_NULL, TEXT, Phdr, R, W, X, code, data_segment, host_arch, standard_elf, standard_pie
from observe import Outcome, by_kernel, by_miniload, stopped
from support import MINILOAD

if TYPE_CHECKING:
    from pathlib import Path

    from elfbuilder import Elf

STANDARD = standard_elf()
PIE = standard_pie()
TASK_SIZE = host_arch().task_size
TOP = TASK_SIZE - PAGE
JUNK = b"JUNK" * (4 * PAGE // 4)
"""File bytes behind the code: four pages, at file offset 2 * PAGE."""
WITH_JUNK = STANDARD.with_content(2 * PAGE, JUNK)
PIE_WITH_JUNK = PIE.with_content(2 * PAGE, JUNK)
DATA = TEXT + 0x10000
AT_ODD = Phdr(offset=2 * PAGE + 0x234, vaddr=DATA + 0x234, flags=R | W, filesz=0x100, memsz=0x100)


def moved(elf: Elf, vaddr: int) -> Elf:
    """`elf` with its text segment, and its entry point, at `vaddr`."""
    return replace(elf.with_phdr(0, vaddr=vaddr), entry=vaddr)


LAYOUT_CASES = [
    Case("Execute", STANDARD, RUNS),
    Case("MissingText", STANDARD.with_phdr(0, type=PT_NULL).with_phdrs(data_segment(DATA, memsz=PAGE)), DIES),
    Case("DataSegment", WITH_JUNK.with_phdrs(data_segment(DATA, filesz=PAGE)), RUNS),
    Case("ExtraMemPages", STANDARD.with_phdr(0, memsz=3 * PAGE), RUNS),
    Case("AnonOnlySegment", STANDARD.with_phdrs(data_segment(DATA, memsz=2 * PAGE, offset=0)), RUNS),
    Case("AnonOnlySegment with offset past the file", STANDARD.with_phdrs(data_segment(DATA, memsz=PAGE, offset=1 << 40)), RUNS),
    Case("AnonOnlySegment with incongruent offset", STANDARD.with_phdrs(data_segment(DATA, memsz=PAGE, offset=0x123)), RUNS),
    Case("AnonOnlySegment within a page", STANDARD.with_phdrs(data_segment(DATA + 0x100, memsz=0x100, offset=0x100)), RUNS),
    Case("AnonOnlySegment over a page boundary", STANDARD.with_phdrs(data_segment(DATA + PAGE - 8, memsz=16, offset=0)), RUNS),
    Case("segment without file and memory", STANDARD.with_phdrs(data_segment(DATA, offset=0)), RUNS),
    Case("several empty segments", STANDARD.with_phdrs(data_segment(DATA, offset=0), data_segment(0x1000, offset=7)), RUNS),
    Case("UnalignedOffset", WITH_JUNK.with_phdrs(AT_ODD), RUNS),
    Case("incongruent offset", WITH_JUNK.with_phdrs(replace(AT_ODD, offset=2 * PAGE + 0x233)), DIES, EINVAL),
    Case("DirectlyOverlappingSegments", WITH_JUNK.with_phdrs(data_segment(DATA, filesz=PAGE), data_segment(DATA, filesz=PAGE, offset=3 * PAGE)), RUNS),
    Case("overlap of the second half", WITH_JUNK.with_phdrs(data_segment(DATA, filesz=2 * PAGE), data_segment(DATA + PAGE, memsz=PAGE, offset=0)), RUNS),
    Case("data over text", WITH_JUNK.with_phdrs(data_segment(TEXT, filesz=PAGE, flags=R)), DIES),
    Case("OutOfOrderSegments", WITH_JUNK.with_phdrs(data_segment(TEXT - 0x10000, filesz=PAGE)), RUNS),
    Case("two segments in one page", WITH_JUNK.with_phdrs(AT_ODD, replace(AT_ODD, offset=3 * PAGE + 0x800, vaddr=DATA + 0x800)), RUNS),
    Case("gap between segments", PIE_WITH_JUNK.with_phdrs(data_segment(0x10000, filesz=PAGE), data_segment(0x400000, filesz=PAGE, offset=3 * PAGE)), RUNS),
    Case("gap between out-of-order segments", PIE_WITH_JUNK.with_phdrs(data_segment(0x400000, filesz=PAGE), data_segment(0x10000, memsz=PAGE)), RUNS),
    Case("far apart, ET_EXEC", WITH_JUNK.with_phdrs(data_segment(0x10_0000_0000, filesz=PAGE)), RUNS),
    Case("a terabyte apart, ET_DYN", PIE_WITH_JUNK.with_phdrs(data_segment(1 << 40, filesz=PAGE)), RUNS),
    Case("many segments", WITH_JUNK.with_phdrs(*(data_segment(DATA + 2 * PAGE * n, filesz=PAGE) for n in range(25))), RUNS),
    Case("same page mapped twice", STANDARD.with_phdrs(Phdr(vaddr=DATA, filesz=PAGE, memsz=PAGE)), RUNS),
]

BSS_CASES = [
    Case("bss in the page", WITH_JUNK.with_phdrs(replace(AT_ODD, memsz=0x200)), RUNS),
    Case("bss to the page's end", WITH_JUNK.with_phdrs(replace(AT_ODD, memsz=PAGE - 0x234)), RUNS),
    Case("bss one byte over the page", WITH_JUNK.with_phdrs(replace(AT_ODD, memsz=PAGE - 0x234 + 1)), RUNS),
    Case("bss of pages", WITH_JUNK.with_phdrs(replace(AT_ODD, memsz=5 * PAGE)), RUNS),
    Case("bss of 1 GiB", WITH_JUNK.with_phdrs(replace(AT_ODD, memsz=1 << 30)), RUNS),
    Case("bss of a read-only segment", WITH_JUNK.with_phdrs(replace(AT_ODD, flags=R, memsz=3 * PAGE)), RUNS),
    Case("bss of a read-only segment, within the page", WITH_JUNK.with_phdrs(replace(AT_ODD, flags=R, memsz=0x200)), RUNS),
    Case("bss of an executable segment", WITH_JUNK.with_phdrs(replace(AT_ODD, flags=R | X, memsz=3 * PAGE)), RUNS),
    Case("bss of a segment without permissions", WITH_JUNK.with_phdrs(replace(AT_ODD, flags=0, memsz=3 * PAGE)), RUNS),
    Case("bss of a write-only segment", WITH_JUNK.with_phdrs(replace(AT_ODD, flags=W, memsz=3 * PAGE)), RUNS),
    Case("bss under a later segment", WITH_JUNK.with_phdrs(replace(AT_ODD, memsz=4 * PAGE), data_segment(DATA + 2 * PAGE, filesz=PAGE)), RUNS),
    Case("bss over an earlier segment", WITH_JUNK.with_phdrs(data_segment(DATA + 2 * PAGE, filesz=PAGE), replace(AT_ODD, memsz=4 * PAGE)), RUNS),
    Case("bss of one segment ends in the next one's page", WITH_JUNK.with_phdrs(replace(AT_ODD, memsz=PAGE), data_segment(DATA + PAGE, filesz=64)), RUNS),
]

PERMISSION_CASES = [
    *(Case(f"data p_flags {flags}", WITH_JUNK.with_phdrs(data_segment(DATA, filesz=PAGE, flags=flags)), RUNS) for flags in range(8)),
    Case("unknown p_flags", WITH_JUNK.with_phdrs(data_segment(DATA, filesz=PAGE, flags=0xFFFFFFF8 | R)), RUNS),
    Case("text readable, writable, executable (ld -N)", STANDARD.with_phdr(0, flags=R | W | X), RUNS),
    Case("text execute-only", STANDARD.with_phdr(0, flags=X), RUNS),
]

SIZE_CASES = [
    Case("p_filesz > p_memsz", STANDARD.with_phdr(0, memsz=PAGE - 1), DIES, EINVAL),
    Case("p_filesz > p_memsz = 0", STANDARD.with_phdr(0, memsz=0), DIES, EINVAL),
    Case("p_filesz 2^64-1", STANDARD.with_phdrs(data_segment(DATA, filesz=(1 << 64) - 1)), DIES, EINVAL),
    Case("p_memsz 2^64-1", STANDARD.with_phdrs(data_segment(DATA, memsz=(1 << 64) - 1)), DIES, EINVAL),
    Case("p_memsz beyond user space", STANDARD.with_phdrs(data_segment(DATA, memsz=TASK_SIZE)), DIES, EINVAL),
    Case("p_memsz = TASK_SIZE + 1", STANDARD.with_phdrs(data_segment(0, memsz=TASK_SIZE + 1)), DIES, EINVAL),
    Case("p_vaddr + p_memsz overflows", STANDARD.with_phdrs(data_segment(TOP, memsz=(1 << 64) - TOP)), DIES, EINVAL),
    Case("p_vaddr = TASK_SIZE", STANDARD.with_phdrs(data_segment(TASK_SIZE, memsz=PAGE)), DIES, EINVAL),
    Case("p_vaddr beyond TASK_SIZE", STANDARD.with_phdrs(data_segment(1 << 63, memsz=PAGE)), DIES, EINVAL),
    Case("p_vaddr 2^64 - page", STANDARD.with_phdrs(data_segment((1 << 64) - PAGE, memsz=PAGE)), DIES, EINVAL),
    Case("PIEOverflow", PIE.with_phdrs(data_segment((1 << 64) - PAGE, memsz=PAGE)), DIES, EINVAL),
    Case("p_offset 2^64 - page", STANDARD.with_phdrs(data_segment(DATA, filesz=PAGE, offset=(1 << 64) - PAGE)), DIES, EINVAL),
    Case("all PT_LOADs empty, ET_DYN", PIE.with_phdr(0, filesz=0, memsz=0), DIES, EINVAL),
]

TRUNCATED_CASES = [
    # The kernel maps what it is told. A page without any file behind it is SIGBUS on touch, and miniload does not start such a program.
    Case("file ends before a segment's page", WITH_JUNK.with_phdrs(data_segment(DATA, filesz=PAGE, offset=6 * PAGE)), RUNS, EINVAL),
    Case("file ends one byte before a segment's last page", WITH_JUNK.with_phdrs(data_segment(DATA, filesz=PAGE + 1, offset=5 * PAGE)), RUNS, EINVAL),
    Case("file ends within a segment's last page", replace(WITH_JUNK, size=6 * PAGE - 100).with_phdrs(data_segment(DATA, filesz=PAGE, offset=5 * PAGE)), RUNS),
    Case(
        "file ends within the page of zeroed bss",
        replace(WITH_JUNK, size=6 * PAGE - 100).with_phdrs(data_segment(DATA, filesz=PAGE - 8, memsz=3 * PAGE, offset=5 * PAGE)),
        RUNS,
    ),
    Case("file ends before bss is zeroed", WITH_JUNK.with_phdrs(data_segment(DATA, filesz=64, memsz=128, offset=6 * PAGE)), DIES, EINVAL),
    Case("file ends in the text's page", replace(STANDARD, size=CODE_AT + len(code())), RUNS),
]

ALIGNMENTS = (0, 1, 2, 3, 16, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 1 << 16, 0x200000, 0x300000, 1 << 30, 1 << 40, (1 << 63) + 1, (1 << 64) - 1)


@pytest.mark.parametrize("case", [*LAYOUT_CASES, *BSS_CASES, *PERMISSION_CASES], ids=str)
def test_mappings(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path / "program")


@pytest.mark.parametrize("case", SIZE_CASES, ids=str)
def test_impossible_sizes(case: Case, tmp_path: Path) -> None:
    """The kernel finds out while it maps and kills the process; miniload refuses with the errno that nobody can see there."""
    check(case, tmp_path / "program")


def test_no_room(tmp_path: Path) -> None:
    """An image nearly as large as user space could be mapped, were there nothing else. Only the stub can know: one line, status 127."""
    path = PIE.with_phdrs(data_segment(TASK_SIZE - 2 * PAGE, memsz=PAGE)).write(tmp_path / "program")
    assert by_kernel(path) == Outcome("killed", signal.SIGSEGV)
    ours = by_miniload(path)
    assert (ours.what, ours.number) == ("exited", 127)
    assert ours.stderr == f"miniload: {path}: no room for an image: ENOMEM\n".encode()


@pytest.mark.parametrize("case", TRUNCATED_CASES, ids=str)
def test_truncated_file(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path / "program")


@pytest.mark.parametrize("align", ALIGNMENTS, ids=hex)
def test_alignment_is_no_reason_to_refuse(align: int, tmp_path: Path) -> None:
    """p_align only ever rounds the base of an ET_DYN: any value runs (exec.md A6)."""
    check(Case("", STANDARD.with_phdr(0, align=align), RUNS), tmp_path / "exec")
    check(Case("", PIE.with_phdr(0, align=align), RUNS), tmp_path / "pie")


@pytest.mark.parametrize("command", [[], MINILOAD], ids=["kernel", "miniload"])
@pytest.mark.parametrize("memsz", [0x100, 0x101], ids=["no bss", "bss"])
def test_page_tail(memsz: int, command: list[str], tmp_path: Path) -> None:
    """The rest of a segment's last file page: the file's own bytes without bss, zeros with it (exec.md C2)."""
    path = WITH_JUNK.with_phdrs(replace(AT_ODD, memsz=memsz)).write(tmp_path / "program")
    with stopped([*command, path]) as process:
        page = process.read(DATA, PAGE)
    assert page[:0x334] == JUNK[:0x334]
    assert page[0x334:] == (JUNK[0x334:PAGE] if memsz == 0x100 else bytes(PAGE - 0x334))


@pytest.mark.parametrize("command", [[], MINILOAD], ids=["kernel", "miniload"])
def test_page_tail_of_a_read_only_segment_stays(command: list[str], tmp_path: Path) -> None:
    """The kernel cannot zero it and goes on; the bss pages behind are zeros, and writable (exec.md C3)."""
    path = WITH_JUNK.with_phdrs(replace(AT_ODD, flags=R, memsz=2 * PAGE)).write(tmp_path / "program")
    with stopped([*command, path]) as process:
        assert process.read(DATA, PAGE) == JUNK[:PAGE]
        assert process.read(DATA + PAGE, 2 * PAGE) == bytes(2 * PAGE)


@pytest.mark.parametrize("command", [[], MINILOAD], ids=["kernel", "miniload"])
def test_memory_holds_the_file(command: list[str], tmp_path: Path) -> None:
    """Bytes before p_vaddr in the first page come from the file too (exec.md C1)."""
    path = WITH_JUNK.with_content(2 * PAGE, b"before").with_phdrs(AT_ODD).write(tmp_path / "program")
    with stopped([*command, path]) as process:
        assert process.read(DATA, 8) == b"beforeNK"
        assert process.read(TEXT, len(code())) == code()
