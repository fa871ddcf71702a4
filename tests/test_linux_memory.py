"""Programs that print facts about memory (tests/linux_programs/mm_*.c): under miniload they print what they print on this machine's kernel."""

from __future__ import annotations

import os
import random
import subprocess
from typing import TYPE_CHECKING

import pytest
from support import MINILOAD, ROOT, ZIG_CC, clean_environment, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GUESTS = ("aarch64", "riscv64")
PROGRAMS = ("map", "protect", "remap", "brk", "advise", "file", "lock", "shm", "stack")
SOURCES = ROOT / "tests" / "linux_programs"
SCRIPTS = 24


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """built(program, architecture): compiled statically against musl, once."""
    folder = tmp_path_factory.mktemp("linux_programs")

    def build(program: str, machine: str) -> Path:
        output = folder / f"{program}-{machine}"
        if not output.exists():
            command = [*ZIG_CC, "-target", f"{machine}-linux-musl", "-static", "-O1", str(SOURCES / f"{program}.c"), "-o", str(output)]
            subprocess.run(command, check=True, capture_output=True)
        return output

    return build


def is_recent() -> bool:
    """mremap(2) of several mappings, and what it says of lengths that do not matter, are as in the model since Linux 6.17."""
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2]) >= (6, 17)


def both(built: Callable[[str, str], Path], program: str, machine: str, folder: Path, given: bytes = b"") -> tuple[object, object]:
    """Status and output of the program, on this machine and emulated."""
    outcomes = []
    for command in ([str(built(program, os.uname().machine))], [*MINILOAD, str(built(program, machine))]):
        status, output, errors = outcome(command, stdin=None, input=given, env=clean_environment(TMPDIR=str(folder)))
        outcomes.append((status, output.decode().splitlines(), errors))
    return outcomes[0], outcomes[1]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("machine", GUESTS)
def test_memory_is_as_on_this_kernel(built: Callable[[str, str], Path], tmp_path: Path, machine: str, program: str) -> None:
    """Results, errors, contents, what system calls can reach, and /proc/self/maps."""
    if program == "remap" and not is_recent():
        pytest.skip("needs Linux 6.17, which the model follows")
    here, there = both(built, f"mm_{program}", machine, tmp_path)
    assert here == there


def script(seed: int) -> bytes:
    """Sixty random operations for mm_script.c. What has been moved stays away from the rest: which neighbours the kernel joins then depends on what
    was touched."""
    chance, lines = random.Random(seed), []
    for _ in range(60):
        page, count, protection = chance.randrange(38), chance.randrange(1, 9), chance.choice([0, 1, 3, 3, 3, 3, 5])
        lines.append(
            chance.choice(
                [
                    f"m {page} {count} {protection} {chance.choice([0, 0, 0, 0, 1, 2, 2, 3, 4])}",
                    f"m {page} {count} {protection} {chance.choice([0, 0, 0, 0, 1, 2, 2, 3, 4])}",
                    f"u {chance.randrange(48)} {count}",
                    f"p {page} {count} {protection}",
                    f"r {page} {chance.choice([count, count, count, 0])} {chance.choice([count, chance.randrange(1, 9)])} "
                    f"{chance.choice([0, 1, 1, 3, 3, 3, 7, 5])} {chance.choice([48, 58])}",
                    f"a {page} {count} {chance.choice([0, 4, 4, 8, 9, 10, 11, 18, 19, 22, 23])}",
                    f"w {chance.randrange(64)} {chance.randrange(1, 256)}",
                ]
            )
        )
    return "\n".join([*lines, ""]).encode()


@pytest.mark.parametrize("machine", GUESTS)
@pytest.mark.parametrize("seed", range(SCRIPTS))
def test_random_operations_are_as_on_this_kernel(built: Callable[[str, str], Path], tmp_path: Path, machine: str, seed: int) -> None:
    """mmap, munmap, mprotect, mremap, madvise and writes in one window: every result, and what is there in the end."""
    if not is_recent():
        pytest.skip("needs Linux 6.17, which the model follows")
    here, there = both(built, "mm_script", machine, tmp_path, script(seed))
    assert here == there
