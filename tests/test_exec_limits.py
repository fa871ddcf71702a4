"""How much execve takes (exec.md G1, G2): E2BIG exactly where the kernel gives it, for several stack limits."""

from __future__ import annotations

import os
import resource
from errno import E2BIG, ENOENT
from typing import TYPE_CHECKING

import pytest
from elfbuilder import PAGE, script, standard_elf, standard_pie
from observe import exec_errno, in_child, planned_errno, stopped

import miniload

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KIB, MIB = 1 << 10, 1 << 20
LONGEST = 131071
"""MAX_ARG_STRLEN without the NUL (include/uapi/linux/binfmts.h)."""

STACKS = {
    "256 KiB": (256 * KIB, 128 * KIB),
    "512 KiB": (512 * KIB, 128 * KIB),
    "1 MiB": (MIB, 256 * KIB),
    "8 MiB": (8 * MIB, 2 * MIB),
    "24 MiB": (24 * MIB, 6 * MIB),
    "64 MiB": (64 * MIB, 6 * MIB),
    "unlimited": (resource.RLIM_INFINITY, 6 * MIB),
}
"""RLIMIT_STACK, and the limit that follows from it: a quarter, but at least 128 KiB and at most 6 MiB."""


def of_size(size: int, path: bytes, length: int) -> list[bytes]:
    """An argv with which strings, pointers and `path` take exactly `size` bytes, of strings of `length` bytes and a last one."""
    rest = size - (len(path) + 1)
    count, left = divmod(rest, length + 1 + 8)
    if left < 8 + 1:
        count, left = count - 1, left + length + 1 + 8
    argv = [b"a" * length] * count + [b"b" * (left - 8 - 1)]
    assert sum(map(len, argv)) + 9 * len(argv) + len(path) + 1 == size
    return argv


def set_stack(limit: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (limit, hard))


def with_stack(stack: int, path: bytes, argv: Sequence[bytes], env: Sequence[bytes] = ()) -> tuple[int | None, int | None]:
    """(errno of execve, errno of plan) under that RLIMIT_STACK."""

    def work() -> tuple[int | None, int | None] | str:
        try:
            set_stack(stack)
        except ValueError as error:
            return str(error)
        return exec_errno(path, argv, env), planned_errno(path, argv, env)

    result = in_child(work)
    if isinstance(result, str):
        pytest.skip(f"RLIMIT_STACK cannot be raised here: {result}")
    return result  # type: ignore[no-any-return]


@pytest.mark.parametrize("place", ["argv", "env"])
@pytest.mark.parametrize(("length", "expected"), [(LONGEST, None), (LONGEST + 1, E2BIG)])
def test_longest_string(length: int, expected: int | None, place: str, tmp_path: Path) -> None:
    path = os.fsencode(standard_elf().write(tmp_path / "program"))
    string = b"A=".ljust(length, b"x")
    argv, env = ([b"x", string], []) if place == "argv" else ([b"x"], [string])
    assert with_stack(8 * MIB, path, argv, env) == (expected, expected)


@pytest.mark.parametrize("length", [1, 1000], ids=["one-letter arguments", "arguments of 1000 bytes"])
@pytest.mark.parametrize("excess", [0, 1], ids=["at the limit", "one byte over"])
@pytest.mark.parametrize(("stack", "limit"), STACKS.values(), ids=STACKS.keys())
def test_total_size(stack: int, limit: int, excess: int, length: int, tmp_path: Path) -> None:
    """Strings, pointers and the path, together."""
    path = os.fsencode(standard_elf().write(tmp_path / "program"))
    expected = E2BIG if excess else None
    assert with_stack(stack, path, of_size(limit + excess, path, length)) == (expected, expected)


@pytest.mark.parametrize("excess", [0, 1], ids=["at the limit", "one byte over"])
@pytest.mark.parametrize("stack", [4 * PAGE, 16 * PAGE, 16 * PAGE + 100, 25 * PAGE - 1])
def test_strings_have_to_fit_into_a_small_stack(stack: int, excess: int, tmp_path: Path) -> None:
    """Below 128 KiB it is RLIMIT_STACK itself, in whole pages, that the strings have to fit into, with eight zero bytes above them."""
    path = os.fsencode(standard_elf().write(tmp_path / "program"))
    size = (stack & -PAGE) - 8 + excess
    argv = [b"a" * 999] * (size // 1000 - 1)
    argv.append(b"b" * (size - len(path) - 1 - 1000 * len(argv) - 1))
    expected = E2BIG if excess else None
    assert with_stack(stack, path, argv) == (expected, expected)


@pytest.mark.parametrize("excess", [0, 1], ids=["at the limit", "one byte over"])
def test_environment_counts_alike(excess: int, tmp_path: Path) -> None:
    path = os.fsencode(standard_elf().write(tmp_path / "program"))
    strings = of_size(2 * MIB + excess, path, 100)
    expected = E2BIG if excess else None
    assert with_stack(8 * MIB, path, strings[:5000], strings[5000:]) == (expected, expected)


@pytest.mark.parametrize("excess", [0, 1], ids=["at the limit", "one byte over"])
def test_empty_argv_counts_one_pointer(excess: int, tmp_path: Path) -> None:
    """argc 0: a pointer is counted all the same, and the "" that argv[0] becomes has its NUL."""
    path = os.fsencode(standard_elf().write(tmp_path / "program"))
    env = of_size(128 * KIB - 8 - 1 + excess, path, 100)
    expected = E2BIG if excess else None
    assert with_stack(256 * KIB, path, [], env) == (expected, expected)


@pytest.mark.parametrize("target", ["good", "missing"])
@pytest.mark.parametrize("excess", [0, 1], ids=["at the limit", "one byte over"])
def test_strings_of_a_script_line_count(excess: int, target: str, tmp_path: Path) -> None:
    """What a script adds to argv has to fit before its interpreter is looked for; its pointers are not counted again."""
    interpreter = standard_pie().write(tmp_path / "good")
    name = os.fsencode(interpreter if target == "good" else tmp_path / "missing")
    path = os.fsencode(script(tmp_path / "program", name + b" -argument"))
    added = len(name) + 1 + len(b"-argument") + 1 + len(path) + 1
    # argv[0] goes away: make it empty, and only its NUL comes back.
    argv = [b"", *of_size(128 * KIB - added + 1 - 9 + excess, path, 100)]
    expected = E2BIG if excess else ENOENT if target == "missing" else None
    assert with_stack(256 * KIB, path, argv) == (expected, expected)


@pytest.mark.parametrize("name", ["program", "./p"], ids=["long path", "path shorter than the stub's"])
def test_program_runs_at_the_limit(name: str, tmp_path: Path) -> None:
    """Not only planned: the arguments reach the program, although the stub is started with them first."""
    standard_elf().write(tmp_path / name)
    path = os.fsencode(tmp_path / name if name == "program" else name)
    argv = of_size(128 * KIB, path, 100)

    def become() -> None:
        os.chdir(tmp_path)
        set_stack(256 * KIB)
        miniload.exec(miniload.plan(path, argv, []))

    with stopped(["x"], executable="/nonexistent", before=become) as process:
        assert process.argv() == argv
