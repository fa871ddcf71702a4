"""A loaded library as Python sees it: functions and variables by name."""

from __future__ import annotations

import ctypes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from miniload.linker.loader import Loader
    from miniload.linker.object import Object
    from miniload.linker.queries import LinkInfo
    from miniload.linker.reload import Migrate, Reloaded, Watcher

    Kind = TypeVar("Kind", bound=ctypes._CData)


class Library:
    """`lib.name` is the function of that name, looked up once, unless it is called as something here is; `lib["name"]` always is, looked up anew;
    `lib.address("name")` tells where a symbol is.

    A context manager; closed when it is left. `loaded` is the object behind it, `target` where that is.
    """

    def __init__(self, loader: Loader, loaded: Object) -> None:
        self.loader = loader
        self.loaded = loaded

    @property
    def target(self) -> Any:
        """This process, or the emulated one: a GuestTarget."""
        return self.loader.target

    def address(self, name: str, version: str | None = None) -> int:
        """Where the symbol is: in the library itself or in what it needs, as dlsym looks. SymbolError."""
        return self.loader.address(self.loaded, name, version)

    def address_after(self, name: str, version: str | None = None) -> int:
        """Where the symbol is that dlsym(RTLD_NEXT, name) finds for the library. SymbolError."""
        return self.loader.next(self.loaded, name, version)

    def link_info(self) -> LinkInfo:
        """What dlinfo tells."""
        return self.loader.info(self.loaded)

    def __getitem__(self, name: str) -> Any:
        function = self.loader.target.function(self.loader.address(self.loaded, name), name)
        if self.loader.traps is not None:
            function.errcheck = self.loader.traps.check
        return function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        function = self[name]
        setattr(self, name, function)
        return function

    def variable(self, name: str, kind: type[Kind]) -> Kind:
        """The variable of that name as a ctypes object of that type, at its place; for a thread-local one that of the calling thread. SymbolError. In an
        emulated process it is a GuestPointer, which has a `value`, too."""
        return self.loader.target.variable(self.address(name), kind)

    def reload(self, migrate: Migrate | None = None, keep: Iterable[str] | bool = (), force: bool = False) -> Reloaded:
        """Has the Library mean its file as it is now: reload.reload."""
        from miniload.linker.reload import reload

        return reload(self, migrate, keep, force)

    def watch(self, callback: Callable[[Library], object] | None = None, interval: float | None = None) -> Watcher:
        """Has `callback(library)` called, from another thread, whenever the file has changed; by default it is reloaded. To be stopped."""
        from miniload.linker.reload import WATCH_INTERVAL, Watcher

        return Watcher(self, callback, WATCH_INTERVAL if interval is None else interval)

    def _take(self, loaded: Object) -> None:
        """Means that object from now on: functions are looked up anew."""
        kept = {"loader", "loaded"}
        for name in [name for name in self.__dict__ if name not in kept]:
            del self.__dict__[name]
        self.loaded = loaded

    def close(self) -> None:
        """Unloads it, unless something else needs it. Its functions must not be called afterwards."""
        self.loader.close(self.loaded)

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_what: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Library {self.loaded.name}>"
