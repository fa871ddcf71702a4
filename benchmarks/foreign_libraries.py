"""Foreign libraries: what a call of a trivial function costs, and mapping and relocating libc, beside CLE.

    python benchmarks/foreign_libraries.py SYSROOT_AARCH64 SYSROOT_RISCV64 [--cle PYTHON]

The sysroots are those of `tests/foreign/fetch_sysroot.py`. PYTHON is the interpreter of an environment with `cle==9.2.*` and `bitstring==4.2.*`, which its
pyvex needs. Prints medians and minima; CLE and miniload take turns, so that a busy machine is busy for both.
"""

from __future__ import annotations

import subprocess
import sys
from ctypes import c_int
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import miniload  # noqa: E402
from miniload.linker.analysis import AnalysisTarget  # noqa: E402
from miniload.linker.image import read  # noqa: E402
from miniload.linker.object import map_object  # noqa: E402
from miniload.linker.relocate import relocate  # noqa: E402
from miniload.linker.scope import Scope  # noqa: E402
from miniload.space.buffer import BufferSpace  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS, ROUNDS, SPACE = 5000, 15, 4 << 20
CLE = """
import logging, sys
from time import perf_counter
logging.disable(logging.CRITICAL)
import cle
for _ in sys.stdin:
    start = perf_counter()
    cle.Loader(sys.argv[1], auto_load_libs=False, main_opts={"base_addr": 0x400000})
    print(perf_counter() - start, flush=True)
"""


def timed(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = perf_counter()
    function()
    return perf_counter() - start


def show(name: str, seconds: list[float], unit: float, text: str) -> None:
    print(f"{name:44} median {median(seconds) * unit:9.2f} {text}, minimum {min(seconds) * unit:9.2f} {text}")


def call_cost(arch: str, sysroot: str) -> None:
    """toupper() of the guest's libc, which looks into a table, and of this machine's through ctypes."""
    for name, library in ((arch, miniload.load("libc.so.6", arch=arch, sysroot=sysroot)), ("ctypes, this machine", miniload.load("libc.so.6"))):
        function = library["toupper"]
        function.argtypes = (c_int,)
        assert function(97) == 65
        rounds = [timed(lambda: [function(97) for _ in range(CALLS)]) / CALLS for _ in range(ROUNDS)]  # noqa: B023
        show(f"a call of toupper(), {name}", rounds, 1e6, "us")


def load_libc(path: str, arch: str) -> None:
    """Mapped and relocated in plain bytes."""
    with read(path) as image:
        loaded = map_object(image, AnalysisTarget(arch, BufferSpace(SPACE)))
    relocate(loaded, Scope([loaded]), missing=lambda _loaded, _name: 0x1000)


def libc_cost(arch: str, sysroot: str, cle: str | None) -> None:
    path = str(next(Path(sysroot).glob("usr/lib/*-linux-gnu/libc.so.6")).resolve())
    ours: list[float] = []
    theirs: list[float] = []
    other = subprocess.Popen([cle, "-c", CLE, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) if cle else None
    for number in range(ROUNDS + 1):  # the first is not counted
        seconds = timed(lambda: load_libc(path, arch))
        if number:
            ours.append(seconds)
        if other and other.stdin and other.stdout:
            other.stdin.write("\n")
            seconds = float(other.stdout.readline())
            if number:
                theirs.append(seconds)
    show(f"libc mapped and relocated, {arch}", ours, 1e3, "ms")
    if theirs:
        show(f"the same by CLE, {arch}", theirs, 1e3, "ms")
        print(f"{'CLE / miniload':44} median {median(theirs) / median(ours):9.1f}   , minimum {min(theirs) / min(ours):9.1f}")


def main(arguments: list[str]) -> None:
    cle = arguments[arguments.index("--cle") + 1] if "--cle" in arguments else None
    sysroots = dict(zip(("aarch64", "riscv64"), arguments, strict=False))
    for arch, sysroot in {**sysroots, "x86_64": "/"}.items():
        call_cost(arch, sysroot)
    for arch, sysroot in sysroots.items():
        libc_cost(arch, sysroot, cle)


if __name__ == "__main__":
    main(sys.argv[1:])
