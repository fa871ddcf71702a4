"""CI skips nothing (tests/conftest.py). Expected: what .ci/run promises."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import ROOT, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

SKIPPING = """
import pytest

def test_good(): pass

def test_skipped(): pytest.skip("because of this")

@pytest.mark.skipif(True, reason="because of that")
def test_marked(): pass
"""


def run_pytest(folder: Path, text: str, **env: str) -> subprocess.CompletedProcess[str]:
    """pytest with the project's conftest.py, on one file of tests."""
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conftest", "test_it.py"]
    return subprocess.run(command, cwd=folder, env=clean_environment(PYTHONPATH=str(ROOT / "tests"), **env), capture_output=True, text=True, check=False)


def test_skipped_test_fails_in_ci(tmp_path: Path) -> None:
    """Exit status 1, and each reason is named."""
    done = run_pytest(tmp_path, SKIPPING, CI="true")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_it.py::test_skipped: Skipped: because of this\n" in done.stdout
    assert "test_it.py::test_marked: Skipped: because of that\n" in done.stdout


def test_skipped_test_is_no_failure_elsewhere(tmp_path: Path) -> None:
    """A developer's machine may lack something."""
    done = run_pytest(tmp_path, SKIPPING)
    assert done.returncode == pytest.ExitCode.OK
    assert "a failure" not in done.stdout


def test_nothing_skipped_is_good_in_ci(tmp_path: Path) -> None:
    """The rule does not turn good runs into bad ones."""
    assert run_pytest(tmp_path, "def test_good(): pass\n", CI="true").returncode == pytest.ExitCode.OK
