"""The programs of this folder: how they are compiled, run and compared. test_behaviours.py and qemu_table.py share it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from foreign.sysroot import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER = Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.c"))
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread")
TARGETS = {"static": ("linux-musl", ("-static",)), "glibc": ("linux-gnu.2.36", ("-lutil",))}
"""By shape: zig's target without the architecture, and flags. The glibc is Debian 12's, no newer than that of any sysroot."""
LIMIT = 20
"""Seconds that a program may take."""
PR_SET_CHILD_SUBREAPER = 36


class Ended(NamedTuple):
    """How a program ended. `status`: exit status, minus a signal's number, or None if it had to be killed."""

    status: int | None
    output: str
    errors: str

    @property
    def seen(self) -> str:
        """What has to be the same everywhere: the output, and the end in words."""
        if self.status is None:
            return f"{self.output}(no end after {LIMIT} s)\n"
        return self.output + (f"(signal {-self.status})\n" if self.status < 0 else f"(exit {self.status})\n")


def build(name: str, arch: str, shape: str = "static") -> Path:
    """The program, compiled by zig unless the tests' cache has it. RuntimeError with the compiler's words if that fails."""
    target, shaping = TARGETS[shape]
    compiler = ["-m", "ziglang", "cc", "-target", f"{arch}-{target}", *FLAGS, *shaping]
    sources = [FOLDER / f"{name}.c", *sorted(FOLDER.glob("*.h"))]
    key = sha256(b"\0".join([repr(compiler).encode(), *(source.read_bytes() for source in sources)])).hexdigest()[:16]
    folder = cache_folder() / "behaviours" / f"{name}-{arch}-{shape}-{key}"
    program = folder / name
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            made = Path(temporary, name)
            done = subprocess.run([sys.executable, *compiler, str(sources[0]), "-o", str(made)], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{name} for {arch}: {done.stderr}")
            made.rename(program)
    return program


def run(command: Sequence[str | Path]) -> Ended:
    """Runs a program in a session and an empty folder of its own. None of its processes is left afterwards, wherever they went."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        _adopt_orphans()
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "LANG": "C.UTF-8"}
        before = _children()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=folder, env=environment, start_new_session=True)
        try:
            status: int | None = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _kill_group(process.pid)
            process.wait()
            _end_orphans(before)
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode(errors="backslashreplace"))
    return Ended(status, *texts)


def _adopt_orphans() -> None:
    """Has the programs' orphans become ours, so that we find them."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _children(pid: int | None = None) -> set[int]:
    """The children of a process, this one by default."""
    found: set[int] = set()
    try:
        for task in Path(f"/proc/{pid or os.getpid()}/task").iterdir():
            found.update(map(int, (task / "children").read_text().split()))
    except OSError:
        pass  # it has just ended
    return found


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield from _descendants(child)
        yield child


def _end_orphans(before: set[int]) -> None:
    """Kills and reaps all children that were not there before, and theirs."""
    while new := _children() - before:
        for child in new:
            for pid in [*_descendants(child), child]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
