"""What the tests of loading into this process share: test libraries, built once a session, and the same script run with our loader and with ld.so's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from support import ROOT, ZIG_CC, clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES = ROOT / "tests" / "linker"
OURS, THEIRS = "miniload", "ctypes"
PROLOGUE = """
import ctypes, os, sys
FOLDER = {folder!r}
OPENER = {opener!r}
def load(name, mode=os.RTLD_NOW):
    path = os.path.join(FOLDER, name)
    if OPENER == "ctypes":
        return ctypes.CDLL(path, mode)
    import miniload
    return miniload.load(path, mode)
def close(library):
    if OPENER == "ctypes":
        assert ctypes.CDLL(None).dlclose(ctypes.c_void_p(library._handle)) == 0
    else:
        library.close()
def mapped(name):
    with open("/proc/self/maps") as maps:
        return any(line.rstrip().endswith("/" + name) for line in maps)
"""


def library(folder: Path, name: str, source: str, *flags: str, needs: Sequence[str] = ()) -> Path:
    """folder/name from tests/linker/source, or from the text that `source` is if it has several lines. `needs`: other libraries there, by their paths."""
    if "\n" in source:
        suffix = "cc" if 'extern "C"' in source else "c"
        path = folder / f"{name}.{suffix}"
        path.write_text(source)
    else:
        path = SOURCES / source
    output = folder / name
    compiler = "g++" if path.suffix == ".cc" else "gcc"
    dependencies = [str(folder / need) for need in needs]
    command = [
        compiler,
        "-O1",
        "-g",
        "-fPIC",
        "-shared",
        "-fno-strict-aliasing",
        "-D_GNU_SOURCE",
        "-Wl,--no-as-needed",
        f"-I{SOURCES}",
        *flags,
        str(path),
        "-o",
        str(output),
        *dependencies,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return output


def script(folder: Path, text: str, opener: str = OURS, **environment: str) -> tuple[int, str, str]:
    """(exit status or minus signal, stdout, stderr) of Python code that has `load`, `close` and `mapped`, with miniload or ld.so behind them."""
    code = PROLOGUE.format(folder=str(folder), opener=opener) + text
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, env=clean_environment(**environment))
    return done.returncode, done.stdout, done.stderr


def agree(folder: Path, text: str, **environment: str) -> str:
    """What the script prints, which is the same with ours and with ld.so's, as is its exit status, 0."""
    ours, theirs = script(folder, text, OURS, **environment), script(folder, text, THEIRS, **environment)
    assert ours == theirs, f"{ours[2]}{theirs[2]}"
    assert ours[0] == 0, ours[2]
    return ours[1]


def cross_library(folder: Path, arch: str, name: str, source: str, *flags: str) -> Path:
    """The same without a C library, for any architecture."""
    output = folder / name
    target = [
        "-target",
        f"{arch}-linux-musl",
        "-O1",
        "-fPIC",
        "-shared",
        "-nostdlib",
        "-DFREESTANDING",
        "-fno-strict-aliasing",
        "-fno-sanitize=all",
        f"-I{SOURCES}",
    ]
    subprocess.run([*ZIG_CC, *target, *flags, str(SOURCES / source), "-o", str(output)], check=True, capture_output=True, text=True)
    return output
