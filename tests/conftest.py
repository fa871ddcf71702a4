"""Session-wide fixtures, and the rule that in CI nothing is skipped."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import SCRIPT


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    """The tests are about the installed command."""
    if not SCRIPT.exists():
        pytest.exit(f"{SCRIPT} is missing: run `make test`, which installs the package first", returncode=1)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CI=true a skipped test is a failure: .ci/run installs all that tests need. Reasons are in the summary (-ra)."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", [])) if reporter else 0
    if os.environ.get("CI") == "true" and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"\nCI=true, and {skipped} tests were skipped", red=True)
