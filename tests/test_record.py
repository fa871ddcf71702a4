"""Record behaves as a frozen dataclass: the same operations on one of each, with the same results."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from miniload.record import Record, fields_of, replace

if TYPE_CHECKING:
    from collections.abc import Callable


class OurPoint(Record):
    """A value with a default, a property and a method."""

    x: int
    y: int
    name: str = "origin"

    @property
    def sum(self) -> int:
        return self.x + self.y

    def doubled(self) -> int:
        return 2 * self.sum


class OurSpace(OurPoint):
    """Fields of the base come first."""

    z: int = 0


class OurEmpty(Record):
    """No fields."""


class OurSame(OurPoint):
    """A subclass without fields of its own."""


@dataclasses.dataclass(frozen=True)
class TheirPoint:
    x: int
    y: int
    name: str = "origin"

    @property
    def sum(self) -> int:
        return self.x + self.y

    def doubled(self) -> int:
        return 2 * self.sum


@dataclasses.dataclass(frozen=True)
class TheirSpace(TheirPoint):
    z: int = 0


@dataclasses.dataclass(frozen=True)
class TheirEmpty:
    pass


@dataclasses.dataclass(frozen=True)
class TheirSame(TheirPoint):
    pass


TWINS: dict[str, tuple[Any, Any]] = {
    "Point": (OurPoint, TheirPoint),
    "Space": (OurSpace, TheirSpace),
    "Empty": (OurEmpty, TheirEmpty),
    "Same": (OurSame, TheirSame),
}

CALLS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "positional": ("Point", (1, 2, "p"), {}),
    "keywords": ("Point", (), {"y": 2, "x": 1, "name": "p"}),
    "mixed": ("Point", (1,), {"y": 2}),
    "default": ("Point", (1, 2), {}),
    "inherited": ("Space", (1, 2, "p", 3), {}),
    "inherited, defaults": ("Space", (1, 2), {}),
    "inherited, keyword": ("Space", (1, 2), {"z": 5}),
    "no fields": ("Empty", (), {}),
    "subclass": ("Same", (1, 2), {}),
    "values of any kind": ("Point", ((1, 2), None), {"name": ["list"]}),
    "nothing given": ("Point", (), {}),
    "one missing": ("Point", (1,), {}),
    "only a default given": ("Point", (), {"name": "p"}),
    "too many": ("Point", (1, 2, "p", 4), {}),
    "too many for none": ("Empty", (1,), {}),
    "unknown keyword": ("Point", (1, 2), {"w": 3}),
    "given twice": ("Point", (1, 2), {"x": 1}),
    "given twice, default": ("Point", (1, 2, "p"), {"name": "q"}),
    "a property is no field": ("Point", (1, 2), {"sum": 3}),
}


def attempt(work: Callable[[], Any]) -> Any:
    """The result, or the type of the exception."""
    try:
        return work()
    except (TypeError, AttributeError) as error:
        return TypeError if isinstance(error, TypeError) else AttributeError


@pytest.mark.parametrize("name", CALLS)
def test_construction(name: str) -> None:
    """The same fields, or TypeError where a dataclass gives it."""
    kind, args, kwargs = CALLS[name]
    ours, theirs = TWINS[kind]
    real = attempt(lambda: dataclasses.asdict(theirs(*args, **kwargs)))
    assert attempt(lambda: fields_of(ours(*args, **kwargs))) == real


def test_order_of_fields() -> None:
    assert list(fields_of(OurSpace(1, 2))) == [field.name for field in dataclasses.fields(TheirSpace)]


@pytest.mark.parametrize("kind", ["Point", "Space", "Same"])
def test_repr(kind: str) -> None:
    ours, theirs = (cls(1, 2) for cls in TWINS[kind])
    assert repr(ours).replace("Our", "Their") == repr(theirs)


def test_immutable() -> None:
    for point in (OurPoint(1, 2), TheirPoint(1, 2)):
        for name in ("x", "name", "new", "sum"):
            assert attempt(partial(setattr, point, name, 3)) is AttributeError
            assert attempt(partial(delattr, point, name)) is AttributeError
        assert (point.x, point.name) == (1, "origin")


EQUALITY: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "same": (lambda p, _: p(1, 2), lambda p, _: p(1, 2)),
    "default given": (lambda p, _: p(1, 2), lambda p, _: p(1, 2, "origin")),
    "different": (lambda p, _: p(1, 2), lambda p, _: p(1, 3)),
    "different default": (lambda p, _: p(1, 2), lambda p, _: p(1, 2, "x")),
    "subclass": (lambda p, _: p(1, 2), lambda _, s: s(1, 2)),
    "equal values of other types": (lambda p, _: p(1, 2), lambda p, _: p(1.0, True + 1)),
    "tuple": (lambda p, _: p(1, 2), lambda _p, _s: (1, 2, "origin")),
    "none": (lambda p, _: p(1, 2), lambda _p, _s: None),
}


@pytest.mark.parametrize("name", EQUALITY)
def test_equality_and_hash(name: str) -> None:
    one, two = EQUALITY[name]
    (ours, ours_too), (theirs, theirs_too) = ((one(*kinds), two(*kinds)) for kinds in ((OurPoint, OurSpace), (TheirPoint, TheirSpace)))
    assert (ours == ours_too) is (theirs == theirs_too)
    assert (ours != ours_too) is (theirs != theirs_too)
    if ours == ours_too:
        assert hash(ours) == hash(ours_too)


def test_key_of_a_dictionary() -> None:
    assert {OurPoint(1, 2): "a"}[OurPoint(1, 2, "origin")] == "a"
    assert attempt(lambda: hash(OurPoint(1, []))) is attempt(lambda: hash(TheirPoint(1, []))) is TypeError  # type: ignore[arg-type]


def test_replace() -> None:
    assert replace(OurSpace(1, 2, z=3), y=5) == OurSpace(1, 5, "origin", 3)
    assert type(replace(OurSpace(1, 2), x=0)) is OurSpace
    for ours in (lambda: replace(OurPoint(1, 2), w=1), lambda: dataclasses.replace(TheirPoint(1, 2), w=1)):  # type: ignore[call-arg]
        assert attempt(ours) is TypeError


def test_properties_and_methods() -> None:
    assert (OurPoint(1, 2).sum, OurPoint(1, 2).doubled()) == (TheirPoint(1, 2).sum, TheirPoint(1, 2).doubled())


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_and_copy(protocol: int) -> None:
    point = OurSpace(1, 2, z=3)
    assert pickle.loads(pickle.dumps(point, protocol)) == point
    assert copy.copy(point) == copy.deepcopy(point) == point


def test_defaults_are_not_shared_state() -> None:
    """A default given explicitly belongs to that value alone."""
    assert OurPoint(1, 2, "x").name == "x"
    assert OurPoint(1, 2).name == "origin"
    assert OurPoint.name == "origin"
