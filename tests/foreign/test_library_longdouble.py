"""long double in calls of the emulated CPU: binary128 on AArch64 and RISC-V, 80 bits on x86-64. Expected is what the formats can hold, as exact fractions,
which the compilers' own arithmetic in tests/linker/guest_long.c has to agree with."""

from __future__ import annotations

import ctypes
import math
from ctypes import CFUNCTYPE, POINTER, c_char, c_double, c_float, c_int, c_long, c_longdouble
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

import miniload
from foreign.libraries import HOST
from miniload.linker.guest.longdouble import HOST_IS_X87, LongDouble, quad_of, quad_of_x87, x87_of_quad

if TYPE_CHECKING:
    from foreign.libraries import Libraries
    from miniload.linker.library import Library

pytestmark = pytest.mark.feature(12)
BITS = {"aarch64": 113, "riscv64": 113, "x86_64": 64}
"""Of a number, its first included."""
BYTES = {"aarch64": 16, "riscv64": 16, "x86_64": 10}


class One(ctypes.Structure):
    _fields_ = (("a", LongDouble),)


class Two(ctypes.Structure):
    _fields_ = (("a", LongDouble), ("b", LongDouble))


class Mixed(ctypes.Structure):
    _fields_ = (("i", c_int), ("x", LongDouble), ("c", c_char))


class Five(ctypes.Structure):
    _fields_ = (("a", LongDouble * 5),)


class Bits(ctypes.Union):
    _fields_ = (("x", LongDouble), ("bytes", ctypes.c_ubyte * 16))


@pytest.fixture(scope="module")
def library(machine: str, libraries: Libraries) -> Library:
    """It needs nobody: the arithmetic of binary128 is within it."""
    return miniload.load(libraries(machine, "guest_long.c"), arch=machine)


@pytest.fixture
def fine(machine: str) -> Fraction:
    """A number whose last bit counts."""
    return 1 + Fraction(1, 2 ** (BITS[machine] - 1))


def test_a_result_and_an_argument(machine: str, library: Library) -> None:
    """1/3 as the compiler has it: the nearest number of the format, and found equal when it comes back."""
    third, is_third = library["third"], library["is_third"]
    third.restype, is_third.argtypes = LongDouble, (LongDouble,)
    for _ in range(10):  # more than there are registers in the x87's stack
        found = third()
    scale = 2 ** (BITS[machine] + 1)
    assert found.exact == Fraction(round(Fraction(scale, 3)), scale)
    assert is_third(found) == 1
    assert is_third(LongDouble(Fraction(1, 3))) == 1
    assert is_third(1 / 3) == 0
    third.restype = c_longdouble
    assert third() == 1 / 3


def test_every_bit_arrives(machine: str, fine: Fraction, library: Library) -> None:
    """As the source's memcpy shows it, beside the format's definition; both zeros, the smallest and the largest numbers, infinities and NaN."""
    bytes_of = library["bytes_of"]
    bytes_of.argtypes = (LongDouble, ctypes.c_void_p)
    largest = (2 - Fraction(1, 2 ** (BITS[machine] - 1))) * Fraction(2) ** 16383
    smallest = Fraction(1, 2 ** (16382 + BITS[machine] - 1))
    for value in (fine, -fine, 0, -0.0, smallest, 3 * smallest, largest, -largest, math.inf, -math.inf, math.nan, Decimal("0.1"), "1e-4000", 10**30 + 1):
        out = ctypes.create_string_buffer(16)
        bytes_of(LongDouble(value), out)
        expected = quad_of(value) if BITS[machine] == 113 else x87_of_quad(quad_of(value))
        assert out.raw[: BYTES[machine]] == expected[: BYTES[machine]]


def test_sums(fine: Fraction, library: Library) -> None:
    """fine - 1 is the last bit alone: exact in either format. fine + 1 has one bit too many, a tie, and the even neighbour is 2."""
    add = library["add"]
    add.restype, add.argtypes = LongDouble, (LongDouble, LongDouble)
    assert add(LongDouble(fine), LongDouble(-1)).exact == fine - 1
    assert add(LongDouble(fine), 1.0).exact == 2


def test_many_arguments(fine: Fraction, library: Library) -> None:
    """More than registers hold, with others between them: on RISC-V one is half in a register, half on the stack. The source's weights tell which is which."""
    many = library["many"]
    long = LongDouble
    many.restype = long
    many.argtypes = (c_int, long, c_double, long, c_long, long, c_int, long, c_float, long, c_long, long, long, long, long, long, long, c_int)
    values = [3, fine, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61]
    expected = sum(weight * value for weight, value in enumerate(values, 1))
    scale = Fraction(2) ** (fine.denominator.bit_length() - 1 - math.floor(math.log2(expected)))
    got = many(*[value if kind in (c_int, c_long, c_double, c_float) else LongDouble(value) for kind, value in zip(many.argtypes, values, strict=True)])
    assert abs(got.exact - expected) * scale <= 1
    for at, kind in enumerate(many.argtypes):
        some = [kind(0) for kind in many.argtypes]
        some[at] = kind(1)
        assert many(*some).exact == at + 1


def test_structures(fine: Fraction, library: Library) -> None:
    """By value: alone, two (in vector registers on AArch64), with others, large; and in a union with bytes."""
    for name, kind in (("negate", One), ("swap", Two), ("next", Mixed), ("turn", Five), ("flip", Bits)):
        function = getattr(library, name)
        function.restype, function.argtypes = kind, (kind,)
    assert library.negate(One(LongDouble(fine))).a.exact == -fine
    swapped = library.swap(Two(LongDouble(fine), LongDouble(2)))
    assert (swapped.a.exact, swapped.b.exact) == (2, fine)
    mixed = library.next(Mixed(1, LongDouble(fine - 1), b"a"))
    assert (mixed.i, mixed.x.exact, mixed.c) == (2, fine, b"b")
    turned = library.turn(Five((LongDouble * 5)(*[LongDouble(fine * 2**n) for n in range(5)])))
    assert [number.exact for number in turned.a] == [fine * 2 ** (4 - n) for n in range(5)]
    assert library.flip(Bits(LongDouble(1))).x.exact == fine


def test_variadic_ones(fine: Fraction, library: Library) -> None:
    """An int and a long double by turns: on RISC-V a variadic one has an aligned pair of registers."""
    total = library["sum"]
    total.restype, total.argtypes = LongDouble, (c_int,)
    assert total(2, 1, LongDouble(fine), 4, LongDouble(0)).exact == fine
    assert total(5, *[part for n in range(5) for part in (n, LongDouble(2))]).exact == 20
    assert total(1, 3, c_longdouble(0.5)).exact == Fraction(3, 2)


def test_callbacks(fine: Fraction, library: Library) -> None:
    """Python gets one and gives one, as a number of its own and in a structure; again and again, so that nothing is left on the x87's stack."""
    apply, apply_one = library["apply"], library["apply_one"]
    apply.restype, apply.argtypes = LongDouble, (CFUNCTYPE(LongDouble, c_int, LongDouble), LongDouble)
    apply_one.restype, apply_one.argtypes = One, (CFUNCTYPE(One, One), One)
    seen = []

    def take(factor: int, number: LongDouble) -> LongDouble:
        seen.append((factor, number.exact))
        return LongDouble(-1)

    for _ in range(10):
        assert apply(take, LongDouble(fine)).exact == fine - 1
    assert seen == [(3, fine)] * 10
    assert apply_one(lambda one: One(LongDouble(2 * one.a.exact)), One(LongDouble(fine))).a.exact == -2 * fine


def test_memory(fine: Fraction, library: Library) -> None:
    """Arrays that are copied there and back, and a pointer that is followed."""
    numbers = (LongDouble * 3)(LongDouble(fine), LongDouble(2), LongDouble(3))
    library["twice"](numbers, 3)
    assert [number.exact for number in numbers] == [2 * fine, 4, 6]
    plain = (c_longdouble * 2)(0.1, 3)
    library["twice"](plain, 2)
    assert list(plain) == [0.2, 6]
    keep = library["keep"]
    keep.restype, keep.argtypes = POINTER(LongDouble), (LongDouble,)
    pointer = keep(LongDouble(fine))
    assert (pointer[0].exact, pointer.contents.exact) == (fine, fine)
    pointer[0] = LongDouble(5)
    assert pointer[0].exact == 5


def test_formats_are_those_of_this_machine() -> None:
    """Numbers that ctypes stores, among them many with few bits and the extremes: to the other format and back."""
    if not HOST_IS_X87:
        pytest.skip(f"{HOST} has no 80-bit numbers")
    for value in (0.0, -0.0, 1.0, -1 / 3, 5e-324, 1.7e308, math.inf, -math.inf, math.pi):
        stored = bytes(c_longdouble(value))[:10].ljust(16, b"\0")
        assert x87_of_quad(quad_of_x87(stored)) == stored
        assert quad_of_x87(stored) == quad_of(value)
    assert math.isnan(LongDouble(math.nan).value)
    assert LongDouble(Fraction(2) ** 20000).value == math.inf


def test_unnormal_numbers_of_the_x87_are_none() -> None:
    """Without the first bit, which the 8087's successors refuse: NaN; a denormal that has it counts as the smallest normal one."""
    assert math.isnan(LongDouble.from_buffer_copy(quad_of_x87(bytes(7) + b"\x40\xff\x3f" + bytes(6))).value)
    assert LongDouble.from_buffer_copy(quad_of_x87(bytes(7) + b"\x80\0\0" + bytes(6))).exact == Fraction(1, 2**16382)
