"""Program headers (gABI chapter 5) and the one string that hangs off them: PT_INTERP."""

from __future__ import annotations

from errno import EINVAL, EIO, ENOEXEC
from struct import Struct

from miniload.errors import ElfError
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.elf.header import Header
    from miniload.elf.source import Source

SIZE = 56
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_PHDR, PT_TLS = 1, 2, 3, 4, 6, 7
PT_GNU_STACK, PT_GNU_RELRO, PT_GNU_PROPERTY = 0x6474E551, 0x6474E552, 0x6474E553
PF_X, PF_W, PF_R = 1, 2, 4
PATH_MAX = 4096
MAX_TABLE = 65536
"""Bytes of program headers that Linux 6.18 accepts: 1170 entries (measured; older kernels take one page)."""

_LAYOUT = Struct("<IIQQQQQQ")


class Segment(Record):
    """p_* fields under their own names, without p_paddr. `index` is the place in the program header table."""

    index: int
    type: int
    flags: int
    offset: int
    vaddr: int
    filesz: int
    memsz: int
    align: int

    def field(self, name: str) -> str:
        """How messages name a field of this segment."""
        return f"phdr {self.index} p_{name}"


def parse_segments(source: Source, header: Header) -> tuple[Segment, ...]:
    """The program header table, in file order.

    ElfError (errno ENOEXEC, as execve) if e_phentsize is not 56, if there are no entries or more than the kernel takes, or if
    the table does not lie inside the file. PN_XNUM is not honoured, as by the kernel (Linux 6.18 fs/binfmt_elf.c, load_elf_phdrs).
    """
    if header.phentsize != SIZE:
        raise ElfError(source.name, f"must be {SIZE}", field="e_phentsize", value=header.phentsize, errno=ENOEXEC)
    length = SIZE * header.phnum
    if not 1 <= length <= MAX_TABLE:
        reason = f"between 1 and {MAX_TABLE // SIZE} program headers are accepted"
        raise ElfError(source.name, reason, field="e_phnum", value=header.phnum, errno=ENOEXEC)
    table = source.read(header.phoff, length) if header.phoff < source.size else b""
    if len(table) != length:
        reason = "the program headers lie outside the file"
        raise ElfError(source.name, reason, field="e_phoff", value=header.phoff, errno=ENOEXEC)
    return tuple(
        Segment(index, kind, flags, offset, vaddr, filesz, memsz, align)
        for index, (kind, flags, offset, vaddr, _paddr, filesz, memsz, align) in enumerate(_LAYOUT.iter_unpack(table))
    )


def parse_interpreter(source: Source, segments: tuple[Segment, ...]) -> bytes | None:
    """The path that the first PT_INTERP names, up to its first NUL; None if there is no PT_INTERP.

    ElfError as execve decides (Linux 6.18 fs/binfmt_elf.c, load_elf_binary): ENOEXEC for a length outside 2 to PATH_MAX or a
    missing final NUL, EIO if the string lies outside the file, EINVAL if its offset is negative as a file position.
    """
    for segment in segments:
        if segment.type == PT_INTERP:
            break
    else:
        return None
    if not 2 <= segment.filesz <= PATH_MAX:
        reason = f"an interpreter's path takes 2 to {PATH_MAX} bytes"
        raise ElfError(source.name, reason, field=segment.field("filesz"), value=segment.filesz, errno=ENOEXEC)
    text = source.read(segment.offset, segment.filesz)
    if len(text) != segment.filesz:
        reason = "the interpreter's path lies outside the file"
        errno = EIO if segment.offset < 1 << 63 else EINVAL
        raise ElfError(source.name, reason, field=segment.field("offset"), value=segment.offset, errno=errno)
    if text[-1] != 0:
        reason = "the interpreter's path has no final NUL"
        raise ElfError(source.name, reason, field=segment.field("offset"), value=text[-16:], errno=ENOEXEC)
    return text.split(b"\0", 1)[0]
