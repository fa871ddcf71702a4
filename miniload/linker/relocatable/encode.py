"""Values to bits: the formulas and fields of facts.py."""

from __future__ import annotations

from miniload.linker.relocatable.facts import ABSOLUTE, ADD, FROM_GOT, FROM_GOT_PAGE, IN_PAGE, PAGE, PAGES, PLACE, SUBTRACT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.relocatable.facts import Field, Static, StaticRelocation, Stub

WORD = (1 << 64) - 1


class FieldError(ValueError):
    """The value does not fit, or is not aligned as it has to be."""


def amount(relative: int, value: int, place: int, got: int) -> int:
    """What a relocation stores, from the address that it is about (the addend included)."""
    if relative == ABSOLUTE:
        return value
    if relative == PLACE:
        return value - place
    if relative == PAGES:
        return (value & -PAGE) - (place & -PAGE)
    if relative == IN_PAGE:
        return value & PAGE - 1
    if relative == FROM_GOT:
        return value - got
    assert relative == FROM_GOT_PAGE
    return value - (got & -PAGE)


def put(data: bytearray | memoryview, at: int, field: Field, value: int) -> None:
    """Stores a value. FieldError; the place has to be there."""
    value = signed64(value)
    if field.uleb:
        put_uleb(data, at, value)
        return
    if field.limits and not field.limits[0] <= value <= field.limits[1]:
        raise FieldError(f"{value:#x} does not fit")
    if value % field.align:
        raise FieldError(f"{value:#x} is no multiple of {field.align}")
    word = int.from_bytes(data[at : at + field.size], "little")
    stored = value
    if field.invert is not None:
        word = word & ~(1 << field.invert) | (value >= 0) << field.invert
        stored = value if value >= 0 else ~value
    for low, width, bit, rounding in field.pieces:
        mask = (1 << width) - 1
        word = word & ~(mask << bit) | ((stored + rounding >> low) & mask) << bit
    data[at : at + field.size] = word.to_bytes(field.size, "little")


def get(data: bytearray, at: int, field: Field) -> int:
    """What is there, unsigned."""
    if field.uleb:
        return get_uleb(data, at)
    word = int.from_bytes(data[at : at + field.size], "little")
    return sum((word >> bit & (1 << width) - 1) << low for low, width, bit, _ in field.pieces)


def combine(data: bytearray, at: int, relocation: StaticRelocation, value: int) -> None:
    """One half of a difference of labels."""
    field = relocation.field
    assert field is not None
    if relocation.action == ADD:
        value = get(data, at, field) + value
    elif relocation.action == SUBTRACT:
        value = get(data, at, field) - value
    put(data, at, field, value)


def put_uleb(data: bytearray | memoryview, at: int, value: int) -> None:
    """As many bytes as the number there has (riscv-elf, R_RISCV_SET_ULEB128)."""
    while True:
        more = data[at] & 0x80
        data[at] = more | value & 0x7F
        value >>= 7
        at += 1
        if not more:
            break


def get_uleb(data: bytearray, at: int) -> int:
    """The number there. IndexError if it has no end."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not byte & 0x80:
            return value & WORD


def signed64(value: int) -> int:
    """The two's complement number that the low 64 bits are."""
    value &= WORD
    return value - (value >> 63 << 64)


def make_stub(static: Static, stub: Stub, address: int, slot: int, argument: int = 0) -> bytes:
    """A stub at `address`. FieldError if the slot is too far away."""
    code = bytearray(stub.code)
    for at, kind, base, what in stub.parts:
        relocation = static.relocations[kind]
        assert relocation.field is not None
        put(code, at, relocation.field, amount(relocation.relative, argument if what else slot, address + base, 0))
    return bytes(code)
