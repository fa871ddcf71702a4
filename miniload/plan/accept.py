"""Which files execve accepts, and with which errno it refuses the others (exec.md A): the checks of load_elf_binary()."""

from __future__ import annotations

from errno import EINVAL, ELIBBAD, ENOEXEC

from miniload.elf.header import ELFCLASS64, ET_DYN, ET_EXEC, TYPE_NAMES, parse_header
from miniload.elf.notes import features, gnu_properties
from miniload.elf.segments import PT_INTERP, PT_LOAD, parse_segments
from miniload.errors import ElfError, UnsupportedError
from miniload.plan.model import Image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.arch import Arch
    from miniload.elf.header import Header
    from miniload.elf.segments import Segment
    from miniload.elf.source import Source
    from miniload.plan.model import FileRef


def accept_program(source: Source, ref: FileRef, arch: Arch) -> Image:
    """The program's image, or ElfError / UnsupportedError with the errno of execve.

    Where the kernel notices only after its point of no return and kills the process (no PT_LOAD, bad sizes, a file cut short), this
    refuses beforehand.
    """
    header = parse_header(source)
    _check_type(source, header)
    _check_machine(source, header, arch)
    segments = parse_segments(source, header)
    dynamic = any(segment.type == PT_INTERP for segment in segments)
    return _image(source, ref, header, segments, 0 if dynamic else _features(source, segments, arch))


def accept_interpreter(source: Source, ref: FileRef, arch: Arch) -> Image:
    """The interpreter's image; whatever is wrong with its header is ELIBBAD."""
    try:
        header = parse_header(source)
        _check_type(source, header)
        _check_machine(source, header, arch)
        segments = parse_segments(source, header)
    except (ElfError, UnsupportedError) as error:
        error.errno = ELIBBAD
        raise
    return _image(source, ref, header, segments, _features(source, segments, arch))


def _check_type(source: Source, header: Header) -> None:
    if header.type not in (ET_EXEC, ET_DYN):
        reason = f"{TYPE_NAMES.get(header.type, 'this type')} cannot be executed"
        raise ElfError(source.name, reason, field="e_type", value=header.type, errno=ENOEXEC)


def _check_machine(source: Source, header: Header, arch: Arch) -> None:
    """elf_check_arch(): e_machine decides, and where arch.checks_class, EI_CLASS. EI_DATA, EI_OSABI, EI_VERSION, e_version and
    e_ehsize are looked at by no 64-bit kernel here."""
    if header.machine != arch.machine:
        from miniload.arch import BY_MACHINE

        name = BY_MACHINE.get(header.machine)
        reason = f"a program for {name}, this runs {arch.name}" if name else f"not a machine that {arch.name} runs"
        raise UnsupportedError(source.name, reason, field="e_machine", value=header.machine, errno=ENOEXEC)
    if arch.checks_class and header.elf_class != ELFCLASS64:
        raise ElfError(source.name, "must be 2 (64-bit)", field="EI_CLASS", value=header.elf_class, errno=ENOEXEC)


def _image(source: Source, ref: FileRef, header: Header, segments: tuple[Segment, ...], word: int) -> Image:
    return Image(source, ref, header.type, header.entry, header.phoff, header.phnum, segments, word)


def _features(source: Source, segments: tuple[Segment, ...], arch: Arch) -> int:
    """What parse_elf_properties() finds, where the architecture has it; it is asked for the interpreter if there is one, else for the program."""
    if arch.feature_property is None:
        return 0
    try:
        return features(gnu_properties(source, segments), arch.feature_property)
    except ElfError as error:
        error.errno = ENOEXEC
        raise


def check_loads(image: Image, arch: Arch, page_size: int) -> tuple[Segment, ...]:
    """The PT_LOAD segments, each checked as load_elf_binary() does in its mapping loop (exec.md A4 to A6)."""
    loads = tuple(segment for segment in image.segments if segment.type == PT_LOAD)
    if not loads:
        raise ElfError(image.source.name, "nothing to load: no PT_LOAD", field="e_phnum", value=image.phnum, errno=ENOEXEC)
    for segment in loads:
        _check_load(image, segment, arch, page_size)
    return loads


def _check_load(image: Image, segment: Segment, arch: Arch, page_size: int) -> None:
    def refuse(field: str, reason: str) -> ElfError:
        value = getattr(segment, field)
        return ElfError(image.source.name, reason, field=segment.field(field), value=value, errno=EINVAL)

    if segment.vaddr >= arch.task_size:
        raise refuse("vaddr", f"beyond the end of user space ({arch.task_size:#x})")
    if segment.filesz > segment.memsz:
        raise refuse("filesz", f"larger than p_memsz {segment.memsz:#x}")
    if segment.memsz > arch.task_size or arch.task_size - segment.memsz < segment.vaddr:
        raise refuse("memsz", f"p_vaddr {segment.vaddr:#x} + p_memsz lies beyond the end of user space ({arch.task_size:#x})")
    if not segment.filesz:
        return
    if segment.offset % page_size != segment.vaddr % page_size:
        raise refuse("offset", f"not congruent to p_vaddr {segment.vaddr:#x} modulo the page size {page_size:#x}")
    # The kernel would map pages that the file does not have, and the program die of SIGBUS on touching them. (In the file's last page, zeros follow.)
    if segment.offset + segment.filesz - 1 & -page_size >= image.source.size:
        raise refuse("filesz", f"truncated: p_offset {segment.offset:#x} + p_filesz is beyond the file's {image.source.size} bytes")
