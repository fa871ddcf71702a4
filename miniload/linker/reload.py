"""Hot reload: a library's rebuilt file in place of the one that is loaded, through the same Library.

The old copy is unloaded as soon as nothing refers to it: function objects that the caller still holds, other objects that were bound to it. Code that still
runs in it, and pointers into it, nobody can see from here: these are the caller's to know of.
"""

from __future__ import annotations

import gc
import os
from threading import Event, Thread
from weakref import finalize

from miniload.errors import LinkError, MiniloadError
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from miniload.linker.library import Library
    from miniload.linker.object import Object, Symbol

    Migrate = Callable[[Library, Library], object]

PF_W = 2
WATCH_INTERVAL = 0.2
"""Seconds between two looks at a watched file."""


class Reloaded(Record):
    """What a reload has come to. `kept`: the variables whose contents were taken along. `holders`: what still refers to the old copy, in words; while there is
    something, `old` stays loaded, and goes with the last of it. `changed`: False if the file is the very one that is loaded, and nothing was done."""

    changed: bool
    old: Object | None
    kept: tuple[str, ...]
    holders: tuple[str, ...]


def reload(library: Library, migrate: Migrate | None = None, keep: Iterable[str] | bool = (), force: bool = False) -> Reloaded:
    """Loads the library's file anew and has the Library mean that from now on.

    `migrate(old, new)` is called with both loaded, to take state along. `keep`: names of variables whose bytes are copied before that (True: all that both
    copies export writable, with the same size). `force`: even if the file is unchanged. Whatever the new file's load or `migrate` raises leaves the library as
    it was. LinkError if the library is no file.
    """
    loader, old = library.loader, library.loaded
    if old.path is None:
        raise LinkError(old.name, "was not loaded from a file that could be loaded again", field="path")
    with loader.lock:
        new = _load_again(library, old, force)
        if new is None:
            return Reloaded(False, None, (), ())
        try:
            before, after = type(library)(loader, old), type(library)(loader, new)
            kept = _keep(old, new, keep)
            if migrate is not None:
                migrate(before, after)
        except BaseException:
            loader.close(new)
            raise
        library._take(new)
        return Reloaded(True, old, kept, tuple(_let_go(loader.close, old, holders(old), loader)))


def _load_again(library: Library, old: Object, force: bool) -> Object | None:
    assert old.path is not None
    status = os.stat(old.path)
    mode = os.RTLD_NOW | (os.RTLD_GLOBAL if old in library.loader.globals else 0)
    if (status.st_dev, status.st_ino) != old.identity:
        return library.loader.load(old.path, mode)
    if not force and status.st_mtime_ns == _MODIFIED.get(old.path):
        return None
    with open(old.path, "rb") as file:  # written into, not replaced: it would be taken for the one that is loaded
        new = library.loader.load(file.read(), mode, old.name)
    new.path, new.identity = old.path, old.identity
    _MODIFIED[old.path] = status.st_mtime_ns
    return new


_MODIFIED: dict[str, int] = {}
"""When files that were reloaded had last been written to, in nanoseconds."""


def variables(loaded: Object) -> dict[str, Symbol]:
    """The variables that an object exports and that can be written."""
    segments = loaded.raw.image.segments[: loaded.raw.image.segment_count]
    spans = [(loaded.bias + segment.address, loaded.bias + segment.address + segment.size) for segment in segments if segment.flags & PF_W]
    return {
        symbol.name: symbol
        for symbol in loaded.symbols()
        if symbol.defined and symbol.type == "OBJECT" and any(start <= symbol.address and symbol.address + symbol.size <= end for start, end in spans)
    }


def _keep(old: Object, new: Object, names: Iterable[str] | bool) -> tuple[str, ...]:
    before, after = variables(old), variables(new)
    everything = [name for name, symbol in after.items() if name in before and before[name].size == symbol.size]
    chosen = everything if names is True else list(names or ())
    for name in chosen:
        if name not in everything:
            raise LinkError(new.name, "is not a variable of the same size in both copies", field="keep", value=name)
    space = new.target.space
    for name in chosen:
        space.write(after[name].address, space.read(before[name].address, before[name].size))
    return tuple(chosen)


class Holder(Record):
    """Something of Python's that refers to an object: in words, and itself, whose end can be waited for."""

    what: str
    itself: object


def holders(loaded: Object) -> list[Holder]:
    """What refers to an object, as far as can be seen: live function objects, and pointers into a guest, with an address in it. A look through all of the
    interpreter's objects."""
    found = []
    gc.collect()  # what only waits for that refers to nothing
    held = loaded.target.held_address
    for candidate in gc.get_objects():
        address = held(candidate)
        if address and loaded.start <= address < loaded.end:
            name = getattr(candidate, "__name__", "")
            found.append(Holder(f"{f'function object {name}' if name else type(candidate).__name__} at {address:#x}", candidate))
    return found


def _let_go(close: Callable[[Object], None], old: Object, held: list[Holder], loader: object) -> list[str]:
    """Closes the object now, or when the last holder is gone. What refers to it."""
    words = [holder.what for holder in held]
    others = [loaded for loaded in getattr(loader, "objects", ()) if loaded is not old and (old in loaded.refers or old in loaded.dependencies)]
    words += [f"{loaded.name} was bound to it" for loaded in others]
    if not held:
        close(old)
        return words
    left = len(held)

    def gone() -> None:
        nonlocal left
        left -= 1
        if not left:
            close(old)

    while held:
        finalize(held.pop().itself, gone).atexit = False
    return words


class Watcher:
    """Looks whether a library's file has changed, and calls back from a thread of its own. A context manager; to be stopped."""

    def __init__(self, library: Library, callback: Callable[[Library], object] | None, interval: float) -> None:
        if library.loaded.path is None:
            raise LinkError(library.loaded.name, "was not loaded from a file that could be watched", field="path")
        self.library, self.interval = library, interval
        self.failures: list[BaseException] = []
        """What the callback has raised: a file that is being written may not be one yet, and is tried again when it changes again."""
        self._path = library.loaded.path
        self._callback = callback or (lambda changed: changed.reload())
        self._stop = Event()
        self._seen = self._state()
        self._thread = Thread(target=self._run, name=f"watch {self._path}", daemon=True)
        self._thread.start()

    def _state(self) -> tuple[int, ...] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None  # between removal and creation
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def _run(self) -> None:
        changing = self._seen
        while not self._stop.wait(self.interval):
            now = self._state()
            if now is not None and now == changing != self._seen:  # the same for a whole interval: it is written
                self._seen = now
                try:
                    self._callback(self.library)
                except (MiniloadError, OSError) as failure:
                    self.failures.append(failure)
            changing = now

    def stop(self) -> None:
        """No more calls when this returns."""
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_what: object) -> None:
        self.stop()
