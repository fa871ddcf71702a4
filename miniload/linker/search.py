"""Finding an object's file by its name, as ld.so does."""

from __future__ import annotations

import os

from miniload.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.object import Object


class Search:
    """Default directories only."""

    def find(self, name: str, requester: Object | None) -> str:
        """The file's path. NotFoundError."""
        for directory in ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"):
            path = f"{directory}/{name}"
            if os.path.exists(path):
                return path
        raise NotFoundError(name, "found nowhere", field=requester.name if requester else None)
