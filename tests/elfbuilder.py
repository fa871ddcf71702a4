"""ELF files made in Python, field by field, without a compiler.

`standard_elf()` runs under every kernel; a test changes one field of it with `dataclasses.replace` or one of the helpers here and looks at what
changes in the outcome. The machine code stops its own process with SIGSTOP, so that the test can look at the new image from
outside (observe.py), and exits with status 0 when continued.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from struct import Struct, pack, pack_into
from typing import TYPE_CHECKING

import pytest

from miniload import arch as architectures

if TYPE_CHECKING:
    from pathlib import Path

EHDR = Struct("<16sHHIQQQIHHHHHH")
PHDR = Struct("<IIQQQQQQ")
PAGE = os.sysconf("SC_PAGE_SIZE")
ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4
PT_NULL, PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_PHDR, PT_TLS = 0, 1, 2, 3, 4, 6, 7
PT_GNU_STACK, PT_GNU_PROPERTY = 0x6474E551, 0x6474E553
X, W, R = 1, 2, 4
TEXT = 0x400000
"""Where standard_elf()'s code is linked."""
CODE_AT = PAGE
"""Where in the file it is: behind the headers, which no segment maps."""
IDENT = b"\x7fELF\2\1\1\0" + bytes(8)
EM_X86_64, EM_AARCH64, EM_RISCV, EM_386 = 62, 183, 243, 3

# getpid(); kill(pid, SIGSTOP); exit_group(0)
STOP_CODE = {
    "x86_64": bytes.fromhex("b827000000 0f05 89c7 be13000000 b83e000000 0f05 31ff b8e7000000 0f05"),
    "aarch64": pack("<8I", 0xD2801588, 0xD4000001, 0xD2800261, 0xD2801028, 0xD4000001, 0xD2800000, 0xD2800BC8, 0xD4000001),
    "riscv64": pack("<8I", 0x0AC00893, 0x00000073, 0x01300593, 0x08100893, 0x00000073, 0x00000513, 0x05E00893, 0x00000073),
}


def host_arch() -> architectures.Arch:
    """This machine's architecture; skips the test where miniload does not run."""
    arch = architectures.host()
    if arch is None:
        pytest.skip(f"miniload does not run natively on {os.uname().machine}", allow_module_level=True)
    return arch


@dataclass(frozen=True)
class Phdr:
    """One program header, p_* fields under their own names."""

    type: int = PT_LOAD
    flags: int = R | X
    offset: int = CODE_AT
    vaddr: int = TEXT
    paddr: int = 0
    filesz: int = 0
    memsz: int = 0
    align: int = PAGE

    def pack(self) -> bytes:
        return PHDR.pack(self.type, self.flags, self.offset, self.vaddr, self.paddr, self.filesz, self.memsz, self.align)


@dataclass(frozen=True)
class Elf:
    """A whole file. Fields are e_* fields; `content` are pieces of the file by offset; `phnum` None is len(phdrs); `size` cuts or
    pads the file with zeros."""

    phdrs: tuple[Phdr, ...]
    content: tuple[tuple[int, bytes], ...]
    type: int = ET_EXEC
    machine: int = 0
    entry: int = TEXT
    ident: bytes = IDENT
    version: int = 1
    phoff: int = EHDR.size
    shoff: int = 0
    flags: int = 0
    ehsize: int = EHDR.size
    phentsize: int = PHDR.size
    phnum: int | None = None
    shentsize: int = 0
    shnum: int = 0
    shstrndx: int = 0
    size: int | None = None

    def pack(self) -> bytes:
        """The file's bytes. The program headers go to `phoff`, unless that is absurd, as some tests want it."""
        phnum = len(self.phdrs) if self.phnum is None else self.phnum
        table = b"".join(phdr.pack() for phdr in self.phdrs)
        header = EHDR.pack(
            self.ident, self.type, self.machine or host_arch().machine, self.version, self.entry, self.phoff, self.shoff, self.flags, self.ehsize,
            self.phentsize, phnum, self.shentsize, self.shnum, self.shstrndx,
        )  # fmt: skip
        pieces = [*self.content, (self.phoff, table), (0, header)] if self.phoff < 1 << 24 else [*self.content, (0, header)]
        data = bytearray(max(offset + len(piece) for offset, piece in pieces))
        for offset, piece in pieces:
            data[offset : offset + len(piece)] = piece
        if self.size is not None:
            data = data[: self.size] + bytes(max(0, self.size - len(data)))
        return bytes(data)

    def write(self, path: Path, mode: int = 0o755) -> Path:
        """Makes the executable file `path`."""
        path.write_bytes(self.pack())
        path.chmod(mode)
        return path

    def with_phdr(self, index: int, **changes: int) -> Elf:
        """A copy with fields of one program header changed."""
        phdrs = list(self.phdrs)
        phdrs[index] = replace(phdrs[index], **changes)
        return replace(self, phdrs=tuple(phdrs))

    def with_phdrs(self, *more: Phdr) -> Elf:
        """A copy with program headers added."""
        return replace(self, phdrs=self.phdrs + more)

    def with_content(self, offset: int, data: bytes) -> Elf:
        """A copy with more bytes in the file; later pieces lie over earlier ones."""
        return replace(self, content=(*self.content, (offset, data)))

    def with_ident(self, index: int, value: int) -> Elf:
        """A copy with one byte of e_ident changed."""
        ident = bytearray(self.ident)
        ident[index] = value
        return replace(self, ident=bytes(ident))

    def with_interp(self, path: bytes, *, filesz: int | None = None, terminated: bool = True) -> Elf:
        """A copy that names an interpreter, its PT_INTERP first."""
        text = path + b"\0" if terminated else path
        header = Phdr(PT_INTERP, R, INTERP_AT, 0, 0, len(text) if filesz is None else filesz, len(text), 1)
        return replace(self, phdrs=(header, *self.phdrs)).with_content(INTERP_AT, text)


INTERP_AT = CODE_AT // 2
"""Where with_interp() puts the path: in the file's first page, behind the program headers."""


def code() -> bytes:
    """The stopping program of this machine."""
    return STOP_CODE[host_arch().name]


def standard_elf() -> Elf:
    """An ET_EXEC with one PT_LOAD: a page of file, mapped read and execute, which holds the code and then 0x90 bytes."""
    text = code().ljust(PAGE, b"\x90")
    return Elf(phdrs=(Phdr(filesz=PAGE, memsz=PAGE),), content=((CODE_AT, text),))


def standard_pie(first: int = 0) -> Elf:
    """The same as ET_DYN, linked at `first`."""
    elf = standard_elf()
    return replace(elf.with_phdr(0, vaddr=first), type=ET_DYN, entry=first)


def data_segment(vaddr: int, *, flags: int = R | W, filesz: int = 0, memsz: int = 0, offset: int = 2 * PAGE, align: int = PAGE) -> Phdr:
    """A second PT_LOAD, read-write by default; where it has file bytes, give them with Elf.with_content."""
    return Phdr(flags=flags, offset=offset, vaddr=vaddr, filesz=filesz, memsz=max(memsz, filesz), align=align)


def patched(data: bytes, layout: str, offset: int, *values: int) -> bytes:
    """A copy of `data` with numbers written over it, as struct.pack_into does."""
    changed = bytearray(data)
    pack_into(layout, changed, offset, *values)
    return bytes(changed)


def script(path: Path, line: bytes, rest: bytes = b"\n", mode: int = 0o755) -> Path:
    """Makes the executable file `path` that starts with `#!` and `line`."""
    path.write_bytes(b"#!" + line + rest)
    path.chmod(mode)
    return path
