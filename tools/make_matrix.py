"""Which features of the library work where, as a table: `python tools/make_matrix.py [--from FEATURES.json] [--output CONFORMANCE.md]`.

The tests that are marked `feature(row)` are run (`pytest --features FILE`), or their record is read from a file. A test counts for the architecture that is in
its parameters ("[aarch64-...]"), for this machine's own code if none does. Each cell says how many tests passed, or why there is none; a cell with
neither is an error, and so is a failed test: the exit status is 1 then, after the table is written.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
NATIVE = "x86-64 native"
COLUMNS = {NATIVE: None, "x86-64 emulated": "x86_64", "AArch64 emulated": "aarch64", "RISC-V emulated": "riscv64"}
"""Titles, and what a test's parameters say."""
ROWS = {
    10: "Load ET_DYN from path, descriptor, bytes",
    11: "Load ET_REL (.o, .a)",
    12: "Three architectures",
    13: "Foreign mapping and relocation",
    14: "RELATIVE in any position",
    15: "RELR, also mixed with RELATIVE",
    16: "GLOB_DAT and absolute with addend, JUMP_SLOT, COPY",
    17: "IRELATIVE, STT_GNU_IFUNC",
    18: "Text relocations",
    19: "Lazy binding keeps all argument registers",
    20: "BIND_NOW in three encodings, LD_BIND_NOW",
    21: "RELRO, also with lazy binding",
    22: "GNU hash, SysV hash, neither",
    23: "Symbol versions",
    24: "Weak undefined, visibility, GNU_UNIQUE, DT_SYMBOLIC",
    25: "Scopes: global, local, deepbind, promotion, RTLD_NEXT",
    26: "Interposition by Python symbols, first or last",
    27: "Dependencies breadth-first, cycles, soname and inode identity",
    28: "Search: RPATH, RUNPATH, LD_LIBRARY_PATH, cache, ld scripts, tokens",
    29: "TLS general and local dynamic",
    30: "TLS initial-exec in a loaded library",
    31: "TLSDESC",
    32: "TLS destructors",
    33: "Initialisers with argc, argv, envp",
    34: "Finalisers, in reverse order",
    35: "p_align above the page size",
    36: "Empty PT_LOAD, bss in the first segment, overlapping pages, -N",
    37: "GNU_STACK and GNU_PROPERTY honoured or reported",
    38: "Unload: counts, NODELETE, really unmapped",
    39: "Several copies at once",
    40: "Hot reload",
    41: "dlopen flags",
    42: "dlopen, dlsym, dladdr, dl_iterate_phdr, dlinfo for loaded code",
    43: "C++ exceptions",
    44: "gdb sees loaded objects",
    45: "Preloading",
    46: "Hooks",
    47: "An address space of one's own",
    48: "User data per object",
    49: "Introspection",
    50: "Typed errors",
    51: "Nothing is half mapped after an error",
    52: "Malformed input never crashes",
    53: "Thread safety, nested dlopen in initialisers",
    54: "Log of what is done",
    55: "Benchmarks",
}
_ONE_FOR_ALL = "not of an architecture: the same Python code as natively"
_OF_THE_HOST = "of this process's own tools only"
REASONS: dict[int, dict[str, str]] = {
    12: {NATIVE: "the other columns are this row"},
    13: {NATIVE: "not foreign"},
    28: dict.fromkeys(list(COLUMNS)[1:], _ONE_FOR_ALL),
    44: dict.fromkeys(list(COLUMNS)[1:], _OF_THE_HOST),
    46: dict.fromkeys(list(COLUMNS)[1:], _ONE_FOR_ALL),
    47: {NATIVE: "the other columns are this row"},
    48: dict.fromkeys(list(COLUMNS)[1:], _ONE_FOR_ALL),
    50: dict.fromkeys(list(COLUMNS)[1:], _ONE_FOR_ALL),
    54: dict.fromkeys(list(COLUMNS)[1:], _ONE_FOR_ALL),
    55: dict.fromkeys(COLUMNS, "benchmarks/run.py --library"),
}
"""Why a cell needs no test of its own."""


class Cell(NamedTuple):
    """`text` for the table. `good`: passed, or with a reason."""

    text: str
    good: bool


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes the conformance matrix.")
    parser.add_argument("--from", dest="record", type=Path, help="the record of a run: pytest --features FILE")
    parser.add_argument("--output", type=Path, default=ROOT / "CONFORMANCE.md", help="default: %(default)s")
    options = parser.parse_args()
    text, problems = matrix(json.loads((options.record or run()).read_text()))
    options.output.write_text(text)
    for problem in problems:
        print(problem, file=sys.stderr)
    return bool(problems)


def run() -> Path:
    """Runs the marked tests; the record of their outcomes."""
    record = Path(tempfile.mkdtemp()) / "features.json"
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-m", "feature", "--features", str(record)], cwd=ROOT, check=False)
    return record


def matrix(record: dict[str, list[dict[str, str]]]) -> tuple[str, list[str]]:
    """The document, and what is wrong with it."""
    lines = ["# Conformance", "", INTRODUCTION, "", f"| | feature | {' | '.join(COLUMNS)} |", "|---" * (2 + len(COLUMNS)) + "|"]
    problems = [f"row {row} is not known" for row in record if int(row) not in ROWS]
    for row, title in ROWS.items():
        cells = {column: cell(row, column, record.get(str(row), [])) for column in COLUMNS}
        problems += [f"row {row}, {title}: {column}: {found.text}" for column, found in cells.items() if not found.good]
        lines.append(f"| {row} | {title} | {' | '.join(found.text for found in cells.values())} |")
    return "\n".join(lines) + "\n", problems


INTRODUCTION = (
    "Made by `tools/make_matrix.py` from the tests that are marked with a row's number: how many passed, or the reason why there is none. The rows' numbers\n"
    "are those of the list of features that the library was built to."
)


def cell(row: int, column: str, entries: list[dict[str, str]]) -> Cell:
    """One cell, of all the row's entries."""
    mine = [entry for entry in entries if column_of(entry["test"]) == column]
    failed = [entry for entry in mine if entry["outcome"] == "failed"]
    if failed:
        return Cell(f"FAILS: {_short(failed[0]['test'])}", False)
    missing = sorted({_plain(entry["reason"]) for entry in mine if entry["outcome"] in ("skipped", "xfailed")})
    passed = sum(entry["outcome"] == "passed" for entry in mine)
    if passed:
        return Cell(f"pass ({passed})" + (f"; but {missing[0]}" if missing else ""), True)
    if missing:
        return Cell(f"no: {missing[0]}", True)
    reason = REASONS.get(row, {}).get(column)
    return Cell(reason or "NO TEST", reason is not None)


def column_of(test: str) -> str:
    """The column of a test, by its parameters."""
    words = re.split(r"[^a-z0-9_]", test.partition("[")[2])
    return next((title for title, name in COLUMNS.items() if name in words), NATIVE)


def _short(test: str) -> str:
    return test.rpartition("::")[2]


def _plain(reason: str) -> str:
    return " ".join(reason.removeprefix("Skipped:").replace("|", "/").split()) or "no reason is given"


if __name__ == "__main__":
    sys.exit(main())
