"""The files that the tools work on: the same bytes, modes and times in every run."""

from __future__ import annotations

import os
import random
from pathlib import Path

LONG_AGO = 1_000_000_000
"""2001-09-09 01:46:40 UTC, in seconds: the time of files whose listing shows it."""


def lines(count: int, seed: int = 1) -> bytes:
    """That many lines: a number, a word, a fraction, with repetitions."""
    chance = random.Random(seed)
    words = ("alpha", "Beta", "gamma", "delta", "epsilon", "zeta", "eta", "Theta", "\u00e4pfel", "")
    return "".join(f"{chance.randrange(count)} {chance.choice(words)} {chance.random():.3f}\n" for _ in range(count)).encode()


def noise(count: int, seed: int = 2) -> bytes:
    """That many bytes that do not compress."""
    return random.Random(seed).randbytes(count)


def tree(folder: Path) -> None:
    """A small tree: text, binary, empty and executable files, hidden ones, links of both kinds, a fifo, a sparse file; all times long ago."""
    (folder / "a.txt").write_bytes(b"first\nsecond line\n\tthird, with a tab\n\nlast without newline")
    (folder / "b.txt").write_bytes(b"second line\nfirst\nfirst\nb only\n")
    (folder / "numbers").write_bytes(b"10\n9\n2\n33\n1\n2\n-5\n1e3\n0x1f\n")
    (folder / "table").write_bytes(b"name:uid:shell\nroot:0:/bin/bash\ndaemon:1:/bin/false\nsync:4:/bin/sync\n")
    (folder / "lines").write_bytes(lines(500))
    (folder / "binary").write_bytes(bytes(range(256)) * 5 + b"\0\n\xff")
    (folder / "empty").write_bytes(b"")
    (folder / ".hidden").write_bytes(b"hidden\n")
    (folder / "with blank").write_bytes(b"blank\n")
    (folder / "script").write_bytes(b"#!/bin/sh\necho script\n")
    (folder / "sub" / "deeper").mkdir(parents=True)
    (folder / "sub" / "deeper" / "leaf").write_bytes(noise(10_000))
    (folder / "sub" / "one").write_bytes(b"1\n")
    os.link(folder / "sub" / "one", folder / "sub" / "same")
    (folder / "link").symlink_to("a.txt")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "dirlink").symlink_to("sub")
    os.mkfifo(folder / "fifo")
    with (folder / "sparse").open("wb") as file:
        file.seek(200_000)
        file.write(b"end")
    _settle(folder)


def big(folder: Path) -> None:
    """20,000 lines, 1 MB of noise."""
    (folder / "big").write_bytes(lines(20_000))
    (folder / "noise").write_bytes(noise(1_000_000))
    _settle(folder)


def _settle(folder: Path) -> None:
    """Modes and times that no umask and no clock has a part in."""
    modes = {"script": 0o755, "b.txt": 0o600, "numbers": 0o444}
    for number, path in enumerate(sorted(folder.rglob("*"), reverse=True)):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else modes.get(path.name, 0o644))
        moment = (LONG_AGO + number) * 10**9 + number * 1001
        os.utime(path, ns=(moment, moment), follow_symlinks=False)
    os.utime(folder, (LONG_AGO, LONG_AGO))
