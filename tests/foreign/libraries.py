"""Shared objects that zig compiles for a guest, from tests/linker, and the same for this machine, called through ctypes: the oracle."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import ROOT, ZIG_CC, compile_c

from miniload import arch as architectures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

HOST = getattr(architectures.host(), "name", "x86_64")
GUESTS = ("aarch64", "riscv64", "x86_64")
SOURCES = ROOT / "tests" / "linker"
FLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror")


class Libraries:
    """libraries(arch, "source.c"): the library, made once. `native("source.c")`: this machine's, in ctypes' hands."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built: dict[tuple[str, ...], Path] = {}

    def __call__(self, arch: str, source: str, *flags: str, libc: str = "linux-gnu.2.36") -> Path:
        key = (arch, source, libc, *flags)
        if key not in self._built:
            output = self._folder / f"{len(self._built)}-{arch}.so"
            compiler = [*ZIG_CC, "-target", f"{arch}-{libc}", "-fno-sanitize=all"]
            self._built[key] = compile_c(SOURCES / source, output, *FLAGS, *flags, compiler=compiler)
        return self._built[key]

    def named(self, arch: str, name: str, source: str, *flags: str, needs: Sequence[Path] = ()) -> Path:
        """A folder of its own for each architecture and source holds it by that name, which is its soname, too; others there are found by DT_RUNPATH. Made anew
        each time."""
        folder = self._folder / f"{source.partition('.')[0]}-{arch}"
        folder.mkdir(exist_ok=True)
        output = folder / "new.so"
        linked = ("-Wl,-rpath,$ORIGIN", "-Wl,--enable-new-dtags", f"-Wl,-soname,{name}", "-Wl,--no-as-needed", *map(str, needs))
        compiler = [*ZIG_CC, "-target", f"{arch}-linux-gnu.2.36", "-fno-sanitize=all"]
        return compile_c(SOURCES / source, output, *FLAGS, *flags, *linked, compiler=compiler).rename(folder / name)

    def linked(self, arch: str, source: str, *flags: str) -> Path:
        """By the linker alone, which takes more than zig passes on."""
        key = (arch, source, "ld.lld", *flags)
        if key not in self._built:
            compiled, output = self(arch, source, "-c"), self._folder / f"{len(self._built)}-{arch}.so"
            subprocess.run([sys.executable, "-m", "ziglang", "ld.lld", "-shared", *flags, str(compiled), "-o", str(output)], check=True, capture_output=True)
            self._built[key] = output
        return self._built[key]

    def cxx(self, arch: str, source: str, root: Path, *needs: Path) -> Path:
        """A C++ source that includes none of C++'s headers, linked with the sysroot's C++ library and with `needs`."""
        key = (arch, source, "c++")
        if key not in self._built:
            compiled, output = self._folder / f"{len(self._built)}-{arch}.o", self._folder / f"{source.partition('.')[0]}-{arch}.so"
            compiler = [*ZIG_CC, "-target", f"{arch}-linux-gnu.2.36", "-fno-sanitize=all", "-nostdinc++", "-c"]
            compile_c(SOURCES / source, compiled, "-O1", "-fPIC", "-Wall", "-Wextra", "-Werror", compiler=compiler)
            libraries = [str(next((root / "usr/lib").glob(f"{arch}-linux-gnu/{name}"))) for name in ("libstdc++.so.6", "libgcc_s.so.1")]
            linker = [sys.executable, "-m", "ziglang", "ld.lld", "-shared", "--eh-frame-hdr", "--allow-shlib-undefined"]
            subprocess.run([*linker, str(compiled), *map(str, needs), *libraries, "-o", str(output)], check=True, capture_output=True)
            self._built[key] = output
        return self._built[key]

    def native(self, source: str, *flags: str) -> ctypes.CDLL:
        key = ("native", source, *flags)
        if key not in self._built:
            self._built[key] = compile_c(SOURCES / source, self._folder / f"{len(self._built)}-native.so", *FLAGS, *flags)
        return ctypes.CDLL(str(self._built[key]))


def root_of(arch: str, sysroots: Callable[[str], Path]) -> Path:
    """The sysroot of a guest: this machine's own root for its own architecture."""
    from pathlib import Path

    if arch == HOST:
        return Path("/")
    if arch == "x86_64":
        pytest.skip("no sysroot with x86-64 programs on this machine")
    return sysroots(arch)
