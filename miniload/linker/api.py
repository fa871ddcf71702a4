"""The loaders that `miniload.load` uses."""

from __future__ import annotations

import os

from miniload.linker.hooks import NO_HOOKS, logged
from miniload.linker.inside import KnownHere, inside
from miniload.linker.library import Library
from miniload.linker.loader import Loader
from miniload.linker.native import native_target
from miniload.linker.once import once
from miniload.linker.search import Search
from miniload.linker.tools import wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from miniload.linker.hooks import Hooks
    from miniload.linker.image import Readable
    from miniload.linker.object import Object


def make_native_loader(
    *,
    hooks: Hooks | None = None,
    first: Mapping[str, int] | None = None,
    last: Mapping[str, int] | None = None,
    missing: Callable[[Object, str], int | None] | None = None,
) -> Loader:
    """A set of objects of its own in this process, whose code can unwind and calls its loader's dlopen. Arguments as of Loader."""
    watching = logged(os.environ, hooks or NO_HOOKS)
    loader = Loader(native_target(), Search(), hooks=watching, first={**inside().functions, **(first or {})}, last=last, missing=missing)
    loader.registrars += [KnownHere(inside(), loader), *wanted(os.environ)]
    return loader


@once
def native_loader() -> Loader:
    """The one for this process."""
    return make_native_loader()


def load_here(what: Readable, mode: int | None = None, name: str | None = None) -> Library:
    """miniload.load into this process."""
    loader = native_loader()
    return Library(loader, loader.load(what, os.RTLD_NOW if mode is None else mode, name))
