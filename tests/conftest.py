"""Session-wide fixtures, and the rule that CI skips nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from linkers import Libraries
from support import SCRIPT
from vcpu_program import GUESTS, compile_guest, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _pytest.terminal import TerminalReporter

    from miniload.vcpu.core import Vcpu


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    """The tests are about the installed command."""
    if not SCRIPT.exists():
        pytest.exit(f"{SCRIPT} is missing: run `make test`, which installs the package first", returncode=1)


@pytest.fixture
def library(tmp_path: Path) -> Libraries:
    """library("libx.so", C source, *flags) compiles a shared object."""
    return Libraries(tmp_path)


@pytest.fixture(params=GUESTS)
def guest(request: pytest.FixtureRequest) -> str:
    """An architecture of the vCPU core."""
    name: str = request.param
    return name


@pytest.fixture
def start(guest: str, tmp_path: Path) -> Iterator[Callable[[str], Vcpu]]:
    """start(C source) is a vCPU at the source's _start; closed afterwards."""
    made: list[Vcpu] = []

    def make(body: str) -> Vcpu:
        made.append(load(guest, compile_guest(guest, body, tmp_path)))
        return made[-1]

    yield make
    for vcpu in made:
        vcpu.close()


pytest_plugins = ["feature_rows"]


def _skipped(config: pytest.Config) -> list[str]:
    """The reasons for which tests were skipped, if that is forbidden: CI=true promises that all that they need is there."""
    reporter: TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return []
    return [f"{report.nodeid}: {report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr}" for report in reporter.stats.get("skipped", [])]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that skipped something has failed."""
    if _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Says why."""
    reasons = _skipped(terminalreporter.config)
    if reasons:
        terminalreporter.section("skipped, and CI=true: a failure", red=True)
        for reason in reasons:
            terminalreporter.line(reason)
