"""Runs every behaviour natively, under qemu-user and under miniload, and writes a Markdown table of where qemu-user or miniload differs from Linux.

usage: python tests/behaviours/qemu_table.py [-o TABLE.md] [NAME ...]

DIFFERENCES.md is what it wrote last, of all of them.
qemu-user is called as tests call it, `qemu-ARCH PROGRAM`, without binfmt_misc.
"""

from __future__ import annotations

import argparse
import difflib
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import MINILOAD

from behaviours.programs import FOLDER, LIMIT, NAMES, Ended, build, run

ARCHITECTURES = ("aarch64", "riscv64")
SHOWN = 3
"""Lines of a difference that the table shows."""


def subject(name: str) -> str:
    """The program's first comment, up to its first full stop or colon."""
    text = FOLDER.joinpath(f"{name}.c").read_text(encoding="utf-8").removeprefix("/*").partition("*/")[0]
    return " ".join(text.replace("\n *", "\n").split()).rstrip(".")


def difference(expected: Ended, got: Ended) -> str:
    """Lines that are not as they are natively, as one cell of a table; empty if there are none."""
    if got.seen == expected.seen:
        return ""
    lines = [line for line in difflib.ndiff(expected.seen.splitlines(), got.seen.splitlines()) if line.startswith(("+ ", "- "))]
    wanted = [line[2:].strip() for line in lines if line.startswith("- ")]
    had = [line[2:].strip() for line in lines if line.startswith("+ ")]
    if sorted(had) == sorted(wanted):
        return f"{_cell(had)}: in another order"
    return f"{_cell(had)} instead of {_cell(wanted)}"


def _cell(lines: list[str]) -> str:
    shown = [f"`{line[:60].replace('|', '/').replace('`', '')}`" for line in lines[:SHOWN]] or ["nothing"]
    return ", ".join(shown) + (", ..." if len(lines) > SHOWN else "")


def version(command: str) -> str:
    return subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def rows(names: list[str]) -> tuple[list[tuple[str, str, str, str]], dict[str, int]]:
    """(behaviour, architecture, qemu-user's difference, miniload's) of those that differ, and how many agree."""
    found = []
    same = {"qemu-user": 0, "miniload": 0}
    for name in names:
        expected = run([build(name, "x86_64")])
        for arch in ARCHITECTURES:
            program = build(name, arch)
            under = {"qemu-user": run([f"qemu-{arch}", program]), "miniload": run([*MINILOAD, program])}
            cells = {runner: difference(expected, ended) for runner, ended in under.items()}
            for runner, cell in cells.items():
                same[runner] += not cell
            if any(cells.values()):
                found.append((name, arch, cells["qemu-user"], cells["miniload"]))
        print(f"{name}: {'differs' if found and found[-1][0] == name else 'same'}", file=sys.stderr, flush=True)
    return found, same


def table(names: list[str], found: list[tuple[str, str, str, str]], same: dict[str, int]) -> str:
    """The Markdown text."""
    total = len(names) * len(ARCHITECTURES)
    merged: dict[tuple[str, str, str], list[str]] = {}
    for name, arch, qemu, own in found:
        merged.setdefault((name, qemu, own), []).append(arch)
    lines = [
        "# Behaviours of Linux under qemu-user and under miniload",
        "",
        f"{len(names)} programs of tests/behaviours, each natively, and on {' and '.join(ARCHITECTURES)} under {version('qemu-aarch64')} and under miniload;",
        f"at most {LIMIT} s each. Equal to Linux: qemu-user {same['qemu-user']} of {total}, miniload {same['miniload']} of {total}.",
        "Made by `python tests/behaviours/qemu_table.py -o DIFFERENCES.md`. Where one of them differs:",
        "",
        "| behaviour | architecture | qemu-user | miniload |",
        "|---|---|---|---|",
    ]
    for (name, qemu, own), archs in merged.items():
        where = "both" if len(archs) == len(ARCHITECTURES) else archs[0]
        lines.append(f"| {name}: {subject(name)} | {where} | {qemu or 'as Linux'} | {own or 'as Linux'} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="A table of where qemu-user differs from Linux")
    parser.add_argument("-o", dest="output", type=Path, help="where the table is written (default: stdout)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs of tests/behaviours without .c (default: all)")
    arguments = parser.parse_args()
    missing = [f"qemu-{arch}" for arch in ARCHITECTURES if shutil.which(f"qemu-{arch}") is None]
    if missing:
        sys.exit(f"needs {', '.join(missing)} on PATH")
    names = arguments.names or NAMES
    found, same = rows(names)
    text = table(names, found, same)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
