"""What a user of the linker may watch and change on the way."""

from __future__ import annotations

from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from miniload.linker.image import Image
    from miniload.linker.object import Object


class RelocationInfo(Record):
    """One relocation. `place`: the target's address that it changes. `type`: its number; `name`: as the ABI document calls it. `symbol`: "" for none, with
    "@version" if one is asked for. `value`: the eight bytes at the place, once it is applied; 0 before."""

    place: int
    type: int
    name: str
    symbol: str
    addend: int
    value: int


class Hooks:
    """Does nothing; to be derived from. An exception from a hook ends the load, and what was mapped for it goes."""

    def before_map(self, image: Image) -> None:
        """The headers are read and checked, nothing is mapped."""

    def mapped(self, loaded: Object) -> None:
        """All segments are mapped and the dynamic section is read."""

    def bind(self, loaded: Object, symbol: str, address: int | None) -> int | None:
        """A symbol that `loaded` refers to has been looked up: `address`, or None if nothing in scope defines it. What is returned takes its place."""
        return address

    def unknown_relocation(self, loaded: Object, relocation: RelocationInfo) -> int | None:
        """A type that the linker does not know. The 64-bit value to store at its place; None: it is an error."""

    def relocated(self, loaded: Object, relocation: RelocationInfo) -> None:
        """A relocation has been applied; called for each, when all of the object are."""

    def before_init(self, loaded: Object, functions: list[int]) -> list[int]:
        """The initialisers that will be called, in order. What is returned is called in their place."""
        return functions

    def before_fini(self, loaded: Object, functions: list[int]) -> list[int]:
        """The same for finalisers."""
        return functions

    def unloaded(self, loaded: Object) -> None:
        """The object is no longer mapped."""


NO_HOOKS = Hooks()
LOG_VARIABLE = "MINILOAD_LD_DEBUG"
"""Asks for a log: log.py."""


def logged(environment: Mapping[str, str], hooks: Hooks = NO_HOOKS) -> Hooks:
    """`hooks`, with a log to stderr around them if the environment asks for one."""
    asked = environment.get(LOG_VARIABLE)
    if not asked:
        return hooks
    from miniload.linker.log import log_to_stderr

    return log_to_stderr(asked, hooks)


def overrides(hooks: Hooks, name: str) -> bool:
    """Whether a user has defined that hook."""
    return getattr(type(hooks), name) is not getattr(Hooks, name) or name in getattr(hooks, "__dict__", ())
