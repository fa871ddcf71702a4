"""Functions of a guest, as ctypes has those of this process."""

from __future__ import annotations

import ctypes
from ctypes import ArgumentError

from miniload.linker.guest.abi import INTEGER
from miniload.linker.guest.frame import Frame
from miniload.linker.guest.longdouble import to_guest
from miniload.linker.guest.pointer import from_address
from miniload.linker.guest.prepared import Prepared
from miniload.linker.guest.values import FLOATS, decode, extended, is_pointer, scalar, shape_of, shape_of_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from miniload.linker.guest.abi import Piece, Shape
    from miniload.linker.guest.target import GuestTarget

Simple = ctypes._SimpleCData


class GuestFunction:
    """Called like a function of ctypes: `argtypes`, `restype` (c_int unless it is set), `errcheck`. Arguments beyond `argtypes` are variadic. Without
    `argtypes` ints are passed as 64-bit ones, floats as doubles, and what ctypes has made as what it is.

    bytes, str, bytearray, arrays, byref(), pointer() and everything with a buffer are copied into the guest's memory for the call, and what can be
    changed gets what the call has left there; pointers within structures are numbers, the guest's addresses. An int as a pointer is an address in the guest. A
    Python callable where `argtypes` has a CFUNCTYPE becomes a function of the guest's. CallError and its subclasses if the call does not come back.
    """

    def __init__(self, target: GuestTarget, address: int, name: str) -> None:
        self.target = target
        self.address = self.guest_address = address
        self.errcheck: Callable[[Any, GuestFunction, tuple[Any, ...]], Any] | None = None
        self.__name__ = name
        self._machine = target.machine
        self._argtypes: tuple[Any, ...] | None = None
        self._restype: Any = ctypes.c_int
        self._forget()

    def _forget(self) -> None:
        self._prepared: dict[object, Prepared] = {}
        self._result = self._reader()
        self._quick: Prepared | None = None
        self._words: list[Callable[[Any], int]] = []
        if self._argtypes is not None and all(_is_word(kind) for kind in self._argtypes):
            prepared = self._prepare([shape_of(kind) for kind in self._argtypes], len(self._argtypes))
            self._words = [_converter(kind, self._machine.calls.signed_words) for kind in self._argtypes]
            self._quick = prepared if prepared.words is not None else None

    @property
    def argtypes(self) -> tuple[Any, ...] | None:
        """Types of ctypes, None if nobody has said."""
        return self._argtypes

    @argtypes.setter
    def argtypes(self, kinds: Sequence[Any] | None) -> None:
        for kind in kinds or ():
            shape_of(kind)
        self._argtypes = None if kinds is None else tuple(kinds)
        self._forget()

    @property
    def restype(self) -> Any:
        """A type of ctypes, None for void, or a Python function that gets the int."""
        return self._restype

    @restype.setter
    def restype(self, kind: Any) -> None:
        if kind is not None and not callable(kind):
            raise TypeError("restype must be a type, a callable, or None")
        self._restype = kind
        self._forget()

    def __repr__(self) -> str:
        return f"<GuestFunction {self.__name__} at {self.address:#x}>"

    def _result_shape(self) -> Shape | None:
        return None if self._restype is None else shape_of(self._restype) if _is_type(self._restype) else INTEGER

    def _prepare(self, shapes: Sequence[Shape], fixed: int) -> Prepared:
        calls = self._machine.calls
        return Prepared(self._machine.vcpu, calls, calls.place(shapes, self._result_shape(), fixed))

    # -- calling

    def __call__(self, *arguments: Any) -> Any:
        machine, quick = self._machine, self._quick
        with machine.lock:
            if quick is not None and len(arguments) == len(self._words) and self._fill(quick, arguments):
                machine.invoke(quick, self.address, self.__name__, quick.frame(machine.sp), b"")
                result = self._result(quick, 0)
            else:
                result = self._slow(arguments)
        return result if self.errcheck is None else self.errcheck(result, self, arguments)

    def _fill(self, prepared: Prepared, arguments: Sequence[Any]) -> bool:
        """Whether all arguments are integers, which have their places then."""
        values, places = prepared.values, prepared.words or ()
        try:
            for at, convert, value in zip(places, self._words, arguments):  # noqa: B905  (one length, checked; strict has its price)
                values[at] = convert(value)
        except TypeError:
            return False
        return True

    def _slow(self, arguments: Sequence[Any]) -> Any:
        frame = Frame(self.target)
        try:
            prepared, stack, stored = self._fill_all(arguments, frame)
            self._machine.invoke(prepared, self.address, self.__name__, prepared.frame(frame.sp), stack)
            returned = self._result(prepared, stored)
            frame.finish()
            return returned
        finally:
            frame.free()

    def fill(self, arguments: Sequence[int]) -> tuple[Prepared, bytes]:
        """The call, not made: registers in place, and what goes on the stack."""
        prepared, stack, _ = self._fill_all(arguments, Frame(self.target))
        return prepared, stack

    def _fill_all(self, arguments: Sequence[Any], frame: Frame) -> tuple[Prepared, bytes, int]:
        """Registers in place; what goes on the stack; where the result will be stored, or 0."""
        shapes, values = self._encode(arguments, frame)
        fixed = len(arguments) if self._argtypes is None else len(self._argtypes)
        key = (*shapes, fixed)
        prepared = self._prepared.get(key)
        if prepared is None:
            prepared = self._prepared[key] = self._prepare(shapes, fixed)
        layout, stack, stored = prepared.layout, bytearray(prepared.layout.stack), 0
        for pieces, shape, value in zip(layout.arguments, shapes, values, strict=True):
            self._store(prepared, pieces, shape, value, stack, frame)
        if layout.indirect:
            result = shape_of(self._restype)
            stored = frame.put(bytes(result.size), max(result.align, 16))
            prepared.values[prepared.registers.word[layout.indirect]] = stored
        return prepared, bytes(stack), stored

    def _encode(self, arguments: Sequence[Any], frame: Frame) -> tuple[list[Shape], list[int | bytes]]:
        """Each argument's shape, and its value: an integer of up to a word, or the bytes of anything else."""
        kinds = self._argtypes or ()
        if len(arguments) < len(kinds):
            raise TypeError(f"{self.__name__} takes at least {len(kinds)} arguments ({len(arguments)} given)")
        shapes: list[Shape] = []
        values: list[int | bytes] = []
        for index, value in enumerate(arguments):
            try:
                shape, encoded = encode(value, kinds[index] if index < len(kinds) else None, frame)
            except (TypeError, ValueError) as error:
                raise ArgumentError(f"argument {index + 1} of {self.__name__}: {error}") from None
            shapes.append(shape)
            values.append(encoded)
        return shapes, values

    def _store(self, prepared: Prepared, pieces: tuple[Piece, ...], shape: Shape, value: int | bytes, stack: bytearray, frame: Frame) -> None:
        calls = self._machine.calls
        if isinstance(value, int):
            value = extended(value, shape, calls.signed_words).to_bytes(8, "little")
        for piece in pieces:
            if piece.reference:
                data = frame.put(value, max(shape.align, 16)).to_bytes(8, "little")
            elif shape.aggregate or shape.leaves[0].floating:
                data = value[piece.offset : piece.offset + piece.size]
            else:
                data = value
            if piece.register:
                prepared.registers.set(piece, data, calls.boxed)
            else:
                stack[piece.stack : piece.stack + len(data)] = data

    # -- results

    def _reader(self) -> Callable[[Prepared, int], Any]:
        """How the result is got: from registers, or from where it has been stored."""
        kind, target, calls = self._restype, self.target, self._machine.calls
        if kind is None:
            return lambda _prepared, _stored: None
        if not _is_type(kind):
            return lambda prepared, _stored: kind(_signed(prepared.results.values[0], 32))
        if is_pointer(kind):
            return lambda prepared, _stored: from_address(target, kind, prepared.results.values[0])
        if issubclass(kind, Simple) and kind._type_ not in FLOATS and Simple in kind.__bases__ and kind._type_ not in "c?u":
            bits, signed = 8 * ctypes.sizeof(kind), shape_of(kind).signed
            mask = (1 << bits) - 1
            if signed:
                return lambda prepared, _stored: _signed(prepared.results.values[0], bits)
            return lambda prepared, _stored: prepared.results.values[0] & mask
        size = ctypes.sizeof(kind)

        def read(prepared: Prepared, stored: int) -> Any:
            if stored:
                return decode(kind, target.space.read(stored, size), calls.x87)
            data = bytearray(size)
            for piece in prepared.layout.result:
                data[piece.offset : piece.offset + piece.size] = prepared.results.get(piece)
                if calls.stacked and piece.register == calls.stacked.register:
                    calls.stacked.pop(target.machine.vcpu)
            return decode(kind, bytes(data), calls.x87)

        return read


def encode(value: Any, kind: Any, frame: Frame) -> tuple[Shape, int | bytes]:
    """An argument for the guest: its shape, and an integer of up to a word or the bytes of anything else. `kind`: the type that it has to have, None if that is
    not known. TypeError."""
    if kind is None:
        shape = shape_of_value(value)
        kind = type(value) if isinstance(value, (Simple, ctypes.Structure, ctypes.Union)) else None
    else:
        shape = shape_of(kind)
        if hasattr(value, "_as_parameter_"):
            value = value._as_parameter_
    if shape.aggregate:
        if not isinstance(value, kind):
            raise TypeError(f"expected {kind.__name__} instance instead of {type(value).__name__}")
        return shape, to_guest(type(value), bytes(value), frame.x87)
    if shape.leaves[0].floating:
        return shape, scalar(kind or ctypes.c_double, value, frame.x87)
    if kind is None or is_pointer(kind):
        return shape, value if isinstance(value, int) else frame.address_of(value, kind)
    return shape, int.from_bytes(scalar(kind, value), "little")


def _is_type(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, (Simple, ctypes.Structure, ctypes.Union, ctypes._Pointer, ctypes._CFuncPtr))  # type: ignore[attr-defined]


def _is_word(kind: Any) -> bool:
    """Whether an argument of that type may be an integer in a register."""
    return is_pointer(kind) or (issubclass(kind, Simple) and kind._type_ not in FLOATS + "c?u")


def _signed(value: int, bits: int) -> int:
    half = 1 << bits - 1
    return (value & (half << 1) - 1 ^ half) - half


def _address(value: Any) -> int:
    if value is None:
        return 0
    if type(value) is not int:
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _converter(kind: Any, signed_words: bool) -> Callable[[Any], int]:
    """From an int to what the register gets; TypeError for everything else."""
    if is_pointer(kind):
        return _address
    shape = shape_of(kind)
    if shape.size == 8:
        return _whole
    if shape.signed or (signed_words and shape.size == 4):
        return lambda value: _signed(value, 8 * shape.size)
    mask = (1 << 8 * shape.size) - 1
    return lambda value: value & mask
