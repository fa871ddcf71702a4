"""Fixtures of the tests with foreign programs: sysroots, the compiler, and one test for each architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("foreign.compare")

from foreign.compare import Foreign  # noqa: E402  (its assertions explain themselves only if rewritten first)
from foreign.libraries import GUESTS, Libraries, root_of  # noqa: E402
from foreign.programs import Compiler  # noqa: E402
from foreign.sysroot import DEFAULT, RELEASES, Unavailable, sysroot  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Sysroots:
    """Asked for once per architecture and session, since a failure takes its time, too."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], Path | Unavailable] = {}

    def __call__(self, arch: str, *groups: str) -> Path:
        """The path of the sysroot with these groups of packages; skips the test with the reason if it cannot be had."""
        key = (arch, *groups)
        if key not in self._found:
            try:
                self._found[key] = sysroot(arch, groups or DEFAULT)
            except Unavailable as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, Unavailable):
            pytest.skip(f"no {arch} sysroot: {found}")
        return found


@pytest.fixture(scope="session")
def sysroots() -> Callable[..., Path]:
    """sysroots(arch, *groups): the folder of Debian's packages for it."""
    return Sysroots()


@pytest.fixture(scope="session")
def compile_foreign(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """compile_foreign(arch, "source.c", shape): a program of tests/foreign/programs."""
    return Compiler(tmp_path_factory.mktemp("foreign"))


@pytest.fixture(params=list(RELEASES))
def arch(request: pytest.FixtureRequest) -> str:
    """Each foreign architecture."""
    name: str = request.param
    return name


@pytest.fixture
def foreign(arch: str, sysroots: Callable[..., Path], tmp_path: Path) -> Foreign:
    """Debian's programs for that architecture."""
    return Foreign(arch, sysroots(arch), tmp_path)


@pytest.fixture
def foreign_compilers(arch: str, sysroots: Callable[..., Path], tmp_path: Path) -> Foreign:
    """Debian's servers and compilers for that architecture, with what they need: in one sysroot, since each has a base of its own."""
    return Foreign(arch, sysroots(arch, "servers", "compilers"), tmp_path)


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Libraries:
    """libraries(arch, "source.c"): a shared object made of that source in tests/linker."""
    return Libraries(tmp_path_factory.mktemp("libraries"))


@pytest.fixture(params=GUESTS, scope="module")
def machine(request: pytest.FixtureRequest) -> str:
    """Each architecture that can be emulated."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def root(machine: str, sysroots: Callable[[str], Path]) -> Path:
    """A folder with that machine's C library."""
    return root_of(machine, sysroots)
