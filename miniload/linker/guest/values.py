"""Between ctypes' types and the bytes that a guest has of them. All architectures here have the same sizes and alignments as the host; long double has another
format (longdouble.py)."""

from __future__ import annotations

import ctypes
from functools import cache

from miniload.linker.guest.abi import DOUBLE, INTEGER, POINTER, Leaf, Shape
from miniload.linker.guest.longdouble import WIDE, float_of, quad_of_x87, to_guest, to_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Simple, Aggregates = ctypes._SimpleCData, (ctypes.Structure, ctypes.Union)
Pointers = (ctypes._Pointer, ctypes._CFuncPtr, ctypes.Array)  # type: ignore[attr-defined]
FLOATS, SIGNED, ADDRESSES = "fd" + WIDE, "bhilq", "zZPO"
WORD = (1 << 64) - 1


def is_pointer(kind: Any) -> bool:
    """Whether arguments of that type are addresses: pointers, functions, arrays."""
    return issubclass(kind, Pointers) or (issubclass(kind, Simple) and kind._type_ in ADDRESSES)


@cache
def shape_of(kind: Any) -> Shape:
    """What calling conventions want to know of an argument's or result's type. TypeError for what is no type of ctypes."""
    if not hasattr(kind, "__mro__"):
        raise TypeError(f"{kind!r} is no type of ctypes")
    if is_pointer(kind):
        return POINTER
    if issubclass(kind, Simple):
        size = ctypes.sizeof(kind)
        return Shape(size, size, (Leaf(0, size, kind._type_ in FLOATS),), signed=kind._type_ in SIGNED)
    if issubclass(kind, Aggregates):
        return Shape(ctypes.sizeof(kind), ctypes.alignment(kind), tuple(dict.fromkeys(_leaves(kind, 0))), aggregate=True)
    raise TypeError(f"{kind.__name__} is no type of ctypes that can be passed")


def _leaves(kind: Any, at: int) -> list[Leaf]:
    """The scalars of a type, in the order of their declaration."""
    if issubclass(kind, ctypes.Array):
        step = ctypes.sizeof(kind._type_)
        return [leaf for index in range(kind._length_) for leaf in _leaves(kind._type_, at + index * step)]
    if issubclass(kind, Aggregates):
        fields = [field for base in reversed(kind.__mro__) for field in base.__dict__.get("_fields_", ())]
        return [leaf for field in fields for leaf in _leaves(field[1], at + getattr(kind, field[0]).offset)]
    return [Leaf(at, ctypes.sizeof(kind), issubclass(kind, Simple) and kind._type_ in FLOATS)]


def shape_of_value(value: object) -> Shape:
    """Of an argument whose type nobody has said: an int is a word, a float a double, what ctypes has made is of its type."""
    if isinstance(value, (ctypes.Structure, ctypes.Union)) or (isinstance(value, Simple) and not is_pointer(type(value))):
        return shape_of(type(value))
    if isinstance(value, float):
        return DOUBLE
    return INTEGER if isinstance(value, int) else POINTER


def scalar(kind: Any, value: Any, x87: bool = False) -> bytes:
    """A number as the guest stores it in a variable of that type. TypeError if it cannot be one. `x87`: the format of its long doubles."""
    stored = value if isinstance(value, kind) else kind(value)
    return to_guest(type(stored), bytes(stored), x87) if kind._type_ == WIDE else bytes(stored)


def extended(value: int, shape: Shape, signed_words: bool) -> int:
    """An integer as it is in a register: RISC-V has 32-bit ones sign-extended always, the others have them as their type says."""
    bits = 8 * shape.size
    if bits < 64:
        value &= (1 << bits) - 1
        if (shape.signed or (signed_words and bits == 32)) and value >> bits - 1:
            value -= 1 << bits
    return value & WORD


def decode(kind: Any, data: bytes, x87: bool) -> Any:
    """A value of that type from the guest's bytes, as ctypes gives it: a number for a simple type."""
    data = data.ljust(ctypes.sizeof(kind), b"\0")
    if kind is ctypes.c_longdouble:
        return float_of(quad_of_x87(data) if x87 else data)
    found = kind.from_buffer_copy(to_host(kind, data, x87))
    return found.value if issubclass(kind, Simple) and Simple in kind.__bases__ else found
