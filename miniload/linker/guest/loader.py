"""The loaders that `miniload.load(..., arch=...)` uses."""

from __future__ import annotations

import os

from miniload.arch import NAMES
from miniload.errors import UsageError
from miniload.linker.dlfcn import Known
from miniload.linker.guest.target import SysrootTarget
from miniload.linker.hooks import NO_HOOKS, logged
from miniload.linker.loader import Loader
from miniload.linker.search import Search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def guest_loader(arch: str | None, sysroot: str | os.PathLike[str] | None, interp: str | None = None, imports: Mapping[str, Any] | None = None) -> Loader:
    """The loader of an emulated process: one for each sysroot and dynamic linker in it. Without sysroot each call makes a new, bare one, whose libraries
    get `imports`."""
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
    loader = _loaders.get((arch, path, interp))
    if loader is None or loader.target.machine.ended:  # type: ignore[attr-defined]
        loader = _loaders[arch, path, interp] = make_loader(SysrootTarget(arch, path, interpreter=interp))
    return loader


_loaders: dict[tuple[str, str, str | None], Loader] = {}


def make_loader(target: SysrootTarget, *, first: Mapping[str, int] | None = None, **options: Any) -> Loader:
    """A loader for a process of one's own. `options`: Loader's. exit(3) of what it loads is Python's, dlopen(3) the loader's, unless `first` has another."""
    search = Search(target.arch, sysroot=os.fsdecode(target.machine.paths.sysroot))
    options["hooks"] = logged(os.environ, options.get("hooks", NO_HOOKS))
    loader = Loader(target, search, first={**target.functions(), **(first or {})}, **options)
    loader.registrars.append(Known(target.residents, loader))
    target.loader = loader
    return loader
