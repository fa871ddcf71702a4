"""A record of which features work, for the conformance matrix: `pytest --features FILE` writes JSON, {row: [{test, outcome, reason}, ...]}, from the
tests that are marked `feature(row)`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option."""
    parser.addoption("--features", metavar="FILE", help="write the outcome of each feature's tests to FILE, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Where there are several processes, the one that hears of all tests writes."""
    if config.getoption("--features") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FeatureRows(Path(config.getoption("--features"))), "feature-record")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, object, None]:
    """Sends the rows along with the report."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    for marker in item.iter_markers("feature"):
        report.user_properties += [("feature", row) for row in marker.args]


class FeatureRows:
    """Gathers the reports."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[int, list[dict[str, str]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts once: by its body, or by what has kept that from running."""
        if report.when != "call" and report.passed:
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", "")
        if report.failed:
            reason = str(report.longrepr).strip().rpartition("\n")[2]
        entry = {"test": report.nodeid, "outcome": "xfailed" if hasattr(report, "wasxfail") and report.skipped else report.outcome, "reason": reason}
        for row in sorted({row for name, row in report.user_properties if name == "feature" and isinstance(row, int)}):
            self.rows.setdefault(row, []).append(entry)

    def pytest_sessionfinish(self) -> None:
        """Writes the file."""
        self.path.write_text(json.dumps({str(row): self.rows[row] for row in sorted(self.rows)}, indent=1) + "\n")
