"""Tables in the README, between markers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def rewrite(readme: Path, begin: str, end: str, table: str) -> None:
    """Puts the table between the two markers. ValueError if they are not there, once and in that order."""
    before, found_begin, rest = readme.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end or begin in rest or end in before + after:
        raise ValueError(f"{readme}: needs one {begin} and one {end} behind it")
    readme.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")
