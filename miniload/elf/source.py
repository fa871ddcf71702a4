"""Where an ELF file's bytes come from: an open descriptor or a bytes object, read at offsets, never mapped."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Source(Protocol):
        """`name` is for messages; `size` in bytes; `read` returns fewer bytes than asked for only at the end of the file."""

        name: bytes
        size: int

        def read(self, offset: int, length: int) -> bytes: ...


HEAD = 4096
"""The first page is read at once: it holds the headers and the interpreter's name of nearly every program."""


class FileSource:
    """Reads through a descriptor that the caller keeps open. Raises OSError as pread(2) does."""

    def __init__(self, fd: int, name: bytes, size: int) -> None:
        self.fd = fd
        self.name = name
        self.size = size
        self._head = os.pread(fd, HEAD, 0)

    def read(self, offset: int, length: int) -> bytes:
        if offset + length <= len(self._head):
            return self._head[offset : offset + length]
        if offset >= self.size:
            return b""
        return os.pread(self.fd, min(length, self.size - offset), offset)


class BytesSource:
    """A file that is already in memory."""

    def __init__(self, data: bytes, name: bytes = b"<bytes>") -> None:
        self.name = name
        self.size = len(data)
        self._data = data

    def read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]
