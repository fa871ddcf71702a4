"""`os` for the run path, where the bundle (tools/make_bundle.py) puts it in its place: that module costs 0.9 ms, nearly all of it for classes that nobody here
uses. What it has from `posix` is here, and the little that the run path needs besides; whoever asks for more gets the module itself."""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

ENCODING, ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


def fsencode(name: object) -> bytes:
    """os.fsencode()."""
    if isinstance(name, str):
        return name.encode(ENCODING, ERRORS)
    return name if isinstance(name, bytes) else whole().fsencode(name)


def fsdecode(name: object) -> str:
    """os.fsdecode()."""
    if isinstance(name, bytes):
        return name.decode(ENCODING, ERRORS)
    return name if isinstance(name, str) else whole().fsdecode(name)


def whole() -> ModuleType:
    """The module itself."""
    import os

    return os


def make() -> ModuleType:
    """The stand-in, or the module, if this process has it already."""
    if "os" in sys.modules:
        return sys.modules["os"]
    light = type(sys)("os")
    light.__dict__.update(posix.__dict__)
    light.__dict__.update(fsencode=fsencode, fsdecode=fsdecode, environb=posix.environ, __getattr__=lambda name: getattr(whole(), name))
    del light.environ
    return light


os = make()
