"""The loaders that `miniload.load(..., arch=...)` uses."""

from __future__ import annotations

import os
from functools import cache

from miniload.arch import NAMES
from miniload.errors import UsageError
from miniload.linker.guest.search import SysrootSearch
from miniload.linker.guest.target import SysrootTarget
from miniload.linker.loader import Loader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def guest_loader(arch: str | None, sysroot: str | os.PathLike[str] | None, imports: Mapping[str, Callable[..., Any] | int] | None = None) -> Loader:
    """The loader of an emulated process: one for each sysroot. Without sysroot each call makes a new, bare one, whose libraries get `imports`."""
    if arch not in NAMES:
        raise UsageError("", f"must be one of {', '.join(NAMES)}", field="arch", value=arch)
    if sysroot is None:
        from miniload.linker.guest.bare import bare_loader

        return bare_loader(arch, imports or {})
    if imports:
        raise UsageError("", "what a library imports comes from the sysroot: its Loader takes more", field="imports")
    path = os.path.realpath(sysroot)
    if not os.path.isdir(path):
        raise UsageError(path, "is no directory", field="sysroot")
    return _sysroot_loader(arch, path)


@cache
def _sysroot_loader(arch: str, sysroot: str) -> Loader:
    return make_loader(SysrootTarget(arch, sysroot))


def make_loader(target: SysrootTarget, **options: Any) -> Loader:
    """A loader for a process of one's own. `options`: Loader's."""
    loader = Loader(target, SysrootSearch(target.arch, target.machine.paths), **options)
    target.loader = loader
    return loader
