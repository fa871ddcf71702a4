"""Relocations, and how the dynamic section asks for them. Expected: what glibc's ld.so does in a child beside."""

from __future__ import annotations

import os
import signal
import subprocess
from ctypes import c_int
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from linkers import GLOBAL, LAZY, NOW, Glibc, Libraries, Linker, Ours, both, in_child

if TYPE_CHECKING:
    from pathlib import Path

POINTERS = """
static int numbers[64] = {1, 2, 3, 4};
int other = 7;
int *places[] = {&numbers[1], &numbers[2], &numbers[3], &other};
struct __attribute__((packed)) { char one; int *odd; } packed = {5, &numbers[3]};
int *table[130] = {[0] = numbers, [64] = numbers + 1, [129] = numbers + 2};
int ask(void) { return *places[0] * 1000 + *places[1] * 100 + *places[3] * 10 + *table[64] + *table[129] + *table[0]; }
int odd(void) { return *packed.odd + packed.one; }
"""


def tags(path: Path) -> set[str]:
    """The tags of the dynamic section, to show that a library is what the test is about."""
    with path.open("rb") as file:
        dynamic = next(segment for segment in ELFFile(file).iter_segments() if segment["p_type"] == "PT_DYNAMIC")
        return {str(tag.entry.d_tag) for tag in dynamic.iter_tags()}


def kinds(path: Path) -> set[int]:
    """The relocation types in a library."""
    with path.open("rb") as file:
        sections = [section for section in ELFFile(file).iter_sections() if section["sh_type"] == "SHT_RELA"]
        return {relocation["r_info_type"] for section in sections for relocation in section.iter_relocations()}


def answers(linker: Linker, path: Path) -> tuple[int, int]:
    """Both functions of POINTERS."""
    handle = linker.open(path)
    return linker.call(handle, "ask"), linker.call(handle, "odd")


@pytest.mark.feature(14)
def test_relative_relocations_anywhere(library: Libraries) -> None:
    """-z nocombreloc: they are not in front, and nothing counts them."""
    path = library("libptr.so", POINTERS, "-Wl,-z,nocombreloc")
    assert "DT_RELACOUNT" not in tags(path)
    assert both(lambda linker: answers(linker, path)) == (2376, 9)


@pytest.mark.feature(15)
def test_relr(library: Libraries) -> None:
    """DT_RELR, in bitmaps that reach over 63 words, and RELATIVE relocations for what is not aligned."""
    path = library("libptr.so", POINTERS, "-Wl,-z,pack-relative-relocs")
    assert "DT_RELR" in tags(path)
    assert 8 in kinds(path)
    assert both(lambda linker: answers(linker, path)) == (2376, 9)


@pytest.mark.feature(16)
def test_symbol_with_addend(library: Libraries) -> None:
    """A pointer into an array of another library, and into one of its own that another library's takes the place of."""
    one = library("libone.so", "int array[8] = {10, 11, 12, 13}; int away[8] = {20, 21, 22, 23};")
    path = library("libtwo.so", "extern int away[]; int array[8]; int *p = &array[2], *q = &away[3]; int ask(void) { return *p * 100 + *q; }", needs=(one,))

    def scenario(linker: Linker) -> int:
        linker.open(one, NOW | GLOBAL)
        return linker.call(linker.open(path), "ask")

    assert both(scenario) == 1223


@pytest.mark.feature(16)
def test_copied_variable(library: Libraries) -> None:
    """R_X86_64_COPY in a position-independent program that is loaded as a library: the library's own references see the copy. glibc's answer is that of the
    program when it runs."""
    one = library("libone.so", "int shared = 41; int bump(void) { return ++shared; }")
    source = library.folder / "main.c"
    source.write_text("extern int shared; extern int bump(void); int ask(void) { return bump() + shared; } int main(void) { return ask(); }")
    program = library.folder / "program"
    flags = ["-fPIE", "-pie"]
    subprocess.run(["gcc", *flags, "-rdynamic", "-O1", "-o", str(program), str(source), str(one), f"-Wl,-rpath,{library.folder}"], check=True)
    assert 5 in kinds(program)

    def scenario() -> int:
        linker = Ours()
        return linker.call(linker.open(program, NOW | GLOBAL), "ask")

    assert in_child(scenario) == subprocess.run([program]).returncode == 84


IFUNC = """
static int fast(void) { return 5; }
static int (*resolve(void))(void) { return fast; }
int pick(void) __attribute__((ifunc("resolve")));
static int inner_fast(void) { return 6; }
static int (*inner_resolve(void))(void) { return inner_fast; }
__attribute__((visibility("hidden"))) int inner(void) __attribute__((ifunc("inner_resolve")));
int (*pointer)(void) = pick;
int ask(void) { return pick() * 100 + pointer() * 10 + inner(); }
"""


@pytest.mark.feature(17)
@pytest.mark.parametrize("flags", [(), ("-fno-plt",), ("-Wl,-z,now",), ("-Wl,-Bsymbolic",)])
def test_ifunc(library: Libraries, flags: tuple[str, ...]) -> None:
    """STT_GNU_IFUNC symbols by jump slot, GLOB_DAT, address and dlsym, IRELATIVE for a hidden one."""
    path = library("libpick.so", IFUNC, *flags)

    def scenario(linker: Linker) -> list[int]:
        handle = linker.open(path)
        return [linker.call(handle, "ask"), linker.call(handle, "pick")]

    assert both(scenario) == [556, 5]


@pytest.mark.feature(17)
def test_ifunc_of_a_dependency(library: Libraries) -> None:
    """The resolver reads a variable through its own library's GOT: that has to be relocated first."""
    source = (
        "int kind = 1; static int a(void) { return 7; } static int b(void) { return 8; } static void *resolve(void) { return kind ? (void *)a : (void *)b; }"
    )
    one = library("libone.so", source + ' int pick(void) __attribute__((ifunc("resolve")));')
    path = library("libtwo.so", "extern int pick(void); int (*pointer)(void) = pick; int ask(void) { return pick() * 10 + pointer(); }", needs=(one,))

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(path), "ask")

    assert both(scenario) == 77


@pytest.mark.feature(18)
def test_text_relocations(library: Libraries) -> None:
    """DT_TEXTREL: code is changed, and not writable afterwards."""
    source = library.folder / "text.s"
    source.write_text(".text\n.globl ask\n.type ask,@function\nask: movabs $number, %rax\n movl (%rax), %eax\n ret\n.data\n.globl number\nnumber: .long 77\n")
    path = library("libtext.so", "", "-Wl,-z,notext", str(source))
    assert "DT_TEXTREL" in tags(path) or "DT_FLAGS" in tags(path)

    def scenario(linker: Linker) -> tuple[int, list[str]]:
        handle = linker.open(path)
        with open("/proc/self/maps") as maps:
            return linker.call(handle, "ask"), [line.split()[1] for line in maps if line.rstrip().endswith(path.name)]

    answer, protections = both(scenario)
    assert answer == 77
    assert not [protection for protection in protections if "wx" in protection]


RELRO = "extern int puts(const char *); int (*const fixed)(const char *) = puts; int plain = 1; int ask(void) { return plain; }"


@pytest.mark.feature(21)
@pytest.mark.parametrize("flags", [("-Wl,-z,relro",), ("-Wl,-z,relro,-z,now",)])
@pytest.mark.parametrize("mode", [NOW, LAZY])
def test_relro_cannot_be_written(library: Libraries, flags: tuple[str, ...], mode: int) -> None:
    """A store to relocated constant data faults; one to ordinary data does not."""
    path = library("librelro.so", RELRO, *flags)

    def store(linker: Linker, name: str) -> int:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
            c_int.from_address(linker.address(linker.open(path, mode), name)).value = 3
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert both(lambda linker: [store(linker, "fixed"), store(linker, "plain")]) == [-signal.SIGSEGV, 0]


@pytest.mark.feature(21)
def test_without_relro(library: Libraries) -> None:
    """-z norelro: the same store works."""
    path = library("librelro.so", RELRO, "-Wl,-z,norelro")

    def scenario(linker: Linker) -> int:
        handle = linker.open(path)
        c_int.from_address(linker.address(handle, "fixed")).value = 3
        return linker.read(handle, "fixed")

    assert both(scenario) == 3


NOWHERE = "extern int nowhere(void); int ask(int go) { return go ? nowhere() : 5; }"
BIND_NOW = ("DT_FLAGS", "DT_FLAGS_1", "DT_BIND_NOW")


def only(path: Path, keep: str) -> Path:
    """The library with one of its three marks of immediate binding: the others' tags are made unknown ones."""
    unknown, bind_now = (0x6FFF4242).to_bytes(8, "little"), (24).to_bytes(8, "little")
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        segment = next(segment for segment in ELFFile(file).iter_segments() if segment["p_type"] == "PT_DYNAMIC")
        entries = [(segment["p_offset"] + 16 * index, tag.entry.d_tag) for index, tag in enumerate(segment.iter_tags())]
    spare = next(at for at, tag in entries if tag == "DT_FLAGS")
    for at, tag in entries:
        if tag in ("DT_FLAGS", "DT_FLAGS_1") and tag != keep:
            data[at : at + 8] = unknown
    if keep == "DT_BIND_NOW":
        data[spare : spare + 8] = bind_now
    path.write_bytes(data)
    return path


@pytest.mark.feature(20)
@pytest.mark.parametrize("mark", BIND_NOW)
def test_bind_now(library: Libraries, mark: str) -> None:
    """Each of the three encodings makes RTLD_LAZY fail where a function is defined nowhere."""
    path = only(library("libnow.so", NOWHERE, "-Wl,-z,now"), mark)
    assert mark in tags(path)
    assert len(tags(path) & set(BIND_NOW)) == 1

    def scenario(linker: Linker) -> bool:
        return isinstance(linker.open(path, LAZY), str)

    assert both(scenario) is True


@pytest.mark.feature(20)
def test_rtld_now(library: Libraries) -> None:
    """RTLD_NOW does the same for a library that does not ask for it, and both errors name symbol and file."""
    path = library("liblazy.so", NOWHERE, "-Wl,-z,lazy")
    messages = [in_child(lambda kind=kind: kind().open(path, NOW)) for kind in (Glibc, Ours)]
    for message in messages:
        assert "nowhere" in message
        assert str(path) in message
