"""Measures in one process, both contenders in turn: `worker.py FOLDER ROUNDS`, run by library/main.py. Prints JSON: {row: {contender: [seconds an operation]}}.
`worker.py CONTENDER PATH` prints the seconds that one load takes: for a library that no dynamic linker unloads, since it has unique symbols.
"""

from __future__ import annotations

import _ctypes
import ctypes
import json
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import miniload

if TYPE_CHECKING:
    from collections.abc import Callable

OURS, THEIRS = "miniload", "ctypes"


class Row(NamedTuple):
    """`count` operations are timed together."""

    name: str
    count: int
    ours: Callable[[int], None]
    theirs: Callable[[int], None]


def loads(name: str, path: str, count: int) -> Row:
    """Load, relocate, initialise and unload."""

    def ours(times: int) -> None:
        for _ in range(times):
            miniload.load(path).close()

    def theirs(times: int) -> None:
        for _ in range(times):
            _ctypes.dlclose(ctypes.CDLL(path, mode=os.RTLD_NOW)._handle)

    return Row(f"load and unload {name}", count, ours, theirs)


def uses(path: str) -> list[Row]:
    """Look-ups and calls of a library's add()."""
    ours, theirs = miniload.load(path), ctypes.CDLL(path)

    def item(library: object) -> Callable[[int], None]:
        def run(times: int) -> None:
            for _ in range(times):
                library["add"]  # type: ignore[index]

        return run

    def attribute(library: object) -> Callable[[int], None]:
        getattr(library, "add")  # noqa: B009  (looked up for the first time)

        def run(times: int) -> None:
            for _ in range(times):
                library.add  # type: ignore[attr-defined]  # noqa: B018

        return run

    def call(library: object) -> Callable[[int], None]:
        function = library.add  # type: ignore[attr-defined]

        def run(times: int) -> None:
            for _ in range(times):
                function(1, 2)

        return run

    return [
        Row('look-up: lib["name"]', 200, item(ours), item(theirs)),
        Row("cached look-up: lib.name", 2000, attribute(ours), attribute(theirs)),
        Row("call: add(1, 2)", 1000, call(ours), call(theirs)),
    ]


def main(folder: Path, rounds: int) -> None:
    """All rows, taking turns; which contender begins changes with each round."""
    rows = [loads("a small library", str(folder / "small.so"), 10), loads("one with 22,000 relocations", str(folder / "many.so"), 1)]
    if (folder / "libz.path").exists():
        rows.append(loads("libz", (folder / "libz.path").read_text(), 10))
    rows += uses(str(folder / "calls.so"))  # which stays loaded
    found: dict[str, dict[str, list[float]]] = {row.name: {OURS: [], THEIRS: []} for row in rows}
    for number in range(-1, rounds):  # the first one warms up
        for row in rows:
            contenders = ((OURS, row.ours), (THEIRS, row.theirs))
            for name, run in contenders if number % 2 else contenders[::-1]:
                started = perf_counter()
                run(row.count)
                if number >= 0:
                    found[row.name][name].append((perf_counter() - started) / row.count)
    json.dump(found, sys.stdout)


def once(contender: str, path: str) -> None:
    """One load, in seconds."""
    miniload.load(os.fsdecode(Path(miniload.__file__).parent / "_built" / f"linker-{os.uname().machine}.so")).close()  # brings in all modules
    started = perf_counter()
    if contender == OURS:
        miniload.load(path)
    else:
        ctypes.CDLL(path, mode=os.RTLD_NOW)
    print(perf_counter() - started)


if __name__ == "__main__":
    if sys.argv[1] in (OURS, THEIRS):
        once(*sys.argv[1:])
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]))
