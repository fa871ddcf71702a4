"""Prepares, runs and reports: what benchmarks/run.py --library calls."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import environment
from markers import rewrite

if TYPE_CHECKING:
    from argparse import Namespace

BEGIN, END = "<!-- library benchmark: begin -->", "<!-- library benchmark: end -->"
LLVM = "load libLLVM"
LIMITS = {LLVM: 1.2}
"""Times ctypes' time; 1.0 for all others."""
WORKER = Path(__file__).with_name("worker.py")
SMALL = 'int add(int a, int b) { return a + b; } const char *name(void) { return "small"; }'
RELOCATIONS = 22000
PLACES = ("/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib")
LIBRARIES = {"libz": ("libz.so.1",), "libLLVM": ("libLLVM-15.so.1", "libLLVM-14.so.1", "libLLVM.so.19.1", "libLLVM.so.18.1")}


def main(options: Namespace) -> None:
    """`options` as of run.py. The table goes to stdout, all figures to build/bench/library.json."""
    environment.install()
    load = os.getloadavg()[0]
    with TemporaryDirectory() as directory:
        prepare(Path(directory))
        command = [str(environment.PYTHON), "-I", str(WORKER), directory, str(max(options.rounds, 2))]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found.update(fresh(Path(directory) / "libLLVM.path", max(options.rounds // 5, 3)))
    table = markdown(found)
    print(f"load {load:.1f}\n\n{table}")
    output = environment.BUILD / "bench"
    output.mkdir(parents=True, exist_ok=True)
    (output / "library.json").write_text(json.dumps(found, indent=2) + "\n")
    if options.update_readme:
        rewrite(environment.ROOT / "README.md", BEGIN, END, table)


def fresh(path: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """The same of libLLVM, which stays loaded: each time in a new process."""
    if not path.exists():
        return {}
    times: dict[str, list[float]] = {"miniload": [], "ctypes": []}
    for _ in range(rounds):
        for contender, seconds in times.items():
            command = [str(environment.PYTHON), "-I", str(WORKER), contender, path.read_text()]
            seconds.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return {LLVM: times}


def prepare(folder: Path) -> None:
    """Compiles what is loaded, and notes where the machine's own libraries are."""
    many = "".join(f"int v{number}; int *p{number} = &v{number};\n" for number in range(RELOCATIONS))
    for name, source in (("small", SMALL), ("calls", SMALL), ("many", many)):
        (folder / f"{name}.c").write_text(source)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(folder / f"{name}.so"), str(folder / f"{name}.c")], check=True)
    for name, files in LIBRARIES.items():
        path = next((f"{place}/{file}" for file in files for place in PLACES if Path(place, file).exists()), None)
        if path:
            (folder / f"{name}.path").write_text(path)
        else:
            print(f"absent: {name}")


def markdown(found: dict[str, dict[str, list[float]]]) -> str:
    """Medians in microseconds, and their ratios."""
    lines = ["| µs | miniload | ctypes | / ctypes | at most |", "|---|---|---|---|---|"]
    for row, times in found.items():
        ours, theirs = median(times["miniload"]) * 1e6, median(times["ctypes"]) * 1e6
        lines.append(f"| {row} | {figure(ours)} | {figure(theirs)} | {ours / theirs:.2f} | {LIMITS.get(row, 1.0)} |")
    machine = f"(Linux {platform.release()} on {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}; medians of one interleaved run)"
    return "\n".join([*lines, "", machine])


def figure(value: float) -> str:
    """Three digits, no exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
