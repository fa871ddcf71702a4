"""The initial stack (exec.md G, H): strings and table byte for byte as create_elf_tables() leaves them."""

from __future__ import annotations

from errno import E2BIG
from struct import pack

from miniload.errors import ExecError
from miniload.plan.auxv import AT_BASE_PLATFORM, AT_EXECFN, AT_PLATFORM, AT_RANDOM
from miniload.plan.model import ABSOLUTE, STRINGS, TABLE, Address, AuxEntry, Fixup, Stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from miniload.plan.host import HostFacts

MAX_ARG_STRLEN = 131072
"""32 pages of 4096, whatever the page size here (include/uapi/linux/binfmts.h); the NUL counts."""
WORD = 8
RANDOM_SIZE = 16


def check_limits(path: bytes, argv: tuple[bytes, ...], env: tuple[bytes, ...], counted: tuple[int, int], host: HostFacts) -> None:
    """ExecError E2BIG where execve gives it. `counted` are the argument and environment counts before `#!` lines changed them,
    which is what the kernel reserves pointers for (bprm_stack_limits). Limit: a quarter of the stack's, 128 KiB to 6 MiB."""
    for kind, strings in (("argument", argv), ("environment entry", env)):
        for number, string in enumerate(strings):
            if len(string) >= MAX_ARG_STRLEN:
                reason = f"longer than {MAX_ARG_STRLEN - 1} bytes"
                raise ExecError(path, reason, field=f"{kind} {number}", value=len(string), errno=E2BIG)
    copied = sum(map(len, argv)) + len(argv) + sum(map(len, env)) + len(env) + len(path) + 1
    size = copied + WORD * (max(counted[0], 1) + counted[1])
    if size > host.argument_limit or copied > host.string_limit:
        reason = f"more than {min(host.argument_limit, host.string_limit)} bytes of arguments and environment"
        raise ExecError(path, reason, field="argument list", value=size, errno=E2BIG)


def compose(
    argv: tuple[bytes, ...],
    env: tuple[bytes, ...],
    execfn: bytes,
    auxv: Mapping[int, int | Address | None],
    gap_limit: int,
    executable: bool,
    host: HostFacts,
    extra: bytes = b"",
) -> Stack:
    """The stack for these strings and this auxv, in its order (see auxv.py). Entries that point into the stack get their
    value here, unless `auxv` already has one: AT_RANDOM, AT_EXECFN, AT_PLATFORM, AT_BASE_PLATFORM.

    Low to high: argc, argv, NULL, envp, NULL, auxv, padding, 16 random bytes, platform strings, end (16-aligned); a gap; the strings.
    `extra` bytes, which no kernel would put there, end the table.
    """
    strings = b"\0".join((*argv, *env, execfn, b"")) + bytes(WORD)
    base_platform = host.base_platform + b"\0" if host.base_platform is not None else b""
    platform = host.platform + b"\0" if host.platform is not None else b""
    tail = bytes(RANDOM_SIZE) + base_platform + platform + extra  # the random bytes themselves are the kernel's, see the fixup

    auxv_at = (1 + len(argv) + 1 + len(env) + 1) * WORD
    tail_at = (auxv_at + 2 * WORD * (len(auxv) + 1) + len(tail) + 15 & -16) - len(tail)
    pointers = {
        AT_RANDOM: Address(TABLE, tail_at),
        AT_BASE_PLATFORM: Address(TABLE, tail_at + RANDOM_SIZE),
        AT_PLATFORM: Address(TABLE, tail_at + RANDOM_SIZE + len(base_platform)),
        AT_EXECFN: Address(STRINGS, len(strings) - WORD - len(execfn) - 1),
    }
    entries = tuple(AuxEntry(kind, pointers.get(kind) if value is None else value) for kind, value in auxv.items())

    offsets, at = [], 0
    for string in (*argv, *env):
        offsets.append(at)
        at += len(string) + 1
    pairs = [word for entry in entries for word in (entry.type, _relative(entry.value))]
    words = [len(argv), *offsets[: len(argv)], 0, *offsets[len(argv) :], 0, *pairs, 0, 0]
    table = pack(f"<{len(words)}Q", *words).ljust(tail_at, b"\0") + tail
    fixups = (*_string_fixups(len(argv), len(env)), _random_fixup(tail_at), *_auxv_fixups(entries, auxv_at))
    return Stack(argv, env, execfn, entries, auxv_at, strings, table, fixups, gap_limit, executable)


def _relative(value: int | Address | None) -> int:
    return value.offset if isinstance(value, Address) else value or 0


def _string_fixups(argc: int, envc: int) -> Iterator[Fixup]:
    for first, count in ((1, argc), (1 + argc + 1, envc)):
        if count:
            yield Fixup("add", Address(TABLE, first * WORD), Address(STRINGS, 0), count)


def _random_fixup(at: int) -> Fixup:
    return Fixup("random", Address(TABLE, at), Address(ABSOLUTE, 0))


def _auxv_fixups(entries: tuple[AuxEntry, ...], at: int) -> Iterator[Fixup]:
    for index, entry in enumerate(entries):
        pair = at + 2 * WORD * index
        if entry.value is None:
            yield Fixup("forward", Address(TABLE, pair), Address(ABSOLUTE, 0))
        elif isinstance(entry.value, Address) and entry.value.base != ABSOLUTE:
            yield Fixup("add", Address(TABLE, pair + WORD), Address(entry.value.base, 0))
