"""Who wants to know what is loaded into this process: the unwinder, debuggers, profilers, and the dl* functions of loaded code."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from miniload.linker.object import Object

    class Registrar(Protocol):
        """Called by the loader with its lock held. An exception from `added` ends the load."""

        def added(self, loaded: Object) -> None:
            """The object and all that is loaded with it are relocated; nothing of them has run but resolvers. In the order of initialisation."""

        def removed(self, loaded: Object) -> None:
            """The object is finalised, and will be unmapped. Also where `added` has failed."""
