"""The dynamic string tokens $ORIGIN, $LIB and $PLATFORM (ld.so(8))."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Values = Mapping[bytes, bytes | None]


def expand(text: bytes, values: Values) -> bytes | None:
    """The text with $NAME and ${NAME} replaced by the values of these names, the former where no letter, digit or underscore follows (glibc
    elf/dl-load.c, is_dst). None if it uses a name whose value is None: nobody knows it, and ld.so does not use the text then."""
    first, *rest = text.split(b"$")
    out = first
    for part in rest:
        name, skip = _token(part, values)
        if name is None:
            out += b"$" + part
            continue
        value = values[name]
        if value is None:
            return None
        out += value + part[skip:]
    return out


def _token(part: bytes, values: Values) -> tuple[bytes | None, int]:
    """The name that stands after a dollar sign, and how many bytes it takes with its braces."""
    for name in values:
        if part.startswith(b"{" + name + b"}"):
            return name, len(name) + 2
        follower = part[len(name) : len(name) + 1]
        if part.startswith(name) and not (follower.isalnum() or follower == b"_"):
            return name, len(name)
    return None, 0
