"""A packed probe sees what the probe itself sees, at every level. The expected values come from the probe run by execve."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import confine
import pytest
from probe_allow import FULL, LEFTOVER, PACKED, PLAIN, VARIES, Allowed, differences
from probe_run import Surroundings, execute

import miniload
from miniload.native.pack import pack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("probe_fixtures",)


@pytest.mark.parametrize("shape", ["static", "fixed", "dynamic"])
@pytest.mark.parametrize(
    ("restriction", "allowed"),
    [(lambda: None, FULL), (confine.without_exe_link, FULL), (confine.without_set_mm, PLAIN), (confine.without_memfd, FULL)],
    ids=["unrestricted", "no-exe-link", "no-set-mm", "no-memfd"],
)
def test_packed_probe(probes: dict[str, Path], tmp_path: Path, shape: str, restriction: Callable[[], None], allowed: tuple[Allowed, ...]) -> None:
    """Only the name by which it was executed differs; so that it is of the same length, the two files are in folders of equally long names."""
    confine.need(restriction)
    program, packed = tmp_path / "a" / "probe", tmp_path / "b" / "probe"
    for file in (program, packed):
        file.parent.mkdir()
    program.write_bytes(probes[shape].read_bytes())
    program.chmod(0o755)
    pack(miniload.plan(program), os.fsencode(packed))
    given = Surroundings(args=[b"a", b"\xff"], env=[b"A=1", b"NOTHING", b"A=2"], prepare=restriction)
    expected, ours = (execute([b"zero", *given.args], tmp_path, given, executable=os.fsencode(file)).report() for file in (program, packed))
    assert differences(expected, ours, VARIES + allowed + LEFTOVER + PACKED) == []
    assert ours["auxv_strings"]["AT_EXECFN"] == str(packed)
