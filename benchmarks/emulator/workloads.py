"""What is run: one row of the table for each workload, or one for each of the loops that the loops program times itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HERE = Path(__file__).resolve().parent
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
STATIC, DYNAMIC = ("linux-musl", "-static"), ("linux-gnu.2.36", "-dynamic")
"""zig's target without the architecture. No newer a glibc than those of the sysroots and of a Debian machine."""
LOOPS, PROGRAMS, STARTS, PROCESSES = "loops", "programs", "start-up", "processes and threads"
AGAIN = "{runner}"
"""In a command: what the program has to put before another one to run it. Only qemu-user needs something there."""
SPAWNING = 'left=$1; shift; while [ $left -gt 0 ]; do "$@"; left=$((left - 1)); done'
"""For sh -c: runs a command so often."""
HAND_OVERS, FUTEX_ROW, CONDITION_ROW = 100_000, "hand-overs by futex", "hand-overs by condition"
NATIVE_ARCH = "x86_64"
MIB = 1 << 20


class Workload(NamedTuple):
    """`commands`: by architecture, the host's included. `rounds`: how often in a full run. `sysroot`: whether emulators need it.
    `leftover` is a file to be removed before each run."""

    name: str
    kind: str
    commands: Mapping[str, tuple[str, ...]]
    rounds: int
    sysroot: bool = False
    leftover: str = ""


class Maker:
    """Makes programs and data in `folder`; `scale` is what the sizes of the whole programs' data are divided by."""

    def __init__(self, folder: Path, sysroots: Mapping[str, Path], archs: Sequence[str], scale: int) -> None:
        self.folder, self.sysroots, self.scale = folder, sysroots, scale
        self.archs = (NATIVE_ARCH, *archs)

    def all(self) -> list[Workload]:
        """In the order of the table."""
        static, calls, hello = (self._compiled(source, STATIC) for source in ("loops.c", "calls.c", "hello.c"))
        count = str(1_000_000 // self.scale)
        return [
            Workload(LOOPS, LOOPS, static, 7),
            *self._programs(),
            Workload(f"{int(count):,} getppid".replace(",", " "), PROGRAMS, {arch: (*command, count) for arch, command in calls.items()}, 5),
            Workload("static hello", STARTS, hello, 40),
            Workload("dynamic hello", STARTS, self._compiled("hello.c", DYNAMIC), 40, sysroot=True),
            *self._processes(),
        ]

    def _processes(self) -> list[Workload]:
        """Starting others, and threads that wait for each other."""
        count = 100 // self.scale
        shells, dynamic, static = self._tool("dash", ["-c", SPAWNING, "spawn", str(count), AGAIN]), self._tool("true", []), self._compiled("true.c", STATIC)
        handover = self._compiled("handover.c", STATIC)
        switches = HAND_OVERS // self.scale
        rows = [
            Workload(f"{count} fork+exec of a {kind} true", PROCESSES, {arch: (*shells[arch], *true[arch]) for arch in shells if arch in true}, 5, sysroot=True)
            for kind, true in (("static", static), ("dynamic", dynamic))
        ]
        return rows + [
            Workload(f"{switches // 1000} k {title}", PROCESSES, {arch: (*program, kind, str(switches)) for arch, program in handover.items()}, 5)
            for kind, title in (("futex", FUTEX_ROW), ("condition", CONDITION_ROW), ("mutex", "turns of 8 threads at a mutex"))
        ]

    def _programs(self) -> list[Workload]:
        blob = self._data("blob", 100 * MIB // self.scale, random_bytes)
        lines = self._data("lines", 1_000_000 // self.scale, text_lines)
        statements = self._data("statements", 100_000 // self.scale, sql)
        database = str(self.folder / "database")
        rounds = str(max(20 // self.scale, 1))
        asked: list[tuple[str, str, list[str], str]] = [
            (f"sha256sum of {100 // self.scale} MiB", "sha256sum", [blob], ""),
            (f"sort of {1000 // self.scale} k lines", "sort", ["--parallel=1", "-S", "500M", lines], ""),
            (f"gzip of {os.path.getsize(lines) // MIB} MiB", "gzip", ["-c", "-n", lines], ""),
            ("python3, objects and floats", "python3", ["-I", "-S", "-B", str(HERE / "objects.py"), rounds], ""),
            (f"sqlite3, {100 // self.scale} k inserts", "sqlite3", ["-batch", "-init", "/dev/null", database, f".read {statements}"], database),
        ]
        return [Workload(name, PROGRAMS, self._tool(tool, arguments), 3, True, leftover) for name, tool, arguments, leftover in asked]

    def _tool(self, tool: str, arguments: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Debian's program for each architecture; the machine's own, natively."""
        commands = {}
        own = shutil.which(tool, path="/usr/bin:/bin")
        if own:
            commands[NATIVE_ARCH] = (own, *arguments)
        for arch, root in self.sysroots.items():
            program = root / "usr" / "bin" / tool
            if program.exists():
                commands[arch] = (str(program), *arguments)
        return commands

    def _compiled(self, source: str, target: tuple[str, str]) -> dict[str, tuple[str, ...]]:
        commands: dict[str, tuple[str, ...]] = {}
        for arch in self.archs:
            output = self.folder / f"{Path(source).stem}-{target[0]}-{arch}"
            command = [*compiler(), "-target", f"{arch}-{target[0]}", *FLAGS, target[1], str(HERE / source), "-o", str(output)]
            subprocess.run(command, check=True)
            commands[arch] = (str(output),)
        return commands

    def _data(self, name: str, size: int, make: Callable[[Path, int], None]) -> str:
        path = self.folder / name
        make(path, size)
        return str(path)


def compiler() -> list[str]:
    """zig's C compiler: it has a libc for every target."""
    for python in (str(environment.PYTHON), sys.executable):
        if os.path.exists(python) and not subprocess.run([python, "-c", "import ziglang"], capture_output=True).returncode:
            return [python, "-m", "ziglang", "cc"]
    raise SystemExit("the benchmarks need the ziglang package: pip install '.[bench]'")


def random_bytes(path: Path, size: int) -> None:
    """The same each time."""
    random = Random(1)
    with path.open("wb") as file:
        for at in range(0, size, MIB):
            file.write(random.randbytes(min(MIB, size - at)))


def text_lines(path: Path, count: int) -> None:
    """Lines of about 30 characters, of a thousand words of which some are frequent."""
    random = Random(2)
    words = ["".join(random.choices("etaoinshrdlucmfwyp", k=random.randint(2, 9))) for _ in range(1000)]
    weights = [1 / (rank + 5) for rank in range(len(words))]
    with path.open("w", encoding="ascii") as file:
        for _ in range(0, count, 1000):
            drawn = random.choices(words, weights, k=5000)
            file.writelines(f"{' '.join(drawn[at : at + 5])}\n" for at in range(0, 5000, 5))


def sql(path: Path, count: int) -> None:
    """A table filled in one transaction, an index, two questions. The database is not synced: the disk is not what is measured."""
    random = Random(3)
    with path.open("w", encoding="ascii") as file:
        file.write("PRAGMA synchronous=OFF;\nPRAGMA journal_mode=MEMORY;\nCREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, price REAL);\nBEGIN;\n")
        file.writelines(f"INSERT INTO item VALUES({number},'item {random.getrandbits(32):x}',{random.randint(1, 99999)}.5);\n" for number in range(count))
        file.write("COMMIT;\nCREATE INDEX by_name ON item(name);\nSELECT count(*), sum(price), min(name), max(name) FROM item;\n")
        file.write("SELECT substr(name, 1, 6) AS start, count(*) AS many FROM item GROUP BY start ORDER BY many DESC, start LIMIT 5;\n")
