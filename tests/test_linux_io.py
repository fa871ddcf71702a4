"""Input and output of guests: descriptors, sockets, terminals, waiting, System V objects. Each program of tests/linux_programs/io_*.c calls one subject's
system calls, right and wrong, and prints what they gave; the same source compiled for this machine and run on its kernel says what is expected."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support import MINILOAD, ROOT, ZIG_CC, clean_environment, compile_c, outcome

SOURCES = ROOT / "tests" / "linux_programs"
PROGRAMS = sorted(path.stem for path in SOURCES.glob("io_*.c"))
GUESTS = ("aarch64", "riscv64")
HOST = "x86_64"
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-static", "-pthread")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Programs by name and architecture, as far as they have been asked for."""
    return {("", ""): tmp_path_factory.mktemp("io")}


def build(built: dict[tuple[str, str], Path], name: str, arch: str) -> Path:
    """The program for that architecture, with the same C library for all."""
    if (name, arch) not in built:
        output = built["", ""] / f"{name}-{arch}"
        try:
            built[name, arch] = compile_c(SOURCES / f"{name}.c", output, *FLAGS, compiler=[*ZIG_CC, "-target", f"{arch}-linux-musl"])
        except subprocess.CalledProcessError as error:
            pytest.fail(error.stderr)
    return built[name, arch]


def run(command: list[str], directory: Path) -> tuple[int, str]:
    """Status and output of a run in an empty directory."""
    directory.mkdir()
    status, stdout, _ = outcome(command, cwd=directory, env=clean_environment())
    return status, stdout.decode("utf-8", "backslashreplace")


@pytest.fixture(scope="module")
def expected() -> dict[str, tuple[int, str]]:
    """What the programs give on this machine's kernel, once they have been run."""
    return {}


@pytest.mark.parametrize("arch", GUESTS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_on_this_kernel(name: str, arch: str, built: dict[tuple[str, str], Path], expected: dict[str, tuple[int, str]], tmp_path: Path) -> None:
    """Status and every line, descriptors' numbers and errors included."""
    if name not in expected:
        expected[name] = run([str(build(built, name, HOST))], tmp_path / HOST)
    assert run([*MINILOAD, str(build(built, name, arch))], tmp_path / arch) == expected[name]


@pytest.mark.parametrize("arch", GUESTS)
def test_addresses_inside_structs_do_not_reach_the_host(arch: str, built: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    """The host's kernel would take them for addresses of the emulator's: such requests are unknown ones, whatever descriptor they are made on."""
    status, output = run([*MINILOAD, str(build(built, "refused", arch))], tmp_path / arch)
    results = [line.rpartition(": ")[2] for line in output.splitlines()]
    assert (status, results) == (0, ["I/O error", *["Not a tty"] * 7, *["Protocol not available"] * 4])
