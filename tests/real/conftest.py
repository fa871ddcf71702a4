"""Fixtures of the tests with real programs."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("compare")

from compare import Builder  # noqa: E402  (its assertions explain themselves only if rewritten first)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """build("source.c", *flags) makes a program of tests/programs/source.c."""
    return Builder(tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="session", autouse=True)
def _signals_as_at_a_terminal() -> Iterator[None]:
    """Whoever starts the tests in the background, or by nohup, has them ignore signals, which every program here would inherit."""
    ignored = [number for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
