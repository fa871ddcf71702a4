"""What a long-running program keeps: no zombie, no descriptor, no memory of processes that have come and gone. Expected: a quarter of them costs as much
as all."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from support import MINILOAD, clean_environment

from foreign.sysroot import RELEASES

if TYPE_CHECKING:
    from foreign.conftest import Sysroots

GROWTH = 512 << 10
"""Bytes that may be more at the end than at a quarter: caches that fill up, the allocator's slack. What every round left would be a KiB of it at most."""
PIPELINES = """
i=0
while [ $i -lt 200 ]; do
    got=$(echo "line $i" | cat | tr a-z A-Z)
    [ "$got" = "LINE $i" ] || echo "wrong: $got"
    i=$((i + 1))
    case $i in 50 | 200) echo $$; read go ;; esac
done
"""
FORKS = """
i=0
while [ $i -lt 500 ]; do
    (exit $((i % 100))); [ $? = $((i % 100)) ] || echo "wrong: $i"
    i=$((i + 1))
    case $i in 125 | 500) echo $$; read go ;; esac
done
"""


class Kept(NamedTuple):
    """What a process has at a moment."""

    descriptors: list[str]
    children: str
    memory: int


def kept(pid: int) -> Kept:
    """Of a process that waits. `memory`: bytes that are its own, not shared with files or the processes around it."""
    folder = Path(f"/proc/{pid}")
    rollup = dict(line.split(":", 1) for line in (folder / "smaps_rollup").read_text().splitlines()[1:])
    memory = sum(int(rollup[kind].split()[0]) for kind in ("Private_Dirty", "Shared_Dirty", "Swap")) << 10
    return Kept(sorted(os.listdir(folder / "fd")), (folder / "task" / str(pid) / "children").read_text(), memory)


@pytest.mark.parametrize("arch", RELEASES)
@pytest.mark.parametrize("script", [PIPELINES, FORKS], ids=["pipelines", "forks"])
def test_processes_that_have_ended_leave_nothing(script: str, arch: str, sysroots: Sysroots) -> None:
    """200 pipelines of three commands, each in a command substitution; 500 times fork and exit."""
    root = sysroots(arch)
    command = [*MINILOAD, "-L", str(root), str(root / "usr" / "bin" / "dash"), "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment()) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        found = []
        for _ in range(2):
            pid = int(shell.stdout.readline())
            found.append(kept(pid))
            shell.stdin.write("\n")
            shell.stdin.flush()
        assert shell.stdout.read() == ""
        assert shell.wait(60) == 0
    quarter, end = found
    assert (end.descriptors, end.children) == (quarter.descriptors, quarter.children)
    assert end.children == ""
    assert end.memory - quarter.memory < GROWTH, (quarter.memory, end.memory)
