"""Between ctypes' types and the bytes that a guest has of them. All architectures here have the same sizes and alignments as the host, but for long double."""

from __future__ import annotations

import ctypes
from functools import cache

from miniload.linker.guest.abi import DOUBLE, INTEGER, POINTER, Leaf, Shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Simple, Aggregates = ctypes._SimpleCData, (ctypes.Structure, ctypes.Union)
Pointers = (ctypes._Pointer, ctypes._CFuncPtr, ctypes.Array)  # type: ignore[attr-defined]
FLOATS, SIGNED, ADDRESSES, WIDE = "fd", "bhilq", "zZPO", "g"
WORD = (1 << 64) - 1


def is_pointer(kind: Any) -> bool:
    """Whether arguments of that type are addresses: pointers, functions, arrays."""
    return issubclass(kind, Pointers) or (issubclass(kind, Simple) and kind._type_ in ADDRESSES)


@cache
def shape_of(kind: Any) -> Shape:
    """What calling conventions want to know of an argument's or result's type. TypeError for long double and for what is no type of ctypes."""
    if not hasattr(kind, "__mro__"):
        raise TypeError(f"{kind!r} is no type of ctypes")
    if is_pointer(kind):
        return POINTER
    if issubclass(kind, Simple):
        _refuse(kind)
        size = ctypes.sizeof(kind)
        return Shape(size, size, (Leaf(0, size, kind._type_ in FLOATS),), signed=kind._type_ in SIGNED)
    if issubclass(kind, Aggregates):
        return Shape(ctypes.sizeof(kind), ctypes.alignment(kind), tuple(dict.fromkeys(_leaves(kind, 0))), aggregate=True)
    raise TypeError(f"{kind.__name__} is no type of ctypes that can be passed")


def _refuse(kind: Any) -> None:
    if kind._type_ == WIDE:
        raise TypeError("long double is another type on each architecture, and cannot be passed")


def _leaves(kind: Any, at: int) -> list[Leaf]:
    """The scalars of a type, in the order of their declaration."""
    if issubclass(kind, ctypes.Array):
        step = ctypes.sizeof(kind._type_)
        return [leaf for index in range(kind._length_) for leaf in _leaves(kind._type_, at + index * step)]
    if issubclass(kind, Aggregates):
        fields = [field for base in reversed(kind.__mro__) for field in base.__dict__.get("_fields_", ())]
        return [leaf for field in fields for leaf in _leaves(field[1], at + getattr(kind, field[0]).offset)]
    if issubclass(kind, Simple):
        _refuse(kind)
    return [Leaf(at, ctypes.sizeof(kind), issubclass(kind, Simple) and kind._type_ in FLOATS)]


def shape_of_value(value: object) -> Shape:
    """Of an argument whose type nobody has said: an int is a word, a float a double, what ctypes has made is of its type."""
    if isinstance(value, (ctypes.Structure, ctypes.Union)) or (isinstance(value, Simple) and not is_pointer(type(value))):
        return shape_of(type(value))
    if isinstance(value, float):
        return DOUBLE
    return INTEGER if isinstance(value, int) else POINTER


def scalar(kind: Any, value: Any) -> bytes:
    """A number as ctypes stores it in a variable of that type. TypeError if it does not take it."""
    return bytes(value if isinstance(value, kind) else kind(value))


def extended(value: int, shape: Shape, signed_words: bool) -> int:
    """An integer as it is in a register: RISC-V has 32-bit ones sign-extended always, the others have them as their type says."""
    bits = 8 * shape.size
    if bits < 64:
        value &= (1 << bits) - 1
        if (shape.signed or (signed_words and bits == 32)) and value >> bits - 1:
            value -= 1 << bits
    return value & WORD


def decode(kind: Any, data: bytes) -> Any:
    """A value of that type from its bytes, as ctypes gives it: a number for a simple type."""
    found = kind.from_buffer_copy(data.ljust(ctypes.sizeof(kind), b"\0"))
    return found.value if issubclass(kind, Simple) and Simple in kind.__bases__ else found
