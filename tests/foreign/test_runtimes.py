"""Language runtimes with threads of their own: Go, C++; and a compressor with threads. Expected: the same source compiled for this machine, run natively."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from support import ZIG_CC, need

from foreign import data
from foreign.compare import Line, Result, miniload, run
from foreign.programs import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from foreign.compare import Foreign

GOARCH = {"aarch64": "arm64", "riscv64": "riscv64", "x86_64": "amd64"}
"""Go's names."""
GLIBC = "linux-gnu.2.36"


def _same(made: Result, expected: Result) -> None:
    """All but the folders, one of which holds the programs of this machine."""
    assert (made.status, made.stdout, made.stderr) == (expected.status, expected.stdout, expected.stderr)


@pytest.fixture(scope="session")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """go_program(arch): ring.go, by this machine's `go`, which compiles for every architecture; the runtime, too, once for each."""
    need("go")
    folder = tmp_path_factory.mktemp("go")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GO111MODULE": "off"}

    def build(arch: str) -> Path:
        program = folder / arch
        if not program.exists():
            command = ["go", "build", "-o", str(program), str(SOURCES / "ring.go")]
            subprocess.run(command, check=True, env={**environment, "GOARCH": GOARCH[arch]}, cwd=folder)
        return program

    return build


def test_go(go_program: Callable[[str], Path], arch: str, tmp_path: Path) -> None:
    """100 goroutines in a ring of channels, with the collector at work; Go's own threads, stacks, signals for preemption. The token counts the members it
    passed, the sum what each of them read back from memory that the collector must not have taken."""
    expected = run([str(go_program("x86_64"))], tmp_path, Line(""))
    assert expected.status == 6
    assert expected.stdout.startswith(b"10000 ")
    assert expected.stdout.endswith(b" collected\n")
    _same(run([*miniload(tmp_path).prefix, str(go_program(arch))], tmp_path, Line("")), expected)


def _compile(*words: str) -> None:
    subprocess.run([*ZIG_CC, *words], check=True, capture_output=True)


def _build_cxx(arch: str, root: Path, folder: Path) -> Path:
    """threads.cc and library.cc with Debian's libstdc++, by zig's compiler: the sysroot's own, emulated, needs half a minute."""
    libraries, include = root / "usr" / "lib" / f"{arch}-linux-gnu", root / "usr" / "include"
    headers = next((include / "c++").iterdir())
    found = ["-isystem", str(headers), "-isystem", str(include / f"{arch}-linux-gnu" / "c++" / headers.name)]
    found += ["-idirafter", str(include / f"{arch}-linux-gnu"), "-idirafter", str(include)]
    target = ["-target", f"{arch}-{GLIBC}"]
    for name in ("threads", "library"):
        _compile(*target, "-x", "c++", "-O0", "-fPIC", *found, "-c", str(SOURCES / f"{name}.cc"), "-o", str(folder / f"{name}.o"))
    needed = [str(libraries / "libstdc++.so.6"), str(libraries / "libgcc_s.so.1"), "-Wl,--allow-shlib-undefined"]
    _compile(*target, "-shared", "-o", str(folder / "library.so"), "-Wl,-soname,library.so", str(folder / "library.o"), *needed)
    _compile(*target, "-pie", "-o", str(folder / "threads"), str(folder / "threads.o"), str(folder / "library.so"), *needed, "-Wl,-rpath,$ORIGIN")
    return folder / "threads"


def test_cxx(foreign_compilers: Foreign, tmp_path: Path) -> None:
    """std::thread, std::async, exceptions thrown across a shared library both ways and from thread to thread, iostreams, and one that nobody catches."""
    need("g++")
    given = Line("", stdin=b"one\nthree\n\n")
    (tmp_path / "native").mkdir()
    native = tmp_path / "native" / "threads"
    subprocess.run(["g++", "-pthread", "-o", str(native), str(SOURCES / "threads.cc"), str(SOURCES / "library.cc")], check=True)
    expected = run([str(native)], tmp_path, given)
    assert expected.status == -6
    program = _build_cxx(foreign_compilers.arch, foreign_compilers.root, tmp_path)
    _same(run([*miniload(foreign_compilers.root).prefix, str(program)], tmp_path, given), expected)


def test_compressor_with_threads(foreign: Foreign) -> None:
    """xz -T2: blocks compressed and decompressed by two threads."""

    def prepare(folder: Path) -> None:
        (folder / "lines").write_bytes(data.lines(20_000))

    version = "the stream may differ from version to version"
    foreign.compare(
        [
            Line("xz -k -0 -T2 --block-size=100KiB lines", only="qemu", why=version),
            Line("xz -T2 -dc lines.xz", only="qemu", why=version),
            Line("xz -T2 -t lines.xz", only="qemu", why=version),
        ],
        prepare,
    )
