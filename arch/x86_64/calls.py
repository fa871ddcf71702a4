"""Calling functions of x86-64: System V ABI, AMD64 supplement, 3.2.3 "Parameter Passing"."""

from __future__ import annotations

from miniload.arch.x86_64.guest import GUEST
from miniload.linker.guest.abi import Calls, Layout, Piece, Stack, Stacked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.linker.guest.abi import Leaf, Shape
    from miniload.vcpu.core import Vcpu

INTEGERS, VECTORS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9"), tuple(f"xmm{number}" for number in range(8))
RESULT_INTEGERS, RESULT_VECTORS = ("rax", "rdx"), ("xmm0", "xmm1")
WORD, X87_SIZE = 8, 10
INTEGER, SSE, X87, X87UP, MEMORY = "INTEGER", "SSE", "X87", "X87UP", "MEMORY"
TOP, TOP_SHIFT, ALL_EMPTY, ONE_FULL = 0x3800, 11, 0xFFFF, 0x3FFF
"""Of the x87: the status word's field with the register that is st0, and tag words."""


def class_of(leaf: Leaf, index: int) -> str:
    """That of a scalar in the eightbyte of that number."""
    if not leaf.floating:
        return INTEGER
    return SSE if leaf.size <= WORD else X87 if leaf.offset == WORD * index else X87UP


def merged(found: set[str]) -> str:
    """Of all that share an eightbyte."""
    if len(found) == 1:
        return next(iter(found))
    return INTEGER if INTEGER in found else MEMORY if found & {X87, X87UP} else SSE


def classes(shape: Shape) -> tuple[str, ...]:
    """For each eightbyte its class; none for class MEMORY."""
    if shape.size > 2 * WORD or any(leaf.offset % leaf.size for leaf in shape.leaves):
        return ()
    found = tuple(
        merged({class_of(leaf, index) for leaf in shape.leaves if leaf.offset < WORD * index + WORD and WORD * index < leaf.offset + leaf.size})
        for index in range((shape.size + WORD - 1) // WORD)
    )
    return () if MEMORY in found or (X87UP in found and found[0] != X87) else found


def assign(shape: Shape, integers: Sequence[str], vectors: Sequence[str]) -> tuple[Piece, ...]:
    """The value in the first of these registers, if there are enough."""
    kinds = classes(shape)
    if not kinds or kinds[0] == X87 or kinds.count(INTEGER) > len(integers) or kinds.count(SSE) > len(vectors):
        return ()
    free = {INTEGER: iter(integers), SSE: iter(vectors)}
    return tuple(Piece(next(free[kind]), 0, WORD * index, min(WORD, shape.size - WORD * index), kind == SSE) for index, kind in enumerate(kinds))


def result_in(shape: Shape) -> tuple[Piece, ...]:
    """A result in registers; nothing for one in memory."""
    return (Piece("st0", 0, 0, X87_SIZE, True),) if classes(shape)[:1] == (X87,) else assign(shape, RESULT_INTEGERS, RESULT_VECTORS)


def place(arguments: Sequence[Shape], result: Shape | None, _fixed: int) -> Layout:
    """Values that no registers are left for, and those of class MEMORY, are on the stack. A result of that class is stored where a first argument says."""
    stack, integers, vectors = Stack(), list(INTEGERS), list(VECTORS)
    pieces = result_in(result) if result else ()
    indirect = integers.pop(0) if result and not pieces else ""
    placed = []
    for shape in arguments:
        taken = assign(shape, integers, vectors) or (stack.take(shape.size, shape.align),)
        used = {piece.register for piece in taken}
        integers = [register for register in integers if register not in used]
        vectors = [register for register in vectors if register not in used]
        placed.append(taken)
    return Layout(tuple(placed), stack.size, pieces, indirect, len(VECTORS) - len(vectors))


def push(vcpu: Vcpu) -> None:
    """st0 is a number from now on, the only one."""
    vcpu.write_registers({"fpsw": vcpu.read_registers(("fpsw",))[0] & ~TOP | 7 << TOP_SHIFT, "fptag": ONE_FULL})


def pop(vcpu: Vcpu) -> None:
    """The caller takes the result off."""
    vcpu.write_registers({"fpsw": vcpu.read_registers(("fpsw",))[0] & ~TOP, "fptag": ALL_EMPTY})


CALLS = Calls(
    place=place,
    link=GUEST.frames.link,
    count="rax",
    signed_words=False,
    boxed=False,
    interpreters=("/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"),
    tls_start=0,
    tls_self=True,
    descriptor_code=b"\x48\x8b\x40\x08\xc3",  # mov rax, [rax+8]; ret
    returns_address="rax",
    x87=True,
    stacked=Stacked("st0", push, pop),
)
