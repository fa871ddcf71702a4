"""What an object's headers say, before anything is mapped."""

from __future__ import annotations

import os
from ctypes import addressof, byref
from errno import ENOEXEC
from struct import unpack_from

from miniload.arch import BY_MACHINE
from miniload.elf.header import SIZE
from miniload.elf.segments import SIZE as PHDR_SIZE
from miniload.elf.source import BytesSource, FileSource
from miniload.errors import ElfError
from miniload.linker import core
from miniload.linker.troubles import trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.elf.source import Source

    Readable = bytes | bytearray | memoryview | int | str | os.PathLike[str] | Source

ET_REL = b"\1\0"


class Image:
    """A shared object's headers, checked, and where its bytes come from.

    `source` reads them; `fd` is a descriptor to map them from, or -1; `file` is that of the file that was opened, or -1. `identity` is the file's (device,
    inode), None if it is no file. To be closed, or used as a context manager.
    """

    __slots__ = ("_owned", "arch", "fd", "file", "identity", "name", "raw", "source")

    def __init__(self, source: Source, name: str, fd: int = -1, identity: tuple[int, int] | None = None, owned: bool = False, page: int = 4096) -> None:
        self.source = source
        self.name = name
        self.fd = self.file = fd
        self.identity = identity
        self._owned = fd if owned else -1
        header = source.read(0, SIZE)
        if header[16:18] == ET_REL or header[:2] == b"!<":
            self.source = self._link(source, name)
            header = self.source.read(0, SIZE)
        self.raw, self.arch = _parse(self.source, name, page, header)

    def _link(self, source: Source, name: str) -> Source:
        """An object file, or an archive of them, goes on as the shared object that it is made into."""
        from miniload.linker.relocatable import shared_object

        self.fd = -1
        return BytesSource(shared_object(source, name))

    def close(self) -> None:
        """Closes the descriptor, if it was opened here. Idempotent; what is mapped stays."""
        if self._owned >= 0:
            os.close(self._owned)
            self.fd = self.file = self._owned = -1

    def __enter__(self) -> Image:
        return self

    def __exit__(self, *_what: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes of address space, whole pages."""
        size: int = self.raw.high - self.raw.low
        return size

    def __repr__(self) -> str:
        return f"<Image {self.name} {self.arch} {self.size:#x} bytes>"


def _parse(source: Source, name: str, page: int, header: bytes) -> tuple[core.CImage, str]:
    wrong = core.Trouble()
    code = core.check_header(header, len(header), source.size, byref(wrong))
    if code:
        raise trouble(name, code, wrong.field, wrong.index, wrong.value)
    machine, phoff, phnum = unpack_from("<H12xQ16xH", header, 18)
    arch = BY_MACHINE.get(machine)
    if arch is None:
        raise ElfError(name, "no architecture of ours", field="e_machine", value=machine, errno=ENOEXEC)
    table = source.read(phoff, PHDR_SIZE * phnum)
    if len(table) != PHDR_SIZE * phnum:
        raise ElfError(name, "the program headers lie outside the file", field="e_phoff", value=phoff, errno=ENOEXEC)
    raw = core.CImage()
    code = core.parse(header, table, source.size, page, addressof(raw), byref(wrong))
    if code:
        raise trouble(name, code, wrong.field, wrong.index, wrong.value)
    return raw, arch


def read(what: Readable, name: str | None = None, page: int = 4096) -> Image:
    """The image of a shared object, an object file or an archive of those: from a path, an open descriptor (which stays the caller's), bytes, or
    any object with `name`, `size` and `read(offset, length)`.

    Nothing is mapped. Raises OSError if it cannot be opened or read, ElfError if it cannot be loaded. `page` is the page size of where it will be mapped.
    """
    if isinstance(what, (bytes, bytearray, memoryview)):
        data = bytes(what)
        return Image(BytesSource(data), name or "<bytes>", page=page)
    if isinstance(what, int):
        return _from_descriptor(what, name or f"<descriptor {what}>", False, page)
    if isinstance(what, (str, os.PathLike)):
        path = os.fspath(what)
        return _from_descriptor(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), name or path, True, page)
    source: Source = what
    return Image(source, name or os.fsdecode(source.name), page=page)


def _from_descriptor(fd: int, name: str, owned: bool, page: int) -> Image:
    try:
        status = os.fstat(fd)
        source = FileSource(fd, os.fsencode(name), status.st_size)
        return Image(source, name, fd, (status.st_dev, status.st_ino), owned, page)
    except BaseException:
        if owned:
            os.close(fd)
        raise


def identity_of(path: str) -> tuple[int, int] | None:
    """A file's device and inode; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
