"""Loading without keeping an event loop waiting: bytes are read by the loop's executor or by the source's own coroutines, and linking is done in a thread.

Several loads read at once; mapping, relocation and initialisers are one after the other, as the loader's lock has it.
"""

from __future__ import annotations

import asyncio
import os

from miniload.elf.dynamic import DT_NEEDED, parse_dynamic, string
from miniload.elf.header import parse_header
from miniload.elf.segments import parse_segments
from miniload.elf.source import BytesSource
from miniload.errors import MiniloadError
from miniload.linker.library import Library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable
    from concurrent.futures import Executor
    from typing import Protocol

    from miniload.linker.image import Readable
    from miniload.linker.loader import Loader
    from miniload.linker.object import Object

    class AsyncSource(Protocol):
        """A file that coroutines read."""

        name: bytes
        size: int

        async def read(self, offset: int, length: int) -> bytes:
            """At most `length` bytes from there."""


PIECE = 1 << 20
"""Bytes to read at a time."""


async def load_async(
    what: Readable | AsyncSource | AsyncIterable[bytes],
    mode: int = os.RTLD_NOW,
    name: str | None = None,
    *,
    loader: Loader | None = None,
    executor: Executor | None = None,
) -> Library:
    """As `load`, to be awaited. `what` may also be an asynchronous iterator of the file's bytes, or have a coroutine for its `read(offset, length)`.

    A task that is cancelled meanwhile leaves nothing loaded. `executor`: where files are read and linked, the event loop's own by default.
    """
    if loader is None:
        from miniload.linker.api import native_loader

        loader = native_loader()
    loop = asyncio.get_running_loop()
    readable = await _all_bytes(what)
    if isinstance(readable, (str, os.PathLike)):
        await _read_ahead(os.fspath(readable), loader, loop, executor)
    linking = loop.run_in_executor(executor, loader.load, readable, mode, name)
    try:
        loaded: Object = await asyncio.shield(linking)
    except asyncio.CancelledError:
        linking.add_done_callback(lambda done: None if done.cancelled() or done.exception() else loader.close(done.result()))
        raise
    return Library(loader, loaded)


async def _all_bytes(what: Readable | AsyncSource | AsyncIterable[bytes]) -> Readable:
    """What a source of coroutines has; anything else as it is."""
    if hasattr(what, "__aiter__"):
        return b"".join([bytes(piece) async for piece in what])
    if asyncio.iscoroutinefunction(getattr(what, "read", None)):
        source: AsyncSource = what  # type: ignore[assignment]
        offsets = range(0, source.size, PIECE)
        return b"".join(await asyncio.gather(*[source.read(offset, min(PIECE, source.size - offset)) for offset in offsets]))
    return what  # type: ignore[return-value]


async def _read_ahead(path: str, loader: Loader, loop: asyncio.AbstractEventLoop, executor: Executor | None) -> None:
    """Has the files that will be mapped in memory, all at once, so that linking does not wait for them. Whatever is wrong with them, linking will say."""
    seen: set[str] = set()

    async def one(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        needed = await loop.run_in_executor(executor, _touch, name, loader)
        await asyncio.gather(*map(one, needed))

    await one(path)


def _touch(name: str, loader: Loader) -> list[str]:
    """Reads a file, if it is to be found; what it needs."""
    try:
        path = name if "/" in name else loader.search.find(name, None)
        with open(path, "rb", buffering=0) as file:
            source = BytesSource(file.readall() or b"")
        segments = parse_segments(source, parse_header(source))
        dynamic = parse_dynamic(source, segments)
        entries = dynamic.entries if dynamic else ()
        return [os.fsdecode(string(source, segments, dynamic, entry.value)) for entry in entries if dynamic and entry.tag == DT_NEEDED]
    except (MiniloadError, OSError):
        return []
