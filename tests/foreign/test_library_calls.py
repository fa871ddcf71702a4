"""Calls of a guest's functions from Python. The oracle is the same C source, compiled for this machine and called through ctypes with the same types."""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_bool,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int8,
    c_int16,
    c_int32,
    c_int64,
    c_size_t,
    c_ubyte,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import TYPE_CHECKING, Any

import pytest

import miniload

if TYPE_CHECKING:
    from collections.abc import Callable

    from foreign.libraries import Libraries
    from miniload.linker.library import Library

SOURCE = "guest_calls.c"


class OneInt(Structure):
    _fields_ = (("a", c_int32),)


class IntFloat(Structure):
    _fields_ = (("a", c_int32), ("b", c_float))


class TwoDoubles(Structure):
    _fields_ = (("a", c_double), ("b", c_double))


class FourFloats(Structure):
    _fields_ = (("a", c_float), ("b", c_float), ("c", c_float), ("d", c_float))


class ThreeDoubles(Structure):
    _fields_ = (("a", c_double), ("b", c_double), ("c", c_double))


class ThreeChars(Structure):
    _fields_ = (("a", c_char * 3),)


class LongDoublePair(Structure):
    _fields_ = (("a", c_int64), ("b", c_double))


class TwoLongs(Structure):
    _fields_ = (("a", c_int64), ("b", c_int64))


class Large(Structure):
    _fields_ = (("a", c_int64), ("b", c_int64), ("c", c_int64), ("d", c_int64), ("e", c_int64))


class FloatIntFloat(Structure):
    _fields_ = (("a", c_float), ("b", c_int32), ("c", c_float))


class Nested(Structure):
    _fields_ = (("a", IntFloat), ("b", c_int16))


INTEGERS = (c_int8, c_uint8, c_int16, c_uint16, c_int32, c_uint32, c_int64, c_uint64, c_int8, c_uint16, c_int32, c_uint32)
MIXED = (c_int, c_float, c_int64, c_double, c_int8, c_float, c_uint64, c_double, *(c_int, c_float, c_int, c_double) * 2, *(c_int, c_float) * 2)
CROWD = (c_int, TwoLongs, c_int, TwoLongs, TwoLongs, IntFloat, TwoDoubles, FourFloats, ThreeDoubles, LongDoublePair, OneInt, Large, c_double, c_int)
NARROW = (("int8", c_int8), ("uint8", c_uint8), ("int16", c_int16), ("uint16", c_uint16))
WORDS = (("int32", c_int32), ("uint32", c_uint32))
CASES: list[tuple[str, Any, tuple[Any, ...], tuple[Any, ...]]] = [
    ("integers", c_int64, INTEGERS, (-1, 255, -300, 65535, -70000, 1 << 31, -(1 << 40), 1 << 50, -128, 40000, -5, (1 << 32) - 1)),
    ("doubles", c_double, (c_double,) * 10, tuple(1.5**n for n in range(10))),
    ("mixed", c_double, MIXED, tuple(n if kind not in (c_float, c_double) else n / 4 for n, kind in enumerate(MIXED, 1))),
    *((f"give_{name}", kind, (c_int,), (value,)) for name, kind in NARROW for value in (-2, 70000)),
    *((f"give_{name}", kind, (c_int64,), (value,)) for name, kind in WORDS for value in (-2, 1 << 31, 5 << 33)),
    ("give_bool", c_bool, (c_int,), (3,)),
    ("give_bool", c_bool, (c_int,), (4,)),
    ("give_float", c_float, (c_float,), (2.5,)),
    ("give_double", c_double, (c_float,), (2.5,)),
    ("with_one_int", OneInt, (OneInt, c_int), (OneInt(-7), 3)),
    ("with_int_float", IntFloat, (IntFloat, c_int), (IntFloat(-7, 2.5), 3)),
    ("with_two_doubles", TwoDoubles, (c_int, TwoDoubles), (3, TwoDoubles(1.25, -2.5))),
    ("with_four_floats", FourFloats, (FourFloats, c_float), (FourFloats(1.5, 2.5, 3.5, 4.5), 2.0)),
    ("with_three_doubles", ThreeDoubles, (ThreeDoubles, c_double), (ThreeDoubles(1.5, 2.5, 3.5), 2.0)),
    ("with_three_chars", ThreeChars, (ThreeChars,), (ThreeChars(b"xyz"),)),
    ("with_long_double_pair", LongDoublePair, (LongDoublePair, c_int), (LongDoublePair(-(1 << 40), 0.1), 3)),
    ("with_two_longs", TwoLongs, (TwoLongs, c_int), (TwoLongs(-(1 << 40), 1 << 50), 3)),
    ("with_large", Large, (Large, c_int), (Large(1, -2, 3, -4, 5), 10)),
    ("with_float_int_float", FloatIntFloat, (FloatIntFloat, c_int), (FloatIntFloat(1.5, -3, 2.5), 10)),
    ("with_nested", Nested, (Nested,), (Nested(IntFloat(9, 4.0), -3),)),
    (
        "crowd", c_double, CROWD,
        (
            1, TwoLongs(2, 3), 4, TwoLongs(5, 6), TwoLongs(7, 8), IntFloat(9, 10.5), TwoDoubles(11, 12), FourFloats(13, 14, 15, 16), ThreeDoubles(17, 18, 19),
            LongDoublePair(20, 21), OneInt(22), Large(23, 24, 25, 26, 27), 28.5, 29,
        ),
    ),
    ("variadic", c_double, (c_char_p,), (b"iii", c_int(1), c_int(-2), c_int(3))),
    ("variadic", c_double, (c_char_p,), (b"ididididididididid", *(c_int(n) if n % 2 else c_double(n / 8) for n in range(1, 19)))),
    ("variadic", c_double, (c_char_p,), (b"dpdlp", c_double(1.5), TwoLongs(1, 2), c_double(2.5), ctypes.c_long(-9), TwoLongs(3, 4))),
    ("variadic", c_double, (c_char_p,), (b"sds", c_char_p(b"A"), c_double(-1.0), c_char_p(b"b"))),
    ("length", c_size_t, (c_char_p,), (b"four",)),
    ("length", c_size_t, (c_char_p,), (None,)),
    ("sum", c_int64, (POINTER(c_int32), c_int), ((c_int32 * 5)(1, -2, 3, -4, 1 << 30), 5)),
    ("text", c_char_p, (c_int,), (1,)),
    ("text", c_char_p, (c_int,), (0,)),
]  # fmt: skip


def call(library: Any, name: str, restype: Any, argtypes: tuple[Any, ...], arguments: tuple[Any, ...]) -> Any:
    """A call through ctypes or what is like it."""
    function = library[name]
    function.restype, function.argtypes = restype, argtypes
    result = function(*arguments)
    return bytes(result) if isinstance(result, Structure) else result


def values(result: Any, kind: Any) -> Any:
    """What can be compared: of a structure the fields, for padding may be anything."""
    if not isinstance(result, bytes) or not issubclass(kind, Structure):
        return result
    return fields(kind.from_buffer_copy(result))


def fields(structure: Structure) -> list[Any]:
    found = (getattr(structure, field[0]) for field in structure._fields_)
    return [fields(value) if isinstance(value, Structure) else value for value in found]


@pytest.fixture(scope="module")
def library(machine: str, libraries: Libraries) -> Library:
    """The library alone in an emulated CPU."""
    return miniload.load(libraries(machine, SOURCE), arch=machine)


@pytest.fixture(scope="module")
def native(libraries: Libraries) -> ctypes.CDLL:
    return libraries.native(SOURCE)


@pytest.mark.feature(12, 13)
@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{index}" for index, case in enumerate(CASES)])
def test_values_go_and_come_as_the_convention_says(library: Library, native: ctypes.CDLL, case: tuple[str, Any, tuple[Any, ...], tuple[Any, ...]]) -> None:
    """Integers of every width, floats, structures, variadic arguments, in registers and on the stack. ctypes calls this machine's copy."""
    name, restype, argtypes, arguments = case
    assert values(call(library, name, restype, argtypes, arguments), restype) == values(call(native, name, restype, argtypes, arguments), restype)


def test_without_types_integers_are_words_and_floats_doubles(library: Library) -> None:
    """The sum is computed by hand: 1*1 + 2*2 + ..., for arguments that are all the same kind."""
    assert library["trivial"](40, 2) == 42
    function = library["give_double"]
    function.restype = c_double
    assert function(c_float(1.5)) == 0.5


def test_wrong_types_are_refused(library: Library, native: ctypes.CDLL) -> None:
    """As ctypes refuses them, with its own exception."""
    for where in (library, native):
        function = where["with_large"]
        function.argtypes, function.restype = (Large, c_int), Large
        for arguments in ((TwoLongs(1, 2), 3), (Large(), "text"), (Large(), 2.5)):
            with pytest.raises(ctypes.ArgumentError):
                function(*arguments)
        with pytest.raises(TypeError):
            function(Large())


@pytest.mark.parametrize("make", [lambda: bytearray(b"abcdef"), lambda: ctypes.create_string_buffer(b"abcdef", 6), lambda: (c_ubyte * 6)(*b"abcdef")])
def test_what_can_be_changed_gets_what_the_call_leaves(library: Library, make: Callable[[], Any]) -> None:
    """reverse() turns its bytes round in place."""
    data = make()
    assert library["reverse"](data, 6) == 6
    assert bytes(data) == b"fedcba"


def test_large_arguments_have_room(library: Library) -> None:
    """More than the stack is ready for: 5 MB, turned round in place."""
    data = bytearray(b"xy" * 2500000)
    assert library["reverse"](data, len(data)) == 5000000
    assert data == b"yx" * 2500000


def test_variables_by_reference(library: Library) -> None:
    """byref() and pointer() as ctypes has them: halve(7) is 3.5, remainder 1."""
    value, rest = c_double(7), c_int()
    library["halve"](byref(value), ctypes.pointer(rest))
    assert (value.value, rest.value) == (3.5, 1)
    large = Large(1, 2, 3, 4, 5)
    library["grow"](byref(large))
    assert fields(large) == [2, 2, 3, 4, 10]


def test_one_object_has_one_address_in_a_call(library: Library) -> None:
    """same() compares two pointers."""
    buffer, other = bytearray(8), bytearray(8)
    assert library["same"](buffer, buffer) == 1
    assert library["same"](buffer, other) == 0


def test_pointers_that_come_back_can_be_followed(library: Library) -> None:
    """The table in the source is 10, 20, 30, 40; what is stored through the pointer is there for the next."""
    function = library["numbers"]
    function.restype = POINTER(c_int32)
    pointer = function()
    assert [pointer[index] for index in range(4)] == [10, 20, 30, 40]
    pointer[3] = -1
    assert function()[3] == -1
    pointer[3] = 40
    total = library["sum"]
    total.restype = c_int64
    assert total(pointer, 4) == 100


BINARY = CFUNCTYPE(c_int, c_int, c_int)
OF_ALL_KINDS = CFUNCTYPE(c_double, c_int, c_double, c_float, c_int64, TwoDoubles, Large, c_char_p)
OF_LARGE = CFUNCTYPE(Large, Large)
OF_MANY = CFUNCTYPE(c_int64, *[c_int] * 10)
OF_LONGS = CFUNCTYPE(c_int64, c_int64, c_int64)


@pytest.mark.feature(26)
def test_python_functions_are_called_back(library: Library, native: ctypes.CDLL) -> None:
    """Arguments of all kinds, structures in and out, ten integers: as ctypes calls the same Python functions from this machine's copy."""

    def of_all_kinds(a: int, b: float, c: float, d: int, e: TwoDoubles, f: Large, g: bytes) -> float:
        return a + 2 * b + 3 * c + 5 * d + 7 * e.a + 11 * e.b + 13 * f.a + 17 * f.e + len(g)

    def many(*numbers: int) -> int:
        return sum(place * number for place, number in enumerate(numbers))

    cases: list[tuple[str, Any, Any, Callable[..., Any], tuple[int, ...]]] = [
        ("apply", c_int, BINARY, lambda a, b: a * 10 - b, (7, -3)),
        ("apply_mixed", c_double, OF_ALL_KINDS, of_all_kinds, (3,)),
        ("apply_many", c_int64, OF_MANY, many, (100,)),
        ("fold", c_int64, OF_LONGS, lambda a, b: a % 1000 + b, (20,)),
    ]
    for name, restype, prototype, function, numbers in cases:
        results = []
        for where in (library, native):
            callee = where[name]
            callee.argtypes, callee.restype = (prototype, *[c_int64 if restype is c_int64 and name == "fold" else c_int] * len(numbers)), restype
            results.append(callee(prototype(function) if where is native else function, *numbers))
        assert results[0] == results[1], name


def test_a_callback_gives_a_large_structure(library: Library) -> None:
    """ctypes cannot do that; by the source it is the new a and ten times the new e."""
    function = library["apply_large"]
    function.argtypes, function.restype = (OF_LARGE, c_int64), c_int64
    assert function(lambda large: Large(large.a * 2, 0, 0, 0, large.e + 5), 21) == 42 + 10 * 9


def test_callbacks_call_the_guest_again(library: Library) -> None:
    """Each level adds 1: apply(apply(...)), eight deep, with trivial(a, b) innermost."""
    apply, trivial = library["apply"], library["trivial"]
    apply.argtypes = (BINARY, c_int, c_int)

    def down(a: int, b: int) -> int:
        result: int = trivial(a, b) if a == 0 else apply(down, a - 1, b)
        return result

    assert apply(down, 8, 100) == 100 + 9


def test_a_callback_is_kept_and_called_later(library: Library) -> None:
    """keep() stores the pointer; after free() the address stands for nothing, and calling it is a fault."""
    callback = library.target.callback(lambda a, b: a + 1000 * b, BINARY)
    library["keep"](callback)
    assert library["use_kept"](7) == 2007
    callback.free()
    with pytest.raises(miniload.errors.GuestFault):
        library["use_kept"](7)


def test_an_exception_in_a_callback_ends_the_call(library: Library) -> None:
    """It comes out of the guest's function, and the guest can be called again; one that an outer callback catches leaves the outer call as it was."""
    apply, trivial = library["apply"], library["trivial"]
    apply.argtypes = (BINARY, c_int, c_int)

    def fails(_a: int, _b: int) -> int:
        raise KeyError("of Python's")

    with pytest.raises(KeyError, match="of Python's"):
        apply(fails, 1, 2)

    def catches(a: int, b: int) -> int:
        with pytest.raises(KeyError):
            apply(fails, 1, 2)
        return a + b

    assert apply(catches, 4, 5) == 10
    assert trivial(2, 3) == 5


@pytest.mark.feature(29, 31)
def test_thread_local_variables(library: Library) -> None:
    """The source's initial values; TLS descriptors on AArch64, __tls_get_addr on the others."""
    before = library["count"](0)
    assert library["count"](2) == before + 2
    text = library["local_text"]
    text.restype = c_char_p
    assert text() == b"local"


@pytest.mark.feature(33)
def test_constructors_have_run(library: Library) -> None:
    """The constructor stores 1234."""
    address = library.address("constructed")
    assert int.from_bytes(library.target.space.read(address, 4), "little") == 1234


def test_an_address_can_be_called_and_passed(library: Library, native: ctypes.CDLL) -> None:
    """A guest's function where a pointer to one is wanted: apply(trivial, 3, 4) is 8."""
    apply = library["apply"]
    apply.argtypes = (c_void_p, c_int, c_int)
    assert apply(library.address("trivial"), 3, 4) == 8
    assert library["apply"](library["trivial"], 3, 4) == 8


def test_errcheck_sees_the_result(library: Library) -> None:
    """As in ctypes: (result, function, arguments)."""
    function = library["trivial"]
    function.errcheck = lambda result, called, arguments: (result, called is function, arguments)
    assert function(1, 2) == (3, True, (1, 2))
