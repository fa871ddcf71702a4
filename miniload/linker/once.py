"""What there is one of in a process, made when it is first asked for, by whichever thread."""

from __future__ import annotations

from threading import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


def once(make: Callable[[], T]) -> Callable[[], T]:
    """As functools.cache, which lets several threads make one each when they ask at the same time."""
    lock = RLock()
    made: list[T] = []

    def get() -> T:
        if not made:
            with lock:
                if not made:
                    made.append(make())
        return made[0]

    get.__doc__ = make.__doc__
    return get
