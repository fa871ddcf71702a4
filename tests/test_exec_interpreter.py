"""PT_INTERP (exec.md D): which interpreters execve takes, with which errno it refuses the others, and what it then starts.

The kernel is asked in each test; where it notices only after its point of no return, miniload refuses beforehand.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from errno import EACCES, EINVAL, EIO, ELIBBAD, ELOOP, ENAMETOOLONG, ENOENT, ENOEXEC, ENOTDIR, ETXTBSY
from typing import TYPE_CHECKING

import pytest
from acceptance import BUS, DIES, RUNS, Case, check
from elfbuilder import (
    CODE_AT,
    EM_AARCH64,
    EM_X86_64,
    ET_CORE,
    ET_EXEC,
    ET_REL,
    INTERP_AT,
    PAGE,
    PT_INTERP,
    PT_NOTE,
    TEXT,
    Phdr,
    R,
    W,
    X,
    code,
    data_segment,
    host_arch,
    standard_elf,
    standard_pie,
)
from observe import AT_BASE, AT_ENTRY, by_kernel, by_miniload, no_aslr, planned_errno, stopped
from support import NATIVE

if TYPE_CHECKING:
    from pathlib import Path

    from elfbuilder import Elf

INTERP = standard_pie()
STATIC_INTERP = replace(standard_elf().with_phdr(0, vaddr=0x10000000), entry=0x10000000)
DATA = 0x20000
TASK_SIZE = host_arch().task_size
OTHER_MACHINE = EM_AARCH64 if host_arch().machine == EM_X86_64 else EM_X86_64


@dataclass(frozen=True)
class Interpreter:
    """An interpreter's file and what execve makes of a program that names it; as in acceptance.Case."""

    name: str
    elf: Elf
    kernel: str | int
    refused: int | None = None

    def __str__(self) -> str:
        return self.name


FILES = [
    Interpreter("ELFInterpreter", INTERP, RUNS),
    Interpreter("ELFInterpreterStatic", STATIC_INTERP, RUNS),
    Interpreter("ELFInterpreterWrongArch", replace(INTERP, machine=OTHER_MACHINE), ELIBBAD),
    Interpreter("first p_vaddr not 0", standard_pie(0x100000), RUNS),
    Interpreter("entry not at the start", replace(INTERP, entry=64).with_content(CODE_AT + 64, code()), RUNS),
    Interpreter("data and bss", INTERP.with_content(2 * PAGE, bytes(PAGE)).with_phdrs(data_segment(DATA, filesz=64, memsz=3 * PAGE)), RUNS),
    # The kernel takes a first p_vaddr other than 0 for a wish, if the program is ET_EXEC: so none of these may be below vm.mmap_min_addr.
    Interpreter("segments out of order", standard_pie(0x120000).with_content(2 * PAGE, bytes(PAGE)).with_phdrs(data_segment(0x100000, filesz=PAGE)), RUNS),
    Interpreter("large p_align", INTERP.with_phdr(0, align=0x200000), RUNS),
    Interpreter("p_align 2^63", INTERP.with_phdr(0, align=1 << 63), RUNS),
    Interpreter("own PT_INTERP is ignored", INTERP.with_interp(b"/nonexistent"), RUNS),
    Interpreter("own PT_INTERP is ignored, malformed", INTERP.with_interp(b"x", terminated=False), RUNS),
    Interpreter("own PT_GNU_STACK is ignored", INTERP.with_phdrs(Phdr(0x6474E551, R | W | X, 0, 0)), RUNS),
    Interpreter("no magic", INTERP.with_ident(1, 0x20), ELIBBAD),
    Interpreter("EI_CLASS", INTERP.with_ident(4, 1), ELIBBAD if host_arch().checks_class else RUNS),
    Interpreter("EI_DATA", INTERP.with_ident(5, 2), RUNS),
    Interpreter("e_phentsize", replace(INTERP, phentsize=57), ELIBBAD),
    Interpreter("e_phnum 0", replace(INTERP, phnum=0), ELIBBAD),
    Interpreter("e_phnum 1171", replace(INTERP, phnum=1171), ELIBBAD),
    Interpreter("e_phoff past the end", replace(INTERP, phoff=1 << 32), ELIBBAD),
    Interpreter("e_type ET_REL", replace(INTERP, type=ET_REL), DIES, ELIBBAD),
    Interpreter("e_type ET_CORE", replace(INTERP, type=ET_CORE), DIES, ELIBBAD),
    Interpreter("63 bytes", replace(INTERP, size=63), EIO),
    Interpreter("empty file", replace(INTERP, size=0), EIO),
    Interpreter("64 bytes", replace(INTERP, size=64), ELIBBAD),
    Interpreter("no PT_LOAD", INTERP.with_phdr(0, type=PT_NOTE), DIES, ENOEXEC),
    Interpreter("p_filesz > p_memsz", INTERP.with_phdr(0, memsz=1), DIES, EINVAL),
    Interpreter("p_memsz beyond user space", INTERP.with_phdrs(data_segment(DATA, memsz=TASK_SIZE)), DIES, EINVAL),
    Interpreter("incongruent offset", INTERP.with_phdrs(data_segment(DATA, filesz=16, offset=1)), DIES, EINVAL),
    Interpreter("file ends before a segment", replace(INTERP, size=CODE_AT), BUS, EINVAL),
    Interpreter("e_entry beyond user space", replace(INTERP, entry=TASK_SIZE), DIES),
    Interpreter("e_entry beyond user space, ET_EXEC", replace(STATIC_INTERP, entry=TASK_SIZE), DIES, EINVAL),
    Interpreter("e_entry unmapped", replace(INTERP, entry=16 * PAGE), DIES),
]


@pytest.mark.parametrize("program", [standard_elf(), standard_pie()], ids=["ET_EXEC", "ET_DYN"])
@pytest.mark.parametrize("interpreter", FILES, ids=str)
def test_interpreter(interpreter: Interpreter, program: Elf, tmp_path: Path) -> None:
    """Everything about the interpreter's file, for both types of program."""
    path = interpreter.elf.write(tmp_path / "interp")
    check(Case("", program.with_interp(os.fsencode(path)), interpreter.kernel, interpreter.refused), tmp_path / "program", path)


def compare(elf: Elf, tmp_path: Path, expected: int | str, cwd: Path | None = None) -> None:
    """The kernel's outcome is `expected` and miniload's the same; for what depends on the name and not on the file."""
    path = elf.write(tmp_path / "program")
    interpreter = tmp_path / "interp"
    real, ours = by_kernel(path, elf.entry, interpreter, cwd=cwd), by_miniload(path, elf.entry, interpreter, cwd=cwd)
    if expected == RUNS:
        assert real.what == "stopped", str(real)
        assert ours == real
        return
    assert (real.what, real.number) == ("refused", expected), str(real)
    assert planned_errno(path) == expected
    assert (ours.what, ours.number) == ("exited", 127 if expected in (ENOENT, ENOTDIR) else 126), str(ours)
    assert b"PT_INTERP" in ours.stderr or b"p_filesz" in ours.stderr or b"p_offset" in ours.stderr


NAMES: list[tuple[str, bytes, int | str]] = [
    ("missing", b"DIR/missing", ENOENT),
    ("below a file", b"DIR/program/interp", ENOTDIR),
    ("a file with a slash", b"DIR/interp/", ENOTDIR),
    ("directory", b"DIR", EACCES),
    ("not executable", b"DIR/plain", EACCES),
    ("FIFO", b"DIR/fifo", EACCES),
    ("device", b"/dev/null", EACCES),
    ("symlink", b"DIR/link", RUNS),
    ("symlink loop", b"DIR/loop", ELOOP),
    ("unclean path", b"DIR/./../DIRNAME//interp", RUNS),
    ("component too long", b"DIR/" + b"n" * 256, ENAMETOOLONG),
    ("embedded NUL ends it", b"DIR/interp\0 and more", RUNS),
    ("empty", b"", ENOEXEC),  # filesz 1
    ("empty, two bytes", b"\0", EACCES),  # the current directory
    ("4096 bytes", b"DIR/interp".ljust(4095, b"\0"), RUNS),
    ("4097 bytes", b"DIR/interp".ljust(4096, b"\0"), ENOEXEC),
]


@pytest.mark.parametrize(("name", "expected"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_interpreter_path(name: bytes, expected: int | str, tmp_path: Path) -> None:
    """gVisor's ELFInterpreter BadPath matrix, and the paths that are good."""
    INTERP.write(tmp_path / "interp")
    INTERP.write(tmp_path / "plain", mode=0o644)
    os.mkfifo(tmp_path / "fifo", 0o755)
    (tmp_path / "link").symlink_to("interp")
    (tmp_path / "loop").symlink_to("loop")
    path = name.replace(b"DIRNAME", os.fsencode(tmp_path.name)).replace(b"DIR", os.fsencode(tmp_path))
    if len(name) > 4000:
        path = path[: len(name)]  # the padding makes up for the longer name
    compare(standard_pie().with_interp(path), tmp_path, expected)


def test_interpreter_path_without_final_nul(tmp_path: Path) -> None:
    path = INTERP.write(tmp_path / "interp")
    compare(standard_pie().with_interp(os.fsencode(path), terminated=False), tmp_path, ENOEXEC)


def test_interpreter_path_is_cut_by_p_filesz(tmp_path: Path) -> None:
    """One byte less than the string: its last byte is then no NUL."""
    path = os.fsencode(INTERP.write(tmp_path / "interp"))
    compare(standard_pie().with_interp(path, filesz=len(path)), tmp_path, ENOEXEC)


def test_interpreter_path_outside_the_file(tmp_path: Path) -> None:
    compare(standard_pie().with_phdrs(Phdr(PT_INTERP, R, 1 << 30, 0, 0, 16, 16)), tmp_path, EIO)


def test_interpreter_path_reaches_over_the_end_of_the_file(tmp_path: Path) -> None:
    compare(standard_pie().with_phdrs(Phdr(PT_INTERP, R, 2 * PAGE - 8, 0, 0, 16, 16)), tmp_path, EIO)


@pytest.mark.parametrize("offset", [1 << 63, (1 << 64) - 8], ids=hex)
def test_interpreter_path_at_negative_offset(offset: int, tmp_path: Path) -> None:
    """kernel_read() takes the offset as signed."""
    compare(standard_pie().with_phdrs(Phdr(PT_INTERP, R, offset, 0, 0, 16, 16)), tmp_path, EINVAL)


def test_relative_interpreter_is_relative_to_cwd(tmp_path: Path) -> None:
    INTERP.write(tmp_path / "interp")
    compare(standard_pie().with_interp(b"./interp"), tmp_path, RUNS, cwd=tmp_path)


def test_first_of_several_interpreters_counts(tmp_path: Path) -> None:
    path = INTERP.write(tmp_path / "interp")
    wrong = Phdr(PT_INTERP, R, INTERP_AT + 512, 0, 0, 13, 13)
    elf = standard_pie().with_interp(os.fsencode(path)).with_phdrs(wrong).with_content(INTERP_AT + 512, b"/nonexistent\0")
    compare(elf, tmp_path, RUNS)


def test_interpreter_named_after_the_segments(tmp_path: Path) -> None:
    path = os.fsencode(INTERP.write(tmp_path / "interp")) + b"\0"
    elf = standard_pie().with_content(INTERP_AT, path).with_phdrs(Phdr(PT_INTERP, R, INTERP_AT, 0, 0, len(path), len(path)))
    compare(elf, tmp_path, RUNS)


def test_script_is_no_interpreter(tmp_path: Path) -> None:
    (tmp_path / "interp").write_bytes(b"#!/bin/sh\n" + bytes(64))
    (tmp_path / "interp").chmod(0o755)
    elf = standard_pie().with_interp(os.fsencode(tmp_path / "interp"))
    check(Case("", elf, ELIBBAD), tmp_path / "program")


def test_interpreter_open_for_writing(tmp_path: Path) -> None:
    path = INTERP.write(tmp_path / "interp")
    with path.open("r+b"):
        compare(standard_pie().with_interp(os.fsencode(path)), tmp_path, ETXTBSY)


def test_setuid_interpreter_grants_nothing(tmp_path: Path) -> None:
    """Only the program's own file decides on credentials, so this one runs."""
    path = INTERP.write(tmp_path / "interp")
    if os.geteuid() == 0:
        os.chown(path, 1, 1)
    path.chmod(0o755 | stat.S_ISUID | stat.S_ISGID)
    compare(standard_pie().with_interp(os.fsencode(path)), tmp_path, RUNS)


ORDER = [
    # What is wrong with the interpreter's name or file comes before what is wrong with the program's segments.
    Case("missing interpreter, no PT_LOAD", standard_pie().with_phdr(0, type=PT_NOTE).with_interp(b"/nonexistent"), ENOENT),
    Case("missing interpreter, bad sizes", standard_pie().with_phdr(0, memsz=1).with_interp(b"/nonexistent"), ENOENT),
    Case("missing interpreter, bad type", replace(standard_pie(), type=ET_REL).with_interp(b"/nonexistent"), ENOEXEC),
    Case("missing interpreter, wrong machine", replace(standard_pie(), machine=OTHER_MACHINE).with_interp(b"/nonexistent"), ENOEXEC),
    Case("interpreter no ELF, no PT_LOAD", standard_pie().with_phdr(0, type=PT_NOTE).with_interp(b"/etc/passwd"), EACCES),
]


@pytest.mark.parametrize("case", ORDER, ids=str)
def test_first_error_decides(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path / "program")


@pytest.mark.parametrize("type_of_program", [ET_EXEC, 3], ids=["ET_EXEC", "ET_DYN"])
def test_program_entry_is_not_checked_with_an_interpreter(type_of_program: int, tmp_path: Path) -> None:
    """The kernel never jumps there itself: it only tells AT_ENTRY."""
    path = INTERP.write(tmp_path / "interp")
    program = standard_elf() if type_of_program == ET_EXEC else standard_pie()
    compare(replace(program, entry=1 << 63).with_interp(os.fsencode(path)), tmp_path, RUNS)


@pytest.mark.parametrize("command", [[], NATIVE], ids=["kernel", "miniload"])
def test_at_base_is_zero_without_interpreter(command: list[str], tmp_path: Path) -> None:
    """A static PIE that found something in AT_BASE would relocate itself wrongly (exec.md D3)."""
    for elf in (standard_elf(), standard_pie()):
        path = elf.write(tmp_path / "program")
        with stopped([*command, path]) as process:
            assert process.auxv()[AT_BASE] == 0


@pytest.mark.parametrize("command", [[], NATIVE], ids=["kernel", "miniload"])
@pytest.mark.parametrize(("interpreter", "first"), [(INTERP, 0), (standard_pie(0x10000), 0x10000)], ids=["first vaddr 0", "first vaddr 0x10000"])
def test_at_base_is_the_load_bias(interpreter: Elf, first: int, command: list[str], tmp_path: Path) -> None:
    """Not where the first segment lies: that is `first` more (exec.md D3)."""
    path = interpreter.write(tmp_path / "interp")
    program = standard_pie().with_interp(os.fsencode(path)).write(tmp_path / "program")
    with stopped([*command, program]) as process:
        start = next(line.start for line in process.maps() if line.path == str(path))
        assert process.auxv()[AT_BASE] == start - first


@pytest.mark.parametrize("command", [[], NATIVE], ids=["kernel", "miniload"])
def test_at_base_of_a_fixed_interpreter_is_zero(command: list[str], tmp_path: Path) -> None:
    path = STATIC_INTERP.write(tmp_path / "interp")
    program = standard_pie().with_interp(os.fsencode(path)).write(tmp_path / "program")
    with stopped([*command, program]) as process:
        assert process.auxv()[AT_BASE] == 0


@pytest.mark.parametrize("command", [[], NATIVE], ids=["kernel", "miniload"])
def test_at_entry_is_the_programs(command: list[str], tmp_path: Path) -> None:
    path = replace(INTERP, entry=64).with_content(CODE_AT + 64, code()).write(tmp_path / "interp")
    program = replace(standard_elf(), entry=TEXT + 0x123).with_interp(os.fsencode(path)).write(tmp_path / "program")
    with stopped([*command, program], before=no_aslr) as process:
        assert process.auxv()[AT_ENTRY] == TEXT + 0x123
