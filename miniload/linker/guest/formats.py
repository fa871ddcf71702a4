"""printf's formats for Python's stand-ins: which arguments a format asks for, and the text that it makes of them (C11 7.21.6.1)."""

from __future__ import annotations

import re
from ctypes import c_char_p, c_double, c_int, c_long, c_longdouble, c_uint, c_ulong, c_void_p

from miniload.linker.guest.callback import GuestCallback
from miniload.linker.guest.prepared import Registers
from miniload.linker.guest.values import shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from miniload.linker.guest.target import GuestTarget

SPECIFICATION = re.compile(rb"%([-+ #0]*)(\*|\d*)(?:(\.)(\*|\d*))?(hh|h|ll|l|j|z|t|L)?([diouxXcspfFeEgG%])")
WIDEST = 4096
"""Of a field: more is a mistake, or an attempt to use up memory."""
NARROW = {b"hh": 8, b"h": 16}


def kinds_of(text: bytes) -> list[Any]:
    """The types of a format's arguments."""
    kinds: list[Any] = []
    for _flags, width, _dot, precision, size, conversion in SPECIFICATION.findall(text):
        kinds += [c_int] * ((width == b"*") + (precision == b"*"))
        wide = size not in (b"", *NARROW)
        if conversion in b"dic":
            kinds.append(c_long if wide else c_int)
        elif conversion in b"ouxX":
            kinds.append(c_ulong if wide else c_uint)
        elif conversion != b"%":
            kinds.append({b"s": c_char_p, b"p": c_void_p}.get(conversion, c_longdouble if size == b"L" else c_double))
    return kinds


def render(text: bytes, arguments: Sequence[Any]) -> bytes:
    """The text. `arguments`: of the types that kinds_of tells."""
    given = iter(arguments)

    def one(match: re.Match[bytes]) -> bytes:
        flags, width, dot, precision, size, conversion = match.groups()
        if conversion == b"%":
            return b"%"
        if width == b"*":
            number = next(given)
            width, flags = b"%d" % min(abs(number), WIDEST), flags + b"-" * (number < 0)
        if precision == b"*":
            number = next(given)
            dot, precision = (dot, b"%d" % min(number, WIDEST)) if number >= 0 else (None, None)
        if max(int(width or 0), int(precision or 0)) > WIDEST:
            raise ValueError(f"a field of {(width or precision).decode()} characters")
        value = next(given)
        if conversion == b"p":
            value, conversion, flags = value or 0, b"x", flags + b"#"
        elif conversion == b"c":
            value, dot, precision = value & 255, None, None
        elif conversion == b"s" and value is None:
            value = b"(null)"
        elif size in NARROW:
            bits = NARROW[size]
            value &= (1 << bits) - 1
            value -= (conversion in b"di" and value >> bits - 1) << bits
        text: bytes = (b"%" + flags + width + (dot or b"") + (precision or b"") + conversion) % value
        return text

    return SPECIFICATION.sub(one, text)


class Formatted(GuestCallback):
    """A variadic function whose last named argument is a format: `function` gets the named ones, and the text that the format makes of the others."""

    def __init__(self, target: GuestTarget, function: Callable[..., Any], restype: Any, argtypes: Sequence[Any], name: str) -> None:
        super().__init__(target, function, restype, argtypes, name)
        calls = target.machine.calls
        places = calls.place([shape_of(kind) for kind in (c_long, c_double) * 8], None, 16).arguments
        names = ["sp", *filter(None, (calls.link,)), *(piece.register for pieces in places for piece in pieces if piece.register)]
        self._inputs = Registers(target.machine.vcpu, names)

    def _arguments(self, sp: int) -> list[Any]:
        *named, text = super()._arguments(sp)
        kinds = (*self.argtypes, *kinds_of(text or b""))
        layout = self.target.machine.calls.place(
            [shape_of(kind) for kind in kinds], None if self.restype is None else shape_of(self.restype), len(self.argtypes)
        )
        count = len(self.argtypes)
        others = [self._argument(kind, pieces, sp) for kind, pieces in zip(kinds[count:], layout.arguments[count:], strict=True)]
        return [*named, render(text or b"", others)]
