"""Fixtures around the probe: compiled once for all tests of a session, in the shapes in which execve starts programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from probe_build import build_probe
from probe_compare import Comparison

from miniload import arch as architectures

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def probes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The probe for this machine, by shape: a static PIE; an ET_EXEC ("fixed"); a PIE and an ET_EXEC whose interpreter is the static
    one, so that the probe runs as interpreter ("dynamic", "fixed-dynamic"); one with an executable stack; one that the system's ld.so loads
    ("under-ld.so")."""
    arch = architectures.host()
    if arch is None:
        pytest.skip("needs an architecture that miniload knows")
    folder = tmp_path_factory.mktemp("probe")
    static = build_probe(arch.name, folder / "static")
    return {
        "static": static,
        "fixed": build_probe(arch.name, folder / "fixed", fixed=True),
        "dynamic": build_probe(arch.name, folder / "dynamic", interpreter=static),
        "fixed-dynamic": build_probe(arch.name, folder / "fixed-dynamic", fixed=True, interpreter=static),
        "executable-stack": build_probe(arch.name, folder / "executable-stack", executable_stack=True),
        "under-ld.so": build_probe(arch.name, folder / "under-ld.so", interpreter=system_interpreter()),
    }


def system_interpreter() -> str:
    """The ld.so of the programs of this system, from PT_INTERP of the Python that runs the tests."""
    with open(sys.executable, "rb") as file:
        for segment in ELFFile(file).iter_segments("PT_INTERP"):
            return str(segment.get_interp_name())  # type: ignore[attr-defined]
    pytest.skip("needs a dynamically linked Python, to find ld.so")


@pytest.fixture(params=["static", "dynamic"])
def same(request: pytest.FixtureRequest, probes: dict[str, Path], tmp_path: Path) -> Comparison:
    """A Comparison of each of the two shapes that differ most."""
    return Comparison(probes[request.param], tmp_path)
