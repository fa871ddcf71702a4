"""Which machine a program is for, before it is decided who runs it."""

from __future__ import annotations

from miniload.plan.program import as_named, follow_scripts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def machine_of(path: bytes, locate: Callable[[bytes], bytes] = as_named) -> int | None:
    """e_machine of what execve(path) would load, `#!` lines followed; None if it is no ELF file.

    ExecError as execve has it if there is no such program, or its interpreter is missing.
    """
    resolved = follow_scripts(path, (path,), lambda _argv: None, ignore_setid=True, locate=locate)
    with resolved.file as file:
        head = file.source.read(0, 20)
    return int.from_bytes(head[18:20], "little") if len(head) == 20 and head[:4] == b"\x7fELF" else None
