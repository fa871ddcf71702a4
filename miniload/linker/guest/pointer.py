"""Pointers into a guest's memory."""

from __future__ import annotations

import ctypes

from miniload.linker.guest.longdouble import to_guest, to_host
from miniload.linker.guest.values import decode, is_pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from miniload.linker.guest.target import GuestTarget


class GuestPointer:
    """The address of values of a ctypes type: `p[i]` reads and writes them, `p.value` the first, of which `p.contents` is a copy. False if it is null."""

    __slots__ = ("__weakref__", "address", "kind", "target")

    def __init__(self, target: GuestTarget, address: int, kind: Any) -> None:
        self.target = target
        self.address = address
        self.kind = kind

    def __bool__(self) -> bool:
        return bool(self.address)

    def _at(self, index: int) -> int:
        return self.address + index * ctypes.sizeof(self.kind)

    def __getitem__(self, index: int) -> Any:
        return read_value(self.target, self._at(index), self.kind)

    def __setitem__(self, index: int, value: Any) -> None:
        data = bytes(value if isinstance(value, self.kind) else self.kind(value))
        self.target.space.write(self._at(index), to_guest(self.kind, data, self.target.machine.calls.x87))

    @property
    def value(self) -> Any:
        """The first one."""
        return self[0]

    @value.setter
    def value(self, value: Any) -> None:
        self[0] = value

    @property
    def contents(self) -> Any:
        """The first value, as an object of the type: a copy."""
        data = self.target.space.read(self.address, ctypes.sizeof(self.kind))
        return self.kind.from_buffer_copy(to_host(self.kind, data, self.target.machine.calls.x87))

    def __repr__(self) -> str:
        return f"<GuestPointer to {self.kind.__name__} at {self.address:#x}>"


def read_value(target: GuestTarget, address: int, kind: Any) -> Any:
    """The value in a variable of that type, as ctypes gives it."""
    data = target.space.read(address, ctypes.sizeof(kind))
    if is_pointer(kind) and not issubclass(kind, ctypes.Array):
        return from_address(target, kind, int.from_bytes(data, "little"))
    return decode(kind, data, target.machine.calls.x87)


def from_address(target: GuestTarget, kind: Any, address: int) -> Any:
    """A pointer that the guest gave, as ctypes gives those of its type: bytes for c_char_p, text for c_wchar_p, a number or None for c_void_p, and for
    others an object that can be followed."""
    if issubclass(kind, ctypes._SimpleCData):
        if not address:
            return None
        if kind._type_ == "z":
            return target.string(address)
        if kind._type_ == "Z":
            return target.wide_string(address)
        return address
    if issubclass(kind, ctypes._CFuncPtr):  # type: ignore[attr-defined]
        return target.function(address, f"{address:#x}", kind._restype_, kind._argtypes_) if address else None
    return GuestPointer(target, address, kind._type_)
