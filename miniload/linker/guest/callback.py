"""Python functions that a guest can call."""

from __future__ import annotations

import ctypes
from inspect import Parameter, signature

from miniload.linker.guest.function import encode
from miniload.linker.guest.pointer import from_address
from miniload.linker.guest.prepared import Registers
from miniload.linker.guest.values import decode, extended, is_pointer, shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from miniload.linker.guest.abi import Piece
    from miniload.linker.guest.target import GuestTarget


class GuestCallback:
    """A slot that stands for `function`: its address is the guest's function pointer. Arguments come as ctypes gives them to a callback: numbers for simple
    types, bytes for c_char_p, for pointers what can be followed. An exception ends the call that the guest is in, and goes on from there.
    `memory`: more room on the stack, for arguments of its own calls, is below the guest's.
    """

    def __init__(self, target: GuestTarget, function: Callable[..., Any], restype: Any, argtypes: Sequence[Any], name: str) -> None:
        calls = target.machine.calls
        self.target = target
        self.name = name
        self.function = function
        self.restype, self.argtypes = restype, tuple(argtypes)
        self.layout = calls.place([shape_of(kind) for kind in self.argtypes], None if restype is None else shape_of(restype), len(self.argtypes))
        names = ["sp", *filter(None, (calls.link, self.layout.indirect))]
        names += [piece.register for pieces in self.layout.arguments for piece in pieces if piece.register]
        self._inputs = Registers(target.machine.vcpu, list(dict.fromkeys(names)))
        self._address_back = calls.returns_address if self.layout.indirect else ""
        results = [piece.register for piece in self.layout.result] or [self._address_back]
        self._outputs = Registers(target.machine.vcpu, ["pc", "sp", *filter(None, results)])
        self._linked = calls.link
        self.address = self.guest_address = target.machine.add_slot(name, self.enter)

    def free(self) -> None:
        """The guest must not call it any more."""
        self.target.machine.free_slot(self.address)

    def __repr__(self) -> str:
        return f"<GuestCallback {self.function!r} at {self.address:#x}>"

    def enter(self) -> None:
        """The guest has jumped to the slot."""
        machine, inputs, outputs = self.target.machine, self._inputs, self._outputs
        inputs.read(machine.vcpu)
        stored = inputs.values[inputs.word[self.layout.indirect]] if self.layout.indirect else 0
        try:
            back, sp = self._return()
            arguments = self._arguments(sp)
        except OSError as error:
            raise machine.bad_call(self.name) from error
        result = self.function(*arguments)
        outputs.values[0], outputs.values[2] = back, sp
        if self.restype is not None:
            self._give(result, stored)
        outputs.write(machine.vcpu)

    def _return(self) -> tuple[int, int]:
        """Where the caller goes on, and its stack pointer there."""
        inputs, sp = self._inputs, self._inputs.values[0]
        if self._linked:
            return inputs.values[inputs.word[self._linked]], sp
        return int.from_bytes(self.target.space.read(sp, 8), "little"), sp + 8

    def _arguments(self, sp: int) -> list[Any]:
        return [self._argument(kind, pieces, sp) for kind, pieces in zip(self.argtypes, self.layout.arguments, strict=True)]

    def _argument(self, kind: Any, pieces: tuple[Piece, ...], sp: int) -> Any:
        space, size = self.target.space, shape_of(kind).size
        data = bytearray(size)
        for piece in pieces:
            part = self._inputs.get(piece) if piece.register else space.read(sp + piece.stack, 8 if piece.reference else piece.size)
            if piece.reference:
                whole = self._inputs.values[self._inputs.word[piece.register]] if piece.register else int.from_bytes(part, "little")
                part = space.read(whole, size)
            data[piece.offset : piece.offset + piece.size] = part
        if is_pointer(kind):
            return from_address(self.target, kind, int.from_bytes(data, "little"))
        return decode(kind, bytes(data), self.target.machine.calls.x87)

    def _give(self, result: Any, stored: int) -> None:
        calls, outputs = self.target.machine.calls, self._outputs
        shape, value = encode(0 if result is None and not shape_of(self.restype).aggregate else result, self.restype, _NoFrame(calls.x87))  # type: ignore[arg-type]
        if isinstance(value, int):
            value = extended(value, shape, calls.signed_words).to_bytes(8, "little")
        if self.layout.indirect:
            self.target.space.write(stored, value)
            if self._address_back:
                outputs.values[outputs.word[self._address_back]] = stored
            return
        whole = not shape.aggregate and not shape.leaves[0].floating
        for piece in self.layout.result:
            if calls.stacked and piece.register == calls.stacked.register:
                calls.stacked.push(self.target.machine.vcpu)
            outputs.set(piece, value if whole else value[piece.offset : piece.offset + piece.size], calls.boxed)


class _NoFrame:
    """A result has nobody who would free what it points to."""

    def __init__(self, x87: bool) -> None:
        self.x87 = x87

    def address_of(self, value: Any, _kind: Any = None) -> int:
        if value is None:
            return 0
        if hasattr(value, "guest_address"):
            return int(value.guest_address)
        if isinstance(value, ctypes._SimpleCData) and isinstance(value.value, (int, type(None))):
            return value.value or 0
        address = getattr(value, "address", None)
        if isinstance(address, int):
            return address
        raise TypeError(f"a callback can give an address in the guest, not {type(value).__name__}")


def word_arguments(function: Callable[..., object]) -> tuple[Any, ...]:
    """The types of a function's arguments where nobody has said: a 64-bit number for each. TypeError if their number cannot be told."""
    try:
        parameters = signature(function).parameters.values()
    except ValueError:
        raise TypeError(f"{function!r} does not say how many arguments it has: give its prototype, a CFUNCTYPE") from None
    if any(parameter.kind not in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for parameter in parameters):
        raise TypeError(f"{function!r} does not say how many arguments it has: give its prototype, a CFUNCTYPE")
    return (ctypes.c_long,) * len(parameters)
