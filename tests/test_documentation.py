"""What README.md and ARCHITECTURE.md promise is what is there."""

from __future__ import annotations

import re

import probe_allow
import pytest
from probe_allow import Allowed
from support import MINILOAD, ROOT, outcome

ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
README = (ROOT / "README.md").read_text()
LISTS = {name: value for name, value in vars(probe_allow).items() if name.isupper() and isinstance(value, tuple)}


@pytest.mark.parametrize("name", LISTS)
def test_every_allowed_difference_has_its_reason_in_architecture(name: str) -> None:
    """The probe's allow-lists, line by line, as ARCHITECTURE.md shows them."""
    for entry in LISTS[name]:
        assert isinstance(entry, Allowed)
        assert f"| `{entry.path}` | {entry.reason} |" in ARCHITECTURE


def test_every_option_is_in_the_readme() -> None:
    """The words of --help that look like options are in README.md's table."""
    _, stdout, _ = outcome([*MINILOAD, "--help"])
    options = set(re.findall(r"(?<![\w-])--?[A-Za-z0][\w-]*", stdout.decode()))
    assert len(options) > 10
    assert {option for option in options if f"`{option}" not in README and f" {option}" not in README} <= {"--help"}


def test_every_module_has_a_docstring_and_the_folders_are_in_architecture() -> None:
    """Each folder of the package is in ARCHITECTURE.md's table, each module says what it is for."""
    for path in (ROOT / "miniload").rglob("*.py"):
        assert path.read_text().lstrip().startswith('"""'), path
        assert path.parent.name in ARCHITECTURE
