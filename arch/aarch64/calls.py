"""Calling functions of AArch64: Procedure Call Standard for the Arm 64-bit Architecture (AAPCS64), 6.8 "Parameter passing", 6.9 "Result return"."""

from __future__ import annotations

from struct import pack

from miniload.arch.aarch64.guest import GUEST
from miniload.linker.guest.abi import POINTER, Calls, Layout, Piece, Stack, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.linker.guest.abi import Shape

X, V = tuple(f"x{number}" for number in range(8)), tuple(f"v{number}" for number in range(8))


def is_homogeneous(shape: Shape) -> bool:
    """A floating-point number, or one to four of the same size and nothing else (HFA)."""
    leaves = shape.leaves
    return 0 < len(leaves) <= 4 and all(leaf.floating and leaf.size == leaves[0].size for leaf in leaves) and shape.size == len(leaves) * leaves[0].size


class Placer:
    """Stage C of 6.8.2: NGRN, NSRN and NSAA."""

    def __init__(self) -> None:
        self.general = self.vectors = 0
        self.stack = Stack()

    def place(self, shape: Shape) -> tuple[Piece, ...]:
        if is_homogeneous(shape):
            return self._floating(shape)
        if shape.aggregate and shape.size > 16:
            return (self._reference(shape),)
        if shape.align == 16:
            self.general += self.general & 1  # C.8
        count = (shape.size + 7) // 8
        if self.general + count <= len(X):
            self.general += count
            return words(shape, X[self.general - count :])
        self.general = len(X)  # C.13
        return (self.stack.take(shape.size, shape.align),)

    def _floating(self, shape: Shape) -> tuple[Piece, ...]:
        count = len(shape.leaves)
        if self.vectors + count <= len(V):
            self.vectors += count
            registers = V[self.vectors - count :]
            return tuple(Piece(register, 0, leaf.offset, leaf.size, True) for register, leaf in zip(registers, shape.leaves, strict=False))
        self.vectors = len(V)
        return (self.stack.take(shape.size, shape.align, floating=not shape.aggregate),)

    def _reference(self, shape: Shape) -> Piece:
        (place,) = self.place(POINTER)
        return Piece(place.register, place.stack, 0, shape.size, reference=True)


def place(arguments: Sequence[Shape], result: Shape | None, _fixed: int) -> Layout:
    """Variadic arguments go where others do. A result is where a first argument would be, but a large one is stored where x8 says."""
    placer = Placer()
    placed = tuple(placer.place(shape) for shape in arguments)
    if result is None:
        return Layout(placed, placer.stack.size, ())
    if result.aggregate and result.size > 16 and not is_homogeneous(result):
        return Layout(placed, placer.stack.size, (), "x8")
    return Layout(placed, placer.stack.size, Placer().place(result))


CALLS = Calls(
    place=place,
    link=GUEST.frames.link,
    count="",
    signed_words=False,
    boxed=False,
    interpreters=("/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"),
    tls_start=16,
    tls_self=False,
    descriptor_code=pack("<II", 0xF9400400, 0xD65F03C0),  # ldr x0, [x0, #8]; ret
)
