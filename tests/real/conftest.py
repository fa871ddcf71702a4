"""Fixtures of the tests with real programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("compare")

from compare import Builder  # noqa: E402  (its assertions explain themselves only if rewritten first)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """build("source.c", *flags) makes a program of tests/programs/source.c."""
    return Builder(tmp_path_factory.mktemp("programs"))
