"""Runs a guest program in this process, as `miniload` does, with secrets in the emulator's own memory, and afterwards looks whether the guest has got at
them: `hostile_driver.py ARCH PROGRAM ARGUMENT...`. Prints "untouched" or what was touched, on stderr."""

from __future__ import annotations

import hashlib
import mmap
import os
import sys

from miniload import arch as architectures
from miniload.linux import exec, loop
from miniload.linux.process import Options

SECRET = b"the emulator's own secret 0123456789"
PAGES = 64


def main(name: str, program: str, arguments: list[str]) -> None:
    """Ends as the guest does, or with 99."""
    place = mmap.mmap(-1, PAGES * 4096)
    place.write((SECRET * (PAGES * 4096 // len(SECRET) + 1))[: PAGES * 4096])
    before = hashlib.sha256(place[:]).digest()
    run = loop.run

    def watched(task: object) -> None:
        report = task.process.keep(os.dup(2))  # type: ignore[attr-defined]
        try:
            run(task)  # type: ignore[arg-type]
        finally:
            complaint = judge(task, before == hashlib.sha256(place[:]).digest())
            os.write(report, complaint + b"\n")
            if complaint != b"untouched":
                os._exit(99)

    loop.run = watched  # type: ignore[assignment]
    exec.run(architectures.get(name), Options(), os.fsencode(program), [program.encode(), *map(os.fsencode, arguments)], [])


def judge(task: object, same: bool) -> bytes:
    """Whether the secrets are as they were, and nowhere in the guest's memory."""
    if not same:
        return b"the emulator's memory was written"
    space = task.process.space  # type: ignore[attr-defined]
    for vma in space.vmas:
        size = min(vma.end - vma.start, 1 << 20)
        for start in range(vma.start, vma.start + size, 4096):
            try:
                found = SECRET in space.read(start, 4096)
            except OSError:
                continue
            if found:
                return b"the emulator's memory was read"
    return b"untouched"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
