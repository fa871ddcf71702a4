"""What the run path needs of `ctypes`, of the same parts of the interpreter's: importing that costs 1.5 ms, most of it for what nobody here uses. In a
process that has `ctypes`, or where these parts are not as expected, it is `ctypes` itself."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctypes import (
        CDLL,
        PyDLL,
        Structure,
        addressof,
        byref,
        c_char,
        c_int,
        c_int32,
        c_int64,
        c_long,
        c_size_t,
        c_uint8,
        c_uint16,
        c_uint32,
        c_uint64,
        c_void_p,
        create_string_buffer,
        get_errno,
        string_at,
    )
    from typing import Any

__all__ = [
    "CDLL",
    "PyDLL",
    "Structure",
    "addressof",
    "byref",
    "c_char",
    "c_int",
    "c_int32",
    "c_int64",
    "c_long",
    "c_size_t",
    "c_uint8",
    "c_uint16",
    "c_uint32",
    "c_uint64",
    "c_void_p",
    "create_string_buffer",
    "get_errno",
    "string_at",
]  # fmt: skip


def _make() -> dict[str, object]:
    """The names above, without ctypes. ImportError, AttributeError or TypeError if that does not work."""
    parts: Any = __import__("_ctypes")
    codes = {"c_char": "c", "c_int": "i", "c_long": "l", "c_uint8": "B", "c_uint16": "H", "c_uint32": "I", "c_uint64": "L", "c_void_p": "P"}
    base = parts._SimpleCData
    types: dict[str, Any] = {name: type(base)(name, (base,), {"_type_": code}) for name, code in codes.items()}
    c_char, c_int = types["c_char"], types["c_int"]

    class Library:
        """CDLL and PyDLL: functions of a loaded library, by name."""

        flags = parts.FUNCFLAG_CDECL

        def __init__(self, name: str | None, use_errno: bool = False) -> None:
            flags = self.flags | (parts.FUNCFLAG_USE_ERRNO if use_errno else 0)
            self._name = name
            base = parts.CFuncPtr
            self._function = type(base)("_FuncPtr", (base,), {"_flags_": flags, "_restype_": c_int})
            self._handle = parts.dlopen(name, parts.RTLD_LOCAL)

        def __getattr__(self, name: str) -> object:
            if name.startswith("__") and name.endswith("__"):
                raise AttributeError(name)
            function = self._function((name, self))
            function.__name__ = name
            setattr(self, name, function)
            return function

    class PythonLibrary(Library):
        """Calls keep the interpreter's lock."""

        flags = parts.FUNCFLAG_CDECL | parts.FUNCFLAG_PYTHONAPI

    def create_string_buffer(init: bytes | int, size: int | None = None) -> object:
        if isinstance(init, int):
            return (c_char * init)()
        buffer = (c_char * (len(init) + 1 if size is None else size))()
        buffer.value = init
        return buffer

    def string_at(address: int, size: int) -> bytes:
        content: bytes = (c_char * size).from_address(address).raw
        return content

    # A long has 64 bits, on every machine that this runs on.
    types |= {"c_int32": c_int, "c_int64": types["c_long"], "c_size_t": types["c_uint64"]}
    types |= {name: getattr(parts, name) for name in ("Structure", "addressof", "byref", "get_errno")}
    return {**types, "CDLL": Library, "PyDLL": PythonLibrary, "create_string_buffer": create_string_buffer, "string_at": string_at}


def _provide() -> None:
    if "ctypes" not in sys.modules:
        try:
            globals().update(_make())
            return
        except (ImportError, AttributeError, TypeError):
            pass
    import ctypes

    globals().update({name: getattr(ctypes, name) for name in __all__})


_provide()
