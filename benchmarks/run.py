"""Measures what miniload costs: `python benchmarks/run.py`, or `make bench`: natively run programs, then emulated ones, then the library.
`--native [--rounds N] [--json OUT]`, `--emulator [--quick] [--arch ARCH] ...` or `--library [--rounds N]` does one of them.

All variants take turns in one run, so that the ratios hold even where the milliseconds do not: on a busy or a virtual machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import environment
from emulator.contenders import EMULATORS
from emulator.main import ARCHS
from emulator.main import main as run_emulator
from emulator.report import KINDS
from harness import measure
from library.main import main as run_library
from variants import BARE_PYTHON, all_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness import Timing, Variant
    from variants import Target

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def main() -> None:
    parser = argparse.ArgumentParser(description="What miniload costs, in milliseconds and ratios.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--native", action="store_true", help="only what it costs to start a program of this machine's architecture")
    which.add_argument("--emulator", action="store_true", help="only the emulator, compared with qemu-user and Qiling")
    which.add_argument("--library", action="store_true", help="only what loading, looking up and calling cost, compared with ctypes")
    native = parser.add_argument_group("native and library")
    native.add_argument("--rounds", type=int, default=100, help="default: %(default)s, about half a minute each")
    native.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file, too")
    emulator = parser.add_argument_group("emulator (its figures are written to build/bench/emulator.{md,json}, too)")
    emulator.add_argument("--quick", action="store_true", help="less work, fewer rounds: under two minutes instead of about ten")
    emulator.add_argument("--arch", action="append", choices=ARCHS, help="only this one; may be repeated")
    emulator.add_argument("--only", action="append", choices=KINDS, help="only rows of this kind; may be repeated")
    emulator.add_argument("--contender", action="append", choices=EMULATORS, help="only this one, and natively; may be repeated")
    emulator.add_argument("--miniload", type=shlex.split, default=(), metavar="COMMAND", help="measure this instead of an install of the tree's sources")
    emulator.add_argument("--update-readme", action="store_true", help="put the table between README.md's markers")
    options = parser.parse_args()
    everything = not (options.native or options.emulator or options.library)
    if options.native or everything:
        run_native(options)
    if options.emulator or everything:
        run_emulator(options)
    if options.library or everything:
        run_library(options)


def run_native(options: argparse.Namespace) -> None:
    environment.install()
    load = os.getloadavg()[0]
    with TemporaryDirectory() as directory:
        groups, targets = all_groups(Path(directory))
        timings = measure(groups, max(options.rounds, 2), ENVIRONMENT)
    print(f"Linux {platform.release()} on {platform.machine()}, {os.cpu_count()} CPUs, load {load:.1f}, Python {platform.python_version()}\n")
    print(table([variant for group in groups for variant in group.variants], timings))
    print()
    print(verdicts(targets, timings))
    if options.json:
        options.json.write_text(json.dumps(figures(options.rounds, load, targets, timings), indent=2) + "\n")


def table(variants: Sequence[Variant], timings: dict[str, Timing]) -> str:
    """One line per variant: median, quartiles, and the median's ratios to a direct exec of the same program and to bare Python."""
    width = max(map(len, timings))
    lines = [f"{'':{width}}  {'ms':>7}  {'quartiles':>15}  {'/ direct exec':>13}  / {BARE_PYTHON}"]
    for variant in variants:
        timing = timings[variant.name]
        quartiles = f"{timing.low:.3f} - {timing.high:.3f}"
        direct = "" if variant.direct is None else f"{timing.median / timings[variant.direct].median:.3f}"
        python = timing.median / timings[BARE_PYTHON].median
        lines.append(f"{variant.name:{width}}  {timing.median:7.3f}  {quartiles:>15}  {direct:>13}  {python:.3f}")
    return "\n".join(lines)


def verdicts(targets: Sequence[Target], timings: dict[str, Timing]) -> str:
    """One line per target: whether the medians meet it, and what the lower quartiles say, which other load disturbs less."""
    lines = ["      median  quartile  target"]
    for target in targets:
        median, quartile = ratios(target, timings)
        met = "ok  " if median <= target.limit else "MISS"
        lines.append(f"{met}  {median:6.3f}  {quartile:8.3f}  {target.limit:6.2f}  {target.name} / {target.reference}")
    return "\n".join(lines)


def ratios(target: Target, timings: dict[str, Timing]) -> tuple[float, float]:
    """Of the medians, of the lower quartiles."""
    timing, reference = timings[target.name], timings[target.reference]
    return timing.median / reference.median, timing.low / reference.low


def figures(rounds: int, load: float, targets: Sequence[Target], timings: dict[str, Timing]) -> dict[str, object]:
    """Everything that was found out, and where."""
    return {
        "machine": {"kernel": platform.release(), "architecture": platform.machine(), "cpus": os.cpu_count(), "load": load},
        "python": platform.python_version(),
        "rounds": rounds,
        "milliseconds": {name: timing._asdict() for name, timing in timings.items()},
        "targets": [{**target._asdict(), "ratio": ratios(target, timings)[0]} for target in targets],
    }


if __name__ == "__main__":
    main()
