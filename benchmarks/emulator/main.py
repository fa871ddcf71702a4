"""Prepares, runs and reports: what benchmarks/run.py calls."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import environment
from markers import rewrite

from emulator import contenders, measure, report
from emulator.workloads import Maker

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

sys.path.append(str(environment.ROOT / "tests"))
from foreign.sysroot import Unavailable, cache_folder, sysroot

ARCHS = ("aarch64", "riscv64")
OUTPUT = environment.BUILD / "bench"
QUICK_SCALE = 10


def main(options: Namespace) -> None:
    """`options` as of run.py. Results go to stdout and into build/bench: emulator.md for the README, emulator.json with everything."""
    archs = options.arch or list(ARCHS)
    load = os.getloadavg()[0]
    taking_part = contenders.find(options.miniload, cache_folder(), options.contender or contenders.EMULATORS)
    with TemporaryDirectory() as directory:
        sysroots = available(archs)
        run = measure.Run(taking_part, sysroots, archs, options.contender or contenders.EMULATORS, options.quick)
        workloads = Maker(Path(directory), sysroots, archs, QUICK_SCALE if options.quick else 1).all()
        results = run.all([workload for workload in workloads if not options.only or workload.kind in options.only])
    table = report.markdown(results, archs, machine())
    print(f"load {load:.1f}\n\n{table}\n\n{report.verdicts(results, archs)}")
    for contender, why in taking_part.absent.items():
        print(f"absent: {contender}: {why}")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "emulator.md").write_text(table + "\n", encoding="utf-8")
    found = {"machine": machine(), "load": load, "quick": options.quick, **report.figures(results, archs)}
    (OUTPUT / "emulator.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if options.update_readme:
        rewrite(environment.ROOT / "README.md", report.BEGIN, report.END, table)


def available(archs: Sequence[str]) -> dict[str, Path]:
    """The sysroots that this machine can have; what needs another is left out, and said."""
    found = {}
    for arch in archs:
        try:
            found[arch] = sysroot(arch)
        except Unavailable as error:
            print(f"no {arch} sysroot: {error}", file=sys.stderr)
    return found


def machine() -> str:
    """Where and with what the figures were had."""
    try:
        unicorn = f", Unicorn {version('unicorn')}"
    except PackageNotFoundError:
        unicorn = ""
    return (
        f"Linux {platform.release()} on {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}{unicorn}; "
        f"Qiling {contenders.QILING_VERSION} with Unicorn {contenders.QILING_UNICORN}"
    )
