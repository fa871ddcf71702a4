"""Session-wide fixtures."""

from __future__ import annotations

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
