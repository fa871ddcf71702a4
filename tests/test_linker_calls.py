"""Calls of native functions: they are ctypes' own function objects, so all that ctypes can do with them works. The oracle is ctypes.CDLL, beside."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from inside_support import agree, library
from support import need

import miniload
from miniload.errors import SymbolError

TYPES = """
class Point(ctypes.Structure):
    _fields_ = (("x", ctypes.c_double), ("y", ctypes.c_double))
class Small(ctypes.Structure):
    _fields_ = (("a", ctypes.c_char), ("b", ctypes.c_int))
class Large(ctypes.Structure):
    _fields_ = (("words", ctypes.c_long * 6),)
class Mixed(ctypes.Structure):
    _fields_ = (("d", ctypes.c_double), ("l", ctypes.c_long))
library = load("values.so")
def function(name, result, *arguments):
    made = library[name]
    made.restype, made.argtypes = result, arguments
    return made
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library."""
    need("gcc")
    folder = tmp_path_factory.mktemp("values")
    library(folder, "values.so", "values.c")
    return folder


def test_arguments_and_results_have_types(folder: Path) -> None:
    """argtypes convert, restype says what comes back, errcheck sees it; wrong arguments are refused."""
    text = """
scale = function("scale", ctypes.c_double, ctypes.c_double, ctypes.c_float)
print(scale(3, 0.5), function("greet", ctypes.c_char_p)(), library.greet.__name__)
scale.errcheck = lambda result, called, arguments: (result, arguments)
print(scale(2, 4))
try:
    scale("x", 1)
except ctypes.ArgumentError as error:
    print(error)
"""
    assert agree(folder, TYPES + text).startswith("1.5 b'hello' greet\n(8.0, (2, 4))\n")


def test_structures_go_by_value(folder: Path) -> None:
    """In registers of one class, of two, and in memory, as argument and result."""
    text = """
p = function("swap", Point, Point)(Point(1, 2))
s = function("bump", Small, Small)(Small(b"a", 5))
l = function("reverse", Large, Large)(Large((1, 2, 3, 4, 5, 6)))
m = function("exchange", Mixed, Mixed)(Mixed(7.5, 9))
print(p.x, p.y, s.a, s.b, list(l.words), m.d, m.l)
"""
    assert agree(folder, TYPES + text) == "2.0 1.0 b'b' 4 [6, 5, 4, 3, 2, 1] 9.0 7\n"


def test_variadic_functions(folder: Path) -> None:
    """Arguments beyond argtypes are passed as what they are."""
    text = "total = function('sum', ctypes.c_double, ctypes.c_int)\nprint(total(3, *[ctypes.c_double(x) for x in (1.5, 2.5, 3.5)]), total(0))"
    assert agree(folder, TYPES + text) == "7.5 0.0\n"


def test_callbacks(folder: Path) -> None:
    """Python functions called from C, with a structure that they change, and through libc's qsort."""
    text = """
@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(Point))
def add(number, point):
    point.contents.x += number
    return number * 10
print(library.apply(add, 4))
numbers = (ctypes.c_int * 5)(3, 1, 2, 5, 4)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: b[0] - a[0])
library.sort(numbers, ctypes.c_size_t(5), compare)
print(list(numbers))
"""
    assert agree(folder, TYPES + text) == "69\n[5, 4, 3, 2, 1]\n"


def test_variables(folder: Path) -> None:
    """A variable is at its place: what Python stores the library reads; a thread-local one is the calling thread's."""
    text = """
def variable(name, kind):
    return library.variable(name, kind) if OPENER == "miniload" else kind.in_dll(library, name)
number, own = variable("number", ctypes.c_int), variable("own", ctypes.c_int)
number.value += 1
own.value += 1
print(number.value, library.get_number(), variable("origin", Point).y, variable("text", ctypes.c_char_p).value, library.get_own())
"""
    assert agree(folder, TYPES + text) == "43 43 2.5 b'hello' 8\n"


def test_a_name_that_is_not_there(folder: Path) -> None:
    """SymbolError, which is an AttributeError, as ctypes raises."""
    with miniload.load(str(folder / "values.so")) as values:
        with pytest.raises(SymbolError, match="nothing_like_it"):
            values.nothing_like_it()
        with pytest.raises(AttributeError, match="no_variable"):
            values.variable("no_variable", ctypes.c_int)
