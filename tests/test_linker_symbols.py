"""Kinds of symbols: hash tables, versions, weak, visibility, unique, absolute. Expected: what glibc's ld.so does in a child beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from linkers import GLOBAL, NOW, Libraries, Linker, Ours, both, in_child, maps_of

if TYPE_CHECKING:
    from pathlib import Path

MANY = "".join(f"int f{number}(void) {{ return {number}; }}" for number in range(300)) + "int ask(void) { return f7() + f299(); }"
VERSIONED = """
int old_way(void) { return 1; }
int new_way(void) { return 2; }
int own(void) { return 3; }
__asm__(".symver old_way, way@V1");
__asm__(".symver new_way, way@@V2");
"""
MAP = "V1 { global: way; local: *; }; V2 { global: way; own; } V1;"
ASK_OLD = 'extern int way_v1(void); __asm__(".symver way_v1, way@V1"); int ask(void) { return way_v1(); }'
ASK_NEW = "extern int way(void); int ask(void) { return way(); }"


def versioned(library: Libraries, script: str = MAP, source: str = VERSIONED, name: str = "libway.so", folder: Path | None = None) -> Path:
    """A library with versions."""
    (library.folder / "versions.map").write_text(script)
    return library(name, source, f"-Wl,--version-script,{library.folder}/versions.map", folder=folder)


@pytest.mark.feature(22)
@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
def test_hash_tables(library: Libraries, style: str) -> None:
    """Three hundred functions are found by either table, what is not there by neither."""
    path = library("libmany.so", MANY, f"-Wl,--hash-style={style}")

    def scenario(linker: Linker) -> tuple[list[int], int, int]:
        handle = linker.open(path)
        return [linker.call(handle, f"f{number}") for number in range(300)], linker.call(handle, "ask"), linker.address(handle, "f300")

    assert both(scenario) == (list(range(300)), 306, 0)


@pytest.mark.feature(22)
@pytest.mark.parametrize("style", ["gnu", "sysv"])
def test_no_hash_table(library: Libraries, style: str) -> None:
    """glibc's dlsym finds nothing without one. Here the symbol table is searched from end to end: all is found that there is."""
    path = library("libmany.so", MANY, f"-Wl,--hash-style={style},-Bsymbolic")
    data = path.read_bytes()
    tag = (0x6FFFFEF5 if style == "gnu" else 4).to_bytes(8, "little")
    dynamic = _dynamic(path)
    at = data.index(tag, dynamic)
    path.write_bytes(data[:at] + (0x6FFF4242).to_bytes(8, "little") + data[at + 8 :])

    def scenario() -> tuple[list[int], int]:
        linker = Ours()
        handle = linker.open(path)
        return [linker.call(handle, f"f{number}") for number in range(300)], linker.address(handle, "f300")

    assert in_child(scenario) == (list(range(300)), 0)


def _dynamic(path: Path) -> int:
    """Where the dynamic section is in the file."""
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        return int(next(segment for segment in ELFFile(file).iter_segments() if segment["p_type"] == "PT_DYNAMIC")["p_offset"])


@pytest.mark.feature(23)
def test_versions_of_a_name(library: Libraries) -> None:
    """dlsym finds the default version, dlvsym either, and no version that is not there."""
    path = versioned(library)

    def scenario(linker: Linker) -> tuple[int, list[bool]]:
        handle = linker.open(path)
        default, old, new = linker.address(handle, "way"), linker.address(handle, "way", "V1"), linker.address(handle, "way", "V2")
        return linker.call(handle, "way"), [default == new, default == old, bool(old), bool(linker.address(handle, "way", "V3"))]

    assert both(scenario) == (2, [True, False, True, False])


@pytest.mark.feature(23)
@pytest.mark.parametrize(("source", "expected"), [(ASK_OLD, 1), (ASK_NEW, 2)])
def test_reference_to_a_version(library: Libraries, source: str, expected: int) -> None:
    """A reference is bound to the version that it was linked with: an old, hidden one, or the default."""
    way = versioned(library)
    path = library("libuser.so", source, needs=(way,))

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(path), "ask")

    assert both(scenario) == expected


@pytest.mark.feature(23)
def test_reference_without_a_version(library: Libraries) -> None:
    """One that was linked when there were no versions gets the oldest definition (check_match: index 2)."""
    stub = library("libway.so", "int way(void) { return 0; }", folder=library.folder / "stub")
    path = library("libuser.so", ASK_NEW, needs=(stub,))
    versioned(library)

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(path), "ask")

    both(scenario)


@pytest.mark.feature(23)
def test_definition_without_versions(library: Libraries) -> None:
    """A need of a version is served by a definition of a library that has no versions at all, if that comes first."""
    path = library("libuser.so", ASK_NEW, needs=(versioned(library),))
    plain = library("libplain.so", "int way(void) { return 9; }")

    def scenario(linker: Linker) -> int:
        linker.open(plain, NOW | GLOBAL)
        return linker.call(linker.open(path), "ask")

    assert both(scenario) == 9


@pytest.mark.feature(23)
def test_missing_version(library: Libraries) -> None:
    """An error before anything is relocated, with ld.so's own words; nothing stays mapped."""
    way = versioned(library, folder=library.folder / "stub")
    path = library("libuser.so", ASK_NEW, needs=(way,))
    versioned(
        library, "V1 { global: way; local: *; }; V9 { global: own; } V1;", VERSIONED.replace("@@V2", "@@V1").replace('__asm__(".symver old_way, way@V1");', "")
    )

    def scenario(linker: Linker) -> tuple[str, bool]:
        return linker.open(path), bool(maps_of(path))

    message, mapped = both(scenario)
    assert message == f"{library.folder}/libway.so: version `V2' not found (required by {path})"
    assert not mapped


@pytest.mark.feature(23)
def test_weak_need_of_a_version(library: Libraries) -> None:
    """VER_FLG_WEAK: that the version is missing is no error, and the weak reference is 0."""
    way = versioned(library, folder=library.folder / "stub")
    path = library("libuser.so", "extern int way(void) __attribute__((weak)); int ask(void) { return way ? way() : -1; }", needs=(way,))
    versioned(library, "V1 { global: other; local: *; };", "int other;")
    data = bytearray(path.read_bytes())
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".gnu.version_r")
        offset = section["sh_offset"]
        for need, _ in section.iter_versions():
            if need.name == "libway.so":
                data[offset + need["vn_aux"] + 4] |= 2
            offset += need["vn_next"]
    path.write_bytes(data)

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(path), "ask")

    assert both(scenario) == -1


@pytest.mark.feature(24)
def test_weak_undefined_is_zero(library: Libraries) -> None:
    """Function and variable."""
    path = library("libweak.so", "extern int f(void), v; __attribute__((weak)) extern int f(void), v; int ask(void) { return (f != 0) + 2 * (&v != 0); }")

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(path), "ask")

    assert both(scenario) == 0


@pytest.mark.feature(24)
def test_weak_definition_that_comes_first_wins(library: Libraries) -> None:
    """In dynamic linking weak and strong are alike (LD_DYNAMIC_WEAK is not set)."""
    weak = library("libweak.so", "__attribute__((weak)) int value(void) { return 1; }")
    strong = library("libstrong.so", "int value(void) { return 2; }")
    path = library("libuser.so", "extern int value(void); int ask(void) { return value(); }", needs=(weak, strong))

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(path), "ask")

    assert both(scenario) == 1


@pytest.mark.feature(24)
@pytest.mark.parametrize(("visibility", "expected"), [("default", 1), ("protected", 2), ("hidden", 2)])
def test_visibility(library: Libraries, visibility: str, expected: int) -> None:
    """A global definition from before takes the place of a default one, not of a protected or hidden one."""
    one = library("libone.so", "int value = 1;")
    two = library("libtwo.so", f'__attribute__((visibility("{visibility}"))) int value = 2; int ask(void) {{ return value; }}')

    def scenario(linker: Linker) -> int:
        linker.open(one, NOW | GLOBAL)
        return linker.call(linker.open(two), "ask")

    assert both(scenario) == expected


@pytest.mark.feature(24)
def test_hidden_symbols_are_not_found(library: Libraries) -> None:
    """By dlsym; protected ones are."""
    source = '__attribute__((visibility("hidden"))) int secret = 1; __attribute__((visibility("protected"))) int kept = 2; int open_one = 3;'
    path = library("libone.so", source)

    def scenario(linker: Linker) -> list[bool]:
        handle = linker.open(path)
        return [bool(linker.address(handle, name)) for name in ("secret", "kept", "open_one")]

    assert both(scenario) == [False, True, True]


@pytest.mark.feature(24)
def test_absolute_symbol(library: Libraries) -> None:
    """SHN_ABS: the load bias is not added, neither for dlsym nor for a reference; zero is a value, too."""
    absolute = library("libabs.so", '__asm__(".globl fixed\\nfixed = 0x1234\\n.globl nothing\\nnothing = 0");')
    path = library(
        "libuser.so", "extern char fixed[], nothing[]; long a(void) { return (long)fixed; } long b(void) { return (long)nothing; }", needs=(absolute,)
    )

    def scenario(linker: Linker) -> list[int]:
        handle = linker.open(path)
        return [linker.call(handle, "a"), linker.call(handle, "b"), linker.address(handle, "fixed")]

    assert both(scenario) == [0x1234, 0, 0x1234]


UNIQUE = """
.data
.globl only
.type only, @gnu_unique_object
.size only, 4
only: .long %d
.text
.globl bump%d
.type bump%d, @function
bump%d:
  movq only@GOTPCREL(%%rip), %%rax
  incl (%%rax)
  movl (%%rax), %%eax
  ret
"""


def unique(library: Libraries, number: int) -> Path:
    """A library with a unique variable."""
    return library(f"libunique{number}.so", UNIQUE % (number, number, number, number), "-xassembler")


@pytest.mark.feature(24)
def test_unique_symbol_is_one(library: Libraries) -> None:
    """STB_GNU_UNIQUE: two libraries that see nothing else of each other share the one that came first; so does dlsym."""
    one, two = unique(library, 100), unique(library, 200)

    def scenario(linker: Linker) -> list[int]:
        first, second = linker.open(one), linker.open(two)
        values = [linker.call(first, "bump100"), linker.call(second, "bump200"), linker.call(first, "bump100")]
        return [*values, linker.address(first, "only") == linker.address(second, "only")]

    assert both(scenario) == [101, 102, 103, True]


@pytest.mark.feature(24, 38)
def test_unique_symbol_keeps_its_library(library: Libraries) -> None:
    """The library that the definition is in is not unloaded, the others are."""
    one, two = unique(library, 100), unique(library, 200)

    def scenario(linker: Linker) -> list[bool]:
        first, second = linker.open(one), linker.open(two)
        linker.close(first)
        linker.close(second)
        return [bool(maps_of(one)), bool(maps_of(two))]

    assert both(scenario) == [True, False]


@pytest.mark.feature(24)
def test_unique_symbol_of_a_failed_load(library: Libraries) -> None:
    """A library whose load has failed has given no definition."""
    one = unique(library, 100)
    broken = library("libbroken.so", "extern int nowhere(void); int f(void) { return nowhere(); }", "-Wl,-z,now", needs=(unique(library, 200),))

    def scenario(linker: Linker) -> tuple[bool, int]:
        failed = isinstance(linker.open(broken), str)
        return failed, linker.call(linker.open(one), "bump100")

    assert both(scenario) == (True, 101)


@pytest.mark.feature(24)
def test_unique_symbol_that_ld_so_has_bound(library: Libraries) -> None:
    """The definition in a library that ld.so has loaded is the one for ours, too: a process has one."""
    one, two = unique(library, 100), unique(library, 200)

    def scenario() -> tuple[int, int]:
        import ctypes

        theirs = ctypes.CDLL(str(one))
        linker = Ours()
        return theirs.bump100(), linker.call(linker.open(two), "bump200")

    assert in_child(scenario) == (101, 102)
