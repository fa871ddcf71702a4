"""What a user of the linker may watch and change. Expected: hooks.py's own words, and what readelf and the source say of the library."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import need

from miniload.errors import LinkError
from miniload.linker.hooks import Hooks, RelocationInfo
from miniload.linker.library import Library
from miniload.linker.loader import Loader
from miniload.linker.native import native_target
from miniload.linker.search import Search

if TYPE_CHECKING:
    from miniload.linker.image import Image
    from miniload.linker.object import Object

SOURCE = """
#include <stdlib.h>
int started, finished;
static int *place = &started;
__attribute__((constructor)) static void begin(void) { *place += 1; }
__attribute__((destructor)) static void end(void) { finished += 1; }
int absolute(int number) { return abs(number); }
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of the source above."""
    need("gcc")
    folder = tmp_path_factory.mktemp("watched")
    (folder / "watched.c").write_text(SOURCE)
    target = folder / "watched.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-fno-builtin", "-o", str(target), str(folder / "watched.c")], check=True)
    return target


class Watch(Hooks):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.bound: dict[str, int | None] = {}
        self.places: list[RelocationInfo] = []
        self.functions: list[int] = []

    def before_map(self, image: Image) -> None:
        self.seen.append("before_map")
        assert image.size > 0

    def mapped(self, loaded: Object) -> None:
        self.seen.append("mapped")

    def bind(self, loaded: Object, symbol: str, address: int | None) -> int | None:
        self.bound[symbol.partition("@")[0]] = address
        return address

    def relocated(self, loaded: Object, relocation: RelocationInfo) -> None:
        self.places.append(relocation)

    def before_init(self, loaded: Object, functions: list[int]) -> list[int]:
        self.seen.append("before_init")
        self.functions = functions
        return functions

    def before_fini(self, loaded: Object, functions: list[int]) -> list[int]:
        self.seen.append("before_fini")
        return functions

    def unloaded(self, loaded: Object) -> None:
        self.seen.append("unloaded")


def loader_with(hooks: Hooks) -> Loader:
    return Loader(native_target(), Search(), hooks=hooks)


@pytest.mark.feature(46)
def test_hooks_are_called_in_order(watched: Path) -> None:
    """Around mapping, initialisers, finalisers and the end."""
    hooks = Watch()
    loader = loader_with(hooks)
    loader.close(loader.load(str(watched)))
    assert hooks.seen == ["before_map", "mapped", "before_init", "before_fini", "unloaded"]


@pytest.mark.feature(46)
def test_each_relocation_is_told_with_its_value(watched: Path) -> None:
    """As many as readelf counts, each with the eight bytes that are at its place."""
    hooks = Watch()
    loader = loader_with(hooks)
    loaded = loader.load(str(watched))
    listed = subprocess.run(["readelf", "-rW", str(watched)], capture_output=True, text=True, check=True).stdout
    assert len(hooks.places) == sum(line[:12].strip().isalnum() and " R_" in line for line in listed.splitlines())
    assert all(ctypes.c_uint64.from_address(info.place).value == info.value for info in hooks.places if not loaded.raw.image.relro.present or info.value)
    loader.close(loaded)


@pytest.mark.feature(46)
def test_a_binding_is_replaced(watched: Path) -> None:
    """What `bind` returns takes the symbol's place."""
    replacement = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda number: number + 1000)

    class Replace(Hooks):
        def bind(self, loaded: Object, symbol: str, address: int | None) -> int | None:
            return ctypes.cast(replacement, ctypes.c_void_p).value if symbol.partition("@")[0] == "abs" else address

    loader = loader_with(Replace())
    with Library(loader, loader.load(str(watched))) as library:
        assert library.absolute(-5) == 995


@pytest.mark.feature(46)
def test_initialisers_are_left_out(watched: Path) -> None:
    """What `before_init` returns is called, and nothing else."""

    class None_(Hooks):
        def before_init(self, loaded: Object, functions: list[int]) -> list[int]:
            return []

    started = []
    for hooks in (Hooks(), None_()):
        loader = loader_with(hooks)
        with Library(loader, loader.load(str(watched))) as library:
            started.append(library.variable("started", ctypes.c_int).value)
    assert started == [1, 0]


@pytest.mark.feature(46)
def test_an_exception_ends_the_load(watched: Path) -> None:
    """And what was mapped goes."""

    class Refuse(Hooks):
        def mapped(self, loaded: Object) -> None:
            raise LinkError(loaded.name, "is not wanted")

    loader = loader_with(Refuse())
    with pytest.raises(LinkError, match="not wanted"):
        loader.load(str(watched))
    assert (loader.objects, str(watched) in Path("/proc/self/maps").read_text()) == ([], False)


@pytest.mark.feature(48)
def test_an_object_keeps_what_its_user_gives_it(watched: Path) -> None:
    """`user`, until it is unloaded; each object its own."""
    one, two = loader_with(Hooks()), loader_with(Hooks())
    first, second = one.load(str(watched)), two.load(str(watched))
    first.user = ["mine"]
    assert (one.load(str(watched)).user, second.user) == (["mine"], None)
    for loader, loaded in ((one, first), (one, first), (two, second)):
        loader.close(loaded)
