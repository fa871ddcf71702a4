"""Python functions as symbols: what a loaded object calls by name may be one."""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, c_uint64

from miniload.errors import UnsupportedError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from miniload.linker.target import Target

    Symbol = int | Callable[..., object]

CFuncPtr = ctypes._CFuncPtr  # type: ignore[attr-defined]


def addresses(symbols: Mapping[str, Symbol], target: Target) -> tuple[dict[str, int], list[object]]:
    """The address for each symbol, and what has to be kept as long as they are used."""
    found: dict[str, int] = {}
    keep: list[object] = []
    for name, symbol in symbols.items():
        if isinstance(symbol, int):
            found[name] = symbol
            continue
        if not target.native:
            raise UnsupportedError(name, "a Python function cannot be called from there")
        function = symbol if isinstance(symbol, CFuncPtr) else as_callback(symbol)
        keep.append(function)
        found[name] = ctypes.cast(function, ctypes.c_void_p).value or 0  # type: ignore[arg-type]
    return found, keep


def as_callback(function: Callable[..., object]) -> object:
    """A C function that calls a Python one: with as many 64-bit integers as it has positional parameters, and one as its result; a parameter or result that
    is annotated with a ctypes type has that. For anything else make the C function with ctypes.CFUNCTYPE."""
    from inspect import Parameter, signature

    try:
        described = signature(function, eval_str=True)
    except (ValueError, TypeError, NameError) as error:
        raise UsageError("", f"{function!r} has no signature that can be read: {error}", remedy="use ctypes.CFUNCTYPE") from None
    parameters = list(described.parameters.values())
    if any(parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD, Parameter.KEYWORD_ONLY) for parameter in parameters):
        raise UsageError("", f"{function!r} has not a fixed number of positional parameters", remedy="use ctypes.CFUNCTYPE")
    return CFUNCTYPE(_kind(described.return_annotation), *[_kind(parameter.annotation) for parameter in parameters])(function)


def _kind(annotation: object) -> type:
    simple = isinstance(annotation, type) and issubclass(annotation, (ctypes._SimpleCData, ctypes.Structure, ctypes.Union, ctypes._Pointer))
    return annotation if simple else c_uint64  # type: ignore[return-value]
