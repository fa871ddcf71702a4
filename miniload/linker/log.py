"""A log of what the linker does, in the words of LD_DEBUG (ld.so(8)), so that what reads the one reads the other: MINILOAD_LD_DEBUG=files,bindings."""

from __future__ import annotations

import sys

from miniload.linker.hooks import LOG_VARIABLE, NO_HOOKS, Hooks, overrides
from miniload.linker.object import Object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from miniload.linker.hooks import RelocationInfo
    from miniload.linker.image import Image

CATEGORIES = {"files": ("mapped", "before_init", "before_fini", "unloaded"), "bindings": ("bind",), "reloc": ("relocated",)}
"""What can be asked for, and the hooks that it needs. `reloc` has a line for each relocation, of which ld.so's has none."""


class Log(Hooks):
    """Hooks that write a line (without a newline) for each thing of the `categories`, then do what `inner` does. With bindings, nothing is bound lazily."""

    def __init__(self, categories: Iterable[str], write: Callable[[str], object], inner: Hooks = NO_HOOKS) -> None:
        self._write = write
        self._inner = inner
        names = {name for category in categories for name in CATEGORIES[category]}
        for name in ("mapped", "bind", "relocated", "before_init", "before_fini", "unloaded"):
            if name in names:
                setattr(self, name, getattr(self, f"_{name}"))
            elif overrides(inner, name):
                setattr(self, name, getattr(inner, name))

    def before_map(self, image: Image) -> None:
        self._inner.before_map(image)

    def unknown_relocation(self, loaded: Object, relocation: RelocationInfo) -> int | None:
        return self._inner.unknown_relocation(loaded, relocation)

    def _mapped(self, loaded: Object) -> None:
        image, name = loaded.raw.image, name_of(loaded)
        dynamic = loaded.bias + image.dynamic.address if image.dynamic.present else 0
        self._write(f"file={name} [0];  generating link map")
        self._write(f"  dynamic: {dynamic:#018x}  base: {loaded.bias:#018x}   size: {loaded.length:#018x}")
        self._write(f"    entry: {loaded.entry:#018x}  phdr: {loaded.phdr_address:#018x}  phnum:   {image.phdr_count:16}")
        self._inner.mapped(loaded)

    def _bind(self, loaded: Object, symbol: str, address: int | None) -> int | None:
        answer = self._inner.bind(loaded, symbol, address)
        name, _, version = symbol.partition("@")
        to = "nothing" if answer is None else "an address that was given" if answer != address else owner_of(loaded, answer)
        self._write(f"binding file {name_of(loaded)} [0] to {to}: normal symbol `{name}'" + (f" [{version}]" if version else ""))
        return answer

    def _relocated(self, loaded: Object, relocation: RelocationInfo) -> None:
        of = f" of `{relocation.symbol}'" if relocation.symbol else ""
        self._write(f"relocation of file {name_of(loaded)} [0]: {relocation.name} at {relocation.place:#x}{of}: {relocation.value:#x}")
        self._inner.relocated(loaded, relocation)

    def _before_init(self, loaded: Object, functions: list[int]) -> list[int]:
        self._write(f"calling init: {name_of(loaded)}")
        return self._inner.before_init(loaded, functions)

    def _before_fini(self, loaded: Object, functions: list[int]) -> list[int]:
        self._write(f"calling fini: {name_of(loaded)} [0]")
        return self._inner.before_fini(loaded, functions)

    def _unloaded(self, loaded: Object) -> None:
        self._write(f"file={name_of(loaded)} [0];  destroying link map")
        self._inner.unloaded(loaded)


def name_of(loaded: Object) -> str:
    """As ld.so calls it: by its file."""
    return loaded.path or loaded.name


def owner_of(loaded: Object, address: int) -> str:
    """Whose address that is, among those that the object is bound to."""
    members = loaded.scope.members if loaded.scope else ()
    owner = next((member for member in members if isinstance(member, Object) and member.start <= address < member.end), None)
    return f"{name_of(owner)} [0]" if owner else "an address that was given"


def log_to_stderr(asked: str, hooks: Hooks = NO_HOOKS) -> Hooks:
    """`hooks`, with a log of the categories that are named, or of "all". A word that is not known is passed over after a warning, as by ld.so."""
    words = set(asked.replace(",", " ").replace(":", " ").split())
    known = CATEGORIES.keys() if "all" in words else words & CATEGORIES.keys()
    for word in sorted(words - CATEGORIES.keys() - {"all"}):
        print(f"miniload: {LOG_VARIABLE}: {word} is none of {', '.join([*CATEGORIES, 'all'])}", file=sys.stderr)
    return Log(known, lambda line: print(line, file=sys.stderr), hooks) if known else hooks
