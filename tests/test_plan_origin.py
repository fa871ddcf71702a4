"""$ORIGIN, `#!` lines and PATH: the planner's remaining pure functions, by example."""

from __future__ import annotations

import os
from struct import pack
from typing import TYPE_CHECKING

import pytest
from elfbuilder import PAGE, PT_DYNAMIC, Phdr, R, W, data_segment, standard_pie

import miniload
from miniload.elf.dynamic import DT_AUXILIARY, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB
from miniload.elf.header import parse_header
from miniload.elf.segments import parse_segments
from miniload.elf.source import BytesSource
from miniload.elf.tokens import expand
from miniload.errors import ExecError, NotFoundError, UnsupportedError
from miniload.plan.model import PROGRAM, TABLE, Address, FileRef, Image
from miniload.plan.origin import origin_fixups, origin_strings, refuse_unpatchable
from miniload.plan.program import search_path
from miniload.plan.script import BUFFER, ScriptLine, parse_script

if TYPE_CHECKING:
    from pathlib import Path

    from elfbuilder import Elf

# expand(): the rules of glibc 2.36 elf/dl-load.c, is_dst().


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"$ORIGIN", b"/o"),
        (b"${ORIGIN}", b"/o"),
        (b"$ORIGIN/lib", b"/o/lib"),
        (b"${ORIGIN}lib", b"/olib"),
        (b"$ORIGIN:/usr/lib:$ORIGIN/../lib", b"/o:/usr/lib:/o/../lib"),
        (b"a$ORIGIN", b"a/o"),
        (b"$ORIGIN-x", b"/o-x"),
        (b"$ORIGIN$ORIGIN", b"/o/o"),
        (b"$ORIGINAL", b"$ORIGINAL"),
        (b"$ORIGIN_", b"$ORIGIN_"),
        (b"$ORIGIN2", b"$ORIGIN2"),
        (b"$ORIGI", b"$ORIGI"),
        (b"${ORIGIN", b"${ORIGIN"),
        (b"$ORIGIN}", b"/o}"),
        (b"$$ORIGIN", b"$/o"),
        (b"$LIB/$PLATFORM", b"$LIB/$PLATFORM"),
        (b"ORIGIN", b"ORIGIN"),
        (b"$", b"$"),
        (b"", b""),
        (b"$ORIGIN\xff", b"/o\xff"),
    ],
)
def test_expand(text: bytes, expected: bytes) -> None:
    assert expand(text, {b"ORIGIN": b"/o"}) == expected


def test_expansion_is_not_expanded_again() -> None:
    """A directory may have any name."""
    assert expand(b"${ORIGIN}/a:$ORIGIN/b", {b"ORIGIN": b"/$ORIGIN/${ORIGIN}"}) == b"/$ORIGIN/${ORIGIN}/a:/$ORIGIN/${ORIGIN}/b"


# Strings and fixups, of a program whose string table is at 0x20000 and whose dynamic section is at 0x20800.

STRTAB, DYNAMIC = 0x20000, 0x20800


def elf_with(entries: list[tuple[int, bytes | int]], flags: int = R | W) -> Elf:
    """A file with these dynamic entries; bytes become strings of the table."""
    strings, words = bytearray(b"\0"), []
    for tag, value in entries:
        if isinstance(value, bytes):
            words += [tag, len(strings)]
            strings += value + b"\0"
        else:
            words += [tag, value]
    words += [DT_STRTAB, STRTAB, DT_STRSZ, len(strings), 0, 0]
    section = pack(f"<{len(words)}Q", *words)
    at = 2 * PAGE
    elf = standard_pie().with_content(at, bytes(strings)).with_content(at + 0x800, section).with_content(at + PAGE - 1, b"\0")
    return elf.with_phdrs(data_segment(STRTAB, filesz=PAGE, flags=flags), Phdr(PT_DYNAMIC, R, at + 0x800, DYNAMIC, 0, len(section), len(section)))


def program(path: Path, entries: list[tuple[int, bytes | int]], *, flags: int = R | W) -> Image:
    """The same as an image that lies at `path`."""
    source = BytesSource(elf_with(entries, flags).pack(), bytes(path))
    header = parse_header(source)
    segments = parse_segments(source, header)
    return Image(source, FileRef(bytes(path), 0, 0, 0, 0), header.type, header.entry, header.phoff, header.phnum, segments, 0)


def test_strings_with_origin_are_found(tmp_path: Path) -> None:
    """In every tag that the libcs expand, with the place of the word that holds their offset; others are left alone."""
    image = program(
        tmp_path / "program",
        [(DT_NEEDED, b"libc.so.6"), (DT_RUNPATH, b"$ORIGIN/lib"), (DT_SONAME, b"$ORIGIN"), (DT_NEEDED, b"${ORIGIN}/libx.so"), (DT_RPATH, b"$ORIGINAL")],
    )
    here = os.fsencode(tmp_path)
    found = origin_strings(image)
    assert [(string.vaddr, string.text, string.expanded) for string in found] == [
        (DYNAMIC + 16 + 8, b"$ORIGIN/lib", here + b"/lib"),
        (DYNAMIC + 48 + 8, b"${ORIGIN}/libx.so", here + b"/libx.so"),
    ]
    assert all(string.writable and string.strtab == STRTAB for string in found)


def test_origin_is_the_real_directory(tmp_path: Path) -> None:
    """As /proc/self/exe has it: symbolic links resolved."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "program").touch()
    (tmp_path / "link").symlink_to("real/program")
    (found,) = origin_strings(program(tmp_path / "link", [(DT_AUXILIARY, b"$ORIGIN/x")]))
    assert found.expanded == os.fsencode(tmp_path / "real") + b"/x"


def test_fixups_reach_the_expanded_strings(tmp_path: Path) -> None:
    """word = place of the expanded string - string table, so that table + word is the string (mod 2^64)."""
    image = program(tmp_path / "program", [(DT_RUNPATH, b"$ORIGIN"), (DT_NEEDED, b"$ORIGIN/a")])
    found = origin_strings(image)
    one, two = origin_fixups(found, 0x500)
    assert (one.kind, one.where, one.minus) == ("set", Address(PROGRAM, DYNAMIC + 8), PROGRAM)
    table, bias = 0x7FFE_0000_0000, 0x5555_5555_4000
    for fixup, at in ((one, 0x500), (two, 0x500 + len(found[0].expanded) + 1)):
        assert fixup.value.base == TABLE
        word = table + fixup.value.offset - bias & (1 << 64) - 1
        assert (bias + STRTAB + word) & (1 << 64) - 1 == table + at


def test_plan_has_the_expanded_strings_at_the_end_of_its_table(tmp_path: Path) -> None:
    """One after the other, each with its NUL, and a patch for each that reaches its start."""
    path = elf_with([(DT_RUNPATH, b"$ORIGIN/lib"), (DT_NEEDED, b"${ORIGIN}/x.so")]).write(tmp_path / "program")
    plan = miniload.plan(path)
    here = os.fsencode(tmp_path)
    strings = [here + b"/lib", here + b"/x.so"]
    assert plan.stack.table.endswith(b"\0".join([*strings, b""]))
    assert len(plan.patches) == len(strings)
    for patch, text in zip(plan.patches, strings, strict=True):
        assert plan.stack.table[(patch.value.offset + STRTAB) & (1 << 64) - 1 :].startswith(text + b"\0")


def test_read_only_dynamic_section_cannot_be_patched(tmp_path: Path) -> None:
    image = program(tmp_path / "program", [(DT_RUNPATH, b"$ORIGIN")], flags=R)
    found = origin_strings(image)
    assert [string.writable for string in found] == [False]
    with pytest.raises(UnsupportedError, match=r"\$ORIGIN"):
        refuse_unpatchable(image, found)
    refuse_unpatchable(image, ())


def test_unreadable_dynamic_section_has_no_strings(tmp_path: Path) -> None:
    """What is wrong with it is for the program's own ld.so to say."""
    image = program(tmp_path / "program", [(DT_RUNPATH, 1 << 40)])
    assert origin_strings(image) == ()


# `#!` lines: what test_exec_scripts.py asks of the running kernel, here at the buffer's edges.


def line(head: bytes) -> tuple[bytes, bytes | None] | None:
    found = parse_script(head, b"script")
    return None if found is None else (found.interpreter, found.argument)


@pytest.mark.parametrize("head", [b"", b"#", b"!#/bin/sh\n", b" #!/bin/sh\n", b"\x7fELF"])
def test_no_script(head: bytes) -> None:
    assert parse_script(head, b"script") is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"#!/bin/sh\n", (b"/bin/sh", None)),
        (b"#!/bin/sh", (b"/bin/sh", None)),
        (b"#! /bin/sh -x \n", (b"/bin/sh", b"-x")),
        (b"#!/i " + b"a" * 300, (b"/i", b"a" * (BUFFER - 1 - 5))),
        (b"#!/i " + b"a" * (BUFFER - 1 - 5) + b"\n", (b"/i", b"a" * (BUFFER - 1 - 5))),
        (b"#!" + b"i" * (BUFFER - 3) + b"\n", (b"i" * (BUFFER - 3), None)),
        (b"#!" + b"i" * (BUFFER - 3) + b" ", (b"i" * (BUFFER - 3), None)),
        (b"#!" + b"i" * (BUFFER - 3) + b"\0", (b"i" * (BUFFER - 3), None)),
        (b"#!" + b" " * (BUFFER - 5) + b"i\n", (b"i", None)),
    ],
    ids=range(9),
)
def test_script_line(head: bytes, expected: tuple[bytes, bytes | None]) -> None:
    assert line(head) == expected


@pytest.mark.parametrize(
    "head", [b"#!\n", b"#! \t\n", b"#!" + b" " * 254, b"#!" + b"i" * 254, b"#!" + b"i" * 254 + b"\n", b"#!" + b" " * 253 + b"i"], ids=range(6)
)
def test_malformed_script_line(head: bytes) -> None:
    with pytest.raises(ExecError) as caught:
        parse_script(head, b"script")
    assert caught.value.file == b"script"


def test_script_line_is_a_value() -> None:
    assert parse_script(b"#!/bin/sh -x\n", b"a") == ScriptLine(b"/bin/sh", b"-x")


# search_path(): test_cli.py compares it with execvp; here is what it returns.


def test_search_returns_the_joined_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "tool"
    tool.touch(0o755)
    here = os.fsencode(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert search_path(b"tool", b"/nonexistent:" + here) == here + b"/tool"
    assert search_path(b"tool", b"") == b"tool"
    assert search_path(b"./anything", None) == b"./anything"
    assert search_path(b"/anything", here) == b"/anything"
    with pytest.raises(NotFoundError):
        search_path(b"", here)
