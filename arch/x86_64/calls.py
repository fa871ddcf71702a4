"""Calling functions of x86-64: System V ABI, AMD64 supplement, 3.2.3 "Parameter Passing"."""

from __future__ import annotations

from miniload.linker.guest.abi import Calls, Layout, Piece, Stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.linker.guest.abi import Shape

INTEGERS, VECTORS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9"), tuple(f"xmm{number}" for number in range(8))
RESULT_INTEGERS, RESULT_VECTORS = ("rax", "rdx"), ("xmm0", "xmm1")
WORD = 8


def classes(shape: Shape) -> tuple[bool, ...]:
    """For each eightbyte whether its class is SSE and not INTEGER; none for MEMORY."""
    if shape.size > 2 * WORD or any(leaf.offset % leaf.size or leaf.size > WORD for leaf in shape.leaves):
        return ()
    return tuple(all(leaf.floating for leaf in shape.leaves if leaf.offset // WORD == index) for index in range((shape.size + WORD - 1) // WORD))


def assign(shape: Shape, integers: Sequence[str], vectors: Sequence[str]) -> tuple[Piece, ...]:
    """The value in the first of these registers, if there are enough."""
    kinds = classes(shape)
    if not kinds or kinds.count(False) > len(integers) or kinds.count(True) > len(vectors):
        return ()
    free = {False: iter(integers), True: iter(vectors)}
    return tuple(Piece(next(free[kind]), 0, WORD * index, min(WORD, shape.size - WORD * index), kind) for index, kind in enumerate(kinds))


def place(arguments: Sequence[Shape], result: Shape | None, _fixed: int) -> Layout:
    """Values that no registers are left for, and those of class MEMORY, are on the stack. A result of that class is stored where a first argument says."""
    stack, integers, vectors = Stack(), list(INTEGERS), list(VECTORS)
    pieces = assign(result, RESULT_INTEGERS, RESULT_VECTORS) if result else ()
    indirect = integers.pop(0) if result and not pieces else ""
    placed = []
    for shape in arguments:
        taken = assign(shape, integers, vectors) or (stack.take(shape.size, shape.align),)
        used = {piece.register for piece in taken}
        integers = [register for register in integers if register not in used]
        vectors = [register for register in vectors if register not in used]
        placed.append(taken)
    return Layout(tuple(placed), stack.size, pieces, indirect, len(VECTORS) - len(vectors))


CALLS = Calls(
    place=place,
    link="",
    count="rax",
    signed_words=False,
    boxed=False,
    interpreters=("/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"),
    tls_start=0,
    tls_self=True,
    descriptor_code=b"\x48\x8b\x40\x08\xc3",  # mov rax, [rax+8]; ret
    returns_address="rax",
)
