"""The ELF header (gABI chapter 4, "ELF Header"), 64-bit little-endian."""

from __future__ import annotations

from errno import ENOEXEC
from struct import Struct

from miniload.errors import ElfError
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.elf.source import Source

SIZE = 64
MAGIC = b"\x7fELF"
ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4
ELFCLASS64 = 2
PN_XNUM = 0xFFFF
TYPE_NAMES = {ET_REL: "ET_REL", ET_EXEC: "ET_EXEC", ET_DYN: "ET_DYN", ET_CORE: "ET_CORE"}

_LAYOUT = Struct("<16sHHIQQQIHHHHHH")


class Header(Record):
    """e_* fields under their own names; `ident` is e_ident's 16 bytes."""

    ident: bytes
    type: int
    machine: int
    version: int
    entry: int
    phoff: int
    shoff: int
    flags: int
    ehsize: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int

    @property
    def elf_class(self) -> int:
        """EI_CLASS: 1 for 32-bit, 2 for 64-bit."""
        return self.ident[4]


def parse_header(source: Source) -> Header:
    """The header, decoded as ELF64LE whatever EI_CLASS and EI_DATA say, which is how a 64-bit kernel reads it; which values
    are acceptable is for the caller to say. A file shorter than the header reads as if padded with zeros, as in the kernel's
    buffer (Linux 6.18 fs/exec.c, prepare_binprm). ElfError if it does not start with the magic.
    """
    data = source.read(0, SIZE)
    if data[:4] != MAGIC:
        raise ElfError(source.name, "not an ELF file", field="e_ident", value=data[:4], errno=ENOEXEC)
    return Header(*_LAYOUT.unpack(data.ljust(SIZE, b"\0")))
