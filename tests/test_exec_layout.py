"""Where execve puts things (exec.md B, E, F, G5): bases, AT_PHDR, brk, bounds, the stack's permissions.

Each test looks at the process that the kernel made and at the one that miniload made. The kernel's own random addresses are
turned off where absolute ones are compared.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from acceptance import RUNS, Case, check
from elfbuilder import CODE_AT, PAGE, PT_GNU_STACK, PT_PHDR, TEXT, Phdr, R, W, X, code, data_segment, host_arch, standard_elf, standard_pie
from observe import (
    AT_PHDR,
    AT_PHNUM,
    END_CODE,
    END_DATA,
    START_BRK,
    START_CODE,
    START_DATA,
    by_kernel,
    by_miniload,
    no_aslr,
    stopped,
)
from support import MINILOAD

from miniload.plan.level import mm_map_denied

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from elfbuilder import Elf
    from observe import Process

ARCH = host_arch()
STANDARD = standard_elf()
PIE = standard_pie()
DATA = TEXT + 0x10000
WINDOW = ARCH.et_dyn_base & -PAGE
BRK_SPAN = 1 << 30

needs_mm_map = pytest.mark.skipif(mm_map_denied() is not None, reason=f"what the kernel records cannot be changed here: {mm_map_denied()}")


def both(path: Path, look: Callable[[Process], int], before: Callable[[], None] | None = None) -> tuple[int, int]:
    """`look` at the stopped program, as the kernel started it and as miniload did."""
    seen = []
    for command in ([], MINILOAD):
        with stopped([*command, path], before=before) as process:
            seen.append(look(process))
    return seen[0], seen[1]


def with_interpreter(elf: Elf, tmp_path: Path) -> Elf:
    return elf.with_interp(os.fsencode(standard_pie().write(tmp_path / "interp")))


def kernel_setting(name: str) -> int:
    with open(f"/proc/sys/{name}") as setting:
        return int(setting.read())


BASE_CASES = [
    Case("PIE", PIE, RUNS),
    Case("PIENonZeroStart", standard_pie(0x10000), RUNS),
    Case("PIENonZeroStart, high", standard_pie(0x7000_0000_0000), RUNS),
    Case("PIEOutOfOrderSegments", standard_pie(0x20000).with_phdrs(data_segment(0, memsz=PAGE)), RUNS),
    Case(
        "PIE, unaligned first p_vaddr",
        replace(standard_pie(0x10080).with_phdr(0, offset=CODE_AT + 0x80, filesz=0x100, memsz=0x100)).with_content(CODE_AT + 0x80, code()),
        RUNS,
    ),
    Case("PIE, entry in the second segment", replace(PIE.with_phdrs(Phdr(vaddr=0x20000, filesz=PAGE, memsz=PAGE)), entry=0x20000), RUNS),
    Case("PIE, first segment small, whole large", PIE.with_phdrs(data_segment(1 << 38, memsz=PAGE)), RUNS),
    Case("PIE, p_align 0x200000", PIE.with_phdr(0, align=0x200000), RUNS),
    Case("PIE, p_align 0x200000 of the second segment", PIE.with_phdrs(data_segment(0x200000, memsz=PAGE, align=0x200000)), RUNS),
    Case("PIE, p_align 0x200000, first p_vaddr not aligned to it", standard_pie(0x1000).with_phdr(0, align=0x200000), RUNS),
]


@pytest.mark.parametrize("case", BASE_CASES, ids=str)
def test_position_independent_program(case: Case, tmp_path: Path) -> None:
    """Alone, in the mmap area, and with an interpreter, above ELF_ET_DYN_BASE. e_type alone makes it movable (exec.md B4)."""
    check(case, tmp_path / "alone")
    interpreter = standard_pie().write(tmp_path / "interp")
    check(replace(case, elf=case.elf.with_interp(os.fsencode(interpreter))), tmp_path / "program", interpreter)


def test_first_segment_without_file(tmp_path: Path) -> None:
    """With an interpreter, as any other. Alone, the kernel tries to map such a program at address 0, which only root may: no case for a comparison."""
    elf = replace(PIE, phdrs=(data_segment(0, memsz=PAGE), replace(PIE.phdrs[0], vaddr=0x10000)), entry=0x10000)
    check(Case("", with_interpreter(elf, tmp_path), RUNS), tmp_path / "program", tmp_path / "interp")


@pytest.mark.parametrize("align", [0, 1, 3, 16, PAGE, 0x10000, 0x200000, 0x300000, 1 << 30, 1 << 40, 1 << 46], ids=hex)
@pytest.mark.parametrize("first", [0, 0x10000, 0x10080, 0x10F80], ids=hex)
def test_window_base_is_the_kernels(first: int, align: int, tmp_path: Path) -> None:
    """ELF_ET_DYN_BASE, aligned down to the largest power of two among p_align; without randomisation the very same address. The bias is
    that less the first p_vaddr, rounded down. ELF_ET_DYN_BASE itself is no multiple of a page, which shows where no p_align is a power of two."""
    elf = standard_pie(first).with_phdr(0, align=align, offset=CODE_AT + first % PAGE, filesz=PAGE - first % PAGE, memsz=PAGE - first % PAGE)
    path = with_interpreter(elf, tmp_path).write(tmp_path / "program")
    real, ours = both(path, lambda process: process.bias(first), no_aslr)
    assert ours == real
    start = ARCH.et_dyn_base & -max(align, PAGE) if align and not align & align - 1 else ARCH.et_dyn_base
    assert real == (start - first) & (1 << 64) - PAGE


@pytest.mark.parametrize("align", [PAGE, 0x10000, 0x200000, 1 << 30, 1 << 40], ids=hex)
@pytest.mark.parametrize("interpreter", [False, True], ids=["alone", "with interpreter"])
def test_base_is_aligned(interpreter: bool, align: int, tmp_path: Path) -> None:
    """base % p_align == 0, with random addresses too (exec.md B1, B2)."""
    elf = PIE.with_phdr(0, align=align)
    path = (with_interpreter(elf, tmp_path) if interpreter else elf).write(tmp_path / "program")
    real, ours = both(path, lambda process: process.bias(0))
    assert real % align == 0
    assert ours % align == 0


def test_window_base_is_random(tmp_path: Path) -> None:
    """Above ELF_ET_DYN_BASE, by up to 2^mmap_rnd_bits pages; two runs that agree are one chance in millions."""
    path = with_interpreter(PIE, tmp_path).write(tmp_path / "program")
    if kernel_setting("kernel/randomize_va_space") == 0:
        pytest.skip("this kernel does not randomise addresses")
    with stopped([*MINILOAD, path]) as first, stopped([*MINILOAD, path]) as second:
        biases = {first.bias(0), second.bias(0)}
    assert len(biases) == 2
    try:
        span = PAGE << kernel_setting("vm/mmap_rnd_bits")
    except PermissionError:  # it is for root to read; planned with is then the architecture's default
        span = PAGE << ARCH.rnd_bits
    assert all(WINDOW <= bias < WINDOW + span for bias in biases)


def test_option_no_aslr_is_setarch_r(tmp_path: Path) -> None:
    path = with_interpreter(PIE, tmp_path).write(tmp_path / "program")
    with stopped([path], before=no_aslr) as real, stopped([*MINILOAD, "--no-aslr", path]) as ours:
        assert ours.bias(0) == real.bias(0) == WINDOW
        assert ours.proc("personality") == real.proc("personality")


def test_address_taken_by_the_stub(tmp_path: Path) -> None:
    """Without randomisation the stub lies at the top of the mmap area. A program linked for that very place cannot be loaded over
    it: one line and status 127."""
    path = replace(PIE, type=3).write(tmp_path / "pie")
    with stopped([path], before=no_aslr) as process:
        place = process.bias(0)
    fixed = replace(STANDARD.with_phdr(0, vaddr=place), entry=place).write(tmp_path / "program")
    assert by_kernel(fixed, place, before=no_aslr).what == "stopped"
    ours = by_miniload(fixed, place, before=no_aslr)
    if ours.what != "stopped":
        assert (ours.what, ours.number) == ("exited", 127)
        assert ours.stderr == f"miniload: {fixed}: the address that the file asks for is taken: EEXIST\n".encode()


# AT_PHDR: (elf, expected offset from the bias), the expectation being exec.md E.
def trailing_phdrs(*, vaddr: int, mapped: bool) -> Elf:
    """The program header table moved to the file's end, where a last PT_LOAD may map it at an address unrelated to its offset."""
    at = 4 * PAGE
    elf = replace(PIE, phoff=at + 64)
    return elf.with_phdrs(Phdr(offset=at, vaddr=vaddr, flags=R, filesz=PAGE, memsz=PAGE)) if mapped else elf


HEADERS_LOADED = Phdr(offset=0, vaddr=0x50000, flags=R, filesz=PAGE, memsz=PAGE)
PHDR_CASES = {
    "in no PT_LOAD": (PIE, 0),
    "in the first page": (PIE.with_phdrs(HEADERS_LOADED), 0x50000 + 64),
    "at the file's end, vaddr != offset": (trailing_phdrs(vaddr=0x70000, mapped=True).with_content(5 * PAGE - 1, b"\0"), 0x70000 + 64),
    "at the file's end, not mapped": (trailing_phdrs(vaddr=0, mapped=False), 0),
    "in two PT_LOADs: the last": (PIE.with_phdrs(HEADERS_LOADED, replace(HEADERS_LOADED, vaddr=0x60000)), 0x60000 + 64),
    "PT_PHDR is not asked": (PIE.with_phdrs(Phdr(PT_PHDR, R, 64, 0x12340, 0, 56, 56, 8)), 0),
    "at the end of p_filesz": (PIE.with_phdrs(replace(HEADERS_LOADED, filesz=64, memsz=PAGE)), 0),
    "one byte within p_filesz": (PIE.with_phdrs(replace(HEADERS_LOADED, filesz=65, memsz=PAGE)), 0x50000 + 64),
}


@pytest.mark.parametrize(("elf", "offset"), PHDR_CASES.values(), ids=PHDR_CASES.keys())
def test_at_phdr(elf: Elf, offset: int, tmp_path: Path) -> None:
    path = elf.write(tmp_path / "program")
    real, ours = both(path, lambda process: process.auxv()[AT_PHDR] - process.bias(0))
    assert real == ours == offset


def test_at_phnum(tmp_path: Path) -> None:
    path = PIE.with_phdrs(*[Phdr(0)] * 10).write(tmp_path / "program")
    assert both(path, lambda process: process.auxv()[AT_PHNUM]) == (11, 11)


BRK_CASES = {
    "ET_EXEC": STANDARD,
    "ET_EXEC with bss": STANDARD.with_phdrs(data_segment(DATA, memsz=0x1234)),
    "ET_EXEC, highest segment first": replace(STANDARD.with_phdr(0, vaddr=DATA), entry=DATA).with_phdrs(data_segment(TEXT, memsz=64)),
    "ET_EXEC, far apart": STANDARD.with_phdrs(data_segment(1 << 40, memsz=64)),
    "static PIE": PIE,
    "static PIE with bss": PIE.with_phdrs(data_segment(0x10000, memsz=3 * PAGE)),
    "static PIE, p_align 0x200000": PIE.with_phdr(0, align=0x200000),
}


@needs_mm_map
@pytest.mark.parametrize("interpreter", [False, True], ids=["alone", "with interpreter"])
@pytest.mark.parametrize("elf", BRK_CASES.values(), ids=BRK_CASES.keys())
def test_brk_without_randomisation(elf: Elf, interpreter: bool, tmp_path: Path) -> None:
    """start_brk is the page after the last segment, but for a program that lies in the mmap area, where a heap could not grow."""
    path = (with_interpreter(elf, tmp_path) if interpreter else elf).write(tmp_path / "program")
    real, ours = both(path, lambda process: process.stat(START_BRK), no_aslr)
    assert ours == real
    if elf.type == 3 and not interpreter:
        assert real == (ARCH.et_dyn_base + PAGE - 1) & -PAGE


@needs_mm_map
@pytest.mark.parametrize("interpreter", [False, True], ids=["alone", "with interpreter"])
@pytest.mark.parametrize("elf", [STANDARD, PIE], ids=["ET_EXEC", "ET_DYN"])
def test_brk_with_randomisation(elf: Elf, interpreter: bool, tmp_path: Path) -> None:
    """One page of gap (none where brk was moved anyway), then at random within 1 GiB (exec.md F2)."""
    if kernel_setting("kernel/randomize_va_space") != 2:
        pytest.skip("kernel.randomize_va_space is not 2")
    path = (with_interpreter(elf, tmp_path) if interpreter else elf).write(tmp_path / "program")
    moved = elf.type == 3 and not interpreter

    def distance(process: Process) -> int:
        end = (ARCH.et_dyn_base + PAGE - 1) & -PAGE if moved else process.bias(elf.entry) + elf.phdrs[0].vaddr + PAGE
        return process.stat(START_BRK) - end

    for value in both(path, distance):
        assert value % PAGE == 0
        assert (0 if moved else PAGE) <= value < BRK_SPAN + PAGE


BOUNDS_CASES = {
    "one segment": PIE,
    "data": PIE.with_content(2 * PAGE, bytes(PAGE)).with_phdrs(data_segment(0x10000, filesz=0x123, memsz=0x456)),
    "two of text": PIE.with_phdrs(Phdr(vaddr=0x10000, filesz=0x100, memsz=0x100), data_segment(0x20000, memsz=8)),
    "text last": replace(PIE.with_phdr(0, vaddr=0x20000), entry=0x20000).with_phdrs(data_segment(0, memsz=8)),
    "bss alone is the highest": PIE.with_phdrs(data_segment(0x10000, memsz=8 * PAGE)),
    "ET_EXEC": STANDARD.with_phdrs(data_segment(DATA, memsz=8 * PAGE)),
}


@needs_mm_map
@pytest.mark.parametrize("field", [START_CODE, END_CODE, START_DATA, END_DATA], ids=["start_code", "end_code", "start_data", "end_data"])
@pytest.mark.parametrize("elf", BOUNDS_CASES.values(), ids=BOUNDS_CASES.keys())
def test_code_and_data_bounds(elf: Elf, field: int, tmp_path: Path) -> None:
    """As /proc/PID/stat has them, less the load bias."""
    path = elf.write(tmp_path / "program")
    real, ours = both(path, lambda process: process.stat(field) - process.bias(elf.entry))
    assert ours == real


STACK_CASES = {
    "absent": STANDARD,
    "RW": STANDARD.with_phdrs(Phdr(PT_GNU_STACK, R | W, 0, 0)),
    "RWX": STANDARD.with_phdrs(Phdr(PT_GNU_STACK, R | W | X, 0, 0)),
    "X alone": STANDARD.with_phdrs(Phdr(PT_GNU_STACK, X, 0, 0)),
    "no permissions": STANDARD.with_phdrs(Phdr(PT_GNU_STACK, 0, 0, 0)),
    "twice, the last RW": STANDARD.with_phdrs(Phdr(PT_GNU_STACK, R | W | X, 0, 0), Phdr(PT_GNU_STACK, R | W, 0, 0)),
    "twice, the last RWX": STANDARD.with_phdrs(Phdr(PT_GNU_STACK, R | W, 0, 0), Phdr(PT_GNU_STACK, R | W | X, 0, 0)),
    "with a size": STANDARD.with_phdrs(Phdr(PT_GNU_STACK, R | W, 0, 0, 0, 0, 1 << 40, 16)),
}
EXECUTABLE = ("RWX", "X alone", "twice, the last RWX")


@pytest.mark.parametrize("name", STACK_CASES)
def test_stack_permissions(name: str, tmp_path: Path) -> None:
    """The last PT_GNU_STACK's PF_X decides; without one the stack is not executable on any of our architectures (exec.md G5)."""
    path = STACK_CASES[name].write(tmp_path / "program")
    real, ours = by_kernel(path, TEXT), by_miniload(path, TEXT)
    assert ours == real
    assert ("[stack] rwxp" if name in EXECUTABLE else "[stack] rw-p") in real.maps
