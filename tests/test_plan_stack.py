"""The planner's pure functions for the initial stack and the auxiliary vector (exec.md G to I), by example.

test_plan_properties.py asks the same of random arguments, and of the running kernel.
"""

from __future__ import annotations

from errno import E2BIG
from struct import unpack_from

import pytest

from miniload import arch as architectures
from miniload.elf.source import BytesSource
from miniload.errors import ExecError, UsageError
from miniload.plan.auxv import NAMES, name, parse_override, vector
from miniload.plan.host import HostFacts
from miniload.plan.model import ABSOLUTE, INTERPRETER, PROGRAM, STRINGS, TABLE, Address, FileRef, Image, Stack
from miniload.plan.stack import check_limits, compose
from miniload.record import replace

AT_EXECFD, AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY = 2, 3, 4, 5, 6, 7, 8, 9
AT_UID, AT_PLATFORM, AT_BASE_PLATFORM, AT_RANDOM, AT_EXECFN = 11, 15, 24, 25, 31
HOST = HostFacts(
    page_size=4096,
    auxv=(AT_PAGESZ, AT_PHDR, AT_PHENT, AT_PHNUM, AT_BASE, AT_FLAGS, AT_ENTRY, AT_UID, AT_RANDOM, AT_EXECFN, AT_PLATFORM),
    platform=b"x86_64",
    base_platform=None,
    argument_limit=1000,
    string_limit=1 << 20,
    randomize=2,
    rnd_bits=28,
)
PLAIN = replace(HOST, platform=None)


def composed(
    argv: tuple[bytes, ...], env: tuple[bytes, ...] = (), execfn: bytes = b"/bin/x", auxv: dict[int, int | Address | None] | None = None, **more: object
) -> Stack:
    options = {"gap_limit": 0, "executable": False, "host": HOST, **more}
    return compose(argv, env, execfn, {AT_RANDOM: None, AT_EXECFN: None} if auxv is None else auxv, **options)  # type: ignore[arg-type]


def words(stack: Stack) -> tuple[int, ...]:
    return unpack_from(f"<{len(stack.table) // 8}Q", stack.table)


# Strings and table.


def test_strings_in_order() -> None:
    """argv, then env directly behind, then the path, then eight zero bytes (exec.md H)."""
    stack = composed((b"a", b"", b"c d"), (b"X=1", b"Y="), b"/bin/x")
    assert stack.strings == b"a\0\0c d\0X=1\0Y=\0/bin/x\0" + bytes(8)


def test_table_in_order() -> None:
    """argc, argv, NULL, envp, NULL, auxv; pointers are offsets into the strings until the fixups are applied."""
    stack = composed((b"a", b"bc"), (b"X=1",), auxv={AT_PAGESZ: 4096, AT_UID: 7})
    assert words(stack)[:12] == (2, 0, 2, 0, 5, 0, AT_PAGESZ, 4096, AT_UID, 7, 0, 0)
    assert stack.auxv_offset == 6 * 8


def test_no_arguments_and_no_environment() -> None:
    assert words(composed((), (), auxv={}))[:5] == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("count", range(6))
def test_table_is_aligned(count: int) -> None:
    """Its size is a multiple of 16, so that sp is where its end is; at entry sp % 16 must be 0."""
    for host in (HOST, PLAIN, replace(HOST, base_platform=b"power9")):
        stack = composed((b"x",) * count, host=host, auxv=dict.fromkeys(range(3, 3 + count), 1))
        assert len(stack.table) % 16 == 0


def test_random_bytes_and_platform_end_the_table() -> None:
    stack = composed((b"x",))
    assert stack.table.endswith(bytes(16) + b"x86_64\0")
    assert composed((b"x",), host=replace(HOST, base_platform=b"base")).table.endswith(bytes(16) + b"base\0x86_64\0")
    assert composed((b"x",), host=PLAIN).table.endswith(bytes(16))


def test_pointers_into_the_stack() -> None:
    """AT_RANDOM, the platform strings and AT_EXECFN point to what they are about."""
    host = replace(HOST, base_platform=b"base")
    kinds: dict[int, int | Address | None] = dict.fromkeys((AT_RANDOM, AT_BASE_PLATFORM, AT_PLATFORM, AT_EXECFN))
    stack = composed((b"x",), (b"A=",), auxv=kinds, host=host)
    place = {entry.type: entry.value for entry in stack.auxv}
    for kind, base, text in ((AT_BASE_PLATFORM, TABLE, b"base\0"), (AT_PLATFORM, TABLE, b"x86_64\0"), (AT_EXECFN, STRINGS, b"/bin/x\0")):
        value = place[kind]
        assert isinstance(value, Address)
        assert value.base == base
        assert (stack.table if base == TABLE else stack.strings)[value.offset :].startswith(text)
    random = place[AT_RANDOM]
    assert random == Address(TABLE, len(stack.table) - len(b"base\0x86_64\0") - 16)


def test_override_of_a_pointer_stays() -> None:
    stack = composed((b"x",), auxv={AT_RANDOM: 0x1234, AT_EXECFN: None})
    assert stack.auxv[0].value == 0x1234


def test_extra_bytes_end_the_table() -> None:
    stack = composed((b"x",), extra=b"extra\0")
    assert stack.table.endswith(b"x86_64\0extra\0")
    assert len(stack.table) % 16 == 0


def test_fixups() -> None:
    """argv and envp words get the strings' address, auxv addresses their base's, unknown entries the kernel's value."""
    kinds: dict[int, int | Address | None] = {AT_PAGESZ: None, AT_ENTRY: Address(PROGRAM, 0x10), AT_BASE: Address(INTERPRETER, 0), AT_FLAGS: 0, AT_EXECFN: None}
    stack = composed((b"x", b"y"), (b"A=",), auxv=kinds)
    auxv = stack.auxv_offset
    found = [(f.kind, f.where.offset, f.value.base, f.count) for f in stack.fixups]
    assert found == [
        ("add", 8, STRINGS, 2),
        ("add", 32, STRINGS, 1),
        ("random", len(stack.table) - len(b"x86_64\0") - 16, ABSOLUTE, 1),
        ("forward", auxv, ABSOLUTE, 1),
        ("add", auxv + 16 + 8, PROGRAM, 1),
        ("add", auxv + 32 + 8, INTERPRETER, 1),
        ("add", auxv + 64 + 8, STRINGS, 1),
    ]


def test_no_fixups_for_what_is_not_there() -> None:
    assert [f.kind for f in composed((b"x",), auxv={}).fixups] == ["add", "random"]


# Limits: (argument limit 1000, path "/bin/x" with NUL 7)


@pytest.mark.parametrize("excess", [0, 1])
def test_total_limit(excess: int) -> None:
    """Strings with their NULs, eight bytes for each pointer, and the path."""
    room = 1000 - len(b"/bin/x\0") - 2 * 8
    argv, env = (b"a" * 99,), (b"b" * (room - 100 - 1 + excess),)
    if excess:
        with pytest.raises(ExecError) as caught:
            check_limits(b"/bin/x", argv, env, (1, 1), HOST)
        assert (caught.value.errno, caught.value.value) == (E2BIG, 1001)
    else:
        check_limits(b"/bin/x", argv, env, (1, 1), HOST)


def test_pointers_are_counted_as_given_not_as_changed() -> None:
    """A script's line adds strings to argv, but bprm_stack_limits() has counted before."""
    argv = (b"a" * 100,) * 3
    check_limits(b"x", argv, (), (1, 0), replace(HOST, argument_limit=3 * 101 + 2 + 8))
    with pytest.raises(ExecError):
        check_limits(b"x", argv, (), (3, 0), replace(HOST, argument_limit=3 * 101 + 2 + 8))


def test_one_pointer_is_counted_for_an_empty_argv() -> None:
    check_limits(b"x", (b"",), (), (0, 0), replace(HOST, argument_limit=3 + 8))
    with pytest.raises(ExecError):
        check_limits(b"x", (b"",), (), (0, 0), replace(HOST, argument_limit=3 + 7))


def test_strings_alone_have_their_own_limit() -> None:
    check_limits(b"x", (b"a" * 50,), (), (1, 0), replace(HOST, string_limit=53))
    with pytest.raises(ExecError):
        check_limits(b"x", (b"a" * 50,), (), (1, 0), replace(HOST, string_limit=52))


@pytest.mark.parametrize("place", ["argument", "environment entry"])
def test_longest_string(place: str) -> None:
    """131071 bytes and the NUL; the message says which one it is."""
    host = replace(HOST, argument_limit=1 << 20)

    def check(length: int) -> None:
        strings = (b"x", b"y" * length)
        check_limits(b"p", strings if place == "argument" else (b"x",), strings if place == "environment entry" else (), (2, 2), host)

    check(131071)
    with pytest.raises(ExecError, match=f"{place} 1") as caught:
        check(131072)
    assert caught.value.errno == E2BIG


# The vector.

PROGRAM_IMAGE = Image(BytesSource(b"", b"x"), FileRef(b"x", 0, 0, 0, 0), 3, 0x1000, 64, 11, (), 0)
OWN = {
    AT_PHDR: Address(PROGRAM, 0x40),
    AT_PHENT: 56,
    AT_PHNUM: 11,
    AT_BASE: Address(INTERPRETER, 0),
    AT_FLAGS: 0,
    AT_ENTRY: Address(PROGRAM, 0x1000),
}


def made(auxv: tuple[int, ...], overrides: dict[int, int] | None = None) -> dict[int, int | Address | None]:
    return vector(PROGRAM_IMAGE, Address(INTERPRETER, 0), 0x40, replace(HOST, auxv=auxv), overrides or {})


@pytest.mark.parametrize("arch", [architectures.get(name) for name in architectures.NAMES], ids=architectures.NAMES)
def test_vector_is_in_the_kernels_order(arch: architectures.Arch) -> None:
    found = made(arch.auxv)
    assert tuple(found) == arch.auxv
    assert {kind: value for kind, value in found.items() if value is not None} == OWN


def test_unknown_entries_are_forwarded() -> None:
    found = made((0x7777, *OWN, 51))
    assert list(found) == [0x7777, *OWN, 51]
    assert found[0x7777] is found[51] is None


def test_descriptor_of_the_loader_is_dropped() -> None:
    """AT_EXECFD is about the file that was exec'd before us."""
    assert AT_EXECFD not in made((AT_EXECFD, *OWN))


def test_own_entries_are_never_missing() -> None:
    """Whatever little the running kernel gives."""
    assert made((AT_PAGESZ,)) == {AT_PAGESZ: None, **OWN}
    assert list(made((AT_ENTRY, AT_PAGESZ)))[:2] == [AT_ENTRY, AT_PAGESZ]


def test_overrides_replace_in_place_and_add_at_the_end() -> None:
    found = made((AT_PAGESZ, *OWN, AT_UID), {AT_PAGESZ: 1, AT_ENTRY: 2, 0x7777: 3})
    assert list(found) == [AT_PAGESZ, *OWN, AT_UID, 0x7777]
    assert (found[AT_PAGESZ], found[AT_ENTRY], found[0x7777], found[AT_UID]) == (1, 2, 3, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HWCAP=1", (16, 1)),
        ("AT_HWCAP=0x10", (16, 16)),
        ("at_hwcap=0o17", (16, 15)),
        ("16=0b11", (16, 3)),
        ("0x10=0", (16, 0)),
        ("30583=5", (0x7777, 5)),
        (f"1={(1 << 64) - 1}", (1, (1 << 64) - 1)),
    ],
)
def test_override_as_text(text: str, expected: tuple[int, int]) -> None:
    assert parse_override(text) == expected


@pytest.mark.parametrize("text", ["", "=", "HWCAP", "HWCAP=", "=1", "NOTHING=1", "0=1", "-1=1", "16=-1", f"16={1 << 64}", f"{1 << 64}=1", "16=1=2", "16=x"])
def test_malformed_override(text: str) -> None:
    with pytest.raises(UsageError, match="--auxv"):
        parse_override(text)


def test_names() -> None:
    """One name per number, and each reads back as itself."""
    assert len(set(NAMES.values())) == len(NAMES)
    for kind, text in NAMES.items():
        assert name(kind) == text
        assert parse_override(f"{text}=1") == (kind, 1)
    assert name(0x7777) == "AT_30583"
