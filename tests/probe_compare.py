"""Runs the probe by execve and through the installed command, and compares what the two saw."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from probe_allow import FULL, FULL_EXE, LEFTOVER, PLAIN, VARIES, Allowed, differences
from probe_run import Surroundings, direct, execute
from support import SCRIPT

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = {"full+exe": FULL_EXE, "full": FULL, "plain": PLAIN}


def told_level(said: bytes) -> str:
    """The level that -v told of."""
    found = re.search(rb": level ([^ ;]+)", said)
    assert found is not None, said
    return found[1].decode()


def allowed_at(said: bytes) -> tuple[Allowed, ...]:
    """What may differ at the level that -v told of. On AArch64 and RISC-V, and where the vDSO has no place to leave from, a page stays."""
    return VARIES + LEVELS[told_level(said)] + (LEFTOVER if b"one page of miniload stays mapped" in said else ())


class Comparison:
    """A probe that is to see the same in both ways of starting it."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.also: tuple[Allowed, ...] = ()
        self.said = b""

    def __call__(self, **surroundings: Any) -> dict[str, Any]:
        """Runs it in those surroundings (probe_run.Surroundings) and asserts that nothing differs but what the level that was reached and `also`
        allow. Returns the report of the direct run; `said` is then what -v told."""
        given = Surroundings(**surroundings)
        expected = direct(self.program, self.folder, given)
        command = [os.fsencode(SCRIPT), b"-v", os.fsencode(self.program), *given.args]
        result = execute(command, self.folder, given)
        found = result.report()
        self.said = result.stderr
        wrong = differences(expected, found, allowed_at(self.said) + self.also)
        assert not wrong, "\n".join(["execve, not miniload:", *wrong, self.said.decode(errors="replace")])
        return expected
