"""Imports from the bundle, the file that has all modules of the run path (tools/make_bundle.py). bin/miniload-run executes this module, which is in
the bundle itself, with what it has read of it."""

from __future__ import annotations

import marshal
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    Index = dict[str, tuple[bool, bool, int, int]]


class Bundle:
    """An importer. `packages`: the directory that the modules were installed in. `fd`: the file, kept open, since the guest may use up all descriptors
    before a module is needed. `index`: name to (is a package, begins a group, offset and size of its section), offsets counted from `start`."""

    def __init__(self, packages: str, fd: int, start: int, index: Index) -> None:
        self.packages = packages
        self.fd = fd
        self.start = start
        self.index = index
        self.codes: dict[str, CodeType] = {}
        """Of modules whose sections have been read, but which have not been executed yet."""
        self.groups: dict[int, list[str]] = {}
        """The names in the sections that have been read, by offset."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        found = self.index.get(name)
        if found is None:
            return None
        place = f"{self.packages}/{name.replace('.', '/')}"
        spec = type(sys.__spec__)(name, self, origin=place + ("/__init__.py" if found[0] else ".py"), is_package=found[0])  # type: ignore[arg-type]
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(place)
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        # Not by spec.has_location, which would have the name of a cached file made up, for more than all else here.
        module.__file__ = module.__spec__.origin if module.__spec__ else None
        group = self.section(name)
        code = self.codes.pop(name)
        if self.index[name][1]:
            for other in group:
                if other not in sys.modules:
                    self.execute(other)
        exec(code, module.__dict__)

    def section(self, name: str) -> list[str]:
        """The names of the modules in this one's section, which is read unless this one's code is there already."""
        _, _, offset, size = self.index[name]
        if name not in self.codes:
            section: list[tuple[str, CodeType]] = marshal.loads(posix.pread(self.fd, size, self.start + offset))
            self.codes.update(section)
            self.groups[offset] = [other for other, _ in section]
        return self.groups[offset]

    def execute(self, name: str) -> None:
        """Imports a module whose turn it is, as the import statement would, at a tenth of the price: what it needs has been imported."""
        spec = self.find_spec(name)
        assert spec is not None
        module = type(sys)(name)
        module.__spec__, module.__loader__, module.__file__ = spec, self, spec.origin  # type: ignore[assignment]
        module.__package__ = spec.parent
        if spec.submodule_search_locations is not None:
            module.__path__ = spec.submodule_search_locations
        sys.modules[name] = module
        try:
            exec(self.codes.pop(name), module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
        parent, _, child = name.rpartition(".")
        setattr(__import__(parent, fromlist=[""]), child, module)

    def move(self, keep: Callable[[int], int]) -> None:
        """Gives the descriptor to `keep`, which puts it elsewhere, if there is room."""
        try:
            self.fd = keep(self.fd)
        except OSError:
            return


def move_descriptor(keep: Callable[[int], int]) -> None:
    """Has the bundle's descriptor, if there is one, moved out of a guest's way."""
    for importer in sys.meta_path:
        if type(importer).__name__ == Bundle.__name__:
            importer.move(keep)  # type: ignore[attr-defined]


def use(packages: str, fd: int, start: int, index: Index, size: int) -> None:
    """Imports from it from now on. ValueError if there are not as many bytes behind `start` as there should be."""
    if posix.fstat(fd).st_size != start + size:
        raise ValueError("cut short")
    sys.path.append(packages)
    sys.meta_path.insert(0, Bundle(packages, fd, start, index))


if "opened" in globals():
    use(*globals()["opened"])
