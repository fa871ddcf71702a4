"""Programs that zig compiles for a foreign machine: one C source in every shape in which a Linux program comes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import mkdtemp

from support import ROOT, ZIG_CC, compile_c

SOURCES = ROOT / "tests" / "foreign" / "programs"
FIXED, RELOCATABLE = ("-fno-pie", "-no-pie"), ("-fPIE", "-pie")
SHAPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "musl-static": ("linux-musl", (*FIXED, "-static")),
    "musl-static-pie": ("linux-musl", (*RELOCATABLE, "-static")),
    "musl-dynamic": ("linux-musl", (*FIXED, "-dynamic")),
    "musl-dynamic-pie": ("linux-musl", (*RELOCATABLE, "-dynamic")),
    "glibc-dynamic": ("linux-gnu.2.36", FIXED),
    "glibc-dynamic-pie": ("linux-gnu.2.36", RELOCATABLE),
}
"""By name: zig's target without the architecture, and flags. The glibc is Debian 12's, no newer than that of any sysroot. zig has no static glibc."""
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror")


class Compiler:
    """compile_foreign(arch, source, shape): each program once per session."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._built: dict[tuple[str, ...], Path] = {}

    def __call__(self, arch: str, source: str, shape: str = "musl-static", *flags: str) -> Path:
        """The program made of that source in tests/foreign/programs. CalledProcessError if it does not compile."""
        key = (arch, source, shape, *flags)
        if key not in self._built:
            target, shaping = SHAPES[shape]
            folder = Path(mkdtemp(dir=self.directory))
            compiler = [*ZIG_CC, "-target", f"{arch}-{target}"]
            try:
                self._built[key] = compile_c(SOURCES / source, folder / Path(source).stem, *FLAGS, *shaping, *flags, compiler=compiler)
            except subprocess.CalledProcessError as error:
                error.add_note(error.stderr) if hasattr(error, "add_note") else print(error.stderr)
                raise
        return self._built[key]
