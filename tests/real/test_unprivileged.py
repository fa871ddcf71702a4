"""Where the exe link cannot be set, level "full": as an ordinary user, and as root without the capability for it. Expected: what the program
does directly, for the same user."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import pytest
from compare import PYTHON, same, without_capabilities
from support import MINILOAD, ROOT, SCRIPT, clean_environment, need, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Build = Callable[..., Path]

NOBODY: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []}
WAYS = {"ordinary_user": NOBODY, "root_without_capability": {"preexec_fn": without_capabilities}}
way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def public() -> Iterator[Path]:
    """A folder that everyone may read, with an installation in it: the tests' own may be in somebody's home."""
    need(PYTHON)
    folder = Path(mkdtemp())
    folder.chmod(0o755)
    version = outcome([PYTHON, "-c", "import sys; print('python%d.%d' % sys.version_info[:2], end='')"])[1].decode()
    (folder / "bin").mkdir()
    shutil.copy(SCRIPT, folder / "bin" / "miniload")
    script = (ROOT / "bin" / "miniload-run").read_text()
    (folder / "bin" / "miniload-run").write_text(script.replace("#!python", f"#!{PYTHON}", 1))
    shutil.copytree(ROOT / "miniload", folder / "lib" / version / "site-packages" / "miniload", ignore=shutil.ignore_patterns("__pycache__"))
    yield folder
    shutil.rmtree(folder)


def installed(public: Path) -> list[str]:
    """The command that everyone may run."""
    return [str(public / "bin" / "miniload")]


def copied(program: Path, public: Path) -> Path:
    """The program, where everyone may read it."""
    return Path(shutil.copy(program, public))


@way
def test_level(public: Path, way: str) -> None:
    """What -v says: everything but the exe link, and why."""
    stderr = outcome([*installed(public), "-v", "/bin/true"], cwd="/", **WAYS[way])[2]
    assert re.fullmatch(rb"miniload: /bin/true: level full \(/proc/self/exe is the stub: [^\n]* needs CAP_CHECKPOINT_RESTORE\)[^\n]*\n", stderr)


@way
@pytest.mark.parametrize(
    "command",
    [
        ["/bin/ls", "-l", "/usr"],
        ["bash", "-c", "trap 'echo bye' EXIT; seq 5 | tac | head -2; (exit 4) & wait $!; echo $? <(:); ulimit -s; exit 3"],
        ["dash", "-c", "ps -o comm=,args= -p $$; tr '\\0' '|' < /proc/self/cmdline; cat /proc/self/comm"],
        [PYTHON, "-c", "import sys, os, ssl, threading; os.fork() or os._exit(3); print(sys.executable, sys.prefix, os.getuid(), os.wait()[1], sys.argv)", "x"],
        ["perl", "-e", 'print "$0 @ARGV\n"; print `id -u`; if (!fork) { exit 3 } wait; print $? >> 8', "x"],
        ["git", "--version"],
        ["id"],
        ["busybox", "sh", "-c", "echo $0; id"],
        ["env"],
        ["/usr/bin/env", "-S", "sh -c 'kill -SEGV $$'"],
        ["/bin/cat", "/proc/self/comm", "/nonexistent"],
    ],
    ids=["ls", "bash", "dash", "python", "perl", "git", "id", "busybox", "env", "signal", "error"],
)
def test_program(public: Path, way: str, command: list[str]) -> None:
    """The same output, errors and status."""
    need(command[0])
    status, stdout, stderr = same(command, miniload=installed(public), cwd="/", **WAYS[way])
    assert status in (0, 1, 3, -11)
    assert stdout + stderr or status < 0


@way
@pytest.mark.parametrize("flags", [["-static", "-no-pie"], ["-static-pie"], ["-no-pie"], []], ids=["static", "static_pie", "non_pie", "pie"])
def test_image(public: Path, build: Build, way: str, flags: list[str]) -> None:
    """Every kind of image, with its heap told to the kernel."""
    for source, expected in (("image.c", b"constructed 1"), ("heap.c", b"contiguous 1 in heap 1"), ("title.c", b"[busy]")):
        program = copied(build(source, *flags), public)
        status, stdout, _ = same([program, "x"], miniload=installed(public), cwd="/", **WAYS[way])
        assert status == 0
        assert expected in stdout


@way
@pytest.mark.parametrize("compiler", ["gcc", "musl-gcc"])
def test_origin(public: Path, build: Build, way: str, compiler: str) -> None:
    """$ORIGIN, which both libcs take from the exe link, is the program's folder all the same, and its children see nothing of how."""
    library = build("answer.c", "-shared", "-fPIC", "-Wl,-soname,libanswer.so", name="libanswer.so", compiler=compiler)
    program = build("asks.c", str(library), "-Wl,-rpath,$ORIGIN/libraries", compiler=compiler, name=f"asks-{compiler}")
    folder = public / f"{way}-{compiler}"
    (folder / "libraries").mkdir(parents=True)
    shutil.copy(library, folder / "libraries")
    program = copied(program, folder)
    assert same([program], miniload=installed(public), cwd="/", env={"LD_DEBUG": ""}, **WAYS[way]) == (0, b"answer 42\n", b"")


@way
def test_script(public: Path, way: str) -> None:
    """A `#!` script."""
    script = public / f"script-{way}"
    script.write_text("#!/bin/sh -u\necho $0 $1 $(id -u); cat /proc/$$/comm\n")
    script.chmod(0o755)
    assert same([script, "x"], miniload=installed(public), cwd="/", **WAYS[way])[0] == 0


@way
def test_exe_link_is_the_difference(public: Path, way: str) -> None:
    """The one thing that the kernel keeps for itself: /proc/self/exe names the memory file that the stub was in."""
    status, stdout, _ = outcome([*installed(public), "/bin/readlink", "/proc/self/exe"], cwd="/", env=clean_environment(), **WAYS[way])
    assert (status, stdout) == (0, b"/memfd:readlink (deleted)\n")


def test_installed_command_is_the_same_one(public: Path) -> None:
    """What the tests above run is a copy of the command under test."""
    assert Path(installed(public)[0]).read_bytes() == Path(MINILOAD[0]).read_bytes()
