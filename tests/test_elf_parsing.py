"""The parsers of miniload.elf, compared with pyelftools (and readelf, where installed) on real files, and their typed errors."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from errno import EINVAL, EIO, ENOEXEC
from io import BytesIO
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

import pytest
from elfbuilder import CODE_AT, INTERP_AT, PAGE, PT_DYNAMIC, PT_GNU_PROPERTY, PT_INTERP, PT_NOTE, Phdr, R, data_segment, standard_elf, standard_pie
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment, NoteSegment
from support import ROOT, need

from miniload.elf.dynamic import DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, MAX_DYNAMIC, file_offset, parse_dynamic, string
from miniload.elf.header import Header, parse_header
from miniload.elf.notes import MAX_NOTES, build_id, features, gnu_properties, parse_notes
from miniload.elf.segments import PT_LOAD, Segment, parse_interpreter, parse_segments
from miniload.elf.source import HEAD, BytesSource, FileSource
from miniload.errors import ElfError

if TYPE_CHECKING:
    from collections.abc import Callable

    from elfbuilder import Elf

E_FIELDS = ("type", "machine", "version", "entry", "phoff", "shoff", "flags", "ehsize", "phentsize", "phnum", "shentsize", "shnum", "shstrndx")
P_FIELDS = ("flags", "offset", "vaddr", "filesz", "memsz", "align")
NAME = b"some/file"
GNU_PROPERTY_AARCH64_FEATURE_1_AND, GNU_PROPERTY_X86_FEATURE_1_AND = 0xC0000000, 0xC0000002


def real_files() -> list[Path]:
    """Programs and libraries of this machine, and miniload's own stubs for other machines; missing ones are left out."""
    patterns = (
        "/bin/ls", "/usr/bin/python3*[0-9]", "/lib/*/libc.so.6", "/lib/*/ld-linux-*.so.*", "/lib64/ld-linux-*.so.*", "/usr/lib/*/libstdc++.so.6",
        "/usr/lib/*/libm.so.6", "/lib/ld-musl-*.so.1",
    )  # fmt: skip
    found = [path for pattern in patterns for path in sorted(Path("/").glob(pattern[1:]))]
    found += sorted((ROOT / "miniload" / "_built").glob("*-*"))
    return [path for path in found if path.is_file() and path.open("rb").read(5) == b"\x7fELF\2"]


FILES = real_files()
every_file = pytest.mark.parametrize("path", FILES, ids=str)


def opened(path: Path) -> tuple[BytesSource, Header, tuple[Segment, ...]]:
    source = BytesSource(path.read_bytes(), os.fsencode(path))
    header = parse_header(source)
    return source, header, parse_segments(source, header)


def with_pyelftools(path: Path) -> ELFFile:
    return ELFFile(BytesIO(path.read_bytes()))


def test_there_are_real_files() -> None:
    """The comparisons below are about something: at least the C library, its loader, and the stubs of three machines."""
    assert len(FILES) >= 5


@every_file
def test_header(path: Path) -> None:
    theirs = with_pyelftools(path).header
    _, ours, _ = opened(path)
    kinds = {"ET_EXEC": 2, "ET_DYN": 3}
    machines = {"EM_X86_64": 62, "EM_AARCH64": 183, "EM_RISCV": 243}
    versions = {"EV_CURRENT": 1}
    numbers = {name: getattr(theirs, f"e_{name}") for name in E_FIELDS}
    numbers.update(type=kinds[theirs.e_type], machine=machines[theirs.e_machine], version=versions[theirs.e_version])
    assert {name: getattr(ours, name) for name in E_FIELDS} == numbers
    assert ours.ident == path.read_bytes()[:16]
    assert ours.elf_class == 2


@every_file
def test_segments(path: Path) -> None:
    theirs = list(with_pyelftools(path).iter_segments())
    _, _, ours = opened(path)
    assert [{name: getattr(segment, name) for name in P_FIELDS} for segment in ours] == [
        {name: segment[f"p_{name}"] for name in P_FIELDS} for segment in theirs
    ]
    assert [segment.index for segment in ours] == list(range(len(theirs)))
    for mine, other in zip(ours, theirs, strict=True):
        if other["p_type"] == "PT_LOAD":
            assert mine.type == PT_LOAD


@every_file
def test_interpreter(path: Path) -> None:
    names = [segment.get_interp_name() for segment in with_pyelftools(path).iter_segments() if isinstance(segment, InterpSegment)]
    source, _, segments = opened(path)
    assert parse_interpreter(source, segments) == (names[0].encode() if names else None)


@every_file
def test_dynamic(path: Path) -> None:
    theirs = next((segment for segment in with_pyelftools(path).iter_segments() if isinstance(segment, DynamicSegment)), None)
    source, _, segments = opened(path)
    ours = parse_dynamic(source, segments)
    if theirs is None:
        assert ours is None
        return
    assert ours is not None
    expected = []
    for tag in theirs.iter_tags():
        if tag.entry.d_tag == "DT_NULL":
            break
        expected.append(tag.entry.d_val)
    assert [entry.value for entry in ours.entries] == expected
    assert [entry.vaddr for entry in ours.entries] == [ours.segment.vaddr + 16 * n + 8 for n in range(len(expected))]


@every_file
def test_dynamic_strings(path: Path) -> None:
    theirs = next((segment for segment in with_pyelftools(path).iter_segments() if isinstance(segment, DynamicSegment)), None)
    source, _, segments = opened(path)
    ours = parse_dynamic(source, segments)
    if theirs is None or ours is None:
        assert (theirs, ours) == (None, None)
        return
    names = {"DT_NEEDED": "needed", "DT_SONAME": "soname", "DT_RPATH": "rpath", "DT_RUNPATH": "runpath"}
    expected = [getattr(tag, names[tag.entry.d_tag]).encode() for tag in theirs.iter_tags() if tag.entry.d_tag in names]
    wanted = (DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH)
    assert [string(source, segments, ours, entry.value) for entry in ours.entries if entry.tag in wanted] == expected


@every_file
def test_build_id(path: Path) -> None:
    notes = [note for segment in with_pyelftools(path).iter_segments() if isinstance(segment, NoteSegment) for note in segment.iter_notes()]
    ids = [note["n_desc"] for note in notes if note["n_type"] == "NT_GNU_BUILD_ID"]
    source, _, segments = opened(path)
    found = build_id(source, segments)
    assert (found.hex() if found is not None else None) == (ids[0] if ids else None)


@every_file
def test_notes(path: Path) -> None:
    """Number, owner and size of every note."""
    theirs = [note for segment in with_pyelftools(path).iter_segments() if isinstance(segment, NoteSegment) for note in segment.iter_notes()]
    source, _, segments = opened(path)
    ours = [note for segment in segments if segment.type == PT_NOTE for note in parse_notes(source, segment)]
    assert [(note.owner.decode(), len(note.descriptor)) for note in ours] == [(note["n_name"], note["n_descsz"]) for note in theirs]


@every_file
def test_readelf_agrees(path: Path) -> None:
    """Program headers and dynamic values again, from binutils."""
    need("readelf")
    source, header, segments = opened(path)
    text = subprocess.run(["readelf", "-lW", path], check=True, capture_output=True, text=True).stdout
    assert f"Entry point {header.entry:#x}" in text
    rows = re.findall(r"^  (\S+)\s+0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+) 0x([0-9a-f]+) ([R ][W ][E ]) ", text, re.MULTILINE)
    assert [tuple(int(field, 16) for field in row[1:5]) for row in rows] == [(s.offset, s.vaddr, s.filesz, s.memsz) for s in segments]
    assert [row[5] for row in rows] == ["".join(c if s.flags & bit else " " for c, bit in (("R", 4), ("W", 2), ("E", 1))) for s in segments]
    dynamic = parse_dynamic(source, segments)
    if dynamic is not None:
        text = subprocess.run(["readelf", "-dW", path], check=True, capture_output=True, text=True).stdout
        tags = [int(tag, 16) for tag in re.findall(r"^ 0x([0-9a-f]{16}) ", text, re.MULTILINE)]
        assert [entry.tag for entry in dynamic.entries] == [tag for tag in tags if tag]


# GNU properties: no program of the distribution need have them, so they are made here, as the ABI documents describe them.


def note(owner: bytes, kind: int, descriptor: bytes, align: int = 4) -> bytes:
    """One note with the padding that the gABI asks for."""
    name = owner + b"\0"
    data = pack("<III", len(name), len(descriptor), kind) + name.ljust(-(-len(name) // 4) * 4, b"\0")
    data = data.ljust(-(-len(data) // align) * align, b"\0") + descriptor
    return data.ljust(-(-len(data) // align) * align, b"\0")


def with_notes(kind: int, data: bytes, align: int = 8) -> tuple[BytesSource, tuple[Segment, ...]]:
    """A file with one note segment of that type."""
    elf = standard_elf().with_phdrs(Phdr(kind, R, INTERP_AT, 0, 0, len(data), len(data), align)).with_content(INTERP_AT, data)
    source = BytesSource(elf.pack(), NAME)
    return source, parse_segments(source, parse_header(source))


def test_gnu_properties() -> None:
    """Two properties, each padded to eight bytes."""
    data = pack("<IIII", GNU_PROPERTY_X86_FEATURE_1_AND, 4, 3, 0) + pack("<III4x", GNU_PROPERTY_AARCH64_FEATURE_1_AND, 4, 1)
    found = gnu_properties(*with_notes(PT_GNU_PROPERTY, note(b"GNU", 5, data, 8)))
    assert found == {GNU_PROPERTY_X86_FEATURE_1_AND: pack("<I", 3), GNU_PROPERTY_AARCH64_FEATURE_1_AND: pack("<I", 1)}
    assert features(found, GNU_PROPERTY_X86_FEATURE_1_AND) == 3
    assert features(found, GNU_PROPERTY_AARCH64_FEATURE_1_AND) == 1
    assert features(found, 0xC0000001) == 0


@pytest.mark.parametrize("data", [b"", b"\1\2", b"\1\0\0\0\0\0\0\0"], ids=len)
def test_feature_word_of_another_size_is_none(data: bytes) -> None:
    assert features({GNU_PROPERTY_AARCH64_FEATURE_1_AND: data}, GNU_PROPERTY_AARCH64_FEATURE_1_AND) == 0


def test_no_gnu_properties() -> None:
    assert gnu_properties(*with_notes(PT_NOTE, note(b"GNU", 5, b""))) == {}


def test_notes_of_several_owners() -> None:
    data = note(b"GNU", 1, b"abcd") + note(b"Linux", 257, b"") + note(b"GNU", 3, b"\xab\xcd\xef")
    source, segments = with_notes(PT_NOTE, data, 4)
    found = [(n.owner, n.type, n.descriptor) for n in parse_notes(source, segments[-1])]
    assert found == [(b"GNU", 1, b"abcd"), (b"Linux", 257, b""), (b"GNU", 3, b"\xab\xcd\xef")]
    assert build_id(source, segments) == b"\xab\xcd\xef"


def test_trailing_bytes_are_no_note() -> None:
    """Fewer than twelve bytes cannot be one."""
    source, segments = with_notes(PT_NOTE, note(b"GNU", 1, b"abcd") + b"\0" * 11, 4)
    assert len(list(parse_notes(source, segments[-1]))) == 1


# Reading.


def test_file_source_reads_as_bytes_source(tmp_path: Path) -> None:
    """Below, across and behind the first page, which it keeps, and the end of the file."""
    data = bytes(range(256)) * 40
    path = tmp_path / "file"
    path.write_bytes(data)
    with path.open("rb") as file:
        ours, reference = FileSource(file.fileno(), b"file", len(data)), BytesSource(data)
        for offset in (0, 1, HEAD - 1, HEAD, HEAD + 1, len(data) - 1, len(data), len(data) + 1, 1 << 40, 1 << 63, (1 << 64) - 1):
            for length in (0, 1, 64, HEAD, len(data), 1 << 20):
                assert ours.read(offset, length) == reference.read(offset, length), (offset, length)


def test_short_file_reads_as_if_padded() -> None:
    """As the kernel's buffer, which is zeroed before the file is read into it."""
    whole, short = standard_elf().pack()[:64], standard_elf().pack()[:20]
    assert parse_header(BytesSource(short)) == parse_header(BytesSource(short + bytes(44)))
    assert parse_header(BytesSource(whole)).phnum == 1
    assert parse_header(BytesSource(short)).phnum == 0


def test_class_and_data_are_not_looked_at() -> None:
    """The header is read as ELF64LE whatever EI_CLASS and EI_DATA say, as a 64-bit kernel does."""
    usual = parse_header(BytesSource(standard_elf().pack()))
    other = parse_header(BytesSource(standard_elf().with_ident(4, 1).with_ident(5, 2).pack()))
    assert (other.entry, other.phoff, other.phnum) == (usual.entry, usual.phoff, usual.phnum)
    assert other.elf_class == 1


# Errors. Each one names the file, the field, the value and the reason, and has the errno that execve gives where execve looks.


def segments_of(elf: Elf) -> object:
    source = BytesSource(elf.pack(), NAME)
    return parse_segments(source, parse_header(source))


def interpreter_of(elf: Elf) -> object:
    source = BytesSource(elf.pack(), NAME)
    return parse_interpreter(source, parse_segments(source, parse_header(source)))


def dynamic_of(elf: Elf) -> object:
    source = BytesSource(elf.pack(), NAME)
    return parse_dynamic(source, parse_segments(source, parse_header(source)))


ELF = standard_elf()
PIE = standard_pie()
HUGE = 1 << 40

ERRORS: dict[str, tuple[Callable[[], object], str, object, int | None]] = {
    "magic": (lambda: parse_header(BytesSource(b"#!/bin/sh\n", NAME)), "e_ident", b"#!/b", ENOEXEC),
    "empty": (lambda: parse_header(BytesSource(b"", NAME)), "e_ident", b"", ENOEXEC),
    "e_phentsize": (lambda: segments_of(replace(ELF, phentsize=32)), "e_phentsize", 32, ENOEXEC),
    "e_phnum": (lambda: segments_of(replace(ELF, phnum=0)), "e_phnum", 0, ENOEXEC),
    "e_phnum too many": (lambda: segments_of(replace(ELF, phnum=1171)), "e_phnum", 1171, ENOEXEC),
    "e_phoff": (lambda: segments_of(replace(ELF, phoff=HUGE)), "e_phoff", HUGE, ENOEXEC),
    "e_phoff 2^64-1": (lambda: segments_of(replace(ELF, phoff=(1 << 64) - 1)), "e_phoff", (1 << 64) - 1, ENOEXEC),
    "PT_INTERP too short": (lambda: interpreter_of(ELF.with_interp(b"")), "phdr 0 p_filesz", 1, ENOEXEC),
    "PT_INTERP too long": (lambda: interpreter_of(ELF.with_interp(b"x" * 4096)), "phdr 0 p_filesz", 4097, ENOEXEC),
    "PT_INTERP without NUL": (lambda: interpreter_of(ELF.with_interp(b"/ld.so", terminated=False)), "phdr 0 p_offset", b"/ld.so", ENOEXEC),
    "PT_INTERP outside": (lambda: interpreter_of(ELF.with_phdrs(Phdr(PT_INTERP, R, HUGE, 0, 0, 9, 9))), "phdr 1 p_offset", HUGE, EIO),
    "PT_INTERP negative": (lambda: interpreter_of(ELF.with_phdrs(Phdr(PT_INTERP, R, 1 << 63, 0, 0, 9, 9))), "phdr 1 p_offset", 1 << 63, EINVAL),
    "dynamic outside": (lambda: dynamic_of(ELF.with_phdrs(Phdr(PT_DYNAMIC, R, HUGE, 0, 0, 64, 64))), "phdr 1 p_offset", HUGE, None),
    "dynamic too large": (
        lambda: dynamic_of(ELF.with_phdrs(Phdr(PT_DYNAMIC, R, 0, 0, 0, MAX_DYNAMIC + 1, 0))),
        "phdr 1 p_filesz",
        MAX_DYNAMIC + 1,
        None,
    ),
    "note too long": (lambda: gnu_properties(*with_notes(PT_GNU_PROPERTY, pack("<III", 4, 100, 5) + b"GNU\0")), "phdr 1 p_offset", INTERP_AT, None),
    "note with a long name": (lambda: gnu_properties(*with_notes(PT_GNU_PROPERTY, pack("<III", 1 << 31, 0, 5))), "phdr 1 p_offset", INTERP_AT, None),
    "property cut off": (
        lambda: gnu_properties(*with_notes(PT_GNU_PROPERTY, note(b"GNU", 5, pack("<II", GNU_PROPERTY_AARCH64_FEATURE_1_AND, 4), 8))),
        "phdr 1 p_offset",
        INTERP_AT,
        None,
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_names_file_field_value_and_reason(name: str) -> None:
    work, field, value, errno = ERRORS[name]
    with pytest.raises(ElfError) as caught:
        work()
    error = caught.value
    assert (error.file, error.field, error.value, error.errno) == (NAME, field, value, errno)
    assert str(error).startswith("some/file: ")
    assert str(error).endswith(error.reason)
    assert field in str(error)


def test_too_large_note_segment() -> None:
    elf = ELF.with_phdrs(Phdr(PT_GNU_PROPERTY, R, 0, 0, 0, MAX_NOTES + 1, 0, 8))
    source = BytesSource(elf.pack(), NAME)
    with pytest.raises(ElfError, match="bytes of notes"):
        gnu_properties(source, parse_segments(source, parse_header(source)))


# Strings of the dynamic section.


def with_dynamic(entries: bytes, strings: bytes) -> tuple[BytesSource, tuple[Segment, ...]]:
    """A file whose dynamic section and string table lie in a data segment at 0x20000, table first."""
    at = 2 * PAGE
    elf = PIE.with_content(at, strings.ljust(256, b"\xee") + entries).with_content(at + PAGE - 1, b"\0")
    elf = elf.with_phdrs(data_segment(0x20000, filesz=PAGE), Phdr(PT_DYNAMIC, R, at + 256, 0x20100, 0, len(entries), len(entries), 8))
    source = BytesSource(elf.pack(), NAME)
    return source, parse_segments(source, parse_header(source))


def dynamic_string(strtab: int, size: int, offset: int) -> bytes:
    source, segments = with_dynamic(pack("<6Q", 5, strtab, 10, size, 0, 0), b"\0libone.so\0libtwo.so\0")
    dynamic = parse_dynamic(source, segments)
    assert dynamic is not None
    return string(source, segments, dynamic, offset)


def test_dynamic_string() -> None:
    assert dynamic_string(0x20000, 21, 1) == b"libone.so"
    assert dynamic_string(0x20000, 21, 11) == b"libtwo.so"
    assert dynamic_string(0x20000, 21, 14) == b"two.so"
    assert dynamic_string(0x20000, 21, 20) == b""


@pytest.mark.parametrize(
    ("strtab", "size", "offset"),
    [(0x20000, 21, 21), (0x20000, 19, 11), (0x30000, 21, 1), (1 << 63, 21, 1), (0x20000, 21, (1 << 64) - 1)],
    ids=["behind the table", "table cut off", "table in no segment", "table at 2^63", "offset 2^64-1"],
)
def test_dynamic_string_outside(strtab: int, size: int, offset: int) -> None:
    with pytest.raises(ElfError):
        dynamic_string(strtab, size, offset)


def test_dynamic_without_string_table() -> None:
    source, segments = with_dynamic(pack("<4Q", 1, 1, 0, 0), b"")
    dynamic = parse_dynamic(source, segments)
    assert dynamic is not None
    with pytest.raises(ElfError, match="DT_STRTAB"):
        string(source, segments, dynamic, 1)


def test_dynamic_ends_at_null() -> None:
    """What follows DT_NULL is not read; a section without one ends with its segment."""
    source, segments = with_dynamic(pack("<6Q", 1, 2, 0, 0, 3, 4), b"")
    dynamic = parse_dynamic(source, segments)
    assert dynamic is not None
    assert [(entry.tag, entry.value) for entry in dynamic.entries] == [(1, 2)]
    source, segments = with_dynamic(pack("<4Q", 1, 2, 3, 4) + b"\1\2\3", b"")
    dynamic = parse_dynamic(source, segments)
    assert dynamic is not None
    assert [(entry.tag, entry.value) for entry in dynamic.entries] == [(1, 2), (3, 4)]


def test_first_value_of_a_tag() -> None:
    source, segments = with_dynamic(pack("<6Q", 7, 1, 7, 2, 0, 0), b"")
    dynamic = parse_dynamic(source, segments)
    assert dynamic is not None
    assert (dynamic.value(7), dynamic.value(8)) == (1, None)


def test_file_offset() -> None:
    """From an address in the image to the file, only where the file reaches."""
    source = BytesSource(PIE.with_phdrs(data_segment(0x20000, filesz=64, memsz=128)).pack())
    segments = parse_segments(source, parse_header(source))
    assert file_offset(segments, 0x20000) == 2 * PAGE
    assert file_offset(segments, 0x2003F) == 2 * PAGE + 63
    assert file_offset(segments, 0x20040) is None
    assert file_offset(segments, 0) == CODE_AT
    assert file_offset(segments, 0x1FFFF) is None
