"""The executable that carries a plan out: the stub's file with the plan appended as its last segment."""

from __future__ import annotations

import os
from errno import ENOENT
from struct import pack_into

from miniload.elf import segments as phdr
from miniload.elf.header import parse_header
from miniload.elf.source import BytesSource
from miniload.errors import LaunchError
from miniload.plan.wire import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.plan.model import LoadPlan

PT_NULL = 0
PHDR_SIZE = phdr.SIZE
FILE_PAGE = 4096
"""Alignment of the plan in the file, the smallest that a kernel takes."""


def stub_path(arch: str) -> bytes:
    """Path of the installed stub for that architecture."""
    package = __file__.rsplit("/", 2)[0]
    return os.fsencode(f"{package}/_built/stub-{arch}")


def read_stub(arch: str) -> bytes:
    """The stub's file. LaunchError if the package was not built."""
    path = stub_path(arch)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        remedy = "make stub" if error.errno == ENOENT else None
        raise LaunchError(path, f"the stub cannot be read: {error.strerror}", errno=error.errno, remedy=remedy) from None
    try:
        return os.read(fd, 1 << 20)
    finally:
        os.close(fd)


def executable(plan: LoadPlan, fds: Sequence[int] | None = None, *, close: Sequence[int] = (), report: bool = False, keep_stack: bool = False) -> bytes:
    """One ELF file that carries the plan out: the stub with the plan appended. For the options see miniload.plan.wire.encode."""
    spare = stub_path(plan.arch)
    return append_plan(read_stub(plan.arch), encode(plan, fds, close=close, spare=spare, report=report, keep_stack=keep_stack))


def append_plan(stub: bytes, plan: bytes) -> bytes:
    """One ELF file: `stub` with its empty program header (PT_NULL) made a read-only PT_LOAD that holds `plan`."""
    source = BytesSource(stub, b"stub")
    header = parse_header(source)
    entries = phdr.parse_segments(source, header)
    loads = [entry for entry in entries if entry.type == phdr.PT_LOAD]
    end = max(entry.vaddr + entry.memsz for entry in loads)
    # What the stub is linked for, the largest page that a kernel of its architecture has, and no more: for an alignment beyond its page the
    # kernel maps twice, and segments that touch can be unmapped together.
    align = max(entry.align for entry in loads)
    offset = len(stub) + FILE_PAGE - 1 & -FILE_PAGE
    vaddr = (end + align - 1 & -align) + offset % align
    image = bytearray(stub)
    image += bytes(offset - len(stub))
    image += plan
    for entry in entries:
        if entry.type == PT_NULL:
            at = header.phoff + entry.index * PHDR_SIZE
            size = len(plan)
            pack_into("<IIQQQQQQ", image, at, phdr.PT_LOAD, phdr.PF_R, offset, vaddr, vaddr, size, size, align)
            return bytes(image)
    raise LaunchError(b"stub", "it has no room for a plan", field="p_type")
