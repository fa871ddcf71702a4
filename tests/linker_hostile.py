"""Broken files through read, map, relocate, look-ups and unmap, in child processes whose signals are counted:

python tests/linker_hostile.py [--count N] [--first N] [--core LINKER.so] [--one SEED NUMBER] FILE...

Each file is mutated N times (default 1000). Prints a line of figures for each, and at the end "signals: 0" or what went wrong; the exit status says so, too.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

from linker_mutation import Seed  # noqa: E402  (found through the path that was just set)

if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.linker.object import Object
    from miniload.linker.target import Target
    from miniload.space import AddressSpace

MARK = "mutant-file"
SECONDS, MEBIBYTES, BATCH = 10, 700, 250
"""What one mutant may take, and what a whole batch of them may hold in memory."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--core", help="use this build of the linker's core")
    parser.add_argument("--one", type=int, help="only this mutant, in this process")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    if options.core:
        use_core(options.core)
    problems = 0
    for path in options.files:
        seed = Seed(path.name, path.read_bytes())
        if options.one is not None:
            return bool(Judge(seed).judge(options.one))
        problems += run(seed, options.first, options.count, options.jobs)
    print(f"problems: {problems}")
    return problems > 0


def use_core(path: str) -> None:
    """Has miniload load that one."""
    real = ctypes.PyDLL
    ctypes.PyDLL = lambda name, *more, **options: real(path if name and "linker-" in str(name) else name, *more, **options)  # type: ignore[assignment,misc]
    import miniload.linker.core  # noqa: F401

    ctypes.PyDLL = real  # type: ignore[misc]


class Judge:
    """Takes one mutant after the other through everything that a loader does with a file whose code it does not run."""

    def __init__(self, seed: Seed) -> None:
        from miniload import arch as architectures
        from miniload.space.buffer import BufferSpace
        from miniload.space.native import NativeSpace

        self.seed = seed
        machine = int.from_bytes(seed.data[18:20], "little") if seed.data[:4] == b"\x7fELF" else 62
        arch = architectures.BY_MACHINE[machine]
        self.here, self.bytes = answering_target(arch, NativeSpace()), answering_target(arch, BufferSpace(24 << 20))
        self.loaded, self.slowest = 0, 0.0
        gc.disable()

    def judge(self, number: int) -> str:
        """What is wrong with how mutant `number` was taken; "" if nothing is."""
        data = self.seed.mutant(random.Random(f"{self.seed.name} {number}"))
        before, started = mapped(), time.monotonic()
        problems = [self._attempt(lambda: self._by_descriptor(data)), self._attempt(lambda: self._by_bytes(data))]
        self.slowest = max(self.slowest, time.monotonic() - started)
        gc.collect(0)
        if self.bytes.space.vmas:
            problems.append("the space is not empty afterwards")
            self.bytes.space.unmap(self.bytes.space.base, len(self.bytes.space.memory))
        left = mapped() - before
        if left:
            problems.append(f"mapped afterwards: {sorted(left)[:3]}")
        return "; ".join(problem for problem in problems if problem)

    def _attempt(self, what: Callable[[], None]) -> str:
        from miniload.errors import MiniloadError

        try:
            what()
            self.loaded += 1
        except (MiniloadError, OSError):
            pass
        except BaseException as error:
            return "".join(traceback.format_exception_only(type(error), error)).strip() + " " + traceback.format_exc().replace("\n", " | ")[-900:]
        return ""

    def _by_descriptor(self, data: bytes) -> None:
        """In this process's memory, by the core's own calls where it can."""
        from miniload.linker.image import read
        from miniload.linker.object import map_object, open_object

        fd = os.memfd_create(MARK)
        try:
            os.write(fd, data)
            loaded = open_object(f"/proc/self/fd/{fd}", self.here)
            if loaded is None:
                with read(fd) as image:
                    loaded = map_object(image, self.here)
            self._use(loaded)
        finally:
            os.close(fd)

    def _by_bytes(self, data: bytes) -> None:
        """In a buffer, step by step."""
        from miniload.linker.image import read
        from miniload.linker.object import map_object

        with read(data, "mutant") as image:
            self._use(map_object(image, self.bytes))

    def _use(self, loaded: Object) -> None:
        from miniload.linker.object import unmap_object
        from miniload.linker.relocate import relocate, relocations
        from miniload.linker.scope import Names, Scope

        try:
            names = ["main", "inflate", "sin", "bump", *(symbol.name for symbol, _ in zip(loaded.symbols(), range(50), strict=False))]
            for name in names:
                loaded.find(name)
                loaded.find(name, "GLIBC_2.2.5")
            for address in (0, 0x1000, loaded.end - loaded.start - 1):
                loaded.symbol_at(loaded.start + address)
            _ = loaded.entry, loaded.rpath, loaded.runpath, loaded.soname, loaded.needed
            for table in (loaded.raw.init_array, loaded.raw.fini_array, loaded.raw.preinit_array):
                loaded.words(table)
            scope = Scope([Names({"malloc": 0x1234, "free": 0x5678}), loaded])
            relocate(loaded, scope, missing=lambda _object, _name: 0x4000)
            for _, _ in zip(relocations(loaded), range(2000), strict=False):
                pass
        finally:
            unmap_object(loaded)


def answering_target(arch: str, space: AddressSpace) -> Target:
    """One that runs nothing, and has an answer to all that is asked while objects are relocated."""
    from miniload.linker.target import MemoryTarget

    class AnsweringTarget(MemoryTarget):
        def call(self, address: int, *_arguments: int) -> int:
            return address ^ 0x5555

        def place_tls(self, loaded: Object) -> None:
            loaded.raw.tls_module, loaded.raw.tls_offset, loaded.raw.tls_state = 1, 64, 2

        def tls_descriptor(self, _definer: Object | None, offset: int) -> tuple[int, int]:
            return 0x1234, offset & (1 << 64) - 1

    return AnsweringTarget(arch, space)


def mapped() -> set[str]:
    """The mappings that a load may leave: of the mutant's file, and those that the interpreter's own allocator never makes."""
    found = set()
    with open("/proc/self/maps") as lines:
        for line in lines:
            _, protection, _, _, inode, *name = line.split()
            if (name and MARK in name[0]) or (inode == "0" and not name and protection not in ("rw-p", "---p")):
                found.add(line)
    return found


def run(seed: Seed, first: int, count: int, jobs: int = 1) -> int:
    """Mutants `first` to `first + count` in children of a batch each. The number of problems."""
    started, problems, loaded, slowest = time.monotonic(), 0, 0, 0.0
    queue = list(range(first, first + count, BATCH))
    running: dict[int, tuple[int, int]] = {}
    while queue or running:
        while queue and len(running) < jobs:
            start = queue.pop(0)
            pid, pipe = start_batch(seed, start, min(start + BATCH, first + count))
            running[pid] = (pipe, start)
        pid, status = os.wait()
        pipe, start = running.pop(pid)
        with os.fdopen(pipe) as lines:
            figures = [line.rstrip() for line in lines]
        bad = [line for line in figures if line.startswith("bad")]
        problems += len(bad)
        for line in bad:
            print(f"{seed.name}: {line}", file=sys.stderr)
        if status or not figures or not figures[-1].startswith("done"):
            problems += 1
            last = next((line for line in reversed(figures) if line.startswith("at")), "at the start")
            print(f"{seed.name}: batch {start} ended with status {status:#x} {last}", file=sys.stderr)
        else:
            loaded += int(figures[-1].split()[1])
            slowest = max(slowest, float(figures[-1].split()[2]))
    print(f"{seed.name}: {count} mutants, {loaded} were loaded, slowest {slowest:.3f} s, {time.monotonic() - started:.1f} s")
    return problems


def start_batch(seed: Seed, first: int, end: int) -> tuple[int, int]:
    """A child and the pipe that it reports to."""
    readable, writable = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(writable)
        return pid, readable
    os.close(readable)
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        judge = Judge(seed)
        for number in range(first, end):
            os.write(writable, b"at %d\n" % number)
            signal.setitimer(signal.ITIMER_REAL, SECONDS)  # ends the child by SIGALRM
            problem = judge.judge(number)
            if problem:
                os.write(writable, f"bad {number}: {problem}\n".encode())
        signal.setitimer(signal.ITIMER_REAL, 0)
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if held > MEBIBYTES:
            os.write(writable, f"bad {first}: {held} MiB were held\n".encode())
        os.write(writable, b"done %d %f\n" % (judge.loaded, judge.slowest))
        status = 0
    except BaseException:
        traceback.print_exc()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
