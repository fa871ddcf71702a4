"""Broken shared objects and object files: whatever is in them, loading ends with a typed error or well, in time, and leaves nothing mapped.

A few thousand here; `python tests/linker_hostile.py --count 10000 FILE...` makes as many as one likes of any files.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, ZIG_CC, gcc_file, need

pytestmark = [pytest.mark.feature(51), pytest.mark.feature(52)]
DRIVER = Path(__file__).with_name("linker_hostile.py")
SOURCE = ROOT / "tests" / "linker" / "object_all.c"
FLAGS = ("-g", "-O1", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-omit-frame-pointer")
CORE = ROOT / "miniload" / "linker"
SEEDS = ("x86_64.so", "aarch64.so", "riscv64.so", "gcc.so", "x86_64.o", "aarch64.o", "riscv64.o", "libz.so.1", "libm.so.6", "all.a")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The good files, by name: shared objects and object files of three machines, with both hash tables and packed relocations, and this machine's own."""
    need("gcc", "ar")
    folder = tmp_path_factory.mktemp("seeds")
    found = {name: folder / name for name in SEEDS if name.endswith((".so", ".o", ".a"))}
    for arch in ("x86_64", "aarch64", "riscv64"):
        compiler = [*ZIG_CC, "-target", f"{arch}-linux-gnu.2.36", "-fno-sanitize=all", "-fPIC", "-O2", str(SOURCE)]
        subprocess.run([*compiler, "-c", "-o", str(found[f"{arch}.o"])], check=True)
        subprocess.run([*compiler, "-shared", "-o", str(found[f"{arch}.so"])], check=True)
    packed = ["-Wl,--hash-style=both", "-Wl,-z,pack-relative-relocs", "-mtls-dialect=gnu2"]
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", *packed, str(SOURCE), "-o", str(found["gcc.so"])], check=True)
    subprocess.run(["ar", "rcs", str(found["all.a"]), str(found["x86_64.o"])], check=True)
    for name in SEEDS:
        if name not in found:
            found[name] = Path("/lib", f"{os.uname().machine}-linux-gnu", name)
    return found


def hostile(*words: object, **environment: str) -> tuple[int, str, str]:
    """The driver's end, its last line, and what it complained of."""
    ran = subprocess.run([sys.executable, str(DRIVER), *map(str, words)], capture_output=True, text=True, timeout=170, env={**os.environ, **environment})
    return ran.returncode, ran.stdout.rstrip().rpartition("\n")[2], ran.stderr[-4000:]


@pytest.mark.parametrize("name", SEEDS)
def test_every_broken_file_is_loaded_or_refused(name: str, seeds: dict[str, Path]) -> None:
    """Only errors of the one tree and OSError, no signal, no mapping left, each within ten seconds and all within bounded memory."""
    assert hostile("--count", 300, seeds[name]) == (0, "problems: 0", "")


def build_core(target: Path, *more: str | Path, leave_out: str = "") -> None:
    """The core of this machine, by gcc, with other flags or sources."""
    folder = ROOT / "arch" / os.uname().machine
    sources = [path for path in sorted(CORE.glob("*.c")) if path.name != leave_out]
    subprocess.run(["gcc", *FLAGS, f"-I{folder}", *map(str, (*sources, folder / "lazy.S", *more)), "-o", str(target), "-ldl"], check=True)


def test_a_broken_core_would_be_noticed(seeds: dict[str, Path], tmp_path: Path) -> None:
    """The driver itself: a core that ends in a signal is counted as that."""
    source = tmp_path / "core.c"
    text = (ROOT / "miniload" / "linker" / "object.c").read_text()
    assert "int linker_attach(" in text
    head, _, tail = text.partition("int linker_attach(")
    source.write_text(head + "int linker_attach(" + tail.replace("{", "{ if (object) __builtin_trap();", 1))
    build_core(tmp_path / "core.so", source, f"-I{CORE}", leave_out="object.c")
    status, last, complaints = hostile("--count", 20, "--core", tmp_path / "core.so", seeds["x86_64.so"])
    assert (status, last) == (1, "problems: 1")
    assert "ended with status 0x4" in complaints


def test_no_sanitizer_has_anything_to_report(seeds: dict[str, Path], tmp_path: Path) -> None:
    """gcc's ASan and UBSan over the core while it takes broken files."""
    paths = [gcc_file(name) for name in ("libasan.so", "libubsan.so")]
    if not all(os.path.isabs(path) for path in paths):
        pytest.skip("needs gcc's libasan and libubsan (see .ci/packages)")
    build_core(tmp_path / "core.so", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    options = {"LD_PRELOAD": " ".join(paths), "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1"}
    files = [seeds[name] for name in ("x86_64.so", "aarch64.so", "riscv64.so", "gcc.so", "libz.so.1")]
    assert hostile("--count", 100, "--core", tmp_path / "core.so", *files, **options) == (0, "problems: 0", "")
