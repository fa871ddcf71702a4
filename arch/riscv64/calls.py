"""Calling functions of RISC-V: riscv-cc, "Integer Calling Convention" and "Hardware Floating-point Calling Convention" (LP64D)."""

from __future__ import annotations

from struct import pack

from miniload.arch.riscv64.guest import GUEST
from miniload.linker.guest.abi import POINTER, Calls, Layout, Piece, Stack, up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.linker.guest.abi import Shape

A, FA = tuple(f"a{number}" for number in range(8)), tuple(f"f{number}" for number in range(10, 18))
XLEN = FLEN = 8


class Placer:
    """Registers and stack that are taken."""

    def __init__(self) -> None:
        self.integers = self.floats = 0
        self.stack = Stack()

    def place(self, shape: Shape, variadic: bool = False) -> tuple[Piece, ...]:
        return (() if variadic else self._floating(shape)) or self._integer(shape, variadic)

    def _floating(self, shape: Shape) -> tuple[Piece, ...]:
        """One or two numbers of which at least one is floating, if there is a register for each."""
        leaves = shape.leaves
        floats = sum(leaf.floating for leaf in leaves)
        if not floats or len(leaves) > 2 or any(leaf.size > (FLEN if leaf.floating else XLEN) for leaf in leaves):
            return ()
        if self.floats + floats > len(FA) or self.integers + len(leaves) - floats > len(A):
            return ()
        return tuple(Piece(self._next(leaf.floating), 0, leaf.offset, leaf.size, leaf.floating) for leaf in leaves)

    def _next(self, floating: bool) -> str:
        if floating:
            self.floats += 1
            return FA[self.floats - 1]
        self.integers += 1
        return A[self.integers - 1]

    def _integer(self, shape: Shape, variadic: bool) -> tuple[Piece, ...]:
        if shape.size > 2 * XLEN:
            (place,) = self._integer(POINTER, variadic)
            return (Piece(place.register, place.stack, 0, shape.size, reference=True),)
        if variadic and shape.align == 2 * XLEN:
            self.integers += self.integers & 1  # an aligned pair
        if self.integers >= len(A):
            return (self.stack.take(shape.size, shape.align),)
        pieces = []
        for offset in range(0, up(shape.size, XLEN), XLEN):
            size = min(XLEN, shape.size - offset)
            pieces.append(Piece(self._next(False), 0, offset, size) if self.integers < len(A) else self.stack.take(size, XLEN, offset))
        return tuple(pieces)


def place(arguments: Sequence[Shape], result: Shape | None, fixed: int) -> Layout:
    """A result is where a first argument would be; one that would be passed by reference is stored where a first argument says."""
    placer = Placer()
    pieces = Placer().place(result) if result else ()
    indirect = ""
    if result and any(piece.reference for piece in pieces):
        indirect, pieces = placer._next(False), ()
    placed = tuple(placer.place(shape, index >= fixed) for index, shape in enumerate(arguments))
    return Layout(placed, placer.stack.size, pieces, indirect)


CALLS = Calls(
    place=place,
    link=GUEST.frames.link,
    count="",
    signed_words=True,
    boxed=True,
    interpreters=("/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld-musl-riscv64.so.1"),
    tls_start=0,
    tls_self=False,
    descriptor_code=pack("<II", 0x00853503, 0x00028067),  # ld a0, 8(a0); jr t0
)
