"""`#!` lines (exec.md L): load_script() of Linux 6.18 fs/binfmt_script.c, byte for byte."""

from __future__ import annotations

from errno import ENOEXEC

from miniload.errors import ExecError
from miniload.record import Record

BUFFER = 256
"""BINPRM_BUF_SIZE: what the kernel looks at. Kernels before 5.1 have 128."""
MAX_DEPTH = 5
"""exec_binprm() follows so many interpreters; one more is ELOOP."""


class ScriptLine(Record):
    """A parsed `#!` line."""

    interpreter: bytes
    argument: bytes | None


def parse_script(head: bytes, name: bytes) -> ScriptLine | None:
    """The `#!` line in a file's first bytes; None if it has none.

    ExecError ENOEXEC if there is no interpreter in it, or if its path might be cut off by the buffer's end. The argument is cut off
    silently, it keeps the spaces inside it, and there is at most one.
    """
    if head[:2] != b"#!":
        return None
    buffer = head[:BUFFER].ljust(BUFFER, b"\0")
    end = buffer.find(b"\n")
    if end < 0:
        end = BUFFER - 1
        start = _skip_blanks(buffer, 2, end)
        if start is None:
            raise ExecError(name, "the #! line is blank", errno=ENOEXEC)
        if _terminator(buffer, start, end) is None:
            raise ExecError(name, f"the interpreter's path does not end within {BUFFER} bytes", field="#!", errno=ENOEXEC)
    while buffer[end - 1 : end] in (b" ", b"\t"):
        end -= 1
    start = _skip_blanks(buffer, 2, end)
    if start is None or start >= end:
        raise ExecError(name, "the #! line names no interpreter", errno=ENOEXEC)
    separator = _terminator(buffer, start, end)
    argument = None
    if separator is not None and separator < end and buffer[separator] != 0:
        at = _skip_blanks(buffer, separator, end)
        if at is not None and at < end:
            argument = buffer[at:end].split(b"\0", 1)[0]
    stop = end if separator is None else min(separator, end)
    return ScriptLine(buffer[start:stop], argument)


def _skip_blanks(buffer: bytes, first: int, last: int) -> int | None:
    while first <= last:
        if buffer[first] not in b" \t":
            return first
        first += 1
    return None


def _terminator(buffer: bytes, first: int, last: int) -> int | None:
    while first <= last:
        if buffer[first] in b" \t\0":
            return first
        first += 1
    return None
