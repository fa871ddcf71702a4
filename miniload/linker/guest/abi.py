"""How functions are called: what the emulator asks of an architecture. arch/<name>/calls.py has the answers, as CALLS."""

from __future__ import annotations

from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from miniload.vcpu.core import Vcpu


class Leaf(Record):
    """A scalar in a value: its offset and size in bytes, and whether it is a floating-point number."""

    offset: int
    size: int
    floating: bool


class Shape(Record):
    """What a calling convention wants to know of a type. `aggregate`: a structure or union, whose scalars are `leaves`; otherwise there is one.
    `signed`: of an integer."""

    size: int
    align: int
    leaves: tuple[Leaf, ...]
    aggregate: bool = False
    signed: bool = False


class Piece(Record):
    """Where a part of a value goes: `size` bytes of it from `offset` on, in a register, or without one at `stack` bytes from the stack pointer of the
    callee's first instruction (its return address, where it has one there, not counted). `reference`: the place gets the address of a copy."""

    register: str
    stack: int
    offset: int
    size: int
    floating: bool = False
    reference: bool = False


class Layout(Record):
    """A call: the pieces of each argument, the bytes of the stack's part, the pieces of the result, and where the result is stored by the callee,
    the register that its address goes to. `vectors`: how many vector registers have arguments."""

    arguments: tuple[tuple[Piece, ...], ...]
    stack: int
    result: tuple[Piece, ...]
    indirect: str = ""
    vectors: int = 0


class Stacked(Record):
    """The register with such a result. `push(vcpu)`: before a result is put there; `pop(vcpu)`: after one was got."""

    register: str
    push: Callable[[Vcpu], None]
    pop: Callable[[Vcpu], None]


class Calls(Record):
    """`place(arguments, result, fixed)`: the layout of a call; `fixed`: how many arguments are not variadic. Registers are called as in VcpuArch.

    `link`: the register with the return address, "" where that is on the stack. `count`: the register that tells the number of vector registers used, or "".
    `signed_words`: 32-bit integers are sign-extended in registers, unsigned ones, too. `boxed`: a float in a wider register has ones above it.
    `returns_address`: the register in which a callee gives back the address that it has stored a result at, or "". `interpreters`: glibc's and musl's.
    `tls_start`: where blocks begin above the thread pointer. `tls_self`: whether the word at the thread pointer holds its own address. `descriptor_code`: the
    resolver of static TLS descriptors. `x87`: long double is the 80-bit format, and not binary128. `stacked`: results that are on a stack of registers.
    """

    place: Callable[[Sequence[Shape], Shape | None, int], Layout]
    link: str
    count: str
    signed_words: bool
    boxed: bool
    interpreters: tuple[str, ...]
    tls_start: int
    tls_self: bool
    descriptor_code: bytes
    returns_address: str = ""
    x87: bool = False
    stacked: Stacked | None = None


INTEGER, POINTER = Shape(8, 8, (Leaf(0, 8, False),), signed=True), Shape(8, 8, (Leaf(0, 8, False),))
DOUBLE = Shape(8, 8, (Leaf(0, 8, True),))


def get_calls(name: str) -> Calls:
    """The calling convention of the architecture of that name."""
    calls: Calls = __import__(f"miniload.arch.{name}.calls", fromlist=["CALLS"]).CALLS
    return calls


def up(value: int, align: int) -> int:
    """Rounded up to a multiple of a power of two."""
    return value + align - 1 & -align


class Stack:
    """The stack's part of the arguments as it grows."""

    def __init__(self) -> None:
        self.size = 0

    def take(self, size: int, align: int, offset: int = 0, floating: bool = False, reference: bool = False) -> Piece:
        """A place for `size` bytes, in whole words."""
        at = up(self.size, min(max(align, 8), 16))
        self.size = at + up(size, 8)
        return Piece("", at, offset, size, floating, reference)


def words(shape: Shape, registers: Sequence[str]) -> tuple[Piece, ...]:
    """A value in consecutive registers, a word in each."""
    return tuple(Piece(register, 0, 8 * index, min(8, shape.size - 8 * index)) for index, register in enumerate(registers[: up(shape.size, 8) // 8]))
