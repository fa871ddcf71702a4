"""The interleaved run, and what it found."""

from __future__ import annotations

import hashlib
import sys
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from emulator import process
from emulator.contenders import EMULATORS, NATIVE, QEMU, QILING, with_runner
from emulator.workloads import LOOPS, NATIVE_ARCH, STARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from emulator.contenders import Contenders
    from emulator.workloads import Workload

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C"}
LIMIT, PATIENCE = 60.0, 30.0
"""Seconds for any run, and how many times as long as qemu-user it may take where that is more."""
QILING_ROUNDS = {LOOPS: 5, STARTS: 9}
"""It takes ten times as long as all others together. Once for a whole program."""
QUICK_QILING_DIVISOR = "5"
"""In a quick run it does a part of the loops' rounds; the loops program scales its seconds up."""

Key = tuple[str, str, str]
"""Row, architecture, contender."""


class Results:
    """Samples in seconds by row, architecture and contender; why there are none; the rows in their order, with the kind of each."""

    def __init__(self) -> None:
        self.samples: dict[Key, list[float]] = {}
        self.failures: dict[Key, str] = {}
        self.rows: dict[str, str] = {}

    def add(self, row: str, kind: str, arch: str, contender: str, seconds: float) -> None:
        self.rows.setdefault(row, kind)
        self.samples.setdefault((row, arch, contender), []).append(seconds)

    def seconds(self, row: str, arch: str, contender: str) -> float | None:
        """The median, None if it does not run that."""
        found = self.samples.get((row, arch, contender))
        return median(found) if found and (row, arch, contender) not in self.failures else None

    def ratio(self, row: str, arch: str, contender: str, reference: str) -> float | None:
        """Of the medians."""
        one, other = self.seconds(row, arch, contender), self.seconds(row, arch, reference)
        return one / other if one and other else None


class Run:
    """Every workload, by every contender, on every architecture, in turn."""

    def __init__(self, contenders: Contenders, sysroots: Mapping[str, Path], archs: Sequence[str], wanted: Sequence[str], quick: bool) -> None:
        self.contenders, self.sysroots, self.archs, self.quick = contenders, sysroots, archs, quick
        self.wanted = [contender for contender in EMULATORS if contender in wanted]
        self.results = Results()
        self._digests: dict[str, bytes] = {}

    def all(self, workloads: Sequence[Workload]) -> Results:
        """One round of each workload after the other, until each has had its rounds: what disturbs the machine for some seconds hits all alike."""
        for number in range(max(map(self.rounds, workloads))):
            for workload in workloads:
                if number < self.rounds(workload):
                    self._round(workload, number)
            print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return self.results

    def rounds(self, workload: Workload) -> int:
        return (workload.rounds + 3) // 4 if self.quick else workload.rounds

    def _round(self, workload: Workload, number: int) -> None:
        turns = list(self._turns(workload))
        first = number % len(turns) if turns else 0
        natively = turns[:1] if number == 0 else []  # its output is what the others' must be
        for arch, contender, command in natively + [turn for turn in turns[first:] + turns[:first] if turn not in natively]:
            if contender != QILING or number < (1 if self.quick else QILING_ROUNDS.get(workload.kind, 1)):
                self._once(workload, arch, contender, command)

    def _turns(self, workload: Workload) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        if NATIVE_ARCH in workload.commands:
            yield NATIVE_ARCH, NATIVE, with_runner(workload.commands[NATIVE_ARCH], ())
        for arch in self.archs:
            if arch not in workload.commands:
                continue
            for contender in self.wanted:
                sysroot = self.sysroots.get(arch) if workload.sysroot else None
                program = workload.commands[arch]
                if self.quick and contender == QILING and workload.kind == LOOPS:
                    program = (*program, QUICK_QILING_DIVISOR)
                command = self.contenders.command(contender, arch, sysroot, program)
                if command and not (workload.sysroot and sysroot is None):
                    yield arch, contender, command

    def _once(self, workload: Workload, arch: str, contender: str, command: tuple[str, ...]) -> None:
        key = (workload.name, arch, contender)
        if workload.kind != LOOPS:
            self.results.rows.setdefault(workload.name, workload.kind)
        if key in self.results.failures:
            return
        if workload.leftover:
            with suppress(FileNotFoundError):
                Path(workload.leftover).unlink()
        outcome = process.run(command, ENVIRONMENT, self._limit(workload.name, arch))
        wrong = self._wrong(workload, outcome)
        if wrong:
            self.results.failures[key] = wrong
        elif workload.kind == LOOPS:
            for line in outcome.output.decode().splitlines():
                name, seconds = line.split()
                self.results.add(name, LOOPS, arch, contender, float(seconds))
        else:
            self.results.add(workload.name, workload.kind, arch, contender, outcome.seconds)

    def _limit(self, row: str, arch: str) -> float:
        return max(LIMIT, PATIENCE * (self.results.seconds(row, arch, QEMU) or 0))

    def _wrong(self, workload: Workload, outcome: process.Outcome) -> str:
        """What is wrong with that run, empty if nothing. Outputs must be those of the first contender that ran it: natively, where that is possible."""
        if outcome.status is None:
            return f"no end after {outcome.seconds:.0f} s"
        if outcome.status != 0:
            return f"status {outcome.status}: {outcome.said}"
        digest = hashlib.sha256(outcome.output).digest()
        if workload.kind != LOOPS and self._digests.setdefault(workload.name, digest) != digest:
            return f"other output than the first: {outcome.output[-60:]!r}"
        return ""
