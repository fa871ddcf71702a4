"""What the static linker asks of an architecture: arch/<name>/static_relocations.py has the answers, as STATIC."""

from __future__ import annotations

from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

(NOTHING, SYMBOL, GOT, MODULE_PAIR, OWN_PAIR, TP_SLOT, DESCRIPTOR, TP_OFFSET, BLOCK_OFFSET, GOT_BASE, SIZE, UPPER, ALIGN) = range(13)
"""What a relocation is about: the symbol; its slot in the GOT; for thread-local storage the slots with module and offset, the slots with this object's module
and 0, the slot with the offset from the thread pointer, the descriptor, that offset itself, the offset in the block; the GOT; the symbol's size; what the
relocation at the symbol's place (the upper half) is about; padding that the linker shortens."""
ABSOLUTE, PLACE, PAGES, IN_PAGE, FROM_GOT, FROM_GOT_PAGE = range(6)
"""Which of it is stored, X being its address and the addend: X, X-P, Page(X)-Page(P), X within its page, X-GOT, X-Page(GOT)."""
STORE, SET, ADD, SUBTRACT = range(4)
"""How: as it is; the same, but as one side of a difference of labels, which needs no address; added to or taken from what is there."""
PAGE = 4096


class Field(Record):
    """Where the bits of a value go in `size` bytes: `pieces` are (lowest bit of the value, number of bits, their place, what is added to the value
    before). The value has to be in `limits` (inclusive; None: anything) and a multiple of `align`. `uleb`: as many bytes as there are. `invert`: a bit of the
    field that is cleared, with the value's bits inverted, for negative values, and set for others."""

    size: int
    pieces: tuple[tuple[int, int, int, int], ...]
    limits: tuple[int, int] | None = None
    align: int = 1
    uleb: bool = False
    invert: int | None = None


class StaticRelocation(Record):
    """A relocation type: its name in the ABI document, what it stores and where. `call`: only a call or jump goes there, so that it may go through a stub."""

    name: str
    about: int = NOTHING
    relative: int = ABSOLUTE
    field: Field | None = None
    call: bool = False
    action: int = STORE


class Stub(Record):
    """Code that jumps to the address in a slot: its bytes, and (offset, relocation type, offset of the place that the distance counts from, what) of
    what is filled in: 0 the slot, 1 what is handed over as the argument."""

    code: bytes
    parts: tuple[tuple[int, int, int, int], ...]


class Static(Record):
    """`stub`: a jump to what a slot holds; `finalizer`: the same with an address as the first argument. `nops`: padding of so many bytes.
    `merge_flags`: e_flags of one file and the next; None if they do not go together."""

    relocations: dict[int, StaticRelocation]
    stub: Stub
    finalizer: Stub
    nops: Callable[[int], bytes]
    merge_flags: Callable[[int, int], int | None]

    def name_of(self, kind: int) -> str:
        """A relocation type's name, or its number."""
        known = self.relocations.get(kind)
        return known.name if known else f"relocation type {kind}"


def data(size: int, limits: tuple[int, int] | None = None) -> Field:
    """A whole number of `size` bytes."""
    return Field(size, ((0, 8 * size, 0, 0),), limits)


def signed(bits: int) -> tuple[int, int]:
    """What a two's complement number of so many bits can be."""
    return -(1 << bits - 1), (1 << bits - 1) - 1


def unsigned(bits: int) -> tuple[int, int]:
    """What an unsigned number of so many bits can be."""
    return 0, (1 << bits) - 1


def either(bits: int) -> tuple[int, int]:
    """What is either."""
    return -(1 << bits - 1), (1 << bits) - 1


def get_static(name: str) -> Static:
    """The facts of the architecture of that name."""
    static: Static = __import__(f"miniload.arch.{name}.static_relocations", fromlist=["STATIC"]).STATIC
    return static
