"""Which ELF headers execve accepts (exec.md A1, A2): every field of a working file changed, one at a time."""

from __future__ import annotations

from dataclasses import replace
from errno import ENOEXEC
from typing import TYPE_CHECKING

import pytest
from acceptance import DIES, RUNS, Case, check
from elfbuilder import (
    CODE_AT,
    EM_386,
    EM_AARCH64,
    EM_RISCV,
    EM_X86_64,
    ET_CORE,
    ET_REL,
    PAGE,
    PT_DYNAMIC,
    PT_GNU_PROPERTY,
    PT_NOTE,
    PT_NULL,
    PT_TLS,
    Phdr,
    R,
    W,
    code,
    host_arch,
    standard_elf,
    standard_pie,
)
from observe import by_kernel, by_miniload, planned_errno

if TYPE_CHECKING:
    from pathlib import Path

    from elfbuilder import Elf

STANDARD = standard_elf()
PIE = standard_pie()
OTHER_MACHINE = EM_AARCH64 if host_arch().machine == EM_X86_64 else EM_X86_64
PROPERTIES_MATTER = ENOEXEC if host_arch().feature_property is not None else RUNS
CLASS_MATTERS = ENOEXEC if host_arch().checks_class else RUNS  # RISC-V's elf_check_arch() looks at EI_CLASS


def with_table(count: int) -> Elf:
    """`count` program headers, all but the first PT_NULL, with the code behind the table."""
    at = CODE_AT + 65536
    filler = tuple(Phdr(PT_NULL, 0, 0, 0, 0, 0, 0, 0) for _ in range(count - 1))
    elf = STANDARD.with_phdr(0, offset=at).with_phdrs(*filler)
    return replace(elf, content=((at, code().ljust(PAGE, b"\x90")),))


IDENT_CASES = [
    Case("standard", STANDARD, RUNS),
    *(Case(f"magic byte {index}", STANDARD.with_ident(index, 0x20), ENOEXEC) for index in range(4)),
    *(Case(f"EI_CLASS {value}", STANDARD.with_ident(4, value), CLASS_MATTERS) for value in (0, 1, 3, 255)),
    *(Case(f"EI_DATA {value}", STANDARD.with_ident(5, value), RUNS) for value in (0, 2, 255)),
    *(Case(f"EI_VERSION {value}", STANDARD.with_ident(6, value), RUNS) for value in (0, 2, 255)),
    *(Case(f"EI_OSABI {value}", STANDARD.with_ident(7, value), RUNS) for value in (3, 9, 255)),
    Case("EI_ABIVERSION", STANDARD.with_ident(8, 1), RUNS),
    Case("EI_PAD", STANDARD.with_ident(15, 0xFF), RUNS),
]

FIELD_CASES = [
    *(Case(f"e_type {value}", replace(STANDARD, type=value), ENOEXEC) for value in (0, ET_REL, ET_CORE, 5, 0xFE00, 0xFFFF)),
    *(Case(f"e_machine {value}", replace(STANDARD, machine=value), ENOEXEC) for value in (OTHER_MACHINE, EM_386, 0xFFFF)),
    Case("e_machine swapped", replace(STANDARD, machine=host_arch().machine << 8), ENOEXEC),
    *(Case(f"e_version {value}", replace(STANDARD, version=value), RUNS) for value in (0, 2, 0xFFFFFFFF)),
    *(Case(f"e_flags {value:#x}", replace(STANDARD, flags=value), RUNS) for value in (1, 0xFFFFFFFF)),
    *(Case(f"e_ehsize {value}", replace(STANDARD, ehsize=value), RUNS) for value in (0, 52, 0xFFFF)),
    *(Case(f"e_phentsize {value}", replace(STANDARD, phentsize=value), ENOEXEC) for value in (0, 32, 55, 57, 112, 0xFFFF)),
    *(Case(f"e_shoff {value:#x}", replace(STANDARD, shoff=value), RUNS) for value in (1, (1 << 64) - 1)),
    Case("e_shentsize", replace(STANDARD, shentsize=64), RUNS),
    Case("e_shnum", replace(STANDARD, shnum=0xFFFF), RUNS),
    Case("e_shstrndx", replace(STANDARD, shstrndx=0xFFFF), RUNS),
]

TABLE_CASES = [
    Case("MissingPhdr", replace(STANDARD, phdrs=()), ENOEXEC),
    Case("e_phnum 0", replace(STANDARD, phnum=0), ENOEXEC),
    Case("e_phnum 73", with_table(73), RUNS),
    Case("e_phnum 74", with_table(74), RUNS),
    Case("e_phnum 1170", with_table(1170), RUNS),
    Case("e_phnum 1171", with_table(1171), ENOEXEC),
    Case("e_phnum PN_XNUM", replace(with_table(1170), phnum=0xFFFF), ENOEXEC),
    Case("OutOfBoundsPhdrs", replace(STANDARD, phoff=1 << 32), ENOEXEC),
    Case("e_phoff at the end", replace(STANDARD, phoff=2 * PAGE, size=2 * PAGE), ENOEXEC),
    Case("e_phoff one entry cut off", replace(STANDARD, phoff=2 * PAGE - 55, size=2 * PAGE), ENOEXEC),
    Case("e_phoff last entry in the file", replace(STANDARD, phoff=2 * PAGE - 56), RUNS),
    Case("e_phoff unaligned", replace(STANDARD, phoff=65), RUNS),
    Case("e_phoff 2^63-1", replace(STANDARD, phoff=(1 << 63) - 1), ENOEXEC),
    Case("e_phoff 2^63", replace(STANDARD, phoff=1 << 63), ENOEXEC),
    Case("e_phoff 2^64-1", replace(STANDARD, phoff=(1 << 64) - 1), ENOEXEC),
    Case("e_phoff 2^64-56", replace(STANDARD, phoff=(1 << 64) - 56), ENOEXEC),
    Case("e_phoff 0", replace(STANDARD, phoff=0, size=2 * PAGE), DIES, ENOEXEC),  # the header as a program header: no PT_LOAD
    Case("no PT_LOAD", STANDARD.with_phdr(0, type=PT_NOTE), DIES, ENOEXEC),
    Case("no PT_LOAD, ET_DYN", PIE.with_phdr(0, type=PT_NOTE), DIES, ENOEXEC),
]

PROPERTY_CASES = [
    # No kernel but AArch64's looks at GNU properties when it executes a program.
    Case("GNU property outside the file", STANDARD.with_phdrs(Phdr(PT_GNU_PROPERTY, R, 1 << 40, 0, 0, 64, 64, 8)), PROPERTIES_MATTER),
    Case("GNU property note that is none", STANDARD.with_phdrs(Phdr(PT_GNU_PROPERTY, R, CODE_AT, 0, 0, 64, 64, 8)), PROPERTIES_MATTER),
    Case("GNU property of 2^63 bytes", STANDARD.with_phdrs(Phdr(PT_GNU_PROPERTY, R, 0, 0, 0, 1 << 63, 0, 8)), PROPERTIES_MATTER),
    Case("PT_NOTE that is none", STANDARD.with_phdrs(Phdr(PT_NOTE, R, CODE_AT, 0, 0, 64, 64, 4)), RUNS),
    Case("PT_DYNAMIC that is none", STANDARD.with_phdrs(Phdr(PT_DYNAMIC, R, CODE_AT, 0, 0, 64, 64, 8)), RUNS),
    Case("PT_DYNAMIC outside the file", STANDARD.with_phdrs(Phdr(PT_DYNAMIC, R, 1 << 40, 0, 0, 1 << 40, 64, 8)), RUNS),
    Case("PT_TLS outside the file", STANDARD.with_phdrs(Phdr(PT_TLS, R, 1 << 40, 0, 0, 1 << 40, 64, 8)), RUNS),
]

ENTRY_CASES = [
    Case("e_entry in the middle of the page", replace(STANDARD, entry=STANDARD.entry + 64).with_content(CODE_AT + 64, code()), RUNS),
    Case("e_entry at the end of user space", replace(STANDARD, entry=host_arch().task_size), DIES, 22),
    Case("e_entry 2^64-1", replace(STANDARD, entry=(1 << 64) - 1), DIES, 22),
    Case("e_entry unmapped", replace(STANDARD, entry=0x10000), DIES),
    Case("e_entry 0", replace(STANDARD, entry=0), DIES),
    Case("e_entry in memory that is not executable", STANDARD.with_phdr(0, flags=R | W), DIES),
]

SIZES = {
    "MissingHeader: empty file": b"",
    "one byte": b"\x7f",
    "magic alone": b"\x7fELF",
    "63 bytes": standard_elf().pack()[:63],
    "header alone": standard_elf().pack()[:64],
    "header and half a program header": standard_elf().pack()[:100],
    "zeros": bytes(64),
    "text": b"echo this has no #! line\n",
}


@pytest.mark.parametrize("case", [*IDENT_CASES, *FIELD_CASES], ids=str)
def test_header_field(case: Case, tmp_path: Path) -> None:
    """Only e_type, e_machine and e_phentsize decide (the kernel is asked in the test itself)."""
    check(case, tmp_path / "program")


@pytest.mark.parametrize("case", TABLE_CASES, ids=str)
def test_program_header_table(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path / "program")


@pytest.mark.parametrize("case", PROPERTY_CASES, ids=str)
def test_segments_that_are_for_others(case: Case, tmp_path: Path) -> None:
    """What only the C library or a debugger reads is no reason to refuse a program."""
    check(case, tmp_path / "program")


@pytest.mark.parametrize("case", ENTRY_CASES, ids=str)
def test_entry(case: Case, tmp_path: Path) -> None:
    """Where the kernel refuses, it is after its point of no return; where it jumps into nowhere, both do."""
    check(case, tmp_path / "program")


@pytest.mark.parametrize("data", SIZES.values(), ids=SIZES.keys())
def test_short_file(data: bytes, tmp_path: Path) -> None:
    """execve's buffer is padded with zeros, so a short file is one with a bad magic or no program headers: ENOEXEC."""
    path = tmp_path / "program"
    path.write_bytes(data)
    path.chmod(0o755)
    real = by_kernel(path)
    assert (real.what, real.number) == ("refused", ENOEXEC)
    assert planned_errno(path) == ENOEXEC
    assert by_miniload(path).number == 126


def test_unsupported_machine_names_both_architectures(tmp_path: Path) -> None:
    """Someone who runs a program of another machine has to be told so."""
    path = replace(STANDARD, machine=EM_RISCV if host_arch().machine != EM_RISCV else EM_X86_64).write(tmp_path / "program")
    said = by_miniload(path).stderr.decode()
    assert host_arch().name in said
    assert "riscv64" in said or "x86_64" in said
