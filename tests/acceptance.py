"""One row of an acceptance table: a file, what the kernel does with it, and what miniload has to do with it."""

from __future__ import annotations

import errno
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from observe import by_kernel, by_miniload, planned_errno

if TYPE_CHECKING:
    from pathlib import Path

    from elfbuilder import Elf
    from observe import Outcome

RUNS = "runs"
DIES = "dies of SIGSEGV"
"""The kernel notices only after its point of no return, when there is no image left to report an error to."""
BUS = "dies of SIGBUS"
"""The kernel maps what is not in the file, and the program touches it."""


@dataclass(frozen=True)
class Case:
    """`kernel`: RUNS, DIES, BUS or the errno of execve. `refused`: the errno with which miniload refuses what the kernel lets die; None where
    miniload does as the kernel does."""

    name: str
    elf: Elf
    kernel: str | int
    refused: int | None = None

    def __str__(self) -> str:
        return self.name


def check(case: Case, path: Path, interpreter: Path | None = None) -> None:
    """The kernel does what the case says; plan() and the command do what follows from it."""
    case.elf.write(path)
    real = by_kernel(path, case.elf.entry, interpreter)
    assert _kind(real) == case.kernel, f"this kernel: {real}"
    expected = case.refused
    if expected is None and case.kernel not in (RUNS, DIES, BUS):
        expected = real.number
    assert planned_errno(path) == expected
    ours = by_miniload(path, case.elf.entry, interpreter)
    if expected is None:
        assert ours == real, f"kernel: {real}\nminiload: {ours}"
    else:
        assert_refused(ours, expected)


def assert_refused(ours: Outcome, number: int) -> None:
    """The command said so on one line and exited with the status for that errno."""
    assert ours.what == "exited", str(ours)
    assert ours.number == (127 if number in (errno.ENOENT, errno.ENOTDIR) else 126), str(ours)
    assert ours.stderr.startswith(b"miniload: "), str(ours)
    assert ours.stderr.count(b"\n") == 1, str(ours)


def _kind(outcome: Outcome) -> str | int:
    if outcome.what == "stopped":
        return RUNS
    if outcome.what == "killed" and outcome.number in (signal.SIGSEGV, signal.SIGBUS):
        return DIES if outcome.number == signal.SIGSEGV else BUS
    if outcome.what == "refused":
        return outcome.number
    return str(outcome)
