"""Programs that start others: shells, make, git, an interpreter that starts itself, a compiler. Expected: this machine's own on the same scripts; and
qemu-user, whose guests' children are this machine's own programs."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from support import need
from terminal import Terminal

from foreign import data
from foreign.compare import ENVIRONMENT, Line, miniload, run
from foreign.programs import SOURCES
from foreign.test_languages import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from foreign.compare import Foreign

PIPELINES = {"bash": 20, "dash": 200}
"""By shell: bash needs four times as long for one."""
MAKEFILE = b"""all: $(foreach n,1 2 3 4 5 6 7 8,made/$n)
\t@cat $^
made/%: | made
\t@sleep 0.02; echo $* | tee $@ > /dev/null
made: ; @mkdir $@
nested: ; @+$(MAKE) --no-print-directory all
fails: one ; @echo never
one: ; @exit 3
"""
OWN_CHILDREN = "qemu-user's children are this machine's own, of another release: the two do not understand each other"


def _with(*names: str) -> Callable[[Path], None]:
    """Prepares a folder with these of the scripts, and b.txt."""

    def prepare(folder: Path) -> None:
        data.tree(folder)
        for name in names:
            (folder / name).write_bytes((SCRIPTS / name).read_bytes())

    return prepare


@pytest.mark.parametrize("shell", PIPELINES)
def test_shell_script(foreign: Foreign, shell: str) -> None:
    """Pipelines of three parts, traps, here-documents, subshells, substitutions, background jobs."""
    foreign.compare([Line(f"{shell} shell.sh {PIPELINES[shell]}", normal=_without_numbers)], _with("shell.sh"))


def _without_numbers(text: bytes) -> bytes:
    """bash 5.2 says that it has no record of a process, with its number, when a trap has run."""
    return re.sub(rb"process \d+", b"process N", text)


@pytest.mark.parametrize("shell", PIPELINES)
def test_job_control_at_a_terminal(foreign: Foreign, tmp_path: Path, shell: str) -> None:
    """set -m: jobs that stop themselves, fg, bg, process groups, the terminal's foreground group."""
    ended = {}
    for runner in foreign.runners:
        command = runner.command([shell, str(SCRIPTS / "jobs.sh")])
        assert command is not None
        with Terminal(command[0], cwd=tmp_path, env=ENVIRONMENT) as terminal:
            ended[runner.name] = terminal.end()
    assert ended["native"][0] == 5
    for name, end in ended.items():
        assert end == ended["native"], name


def test_make_in_parallel(foreign: Foreign) -> None:
    """-j4 with its job server, which a make within make shares; a recipe that fails."""

    def prepare(folder: Path) -> None:
        (folder / "Makefile").write_bytes(MAKEFILE)

    foreign.compare(
        [
            "make -s -j4 all",
            "rm -r made",
            Line("make -s -j4 nested", only="native", why=OWN_CHILDREN),
            "rm -rf made",
            "make -s -j4 fails",
        ],
        prepare,
    )


def test_git_repositories(foreign: Foreign) -> None:
    """init, commit, clone, merge, push, gc, fsck, log: git starts git. The identifiers of commits are digests of all that was made."""
    foreign.compare(["dash repository.sh"], _with("repository.sh"))


def test_python_starts_itself(foreign: Foreign) -> None:
    """multiprocessing's way for programs with threads: a new interpreter for each child, and one for its resources."""
    foreign.runners = [runner for runner in foreign.runners if runner.name != "qemu"]  # whose children are of another release: they may wait for ever
    foreign.compare(["python3 -B spawned.py"], _with("spawned.py"))


def test_compiler_of_its_own(foreign_compilers: Foreign, tmp_path: Path) -> None:
    """gcc as Debian built it for that architecture, with its preprocessor, assembler and linker: the program that it makes does what it does when this
    machine's gcc has made it."""
    need("gcc")
    build = ["gcc", "-O1", "-Wall", "-o", "measure", str(SOURCES / "measure.c"), "-lm"]
    (tmp_path / "native").mkdir()
    subprocess.run(build, check=True, cwd=tmp_path / "native")
    runner = miniload(foreign_compilers.root)
    command = runner.command(build)
    assert command is not None
    built = run(command[0], tmp_path, Line(""))
    assert (built.status, built.stdout, built.stderr) == (0, b"", b"")
    words = ["./measure", "2", "word"]
    expected = run(words, tmp_path / "native", Line(""))
    made = run([*runner.prefix, *words], tmp_path, Line(""))
    assert (made.status, made.stdout, made.stderr) == (expected.status, expected.stdout, expected.stderr)
    assert expected.status == 7
