"""Finding foreign libraries: where the requester says, then in the default directories, in the sysroot first."""

from __future__ import annotations

import os

from miniload import arch as architectures
from miniload.errors import NotFoundError
from miniload.linker.search import Search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from miniload.linker.object import Object
    from miniload.linux.paths import Paths

HEADER = 20


class SysrootSearch(Search):
    """`directories`: looked at first. What is there for another machine is passed over, as ld.so does."""

    def __init__(self, arch: str, paths: Paths, directories: Sequence[str] = ()) -> None:
        self._arch = architectures.get(arch)
        self._paths = paths
        self._directories = tuple(directories)

    def find(self, name: str, requester: Object | None) -> str:
        """The file's path on the host. NotFoundError."""
        for directory in self._candidates(requester):
            path = os.fsdecode(self._paths.host(os.fsencode(f"{directory}/{name}")))
            if self._fits(path):
                return path
        raise NotFoundError(name, f"found nowhere for {self._arch.name}", field=requester.name if requester else None)

    def _candidates(self, requester: Object | None) -> Iterator[str]:
        yield from self._directories
        if requester is not None:
            origin = os.path.dirname(requester.path or "")
            for text in (requester.runpath, requester.rpath):
                for entry in (text or "").split(":"):
                    if entry:
                        yield entry.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
        triplet = self._arch.triplet
        yield from (f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib64", "/usr/lib64", "/lib", "/usr/lib")

    def _fits(self, path: str) -> bool:
        try:
            with open(path, "rb") as file:
                header = file.read(HEADER)
        except OSError:
            return False
        return header[:4] == b"\x7fELF" and int.from_bytes(header[18:20], "little") == self._arch.machine
