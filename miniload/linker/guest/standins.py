"""Python in place of a C library, for libraries that need little of one: what is here is made when something imports it."""

from __future__ import annotations

import os
from ctypes import CFUNCTYPE, c_char_p, c_int, c_long, c_size_t, c_void_p

from miniload.errors import GuestExit
from miniload.linker.guest.formats import Formatted
from miniload.space import MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from miniload.linker.guest.bare import BareTarget

GRAIN = 16
CHUNK = 1 << 20
COMPARE = CFUNCTYPE(c_int, c_void_p, c_void_p)


class Heap:
    """malloc of a simple kind: sizes are rounded up to powers of two, and what is freed is given out again. The size of a block is kept here, where
    the guest cannot reach it."""

    def __init__(self, target: BareTarget) -> None:
        self._space = target.space
        self._sizes: dict[int, int] = {}
        self._free: dict[int, list[int]] = {}
        self._room = (0, 0)

    def allocate(self, size: int) -> int:
        """The address, 0 if there is no room."""
        if not 0 <= size < 1 << 40:
            return 0
        whole = 1 << (max(size, GRAIN) - 1).bit_length()
        free = self._free.get(whole)
        at = free.pop() if free else self._fresh(whole)
        if at:
            self._sizes[at] = whole
        return at

    def _fresh(self, size: int) -> int:
        at, end = self._room
        if end - at < size:
            try:
                at = self._space.map(0, max(size, CHUNK), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS)
            except OSError:
                return 0
            if size >= CHUNK:
                return at
            end = at + CHUNK
        self._room = at + size, end
        return at

    def size(self, at: int) -> int:
        """Of a block. ValueError if it is none."""
        if at not in self._sizes:
            raise ValueError(f"free or realloc of {at:#x}, which malloc has not given")
        return self._sizes[at]

    def release(self, at: int) -> None:
        """ValueError if it is no block."""
        size = self.size(at)
        del self._sizes[at]
        self._free.setdefault(size, []).append(at)


class Standins:
    """`address(name)`: a slot for the function of that name, None if there is none here."""

    def __init__(self, target: BareTarget) -> None:
        self._target = target
        self._space = target.space
        self._heap = Heap(target)

    def address(self, name: str) -> int | None:
        """See above."""
        found = FORMATTED.get(name)
        if found is not None:
            return Formatted(self._target, getattr(self, "_" + name), c_int, found, name).address
        found = PROTOTYPES.get(name)
        if found is None:
            return None
        return self._target.callback(getattr(self, "_" + name.lstrip("_")), CFUNCTYPE(*found), name).address

    def _tls_get_addr(self, index: int) -> int:
        return self._target.tls_get_addr(index)

    # -- stdlib.h

    def _malloc(self, size: int) -> int:
        return self._heap.allocate(size)

    def _calloc(self, count: int, size: int) -> int:
        at = self._heap.allocate(count * size)
        if at:
            self._space.write(at, bytes(count * size))
        return at

    def _realloc(self, at: int | None, size: int) -> int:
        if not at:
            return self._heap.allocate(size)
        had = self._heap.size(at)
        if size <= had:
            return at
        new = self._heap.allocate(size)
        if new:
            self._space.write(new, self._space.read(at, had))
            self._heap.release(at)
        return new

    def _free(self, at: int | None) -> None:
        if at:
            self._heap.release(at)

    def _abort(self) -> NoReturn:
        raise self._target.machine.error(GuestExit, "has called abort()")

    def _exit(self, status: int) -> NoReturn:
        self._target.machine.exit(status)

    def _abs(self, value: int) -> int:
        return abs(value)

    def _qsort(self, base: int | None, count: int, size: int, compare: Any) -> None:
        from functools import cmp_to_key

        if not base or not count or not size:
            return
        data = self._space.read(base, count * size)
        pair = self._heap.allocate(2 * size)

        def order(a: bytes, b: bytes) -> int:
            self._space.write(pair, a)
            self._space.write(pair + size, b)
            result: int = compare(pair, pair + size)
            return result

        items = sorted((data[at : at + size] for at in range(0, len(data), size)), key=cmp_to_key(order))
        self._heap.release(pair)
        self._space.write(base, b"".join(items))

    # -- string.h

    def _memcpy(self, to: int | None, source: int | None, size: int) -> int:
        if size:
            self._space.write(to or 0, self._space.read(source or 0, size))
        return to or 0

    _memmove = _memcpy

    def _memset(self, to: int | None, byte: int, size: int) -> int:
        if size:
            self._space.write(to or 0, bytes((byte & 255,)) * size)
        return to or 0

    def _memcmp(self, a: int | None, b: int | None, size: int) -> int:
        return _order(self._space.read(a or 0, size), self._space.read(b or 0, size))

    def _memchr(self, at: int | None, byte: int, size: int) -> int:
        found = self._space.read(at or 0, size).find(bytes((byte & 255,)))
        return (at or 0) + found if found >= 0 else 0

    def _strlen(self, text: bytes | None) -> int:
        return len(_text(text))

    def _strcmp(self, a: bytes | None, b: bytes | None) -> int:
        return _order(_text(a), _text(b))

    def _strncmp(self, a: bytes | None, b: bytes | None, size: int) -> int:
        return _order(_text(a)[:size], _text(b)[:size])

    def _strcpy(self, to: int | None, text: bytes | None) -> int:
        self._space.write(to or 0, _text(text) + b"\0")
        return to or 0

    def _strncpy(self, to: int | None, text: bytes | None, size: int) -> int:
        self._space.write(to or 0, _text(text)[:size].ljust(size, b"\0"))
        return to or 0

    def _strcat(self, to: int | None, text: bytes | None) -> int:
        end = (to or 0) + len(self._target.string(to or 0))
        self._space.write(end, _text(text) + b"\0")
        return to or 0

    def _strchr(self, at: int | None, byte: int) -> int:
        text = self._target.string(at or 0) + b"\0"
        found = text.find(bytes((byte & 255,)))
        return (at or 0) + found if found >= 0 else 0

    def _strrchr(self, at: int | None, byte: int) -> int:
        text = self._target.string(at or 0) + b"\0"
        found = text.rfind(bytes((byte & 255,)))
        return (at or 0) + found if found >= 0 else 0

    # -- stdio.h

    def _puts(self, text: bytes | None) -> int:
        return os.write(1, _text(text) + b"\n")

    def _putchar(self, byte: int) -> int:
        os.write(1, bytes((byte & 255,)))
        return byte & 255

    def _printf(self, text: bytes) -> int:
        return os.write(1, text)

    def _sprintf(self, to: int | None, text: bytes) -> int:
        self._space.write(to or 0, text + b"\0")
        return len(text)

    def _snprintf(self, to: int | None, size: int, text: bytes) -> int:
        if size:
            self._space.write(to or 0, text[: size - 1] + b"\0")
        return len(text)

    # -- what compilers and start files want

    def _cxa_finalize(self, _handle: int | None) -> None:
        pass

    def _cxa_atexit(self, _function: int | None, _argument: int | None, _handle: int | None) -> int:
        return 0

    def _gmon_start__(self) -> None:
        pass

    def _stack_chk_fail(self) -> NoReturn:
        raise self._target.machine.error(GuestExit, "has smashed its stack")


def _text(text: bytes | None) -> bytes:
    if text is None:
        raise ValueError("a string's address is 0")
    return text


def _order(a: bytes, b: bytes) -> int:
    return (a > b) - (a < b)


PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "__tls_get_addr": (c_void_p, c_void_p),
    "malloc": (c_void_p, c_size_t), "calloc": (c_void_p, c_size_t, c_size_t), "realloc": (c_void_p, c_void_p, c_size_t), "free": (None, c_void_p),
    "abort": (None,), "exit": (None, c_int), "_exit": (None, c_int), "abs": (c_int, c_int), "qsort": (None, c_void_p, c_size_t, c_size_t, COMPARE),
    "memcpy": (c_void_p, c_void_p, c_void_p, c_size_t), "memmove": (c_void_p, c_void_p, c_void_p, c_size_t), "memset": (c_void_p, c_void_p, c_int, c_size_t),
    "memcmp": (c_int, c_void_p, c_void_p, c_size_t), "memchr": (c_void_p, c_void_p, c_int, c_size_t), "strlen": (c_long, c_char_p),
    "strcmp": (c_int, c_char_p, c_char_p), "strncmp": (c_int, c_char_p, c_char_p, c_size_t), "strcpy": (c_void_p, c_void_p, c_char_p),
    "strncpy": (c_void_p, c_void_p, c_char_p, c_size_t), "strcat": (c_void_p, c_void_p, c_char_p), "strchr": (c_void_p, c_void_p, c_int),
    "strrchr": (c_void_p, c_void_p, c_int), "puts": (c_int, c_char_p), "putchar": (c_int, c_int), "__cxa_finalize": (None, c_void_p),
    "__cxa_atexit": (c_int, c_void_p, c_void_p, c_void_p), "__gmon_start__": (None,), "__stack_chk_fail": (None,),
}  # fmt: skip
"""Result and arguments."""
FORMATTED: dict[str, tuple[Any, ...]] = {"printf": (c_char_p,), "sprintf": (c_void_p, c_char_p), "snprintf": (c_void_p, c_size_t, c_char_p)}
"""Named arguments, the last of them a format."""
