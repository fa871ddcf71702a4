"""The planner's pure functions for mappings (accept, layout, build), for every architecture and page size, without running anything.

Expected values are computed by hand from the rules in exec.md B to F; that the rules are the kernel's is the business of test_exec_*.py.
"""

from __future__ import annotations

from dataclasses import replace as changed
from errno import EINVAL, ELIBBAD, ENOEXEC
from struct import pack
from typing import TYPE_CHECKING

import pytest
from elfbuilder import CODE_AT, PT_GNU_PROPERTY, PT_GNU_STACK, PT_INTERP, PT_NOTE, PT_PHDR, Elf, R, W, X
from elfbuilder import Phdr as FilePhdr

from miniload import arch as architectures
from miniload.elf.header import ET_DYN, ET_EXEC
from miniload.elf.segments import PT_LOAD, Segment
from miniload.elf.source import BytesSource
from miniload.errors import ElfError, MiniloadError, UnsupportedError
from miniload.plan import layout
from miniload.plan.accept import accept_interpreter, accept_program, check_loads
from miniload.plan.build import build
from miniload.plan.host import HostFacts
from miniload.plan.model import ABSOLUTE, INTERPRETER, PROGRAM, Address, FileRef, Image, Op
from miniload.record import replace

if TYPE_CHECKING:
    from pathlib import Path

    from miniload.arch import Arch

ARCHS = [architectures.get(name) for name in architectures.NAMES]
X86, AARCH64, RISCV = ARCHS
PAGES = [4096, 16384, 65536]
PAGE = 4096
BTI, PROT_BTI = 1, 0x10
REF = FileRef(b"program", 1, 2, 1 << 20, 3)
every_arch = pytest.mark.parametrize("arch", ARCHS, ids=architectures.NAMES)
every_page = pytest.mark.parametrize("page", PAGES, ids=["4K", "16K", "64K"])


def host(arch: Arch, page: int = PAGE, **fields: object) -> HostFacts:
    """A machine of that architecture as its kernel would describe it."""
    facts = HostFacts(
        page_size=page,
        auxv=arch.auxv,
        platform=arch.platform,
        base_platform=None,
        argument_limit=2 << 20,
        string_limit=6 << 20,
        randomize=2,
        rnd_bits=arch.rnd_bits,
    )
    return replace(facts, **fields)


def load(vaddr: int, memsz: int, filesz: int | None = None, *, flags: int = R | W, align: int = PAGE, offset: int | None = None) -> Segment:
    """A PT_LOAD whose offset is congruent to its address for every page size, unless it is given."""
    return Segment(0, PT_LOAD, flags, vaddr % 65536 if offset is None else offset, vaddr, memsz if filesz is None else filesz, memsz, align)


def image(*segments: Segment, kind: int = ET_DYN, phoff: int = 64, features: int = 0, entry: int = 0, size: int = 1 << 20) -> Image:
    numbered = tuple(replace(segment, index=index) for index, segment in enumerate(segments))
    return Image(BytesSource(bytes(size), b"program"), REF, kind, entry, phoff, len(segments), numbered, features)


# Small ones.


@every_page
def test_page_rounding(page: int) -> None:
    for value, down, up in ((0, 0, 0), (1, 0, page), (page - 1, 0, page), (page, page, page), (page + 1, page, 2 * page)):
        assert layout.page_down(value, page) == down
        assert layout.page_up(value, page) == up


def test_protection() -> None:
    """PF_X, PF_W, PF_R are 1, 2, 4 and PROT_EXEC, PROT_WRITE, PROT_READ 4, 2, 1; all other bits are dropped."""
    assert [layout.protection(flags) for flags in range(8)] == [0, 4, 2, 6, 1, 5, 3, 7]
    assert layout.protection(0xFFFFFFF8) == 0


@every_page
@pytest.mark.parametrize(
    ("aligns", "expected"),
    [([], 0), ([0], 0), ([3, 0x300000], 0), ([1, 2, 16], 1), ([3, 1], 1), ([0x200000], 0x200000), ([0x10000, 0x200000, 0], 0x200000), ([1 << 63], 1 << 63)],
    ids=str,
)
def test_maximum_alignment(aligns: list[int], expected: int, page: int) -> None:
    """The largest power of two, in whole pages; what is no power of two does not count."""
    assert layout.maximum_alignment(tuple(load(0, 1, align=align) for align in aligns), page) == -(-expected // page) * page


# Bases.


@every_arch
@every_page
def test_window_base(arch: Arch, page: int) -> None:
    """A program with an interpreter goes above ELF_ET_DYN_BASE, two thirds of user space, rounded down to a page."""
    segments = (load(page, page), load(8 * page, 1))
    base = layout.choose_base(image(*segments), segments, PROGRAM, arch, page, True)
    assert base.kind == "window"
    assert base.window == arch.et_dyn_base // page * page
    assert (base.low, base.size, base.anchor, base.align) == (page, 8 * page, page, page)


@every_arch
def test_base_without_interpreter(arch: Arch) -> None:
    segments = (load(0, 10, align=0x200000),)
    base = layout.choose_base(image(*segments), segments, PROGRAM, arch, PAGE, False)
    assert (base.kind, base.low, base.size, base.anchor, base.align) == ("anywhere", 0, PAGE, 0, 0x200000)


def test_base_of_interpreter_is_not_aligned_beyond_a_page() -> None:
    segments = (load(0, 10, align=0x200000),)
    base = layout.choose_base(image(*segments), segments, INTERPRETER, X86, PAGE, True)
    assert (base.kind, base.align) == ("anywhere", PAGE)


def test_fixed_base_spans_all_segments() -> None:
    segments = (load(0x400000, 10), load(0x600010, 0x5000), load(0x500000, 1))
    base = layout.choose_base(image(*segments, kind=ET_EXEC), segments, PROGRAM, X86, PAGE, False)
    assert (base.kind, base.low, base.low + base.size, base.anchor) == ("fixed", 0x400000, 0x606000, 0x400000)


def test_anchor_is_the_first_segment_not_the_lowest() -> None:
    segments = (load(0x20000, 10), load(0, 1))
    base = layout.choose_base(image(*segments), segments, PROGRAM, X86, PAGE, True)
    assert (base.low, base.anchor, base.size) == (0, 0x20000, 0x21000)


@pytest.mark.parametrize(("vaddr", "align", "anchor"), [(0x20010, PAGE, 0x21000), (0x20010, 0, 0x20000), (0x20FF0, 0, 0x21000)], ids=hex)
def test_anchor_of_a_segment_that_starts_within_a_page(vaddr: int, align: int, anchor: int) -> None:
    """bias = ELF_PAGESTART(start - p_vaddr); x86-64's start, ELF_ET_DYN_BASE, is 0x555555554aaa unless some p_align rounds it."""
    segments = (load(vaddr, 10, align=align),)
    base = layout.choose_base(image(*segments), segments, PROGRAM, X86, PAGE, True)
    assert base.anchor == anchor


def test_nothing_to_map_is_refused() -> None:
    segments = (load(0x1000, 0),)
    with pytest.raises(ElfError, match="all empty"):
        layout.choose_base(image(*segments), segments, PROGRAM, X86, PAGE, True)


@every_arch
def test_alignment_beyond_user_space_is_refused(arch: Arch) -> None:
    segments = (load(0, 1, align=1 << 63),)
    with pytest.raises(ElfError, match="alignment") as caught:
        layout.choose_base(image(*segments), segments, PROGRAM, arch, PAGE, True)
    assert caught.value.errno == EINVAL


# Mappings.

P, I = PROGRAM, INTERPRETER  # noqa: E741


def ops(segment: Segment, page: int = PAGE) -> list[tuple[str, int, int, int, int]]:
    """(kind, address, size, protection, file offset) of each step."""
    found = layout.segment_ops(segment, layout.protection(segment.flags), PROGRAM, page)
    return [(op.kind, op.where.offset, op.size, op.prot, op.file_offset) for op in found]


@every_page
def test_file_part_covers_whole_pages(page: int) -> None:
    segment = load(page + 0x234, 0x100, offset=3 * page + 0x234, flags=R | X)
    assert ops(segment, page) == [("map_file", page, page, 5, 3 * page)]


@every_page
def test_bss_within_the_last_page(page: int) -> None:
    """The tail is zeroed to the page's end, not to p_memsz."""
    segment = load(page + 0x200, 0x300, 0x100, offset=0x200)
    assert ops(segment, page) == [("map_file", page, page, 3, 0), ("zero", page + 0x300, page - 0x300, 0, 0)]


@every_page
def test_bss_of_more_pages(page: int) -> None:
    segment = load(page, 3 * page, 0x100, offset=0)
    assert ops(segment, page) == [("map_file", page, page, 3, 0), ("zero", page + 0x100, page - 0x100, 0, 0), ("map_anon", 2 * page, 2 * page, 3, 0)]


def test_bss_after_a_full_page() -> None:
    assert ops(load(PAGE, PAGE + 1, PAGE, offset=0)) == [("map_file", PAGE, PAGE, 3, 0), ("map_anon", 2 * PAGE, PAGE, 3, 0)]


@pytest.mark.parametrize("flags", [R, R | X, X, 0])
def test_bss_of_a_segment_that_is_not_writable(flags: int) -> None:
    """No zeroing of the tail; whole pages are writable anyway, and executable if the segment is."""
    found = ops(load(PAGE, 2 * PAGE, 16, offset=0, flags=flags))
    assert found[1:] == [("map_anon", 2 * PAGE, PAGE, 3 | (4 if flags & X else 0), 0)]


def test_no_file_part() -> None:
    assert ops(load(PAGE + 8, 8, 0)) == [("map_anon", PAGE, PAGE, 3, 0)]
    assert ops(load(2 * PAGE - 8, 16, 0)) == [("map_anon", PAGE, 2 * PAGE, 3, 0)]
    assert ops(load(PAGE, 0, 0)) == []


def kinds(found: list[Op]) -> list[tuple[str, int, int]]:
    return [(op.kind, op.where.offset, op.size) for op in found]


def test_gaps_of_a_movable_image_are_given_back() -> None:
    """Between segments, and below the first where the lowest is not the first; nothing is left of the reservation."""
    segments = (load(0x20000, 1), load(0, 1), load(0x1000, 1), load(0x50000, 1))
    subject = image(*segments)
    base = layout.choose_base(subject, segments, PROGRAM, X86, PAGE, True)
    found = layout.image_ops(subject, segments, base, PROGRAM, X86, PAGE, True)
    assert kinds(found)[:2] == [("unmap", 0x2000, 0x1E000), ("unmap", 0x21000, 0x2F000)]
    assert [kind for kind, _, _ in kinds(found)[2:]] == ["map_file"] * 4


def test_fixed_image_is_reserved_range_by_range() -> None:
    segments = (load(0x400000, 1), load(0x401000, 1), load(0x600000, 0x1001))
    subject = image(*segments, kind=ET_EXEC)
    base = layout.choose_base(subject, segments, PROGRAM, X86, PAGE, False)
    found = layout.image_ops(subject, segments, base, PROGRAM, X86, PAGE, False)
    assert kinds(found)[:2] == [("reserve", 0x400000, 0x2000), ("reserve", 0x600000, 0x2000)]


def test_ops_of_the_interpreter_are_on_its_base_and_file() -> None:
    segments = (load(0, 1),)
    subject = image(*segments)
    base = layout.choose_base(subject, segments, INTERPRETER, X86, PAGE, True)
    (op,) = layout.image_ops(subject, segments, base, INTERPRETER, X86, PAGE, True)
    assert (op.where.base, op.file) == (INTERPRETER, 1)


def test_page_ranges() -> None:
    """Merged where they touch or overlap, ascending; empty segments are none."""
    found = layout.page_ranges((load(0x5000, 1), load(0, 1), load(0x1000, 1), load(0x5800, 0x900), load(0x9000, 0)), PAGE)
    assert found == [(0, 0x2000), (0x5000, 0x7000)]


# BTI: code marked for it is mapped guarded; of a dynamic program only the interpreter's, which looks after the rest itself
# (Linux 6.18 arch/arm64/kernel/process.c, arch_elf_adjust_prot).


@pytest.mark.parametrize(
    ("features", "flags", "of_interpreter", "has_interpreter", "guarded"),
    [
        (BTI, R | X, False, False, True),
        (BTI, R | X, False, True, False),
        (BTI, R | X, True, True, True),
        (BTI, R, False, False, False),
        (0, R | X, False, False, False),
        (BTI | 2, R | X, False, False, True),
        (2, R | X, False, False, False),
    ],
    ids=["static", "dynamic program", "interpreter", "data", "not marked", "marked for BTI and PAC", "marked for PAC"],
)
def test_bti(features: int, flags: int, of_interpreter: bool, has_interpreter: bool, guarded: bool) -> None:
    protection = layout.protection(flags)
    assert AARCH64.segment_protection(protection, features, of_interpreter, has_interpreter) == protection | PROT_BTI * guarded
    for other in (X86, RISCV):
        assert other.segment_protection(protection, features, of_interpreter, has_interpreter) == protection


def test_bti_reaches_the_ops() -> None:
    segments = (load(0, 1, flags=R | X), load(0x10000, 1))
    subject = image(*segments, features=BTI)
    base = layout.choose_base(subject, segments, PROGRAM, AARCH64, PAGE, False)
    found = layout.image_ops(subject, segments, base, PROGRAM, AARCH64, PAGE, False)
    assert [op.prot for op in found if op.kind == "map_file"] == [5 | PROT_BTI, 3]


# AT_PHDR, bounds, brk.


def test_phdr_address() -> None:
    """The last PT_LOAD whose file part holds e_phoff; PT_PHDR is not asked; none is 0."""
    first = load(0x10000, 0x100, offset=0)
    second = load(0x70000, 0x100, offset=0x10)
    assert layout.phdr_address(image(first)) == 0x10040
    assert layout.phdr_address(image(first, second)) == 0x70030
    assert layout.phdr_address(image(first, phoff=0x100)) == 0
    assert layout.phdr_address(image(load(0, 0x1000, 0x40, offset=0))) == 0
    assert layout.phdr_address(image(replace(first, type=PT_PHDR))) == 0


@every_arch
@every_page
def test_heap_of_a_moved_program(arch: Arch, page: int) -> None:
    """Without interpreter it starts where the window does that the program did not take, rounded up to a page, without a gap."""
    segments = (load(0, 10, flags=R | X),)
    memory = layout.memory_map(image(*segments), segments, arch, page, False)
    assert memory.brk == Address(ABSOLUTE, -(-arch.et_dyn_base // page) * page)
    assert (memory.brk_gap, memory.brk_span) == (0, 1 << 30)


@pytest.mark.parametrize(("kind", "has_interpreter"), [(ET_EXEC, False), (ET_EXEC, True), (ET_DYN, True)])
@every_page
def test_heap_behind_the_image(page: int, kind: int, has_interpreter: bool) -> None:
    segments = (load(0x40000, 10, flags=R | X), load(0x20000, page + 1))
    memory = layout.memory_map(image(*segments, kind=kind), segments, X86, page, has_interpreter)
    assert memory.brk == Address(PROGRAM, -(-max(0x4000A, 0x20000 + page + 1) // page) * page)
    assert memory.brk_gap == page


def test_code_and_data_bounds() -> None:
    """Code: what is executable; data: from the highest p_vaddr to the highest end of file bytes (load_elf_binary)."""
    segments = (load(0x1000, 0x10), load(0x3000, 0x80, flags=R | X), load(0x2000, 0x70, 0x60, flags=X), load(0x5000, 0x900, 0x30))
    memory = layout.memory_map(image(*segments), segments, X86, PAGE, True)
    assert (memory.start_code, memory.end_code) == (0x2000, 0x3080)
    assert (memory.start_data, memory.end_data) == (0x5000, 0x5030)


# Acceptance for every architecture.


def elf_for(arch: Arch, **fields: object) -> Elf:
    text = FilePhdr(offset=65536, vaddr=0x10000, filesz=64, memsz=64, align=65536)
    elf = Elf(phdrs=(text,), content=((65536, bytes(64)),), type=ET_DYN, machine=arch.machine, entry=0x10000)
    return changed(elf, **fields)  # type: ignore[arg-type]


def source_of(elf: Elf) -> BytesSource:
    return BytesSource(elf.pack(), b"program")


@every_arch
def test_own_machine_is_accepted(arch: Arch) -> None:
    found = accept_program(source_of(elf_for(arch)), REF, arch)
    assert (found.type, found.entry, found.phnum, found.phoff) == (ET_DYN, 0x10000, 1, 64)


@every_arch
@pytest.mark.parametrize("other", [*ARCHS, None], ids=[*architectures.NAMES, "unknown"])
def test_other_machines_are_refused(other: Arch | None, arch: Arch) -> None:
    if other is arch:
        return
    elf = elf_for(arch, machine=other.machine if other else 3)
    with pytest.raises(UnsupportedError, match=other.name if other else "not a machine") as caught:
        accept_program(source_of(elf), REF, arch)
    assert caught.value.errno == ENOEXEC
    with pytest.raises(UnsupportedError) as caught:
        accept_interpreter(source_of(elf), REF, arch)
    assert caught.value.errno == ELIBBAD


@every_arch
def test_class_is_looked_at_on_riscv_alone(arch: Arch) -> None:
    """RISC-V's elf_check_arch() compares EI_CLASS with the kernel's; the others do not."""
    source = source_of(elf_for(arch).with_ident(4, 1))
    if arch is RISCV:
        with pytest.raises(ElfError, match="EI_CLASS"):
            accept_program(source, REF, arch)
    else:
        assert accept_program(source, REF, arch).type == ET_DYN


@every_arch
def test_end_of_user_space(arch: Arch) -> None:
    """vaddr below TASK_SIZE and vaddr + memsz up to it are fine (exec.md A5)."""
    last = arch.task_size - 4096
    fine = image(load(last - 61440, 65536, 0))
    assert len(check_loads(fine, arch, 65536)) == 1
    for vaddr, memsz, field in ((arch.task_size, 1, "p_vaddr"), (last, 4097, "p_memsz"), (0, arch.task_size + 1, "p_memsz")):
        with pytest.raises(ElfError, match=field) as caught:
            check_loads(image(load(vaddr, memsz, 0)), arch, PAGE)
        assert caught.value.errno == EINVAL


@every_page
def test_congruence_is_modulo_the_page_size(page: int) -> None:
    """What runs on 4 KiB pages need not run on 64 KiB ones."""
    subject = image(load(0x11000, 16, offset=0x1000))
    if page <= 0x10000:
        assert check_loads(subject, AARCH64, page)
    tighter = image(load(0x11000, 16, offset=0x5000))
    if page <= 0x4000:
        assert check_loads(tighter, AARCH64, page)
    else:
        with pytest.raises(ElfError, match="congruent"):
            check_loads(tighter, AARCH64, page)


def test_each_segment_is_checked() -> None:
    with pytest.raises(ElfError, match="phdr 2 p_filesz"):
        check_loads(image(load(0, 1), load(PAGE, 1), load(2 * PAGE, 1, 2, offset=2 * PAGE)), X86, PAGE)


def test_no_segment_is_enoexec() -> None:
    with pytest.raises(ElfError, match="no PT_LOAD") as caught:
        check_loads(image(replace(load(0, 1), type=PT_NOTE)), X86, PAGE)
    assert caught.value.errno == ENOEXEC


# Whole plans for other machines: build() is told the machine and never asks where it runs.


@every_arch
@every_page
def test_plan_for_any_machine(arch: Arch, page: int, tmp_path: Path) -> None:
    path = elf_for(arch).write(tmp_path / "program")
    plan = build(bytes(path), [b"program"], [b"A=1"], arch=arch, host=host(arch, page))
    assert (plan.arch, plan.machine, plan.page_size, plan.rnd_bits) == (arch.name, arch.machine, page, arch.rnd_bits)
    assert [entry.type for entry in plan.stack.auxv] == list(arch.auxv)
    assert plan.entry == Address(PROGRAM, 0x10000)
    assert [(op.kind, op.where, op.size) for op in plan.ops] == [("map_file", Address(PROGRAM, 0x10000), page)]
    assert plan.stack.gap_limit == arch.stack_gap


@every_arch
def test_plan_with_interpreter_for_any_machine(arch: Arch, tmp_path: Path) -> None:
    interpreter = elf_for(arch, entry=0x10008).write(tmp_path / "interp")
    name = bytes(interpreter) + b"\0"
    program = elf_for(arch).with_phdrs(FilePhdr(PT_INTERP, R, CODE_AT // 2, 0, 0, len(name), len(name))).with_content(CODE_AT // 2, name)
    plan = build(bytes(program.write(tmp_path / "program")), [b"x"], [], arch=arch, host=host(arch))
    assert plan.entry == Address(INTERPRETER, 0x10008)
    assert [base.kind for base in plan.bases] == ["window", "anywhere"]
    assert [file.path for file in plan.files] == [bytes(tmp_path / "program"), bytes(interpreter)]
    values = {entry.type: entry.value for entry in plan.stack.auxv}
    assert (values[7], values[9]) == (Address(INTERPRETER, 0), Address(PROGRAM, 0x10000))


def test_plan_of_a_foreign_program_is_refused(tmp_path: Path) -> None:
    path = elf_for(AARCH64).write(tmp_path / "program")
    with pytest.raises(UnsupportedError, match="aarch64"):
        build(bytes(path), [b"x"], [], arch=X86, host=host(X86))


def test_plan_without_randomisation(tmp_path: Path) -> None:
    path = bytes(elf_for(X86).write(tmp_path / "program"))
    for plan in (
        build(path, [b"x"], [], arch=X86, host=host(X86), randomize=False),
        build(path, [b"x"], [], arch=X86, host=host(X86, randomize=0)),
    ):
        assert (plan.randomize, plan.stack.gap_limit) == (0, 0)


def property_note(word: int) -> bytes:
    """.note.gnu.property with GNU_PROPERTY_AARCH64_FEATURE_1_AND."""
    return pack("<III4sIIII", 4, 16, 5, b"GNU\0", 0xC0000000, 4, word, 0)


@pytest.mark.parametrize("word", [0, BTI])
def test_plan_reads_the_property_note(word: int, tmp_path: Path) -> None:
    data = property_note(word)
    elf = elf_for(AARCH64).with_phdrs(FilePhdr(PT_GNU_PROPERTY, R, CODE_AT // 2, 0, 0, len(data), len(data), 8)).with_content(CODE_AT // 2, data)
    plan = build(bytes(elf.write(tmp_path / "program")), [b"x"], [], arch=AARCH64, host=host(AARCH64))
    assert [op.prot for op in plan.ops if op.kind == "map_file"] == [5 | PROT_BTI * word]


@every_arch
def test_malformed_property_note(arch: Arch, tmp_path: Path) -> None:
    """ENOEXEC where the kernel reads it, which is on AArch64 alone (Linux 6.18 fs/binfmt_elf.c, parse_elf_properties)."""
    elf = elf_for(arch).with_phdrs(FilePhdr(PT_GNU_PROPERTY, R, 0, 0, 0, 64, 64, 8))
    path = bytes(elf.write(tmp_path / "program"))
    if arch is AARCH64:
        with pytest.raises(ElfError) as caught:
            build(path, [b"x"], [], arch=arch, host=host(arch))
        assert caught.value.errno == ENOEXEC
    else:
        assert build(path, [b"x"], [], arch=arch, host=host(arch)).arch == arch.name


def test_property_note_of_a_dynamic_program_is_not_read(tmp_path: Path) -> None:
    """Its interpreter's is."""
    note = property_note(BTI)
    header = FilePhdr(PT_GNU_PROPERTY, R, CODE_AT // 2, 0, 0, len(note), len(note), 8)
    interpreter = elf_for(AARCH64).with_phdrs(header).with_content(CODE_AT // 2, note).write(tmp_path / "interp")
    name = bytes(interpreter) + b"\0"
    program = elf_for(AARCH64).with_phdrs(FilePhdr(PT_INTERP, R, CODE_AT // 2, 0, 0, len(name), len(name)), FilePhdr(PT_GNU_PROPERTY, R, 0, 0, 0, 64, 64, 8))
    path = program.with_content(CODE_AT // 2, name).write(tmp_path / "program")
    plan = build(bytes(path), [b"x"], [], arch=AARCH64, host=host(AARCH64))
    assert [op.prot for op in plan.ops if op.kind == "map_file"] == [5, 5 | PROT_BTI]


@pytest.mark.parametrize(("flags", "executable"), [([], False), ([R | W], False), ([R | W | X], True), ([R | W | X, R | W], False), ([R, X], True)], ids=str)
def test_executable_stack(flags: list[int], executable: bool, tmp_path: Path) -> None:
    """The last PT_GNU_STACK decides, none is no (exec.md G5)."""
    elf = elf_for(X86).with_phdrs(*(FilePhdr(PT_GNU_STACK, word, 0, 0) for word in flags))
    plan = build(bytes(elf.write(tmp_path / "program")), [b"x"], [], arch=X86, host=host(X86))
    assert plan.stack.executable is executable


@pytest.mark.parametrize(
    ("name", "comm"),
    [("program", b"program"), ("a" * 15, b"a" * 15), ("b" * 16, b"b" * 15), ("with blank (x)", b"with blank (x)")],
)
def test_comm(name: str, comm: bytes, tmp_path: Path) -> None:
    """The first 15 bytes of the file's name (exec.md K10)."""
    plan = build(bytes(elf_for(X86).write(tmp_path / name)), [b"x"], [], arch=X86, host=host(X86))
    assert plan.comm == comm


@pytest.mark.parametrize("where", ["path", "argument", "environment"])
def test_embedded_nul_is_a_usage_error(where: str, tmp_path: Path) -> None:
    """The kernel cannot be given such strings at all."""
    path = bytes(elf_for(X86).write(tmp_path / "program"))
    with pytest.raises(MiniloadError, match="NUL"):
        build(
            path + b"\0" * (where == "path"), [b"a\0b" if where == "argument" else b"a"], [b"A=\0"] if where == "environment" else [], arch=X86, host=host(X86)
        )
