"""Archives of object files (System V ar(5), with GNU's and BSD's long names)."""

from __future__ import annotations

from errno import ENOEXEC

from miniload.elf.header import MAGIC as ELF_MAGIC
from miniload.errors import ElfError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAGIC, THIN = b"!<arch>\n", b"!<thin>\n"
HEADER = 60
INDEXES = (b"/", b"/SYM64/", b"//", b"__.SYMDEF", b"__.SYMDEF SORTED")


def members(data: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents, in order, without the index. ElfError if it is malformed."""
    if data[:8] == THIN:
        raise ElfError(name, "a thin archive has no members of its own: name the files", field="magic", value=THIN, errno=ENOEXEC)
    at, names = len(MAGIC), b""
    while at + HEADER <= len(data):
        header = data[at : at + HEADER]
        digits = header[48:58].strip()
        if header[58:] != b"`\n" or not digits.isdigit() or int(digits) > len(data) - at - HEADER:
            raise ElfError(name, "the archive is malformed", field="ar_size", value=digits, errno=ENOEXEC)
        contents = data[at + HEADER : at + HEADER + int(digits)]
        at += HEADER + int(digits) + int(digits) % 2
        called = header[:16].rstrip(b" ")
        if called == b"//":
            names = contents
        if called.startswith(b"#1/") and called[3:].isdigit():
            length = int(called[3:])
            called, contents = contents[:length].rstrip(b"\0"), contents[length:]
        elif called[:1] == b"/" and called[1:].isdigit():
            called = names[int(called[1:]) :].partition(b"/\n")[0]
        if called not in INDEXES:
            yield called.removesuffix(b"/").decode("utf-8", "surrogateescape"), contents


def object_members(data: bytes, name: str, wanted: Sequence[str] | None) -> list[tuple[str, bytes]]:
    """Those that are ELF files, as "archive(member)"; only the `wanted`, in that order, all of which have to be there."""
    found = [(member, contents) for member, contents in members(data, name) if contents[:4] == ELF_MAGIC]
    if wanted is not None:
        table = dict(reversed(found))
        missing = [member for member in wanted if member not in table]
        if missing:
            raise ElfError(name, "has no such member", field="members", value=missing[0])
        found = [(member, table[member]) for member in wanted]
    if not found:
        raise ElfError(name, "has no object files", errno=ENOEXEC)
    return [(f"{name}({member})", contents) for member, contents in found]
