"""Imports from the bundle, the file that has all modules of the run path (tools/make_bundle.py). bin/miniload-run executes this module, which is in
the bundle itself, with what it has read of it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Modules = dict[str, tuple[bool, bytes]]


class Bundle:
    """An importer. `modules`: name to (is a package, marshalled code)."""

    def __init__(self, packages: str, modules: Modules) -> None:
        self.packages = packages
        self.modules = modules

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        found = self.modules.get(name)
        if found is None:
            return None
        place = f"{self.packages}/{name.replace('.', '/')}"
        spec = type(sys.__spec__)(name, self, origin=place + ("/__init__.py" if found[0] else ".py"), is_package=found[0])  # type: ignore[arg-type]
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(place)
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        import marshal

        exec(marshal.loads(self.modules[module.__name__][1]), module.__dict__)


def use(packages: str, magic: bytes, modules: Modules) -> None:
    """ValueError if it was made by another Python."""
    from _frozen_importlib_external import MAGIC_NUMBER

    if magic != MAGIC_NUMBER:
        raise ValueError("another Python's")
    sys.path.append(packages)
    sys.meta_path.insert(0, Bundle(packages, modules))


if "bundle" in globals():
    use(*globals()["bundle"])
