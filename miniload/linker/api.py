"""The loaders that `miniload.load` uses."""

from __future__ import annotations

from functools import cache

from miniload.linker.loader import Loader
from miniload.linker.native import native_target
from miniload.linker.search import Search


@cache
def native_loader() -> Loader:
    """The one for this process."""
    return Loader(native_target(), Search())
