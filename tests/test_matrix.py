"""tools/make_matrix.py: no cell of the conformance matrix is silently blank."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TOOL = ROOT / "tools" / "make_matrix.py"


def make(record: dict[str, list[dict[str, str]]], folder: Path) -> tuple[int, dict[int, list[str]], str]:
    """Exit status, cells by row, complaints."""
    (folder / "record.json").write_text(json.dumps(record))
    command = [sys.executable, str(TOOL), "--from", str(folder / "record.json"), "--output", str(folder / "out.md")]
    done = subprocess.run(command, capture_output=True, text=True)
    rows = [line.strip("| \n").split(" | ") for line in (folder / "out.md").read_text().splitlines() if line[:3].strip("| ").isdigit()]
    return done.returncode, {int(row[0]): row[2:] for row in rows}, done.stderr


def entry(test: str, outcome: str = "passed", reason: str = "") -> dict[str, str]:
    return {"test": f"tests/test_x.py::test_{test}", "outcome": outcome, "reason": reason}


def test_outcomes_go_to_the_column_in_the_parameters(tmp_path: Path) -> None:
    """Natively without one; several count; a skip shows its reason."""
    record = {
        "15": [entry("a"), entry("a[x-y]"), entry("a[aarch64-z]"), entry("a[riscv64]", "skipped", "Skipped: needs more"), entry("a[z-x86_64]", "failed", "E")]
    }
    status, rows, complaints = make(record, tmp_path)
    assert rows[15] == ["pass (2)", "FAILS: test_a[z-x86_64]", "pass (1)", "no: needs more"]
    assert status == 1
    assert "row 15, RELR, also mixed with RELATIVE: x86-64 emulated" in complaints


def test_a_cell_without_test_or_reason_is_an_error(tmp_path: Path) -> None:
    """Named, and in the table; a reason that is known is neither."""
    status, rows, complaints = make({}, tmp_path)
    assert status == 1
    assert rows[14] == ["NO TEST"] * 4
    assert rows[44][1] == "of this process's own tools only"
    assert "row 14" in complaints
    assert all(cell for cells in rows.values() for cell in cells)


def test_rows_are_all_there(tmp_path: Path) -> None:
    """10 to 55."""
    assert sorted(make({}, tmp_path)[1]) == list(range(10, 56))
