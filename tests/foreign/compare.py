"""Runs the same commands natively, under qemu-user and through the installed command, each in a scratch folder of its own, and compares all that is left.

Expected values of every test in this folder come from here: what this machine's own build of the tool does, and what the foreign one does under qemu-user.
Where a command's output is the tool's version's, only qemu-user can tell; where qemu-user is known to be wrong, only the native tool. The test says why.
"""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shlex
import shutil
import stat
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from support import MINILOAD

from foreign.data import LONG_AGO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

BIN = Path("/usr/bin")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8", "TZ": "UTC0"}
ORACLES_ONLY = os.environ.get("MINILOAD_TEST_ORACLES_ONLY") == "1"
"""Checks the tests themselves: that the native tool and qemu-user agree."""
PATIENCE = 60.0
HUNG = 1000
"""The status of a command that had to be ended after PATIENCE (s)."""
RECENT = 3600.0
"""Times of the last hour (s) are those of the test itself, and differ; others were set by a command, and count."""


class Line(NamedTuple):
    """A command line, with what goes in, where its output goes, and who knows what is right."""

    words: str
    """As in a shell, but for its expansions: the first is the tool's name."""
    stdin: bytes = b""
    stdout: str = "pipe"
    """"pipe", "closed", or a file that is written to, such as /dev/full."""
    env: Mapping[str, str] = {}
    only: str = ""
    """"native" or "qemu" if the other is no oracle here."""
    why: str = ""
    """The reason for `only`."""
    normal: Callable[[bytes], bytes] = bytes
    """Applied to stdout and stderr before they are compared."""


class Entry(NamedTuple):
    """What is compared of a file that a command left."""

    kind: str
    mode: int
    links: int
    content: str
    time: str
    attributes: tuple[tuple[str, bytes], ...]


class Result(NamedTuple):
    """All that is compared of a command's run."""

    status: int
    stdout: bytes
    stderr: bytes
    files: Mapping[str, Entry]

    def differences(self, other: Result) -> list[str]:
        """What is not the same, one a line. Empty if nothing."""
        found = [
            f"{name}: {_shown(ours)} != {_shown(theirs)}" for name, ours, theirs in zip(self._fields[:3], self[:3], other[:3], strict=True) if ours != theirs
        ]
        names = sorted({*self.files, *other.files})
        return found + [f"file {name}: {self.files.get(name)} != {other.files.get(name)}" for name in names if self.files.get(name) != other.files.get(name)]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 1500 else f"{text[:1400]}... ({len(text)} characters)"


class Runner(NamedTuple):
    """How a command is run: what stands before the program, and where the program is."""

    name: str
    prefix: tuple[str, ...]
    program: Callable[[str], Path | None]
    """The file of a tool, if there is one."""

    def command(self, words: list[str]) -> tuple[list[str], str] | None:
        """Arguments and the file to execute; None without such a tool. The program's argv[0] is its path in the guest, since messages repeat it."""
        program = self.program(words[0])
        if program is None:
            return None
        argv0 = str(BIN / words[0])
        if not self.prefix:
            return [argv0, *words[1:]], str(program)
        return [*self.prefix, "-0", argv0, str(program), *words[1:]], self.prefix[0]


def _tool_in(root: Path) -> Callable[[str], Path | None]:
    def tool(name: str) -> Path | None:
        path = root / "usr" / "bin" / name
        return path if path.exists() else None

    return tool


def native() -> Runner:
    """This machine's own tools."""
    return Runner("native", (), _tool_in(Path("/")))


def qemu(arch: str, root: Path) -> Runner | None:
    """The sysroot's tools under qemu-user, if that is installed."""
    emulator = shutil.which(f"qemu-{arch}")
    return Runner("qemu", (emulator, "-L", str(root)), _tool_in(root)) if emulator else None


def miniload(root: Path) -> Runner:
    """The sysroot's tools through the command under test."""
    return Runner("miniload", (*MINILOAD, "-L", str(root)), _tool_in(root))


class Foreign:
    """The programs of one architecture's sysroot, and the runners that are compared on them."""

    def __init__(self, arch: str, root: Path, scratch: Path) -> None:
        self.arch, self.root = arch, root
        self.scratch = scratch
        emulator = qemu(arch, root)
        self.oracles = [native(), *([emulator] if emulator else [])]
        self.runners = [*self.oracles, *([] if ORACLES_ONLY else [miniload(root)])]

    def compare(self, lines: Iterable[str | Line], prepare: Callable[[Path], None] | None = None) -> list[Result]:
        """Runs the command lines one after another in the same folder, prepared by the function, once by each runner; the test fails with all
        differences found. Returns what was expected."""
        trial = Trial(self, prepare)
        expected, problems = [], []
        for line in lines:
            result, found = trial.step(line if isinstance(line, Line) else Line(line))
            expected.append(result)
            problems += found
        trial.end()
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)
        return expected


class Trial:
    """A sequence of command lines in identical folders, one for each runner, whose path while a command runs is the same, too."""

    def __init__(self, foreign: Foreign, prepare: Callable[[Path], None] | None) -> None:
        self._foreign = foreign
        self._place = foreign.scratch / "trial"
        self._place.mkdir()
        self._reported: set[tuple[str, str]] = set()
        for runner in foreign.runners:
            with self._at_work(runner, new=True) as folder:
                if prepare is not None:
                    prepare(folder)

    @contextmanager
    def _at_work(self, runner: Runner, new: bool = False) -> Iterator[Path]:
        """The runner's folder, under the path that all of them have when it is their turn. The folder above has the same times and links, too."""
        kept, work = self._place.parent / f"kept-{runner.name}", self._place / "work"
        work.mkdir() if new else kept.rename(work)
        os.utime(self._place, (LONG_AGO, LONG_AGO))
        yield work
        work.rename(kept)

    def step(self, line: Line) -> tuple[Result, list[str]]:
        """The expected result of one command line, and what was different from it."""
        results = {}
        for runner in self._foreign.runners:
            with self._at_work(runner) as folder:
                result = execute(runner, line, folder)
            if result is not None:
                results[runner.name] = result
        judge = line.only or next((name for name in ("native", "qemu") if name in results), "")
        if judge not in results:
            pytest.skip(f"no oracle for `{line.words}`: needs {line.only or 'the tool on this machine or qemu-user'}")
        hung = [name for name, result in results.items() if result.status == HUNG]
        if hung == ["qemu"] and judge == "native":
            hung = []  # qemu-user loses a signal now and then, which is nothing that miniload could be blamed for
            del results["qemu"]
        if hung:
            return results[judge], [f"`{line.words}` ({self._foreign.arch}): no end after {PATIENCE:.0f} s: {', '.join(hung)}"]
        judged = [name for name in results if name == "miniload" or not (line.only or name == judge)]
        found = {name: self._new(name, results[name].differences(results[judge])) for name in judged}
        return results[judge], [self._problem(line, name, judge, texts) for name, texts in found.items() if texts]

    def _new(self, name: str, texts: list[str]) -> list[str]:
        """Without the files whose difference an earlier step has reported."""
        new = [text for text in texts if (name, text) not in self._reported]
        self._reported.update((name, text) for text in texts if text.startswith("file "))
        return new

    def _problem(self, line: Line, name: str, judge: str, found: list[str]) -> str:
        return f"`{line.words}` ({self._foreign.arch}): {name}, not as {judge}:\n    " + "\n    ".join(found)

    def end(self) -> None:
        """Removes what was left."""
        shutil.rmtree(self._place)
        for runner in self._foreign.runners:
            shutil.rmtree(self._place.parent / f"kept-{runner.name}", ignore_errors=True)


def execute(runner: Runner, line: Line, folder: Path) -> Result | None:
    """Runs one command line in the folder. None if the runner has no such tool."""
    found = runner.command(shlex.split(line.words))
    if found is None:
        return None
    words, executable = found
    return run(words, folder, line, executable)


def run(words: list[str], folder: Path, line: Line, executable: str | None = None) -> Result:
    """Runs a command in the folder with the line's input, output and environment."""
    target: int | None = None if line.stdout == "closed" else subprocess.PIPE if line.stdout == "pipe" else os.open(line.stdout, os.O_WRONLY)

    def before() -> None:
        os.umask(0o022)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if line.stdout == "closed":
            os.close(1)

    try:
        done = subprocess.run(
            words,
            executable=executable,
            input=line.stdin,
            stdout=target,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**ENVIRONMENT, **line.env},
            timeout=PATIENCE,
            preexec_fn=before,
        )
        status, stdout, stderr = done.returncode, done.stdout or b"", done.stderr
    except subprocess.TimeoutExpired as error:
        status, stdout, stderr = HUNG, error.stdout or b"", error.stderr or b""
    finally:
        if target is not None and target >= 0:
            os.close(target)
    return Result(status, line.normal(stdout), line.normal(_without_folder(stderr)), snapshot(folder))


def _without_folder(messages: bytes) -> bytes:
    """Messages that begin with the tool's name, without its folder: whether that is shown is the C library's version's."""
    return re.sub(rb"(?m)^/usr/bin/", b"", messages)


def snapshot(folder: Path) -> dict[str, Entry]:
    """All files below the folder, and the folder itself as "."."""
    found = {".": _entry(folder)}
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            found[str(path.relative_to(folder))] = _entry(path)
    return found


def _entry(path: Path) -> Entry:
    facts = path.lstat()
    kind = stat.filemode(facts.st_mode)[0]
    content = ""
    if kind == "l":
        content = os.readlink(path)
    elif kind == "-":
        content = f"{facts.st_size} bytes, sha256 {_digest(path)}"
    links = facts.st_nlink if kind == "-" else 1
    set_time = "recent" if abs(time.time() - facts.st_mtime) < RECENT else str(facts.st_mtime_ns)
    return Entry(kind, stat.S_IMODE(facts.st_mode), links, content, set_time, _attributes(path))


def _digest(path: Path) -> str:
    """Read without a trace: a later command may show the time of the last access."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOATIME)) as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def _attributes(path: Path) -> tuple[tuple[str, bytes], ...]:
    try:
        return tuple(
            (name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(os.listxattr(path, follow_symlinks=False)) if name.startswith("user.")
        )
    except OSError:  # the file system has none
        return ()
