"""long double: IEEE 754's binary128 on AArch64 and RISC-V, the x87's 80 bits on x86-64, each in 16 bytes. ctypes has this machine's, and gives it as a float;
LongDouble keeps every bit of either."""

from __future__ import annotations

import ctypes
from fractions import Fraction
from functools import cache
from math import copysign, inf, isnan, nan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any

SIZE = 16
WIDE = "g"
"""ctypes' letter for it."""
SPECIAL, BIAS = 0x7FFF, 16383
"""The exponent of infinities and NaNs, and what is added to an exponent: the same in both formats."""
FRACTION, SIGNIFICAND = 112, 64
"""Bits of binary128's fraction, and of the 80-bit format's significand, whose first bit is written out."""
DROPPED = FRACTION + 1 - SIGNIFICAND
HOST_IS_X87 = bytes(ctypes.c_longdouble(1))[9] == 0x3F


def _rounded(value: int, bits: int) -> int:
    """Without the last bits: to the nearest, ties to even."""
    kept, rest, half = value >> bits, value & (1 << bits) - 1, 1 << bits - 1
    return kept + (rest > half or (rest == half and kept & 1))


def quad_of_x87(data: bytes) -> bytes:
    """binary128 of an 80-bit number: exact. What the CPU takes for no number at all is a NaN."""
    significand, top = int.from_bytes(data[:8], "little"), int.from_bytes(data[8:10], "little")
    sign, exponent = top >> 15, top & SPECIAL
    whole = significand >> SIGNIFICAND - 1
    fraction = (significand & (1 << SIGNIFICAND - 1) - 1) << DROPPED
    if exponent and not whole:
        exponent, fraction = SPECIAL, fraction | 1 << FRACTION - 1
    bits = significand << DROPPED if not exponent else exponent << FRACTION | fraction
    return (sign << 127 | bits).to_bytes(SIZE, "little")


def x87_of_quad(data: bytes) -> bytes:
    """The nearest 80-bit number."""
    bits = int.from_bytes(data, "little")
    sign, exponent, fraction = bits >> 127, bits >> FRACTION & SPECIAL, bits & (1 << FRACTION) - 1
    if exponent == SPECIAL:
        significand = 1 << SIGNIFICAND - 1 | fraction >> DROPPED
        if fraction and not significand << 1 & (1 << SIGNIFICAND) - 1:
            significand |= 1 << SIGNIFICAND - 2
    else:
        significand = _rounded(fraction | bool(exponent) << FRACTION, DROPPED)
        if significand >> SIGNIFICAND:
            exponent, significand = exponent + 1, significand >> 1
        exponent += not exponent and significand >> SIGNIFICAND - 1
    return (sign << 79 | exponent << SIGNIFICAND | significand).to_bytes(10, "little").ljust(SIZE, b"\0")


def quad_of(value: float | Fraction | Decimal | str) -> bytes:
    """The nearest binary128."""
    try:
        number = Fraction(value)
        sign = number < 0 or (not number and str(value)[:1] == "-")
    except (ValueError, OverflowError):  # an infinity or a NaN
        special = float(value)
        return (int(special < 0) << 127 | SPECIAL << FRACTION | isnan(special) << FRACTION - 1).to_bytes(SIZE, "little")
    magnitude = abs(number)
    bits = 0
    if magnitude:
        exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
        exponent -= magnitude < Fraction(2) ** exponent
        scale = max(exponent, 1 - BIAS) - FRACTION
        scaled = magnitude / Fraction(2) ** scale
        low = scaled.numerator // scaled.denominator
        rest = scaled - low
        low += rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low & 1)
        bits = (max(exponent, 1 - BIAS) + BIAS - 1 << FRACTION) + low  # the first bit of a normal number counts the exponent up
        bits = min(bits, SPECIAL << FRACTION)
    return (sign << 127 | bits).to_bytes(SIZE, "little")


def number_of(data: bytes) -> Fraction | float:
    """What a binary128 is: exact, or an infinity, NaN or -0.0."""
    bits = int.from_bytes(data, "little")
    sign, exponent, fraction = bits >> 127, bits >> FRACTION & SPECIAL, bits & (1 << FRACTION) - 1
    if exponent == SPECIAL:
        return nan if fraction else -inf if sign else inf
    magnitude = (fraction | bool(exponent) << FRACTION) * Fraction(2) ** (max(exponent, 1) - BIAS - FRACTION)
    return -0.0 if sign and not magnitude else -magnitude if sign else magnitude


def float_of(data: bytes) -> float:
    """The float that is nearest to a binary128."""
    number = number_of(data)
    try:
        return float(number)
    except OverflowError:
        return copysign(inf, number)


class LongDouble(ctypes.c_longdouble):
    """A long double with all its bits, as an argument, result or field of what an emulated process is given and gives: made of an int, float, Fraction, Decimal
    or text. It is kept as binary128, which holds all numbers of the 80-bit format; an x86-64 process gets the nearest of these."""

    def __init__(self, value: float | Fraction | Decimal | str = 0) -> None:
        super().__init__()
        self._set(value)

    def _set(self, value: float | Fraction | Decimal | str) -> None:
        ctypes.memmove(ctypes.addressof(self), quad_of(value), SIZE)

    @property
    def exact(self) -> Fraction | float:
        """The number: exact, or an infinity, NaN or -0.0."""
        return number_of(bytes(self))

    @property
    def value(self) -> float:
        """The nearest float."""
        return float_of(bytes(self))

    @value.setter
    def value(self, value: float | Fraction | Decimal | str) -> None:
        self._set(value)

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return f"LongDouble({str(self.exact)!r})"


@cache
def places(kind: Any) -> tuple[tuple[int, bool], ...]:
    """Where a type of ctypes has long doubles, and whether these are LongDoubles."""
    if issubclass(kind, ctypes.Array):
        inner, step = places(kind._type_), ctypes.sizeof(kind._type_)
        return tuple((index * step + at, exact) for index in range(kind._length_) for at, exact in inner) if inner else ()
    if issubclass(kind, (ctypes.Structure, ctypes.Union)):
        fields = [field for base in reversed(kind.__mro__) for field in base.__dict__.get("_fields_", ())]
        return tuple(dict.fromkeys((getattr(kind, field[0]).offset + at, exact) for field in fields for at, exact in places(field[1])))
    return ((0, issubclass(kind, LongDouble)),) if issubclass(kind, ctypes._SimpleCData) and kind._type_ == WIDE else ()


def to_guest(kind: Any, data: bytes, x87: bool) -> bytes:
    """A value's bytes here as the guest's. `x87`: its format."""
    return _converted(kind, data, x87, True)


def to_host(kind: Any, data: bytes, x87: bool) -> bytes:
    """A value's bytes in the guest as this process's."""
    return _converted(kind, data, x87, False)


def _converted(kind: Any, data: bytes, x87: bool, outwards: bool) -> bytes:
    found = places(kind)
    if not found:
        return data
    changed = bytearray(data)
    for at, exact in found:
        here, there = HOST_IS_X87 and not exact, x87
        if here != there:
            becomes_x87 = there if outwards else here
            changed[at : at + SIZE] = (x87_of_quad if becomes_x87 else quad_of_x87)(data[at : at + SIZE])
    return bytes(changed)
