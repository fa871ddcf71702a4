"""Where an image goes and how its segments are mapped (exec.md B, C, E, F): elf_load() and its callers as pure functions."""

from __future__ import annotations

from errno import EINVAL

from miniload.elf.header import ET_DYN
from miniload.elf.segments import PF_R, PF_W, PF_X, PT_LOAD
from miniload.errors import ElfError
from miniload.plan.model import (
    ABSOLUTE,
    INTERPRETER,
    PROGRAM,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    Address,
    Base,
    MemoryMap,
    Op,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.arch import Arch
    from miniload.elf.segments import Segment
    from miniload.plan.model import Image

BRK_SPAN = 1 << 30
"""arch_randomize_brk() of all three architectures: randomize_page(brk, SZ_1G)."""


def page_down(value: int, page: int) -> int:
    return value & -page


def page_up(value: int, page: int) -> int:
    return value + page - 1 & -page


def protection(flags: int) -> int:
    """PF_* to PROT_*."""
    return PROT_READ * bool(flags & PF_R) | PROT_WRITE * bool(flags & PF_W) | PROT_EXEC * bool(flags & PF_X)


def maximum_alignment(loads: tuple[Segment, ...], page: int) -> int:
    """maximum_alignment(): the largest p_align that is a power of two, in whole pages; 0 if none is (exec.md B3)."""
    powers = [segment.align for segment in loads if segment.align and not segment.align & segment.align - 1]
    return page_up(max(powers, default=0), page)


def choose_base(image: Image, loads: tuple[Segment, ...], index: int, arch: Arch, page: int, has_interpreter: bool) -> Base:
    """How the load bias is picked. e_type alone decides whether an image can move; where p_vaddr starts does not matter (exec.md B4).

    A program that names an interpreter goes into the ET_DYN window, one that does not (static PIE, ld.so itself) into the mmap
    area, where interpreters go too, which the kernel does not align beyond a page.
    """
    low = min(page_down(segment.vaddr, page) for segment in loads)
    high = max(page_up(segment.vaddr + segment.memsz, page) for segment in loads)
    first = loads[0].vaddr
    if high == low:
        raise ElfError(image.source.name, "the PT_LOADs are all empty", field="p_memsz", value=0, errno=EINVAL)
    if image.type != ET_DYN:
        return Base("fixed", low, high - low, page, page_down(first, page))
    wanted = maximum_alignment(loads, page) if index == PROGRAM else 0
    align = wanted or page
    if align > arch.task_size or high - low + align > arch.task_size:
        raise ElfError(image.source.name, "no address space holds it at this alignment", field="p_align", value=align, errno=EINVAL)
    if index == PROGRAM and has_interpreter:
        # load_bias = ELF_PAGESTART(ELF_ET_DYN_BASE - vaddr): that base is no multiple of a page, unless some p_align makes it one.
        odd = 0 if wanted else arch.et_dyn_base % page
        return Base("window", low, high - low, align, page_up(first - odd, page), page_down(arch.et_dyn_base, page))
    return Base("anywhere", low, high - low, align, page_down(first, page) if align == page else page_up(first, page))


def page_ranges(loads: tuple[Segment, ...], page: int) -> list[tuple[int, int]]:
    """The pages that segments cover, as merged [start, end) ranges in ascending order."""
    spans = sorted((page_down(s.vaddr, page), page_up(s.vaddr + s.memsz, page)) for s in loads if s.memsz)
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def image_ops(image: Image, loads: tuple[Segment, ...], base: Base, index: int, arch: Arch, page: int, has_interpreter: bool) -> list[Op]:
    """All mapping steps of one image.

    An image that can move is reserved whole when its base is picked, and what no segment covers is given back here (exec.md C5); one that cannot
    is reserved range by range, so that a hole may hold something else.
    """
    ranges = page_ranges(loads, page)
    if base.kind == "fixed":
        ops = [Op("reserve", Address(index, start), end - start) for start, end in ranges]
    else:
        gaps = zip([base.low, *(end for _, end in ranges)], [*(start for start, _ in ranges), base.low + base.size], strict=True)
        ops = [Op("unmap", Address(index, end), start - end, source="gap") for end, start in gaps if start > end]
    for segment in loads:
        prot = arch.segment_protection(protection(segment.flags), image.features, index == INTERPRETER, has_interpreter)
        ops += segment_ops(segment, prot, index, page)
    return ops


def segment_ops(segment: Segment, prot: int, index: int, page: int) -> list[Op]:
    """elf_load(): the file part by whole pages, the page tail zeroed only if there is bss and the segment is writable, the rest
    of the bss anonymous and always writable, executable if the segment is (exec.md C1 to C4)."""
    ops = []
    source = f"phdr {segment.index}"
    start = page_down(segment.vaddr, page)
    file_end = segment.vaddr + segment.filesz
    memory_end = segment.vaddr + segment.memsz
    if segment.filesz:
        size = page_up(file_end, page) - start
        file_offset = segment.offset - (segment.vaddr - start)
        ops.append(Op("map_file", Address(index, start), size, prot, index - PROGRAM, file_offset, source))
        start = page_up(file_end, page)
        tail = start - file_end
        if memory_end > file_end and tail and prot & PROT_WRITE:
            ops.append(Op("zero", Address(index, file_end), tail, source=f"{source} page tail"))
    anonymous = page_up(memory_end, page) - start
    if memory_end > file_end and anonymous > 0:
        bss = PROT_READ | PROT_WRITE | prot & PROT_EXEC
        ops.append(Op("map_anon", Address(index, start), anonymous, bss, source=f"{source} bss"))
    return ops


def phdr_address(image: Image) -> int:
    """AT_PHDR before the bias: where the PT_LOAD that holds e_phoff puts it, the last such one winning; 0 if none does. PT_PHDR is
    not consulted (exec.md E; kernels before 5.18 differ)."""
    address = 0
    for segment in image.segments:
        if segment.type == PT_LOAD and segment.offset <= image.phoff < segment.offset + segment.filesz:
            address = image.phoff - segment.offset + segment.vaddr
    return address


def memory_map(image: Image, loads: tuple[Segment, ...], arch: Arch, page: int, has_interpreter: bool) -> MemoryMap:
    """Code and data bounds and the start of the heap, as load_elf_binary() computes them (exec.md F)."""
    code = [segment for segment in loads if segment.flags & PF_X] or list(loads[:1])
    end = page_up(max(segment.vaddr + segment.memsz for segment in loads), page)
    moved = image.type == ET_DYN and not has_interpreter
    return MemoryMap(
        start_code=min(segment.vaddr for segment in code),
        end_code=max(segment.vaddr + segment.filesz for segment in code),
        start_data=max(segment.vaddr for segment in loads),
        end_data=max(segment.vaddr + segment.filesz for segment in loads),
        # A program without interpreter lies in the mmap area, where a heap could not grow: it gets the unused window's.
        brk=Address(ABSOLUTE, page_up(arch.et_dyn_base, page)) if moved else Address(PROGRAM, end),
        brk_gap=0 if moved else page,
        brk_span=BRK_SPAN,
    )
