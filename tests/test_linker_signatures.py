"""Signatures from DWARF: calls without argtypes or restype being set by hand."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest
from support import ZIG_CC, need

import miniload
from miniload.errors import ElfError, UnsupportedError
from miniload.linker.library import Library
from miniload.linker.signatures import Signatures

SOURCE = r"""
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
typedef struct { int x; double y; } point;
struct node { struct node *next; long value; };
struct mixed { char letter; short pair[2]; union { float f; unsigned u; } either; point *where; unsigned low : 3, high : 5; };
struct __attribute__((packed)) tight { char a; int b; };
enum color { RED = -1, GREEN, BLUE };
typedef int (*compare)(const void *, const void *);
double scale(float a, double b) { return a * b; }
point move_by(point p, int dx, double dy) { p.x += dx; p.y += dy; return p; }
const char *find(const char *text, char what) { return strchr(text, what); }
long sum(struct node *list) { long s = 0; for (; list; list = list->next) s += list->value; return s; }
long total(int count, ...) { va_list a; va_start(a, count); long s = 0; while (count--) s += va_arg(a, int); va_end(a); return s; }
enum color next(enum color c) { return c + 1; }
uint64_t wide(int8_t a, uint16_t b) { return (uint64_t)a + b; }
bool both(bool a, bool b) { return a && b; }
int fold(int (*f)(int, int), const int *numbers, unsigned long count) { int s = 0; while (count--) s = f(s, *numbers++); return s; }
unsigned mixed_sum(struct mixed m) { return m.letter + m.pair[0] + m.pair[1] + m.either.u + m.where->x + m.low + m.high; }
int tight_sum(struct tight t) { return t.a + t.b; }
void fill(int a[3]) { a[0] = 1; a[1] = 2; a[2] = 3; }
void nothing(void) {}
long double precise(long double x) { return x / 3; }
_Complex double turn(_Complex double z) { return z; }
void *same(void *p) { return p; }
"""


def build(folder: Path, *flags: str, compiler: tuple[str, ...] = ("gcc",), name: str = "libsig.so") -> Path:
    need(compiler[0])
    (folder / "sig.c").write_text(SOURCE)
    subprocess.run([*compiler, "-shared", "-fPIC", str(folder / "sig.c"), "-o", str(folder / name), *flags], check=True)
    return folder / name


@pytest.fixture(params=["gcc -g -O2", "gcc -g -gdwarf-4 -O0", "clang -g -O1"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The library as different compilers describe it."""
    first, *flags = request.param.split()
    return build(tmp_path, *flags, compiler=("gcc",) if first == "gcc" else (*ZIG_CC, "-fno-sanitize=all", "-target", "x86_64-linux-gnu"))


def test_calls_convert_as_the_source_says(path: Path) -> None:
    """Every kind of type; what is expected is C's arithmetic."""
    with miniload.load(str(path), signatures=True) as library:
        assert library.scale(1.5, 4) == 6.0
        assert library.find(b"hello", b"l") == b"llo"
        assert library.total(3, 1, 20, 300) == 321
        assert [library.next(-1), library.next(0)] == [0, 1]
        assert library.wide(-1, 1) == 0
        assert library.both(True, True) is True
        assert library.precise(1.0) == pytest.approx(1 / 3)
        assert library.same(0x7FFF_FFFF_FFFF) == 0x7FFF_FFFF_FFFF
        assert library.nothing() is None
        with pytest.raises(ctypes.ArgumentError):
            library.scale("text", 1)


def test_structures_go_by_value(path: Path) -> None:
    """Into and out of the function, with their names for fields."""
    with miniload.load(str(path), signatures=True) as library:
        moved = library.move_by(library.move_by.argtypes[0](3, 0.5), 4, 0.25)
        assert (moved.x, moved.y) == (7, 0.75)
        mixed = library.mixed_sum.argtypes[0]
        point = dict(mixed._fields_[:4])["where"]._type_
        assert library.mixed_sum(mixed(1, (2, 3), type(mixed().either)(u=4), ctypes.pointer(point(5, 0.0)), 6, 7)) == 28


def test_pointers_callbacks_and_arrays(path: Path) -> None:
    """Lists that refer to themselves, functions as arguments, arrays that are pointers."""
    with miniload.load(str(path), signatures=True) as library:
        node = library.sum.argtypes[0]._type_
        last = node(None, 20)
        assert library.sum(node(ctypes.pointer(last), 1)) == 21
        callback = library.fold.argtypes[0](lambda a, b: 10 * a + b)
        assert library.fold(callback, (ctypes.c_int * 3)(1, 2, 3), 3) == 123
        array = (ctypes.c_int * 3)()
        library.fill(array)
        assert list(array) == [1, 2, 3]


def test_what_ctypes_cannot_pass_is_left_alone(path: Path) -> None:
    """Packed structures and complex numbers: no signature rather than a wrong one."""
    signatures = Signatures(str(path))
    assert signatures.get("tight_sum") is None
    assert signatures.get("turn") is None
    assert signatures.get("no_such_function") is None
    assert signatures.get("total").variadic  # type: ignore[union-attr]


def test_without_debugging_information_calls_are_as_ever(tmp_path: Path) -> None:
    """argtypes None, restype int."""
    with miniload.load(str(build(tmp_path, "-O1", "-s")), signatures=True) as library:
        assert isinstance(library, Library)
        assert library.total.argtypes is None
        assert library.total(2, 3, 4) == 7


@pytest.mark.parametrize("arch", ["aarch64", "riscv64"])
def test_foreign_files_say_the_same(arch: str, tmp_path: Path) -> None:
    """LP64 everywhere: the same types as those of this machine's file."""
    here = Signatures(str(build(tmp_path, "-g", "-O1", name="here.so")))
    there = Signatures(str(build(tmp_path, "-g", "-O1", compiler=(*ZIG_CC, "-fno-sanitize=all", "-target", f"{arch}-linux-gnu"), name="there.so")))
    for name in ("scale", "find", "total", "next", "wide", "both", "same", "nothing"):
        one, two = here.get(name), there.get(name)
        assert one == two is not None


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "riscv64"])
def test_object_files_have_signatures(arch: str, tmp_path: Path) -> None:
    """Their DWARF is relocated on reading: the same signatures as in the shared object."""
    shared = Signatures(str(build(tmp_path, "-g", "-O1")))
    compiler = [*ZIG_CC, "-fno-sanitize=all", "-target", f"{arch}-linux-gnu"]
    subprocess.run([*compiler, "-c", "-g", "-fPIC", "-O1", str(tmp_path / "sig.c"), "-o", str(tmp_path / "sig.o")], check=True)
    signatures = Signatures(str(tmp_path / "sig.o"))
    for name in ("scale", "find", "total", "next", "wide", "both", "same", "nothing"):
        assert signatures.get(name) == shared.get(name) is not None


def test_functions_of_an_object_file_are_called_with_them(tmp_path: Path) -> None:
    """Without anything set by hand."""
    need("gcc")
    (tmp_path / "sig.c").write_text(SOURCE)
    subprocess.run(["gcc", "-c", "-g", "-fPIC", "-O1", str(tmp_path / "sig.c"), "-o", str(tmp_path / "sig.o")], check=True)
    with miniload.load(str(tmp_path / "sig.o"), signatures=True) as library:
        assert library.scale(2.5, 2) == 5.0


def test_broken_debugging_information_is_a_typed_error(tmp_path: Path) -> None:
    """Whatever pyelftools raises."""
    path = build(tmp_path, "-g", "-gno-column-info")
    listing = subprocess.run(["readelf", "-SW", str(path)], capture_output=True, text=True, check=True).stdout
    row = next(line.partition("]")[2].split() for line in listing.splitlines() if " .debug_info " in line)
    offset, size = int(row[3], 16), int(row[4], 16)
    data = bytearray(path.read_bytes())
    data[offset + 12 : offset + size] = b"\xff" * (size - 12)
    path.write_bytes(data)
    with pytest.raises(ElfError):
        Signatures(str(path)).get("scale")


def test_bytes_have_no_signatures(tmp_path: Path) -> None:
    """They are read from a file."""
    with pytest.raises(UnsupportedError):
        miniload.load(build(tmp_path, "-g").read_bytes(), signatures=True)
