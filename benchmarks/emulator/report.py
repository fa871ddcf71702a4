"""The results as a table for the README, as verdicts on the targets, and for machines."""

from __future__ import annotations

from statistics import geometric_mean
from typing import TYPE_CHECKING

from emulator.contenders import EMULATORS, MINILOAD, NATIVE, QEMU, QILING
from emulator.workloads import CONDITION_ROW, FUTEX_ROW, LOOPS, NATIVE_ARCH, PROCESSES, PROGRAMS, STARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emulator.measure import Results

BEGIN, END = "<!-- emulator benchmark: begin -->", "<!-- emulator benchmark: end -->"
MEAN_LIMIT, LOOP_LIMIT, CALL_LIMIT, START_LIMIT, PROGRAM_LIMIT = 1.6, 3.0, 1.0, 2.5, 2.0
"""Times qemu-user's time: geometric mean of the loops, each loop, system calls, the static hello, each whole program."""
SPAWN_LIMIT, HAND_OVER_LIMIT = 2.0, 20.0
"""Times qemu-user's time for fork and exec; microseconds for a hand-over, the program's start included."""
KINDS = (LOOPS, PROGRAMS, STARTS, PROCESSES)


def markdown(results: Results, archs: Sequence[str], machine: str) -> str:
    """One row for each loop and program, milliseconds; then geometric means of the ratios."""
    columns = [f"{arch}: {QEMU}" if index == 0 else title for arch in archs for index, title in enumerate((QEMU, MINILOAD, f"/ {QEMU}", QILING))]
    lines = [f"| ms | {NATIVE} | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for row in results.rows:
        cells = [cell(results, row, NATIVE_ARCH, NATIVE)]
        for arch in archs:
            times = [cell(results, row, arch, contender) for contender in EMULATORS]
            cells += [*times[:2], number(results.ratio(row, arch, MINILOAD, QEMU)), times[2]]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    for kind in KINDS:
        cells = [""]
        for arch in archs:
            cells += ["", "", number(mean(results, kind, arch, MINILOAD, QEMU)), ratio_cell(mean(results, kind, arch, QILING, QEMU))]
        lines.append(f"| *{kind}, geometric mean of the ratios* | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"({machine})"])


def cell(results: Results, row: str, arch: str, contender: str) -> str:
    """Milliseconds, or what there is instead."""
    seconds = results.seconds(row, arch, contender)
    if seconds is not None:
        return three_digits(seconds * 1000)
    return "fails" if failure(results, row, arch, contender) else "–"  # noqa: RUF001 (a dash: not measured)


def failure(results: Results, row: str, arch: str, contender: str) -> str:
    """Why that contender has no figure: the loops are one program."""
    return results.failures.get((row, arch, contender)) or (results.failures.get((LOOPS, arch, contender), "") if results.rows[row] == LOOPS else "")


def three_digits(value: float) -> str:
    """Three significant digits, no exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def number(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def ratio_cell(ratio: float | None) -> str:
    """A ratio in a column of times."""
    return "" if ratio is None else f"(/ {QEMU}: {ratio:.2f})"


def mean(results: Results, kind: str, arch: str, contender: str, reference: str) -> float | None:
    """Geometric, of the rows of that kind that both run."""
    ratios = [ratio for row, its in results.rows.items() if its == kind and (ratio := results.ratio(row, arch, contender, reference))]
    return geometric_mean(ratios) if ratios else None


def verdicts(results: Results, archs: Sequence[str]) -> str:
    """One line per target and architecture, the rows that miss it, and every failure."""
    lines = [line for arch in archs for line in _verdicts(results, arch)]
    return "\n".join([*lines, *(f"fails: {contender} {arch}, {row}: {why}" for (row, arch, contender), why in results.failures.items())])


def _verdicts(results: Results, arch: str) -> Iterator[str]:
    found = {row: ratio for row in results.rows if (ratio := results.ratio(row, arch, MINILOAD, QEMU))}
    loops = mean(results, LOOPS, arch, MINILOAD, QEMU)
    yield verdict(arch, f"loops, geometric mean / {QEMU}", {"": loops} if loops else {}, MEAN_LIMIT)
    yield verdict(arch, f"each loop / {QEMU}", {row: ratio for row, ratio in found.items() if results.rows[row] == LOOPS}, LOOP_LIMIT)
    yield verdict(arch, f"system calls / {QEMU}", {row: ratio for row, ratio in found.items() if "getppid" in row}, CALL_LIMIT)
    yield verdict(arch, f"static hello / {QEMU}", {row: ratio for row, ratio in found.items() if row == "static hello"}, START_LIMIT)
    yield verdict(arch, f"whole programs / {QEMU}", {row: ratio for row, ratio in found.items() if results.rows[row] == PROGRAMS}, PROGRAM_LIMIT)
    yield verdict(arch, f"fork+exec / {QEMU}", {row: ratio for row, ratio in found.items() if "fork+exec" in row}, SPAWN_LIMIT)
    yield verdict(arch, "hand-over of threads, us", dict(hand_overs(results, arch)), HAND_OVER_LIMIT)
    yield verdict(arch, f"all / {QILING}", {row: ratio for row in results.rows if (ratio := results.ratio(row, arch, MINILOAD, QILING))}, 1.0)


def hand_overs(results: Results, arch: str) -> Iterator[tuple[str, float]]:
    """Microseconds of each, of the rows that measure them."""
    for row in results.rows:
        seconds = results.seconds(row, arch, MINILOAD)
        if seconds and row.endswith((FUTEX_ROW, CONDITION_ROW)):
            yield row, seconds * 1e6 / (int(row.partition(" ")[0]) * 1000)


def verdict(arch: str, name: str, ratios: dict[str, float], limit: float) -> str:
    """Whether the worst of them is within the limit, and those that are not."""
    if not ratios:
        return f"?     {arch:8} {name:34} not measured"
    missed = ", ".join(f"{row} {ratio:.2f}" for row, ratio in ratios.items() if ratio > limit and row)
    worst = max(ratios.values())
    return f"{'ok  ' if worst <= limit else 'MISS'}  {arch:8} {name:34} {worst:6.2f} <= {limit:.2f}  {missed}".rstrip()


def figures(results: Results, archs: Sequence[str]) -> dict[str, object]:
    """Every sample in seconds, every failure, and the means."""
    rows: dict[str, dict[str, object]] = {}
    for row, kind in results.rows.items():
        entry: dict[str, object] = {"kind": kind}
        for arch, contender in ((NATIVE_ARCH, NATIVE), *((arch, contender) for arch in archs for contender in EMULATORS)):
            median, samples = results.seconds(row, arch, contender), results.samples.get((row, arch, contender), [])
            entry[f"{arch} {contender}"] = {"median": median, "samples": samples, "failure": failure(results, row, arch, contender) or None}
        rows[row] = entry
    means = {f"{kind} {arch}": mean(results, kind, arch, MINILOAD, QEMU) for kind in KINDS for arch in archs}
    return {"seconds": rows, "geometric means, miniload / qemu-user": means}
