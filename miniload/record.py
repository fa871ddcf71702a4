"""Frozen data classes without the import cost of `dataclasses`.

The run path's start-up is a feature: `miniload /bin/true` may cost at most 1.6 times `python -I -c pass`, and
`import dataclasses` alone costs more than that whole allowance (measured on CPython 3.11: 31 ms against 13 ms). A Record
subclass reads like a frozen dataclass, type-checks as one, and costs nothing to define.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from typing_extensions import dataclass_transform  # known to type checkers; not needed at run time

    T = TypeVar("T")
    Self = TypeVar("Self", bound="Record")
else:

    def dataclass_transform(**_options: object) -> Callable[[T], T]:
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Record:
    """Immutable value with the annotated fields, in order; positional or keyword construction, defaults, equality, repr."""

    _fields: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        own = cls.__annotations__
        inherited = cls._fields
        cls._fields = inherited + tuple(name for name in own if name not in inherited)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fields = self._fields
        values = self.__dict__
        if not kwargs and len(args) == len(fields):
            values.update(zip(fields, args, strict=True))
            return
        if len(args) > len(fields):
            raise TypeError(f"{type(self).__name__} takes {len(fields)} fields, {len(args)} given")
        values.update(zip(fields, args, strict=False))
        for name, value in kwargs.items():
            if name not in fields or name in values:
                raise TypeError(f"{type(self).__name__}: unexpected or repeated field {name!r}")
            values[name] = value
        if len(values) != len(fields):
            for name in fields:
                if name not in values and not hasattr(type(self), name):
                    raise TypeError(f"{type(self).__name__}: field {name!r} is missing")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._fields)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self._fields)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._fields)})"


def replace(record: Self, **changes: Any) -> Self:
    """A copy of `record` with some fields changed."""
    fields = {name: getattr(record, name) for name in record._fields}
    return type(record)(**{**fields, **changes})


def fields_of(record: Record) -> dict[str, Any]:
    """The record's fields by name, in order."""
    return {name: getattr(record, name) for name in record._fields}
