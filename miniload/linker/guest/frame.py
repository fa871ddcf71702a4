"""What a call's arguments point to: copies in guest memory, on the stack below the caller's, that are read back when the call has returned."""

from __future__ import annotations

import ctypes
from struct import pack

from miniload.linker.guest.longdouble import to_guest, to_host
from miniload.linker.guest.pointer import GuestPointer
from miniload.space import MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from miniload.linker.guest.target import GuestTarget

ON_STACK = 128 << 10
"""Bytes; more goes into memory of its own."""
_CData = (ctypes._SimpleCData, ctypes.Structure, ctypes.Union, ctypes.Array)
ARGUMENT_OBJECT = type(ctypes.byref(ctypes.c_int()))


class Frame:
    """Of one call. `sp`: the stack below it is free."""

    def __init__(self, target: GuestTarget) -> None:
        self.target = target
        self.space = target.space
        self.sp = target.machine.sp
        self._lowest = self.sp - ON_STACK
        self.x87 = target.machine.calls.x87
        self._back: list[tuple[int, memoryview, Any]] = []
        self._mapped: list[tuple[int, int]] = []
        self._known: dict[int, int] = {}
        self._keep: list[object] = []

    def put(self, data: bytes, align: int = 16) -> int:
        """The address of a copy."""
        at = self.sp - len(data) & -align
        if at < self._lowest:
            size = len(data) + 4095 & -4096
            at = self.space.map(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS)
            self._mapped.append((at, size))
            self.space.write(at, data)
            return at
        self.sp = at
        try:
            self.space.write(at, data)
        except OSError:
            self.space.write_stack(at, data)
        return at

    def share(self, buffer: Any) -> int:
        """The address of a copy of an object's memory, which gets what the call leaves there. The same object has one copy."""
        found = self._known.get(id(buffer))
        if found is None:
            view = memoryview(buffer).cast("B") if not isinstance(buffer, memoryview) else buffer.cast("B")
            kind = type(buffer) if isinstance(buffer, _CData) else ctypes.c_char
            found = self.put(to_guest(kind, bytes(view), self.x87))
            self._known[id(buffer)] = found
            self._keep.append(buffer)
            if not view.readonly:
                self._back.append((found, view, kind))
        return found

    def address_of(self, value: Any, kind: Any = None) -> int:
        """An argument that is an address: of what Python has it point to. `kind`: its type in `argtypes`, if that is known. TypeError."""
        if value is None:
            return 0
        if isinstance(value, int):
            return value
        if isinstance(value, bytes):
            return self.put(value + b"\0", 1)
        if isinstance(value, str):
            return self.put(value.encode("utf-32-le") + bytes(4), 4)
        if isinstance(value, GuestPointer):
            return value.address
        if isinstance(value, ARGUMENT_OBJECT):
            return self.share(value._obj)  # type: ignore[attr-defined]
        if isinstance(value, ctypes._Pointer):
            return self.share(value.contents) if value else 0
        if isinstance(value, ctypes._SimpleCData):
            return self.address_of(value.value)
        if isinstance(value, ctypes._CFuncPtr) or (kind is not None and issubclass(kind, ctypes._CFuncPtr) and callable(value)):  # type: ignore[attr-defined]
            return self.target.callback_address(value, kind)
        if hasattr(value, "guest_address"):
            return int(value.guest_address)
        try:
            memoryview(value).release()
        except TypeError:
            raise TypeError(f"{type(value).__name__} has no address in the guest") from None
        return self.share(value)

    def finish(self) -> None:
        """After the call: what it has changed."""
        for at, view, kind in self._back:
            view[:] = to_host(kind, self.space.read(at, len(view)), self.x87) if len(view) else b""

    def free(self) -> None:
        """The copies go."""
        for at, size in self._mapped:
            self.space.unmap(at, size)


def word(value: int) -> bytes:
    """Eight bytes."""
    return pack("<Q", value & (1 << 64) - 1)
