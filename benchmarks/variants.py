"""The ways to start a program that are compared, and the targets that they are held against."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import environment
from harness import Group, Variant

from miniload.elf.header import parse_header
from miniload.elf.segments import parse_interpreter, parse_segments
from miniload.elf.source import BytesSource

if TYPE_CHECKING:
    from pathlib import Path

TRUE = "/bin/true"
CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE = 21, 40
NO_EXE_LINK = (CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE)
"""Without these two, the stub may not set /proc/self/exe: it does less."""
BARE_PYTHON = "python -I -c pass"
READY_LIMIT, PYTHON_LIMIT = 1.10, 1.6
NATIVE_PASSES = 11
"""Starts without Python take a twentieth of the time, and differ by less."""


class Target(NamedTuple):
    """`name` may take at most `limit` times as long as `reference`."""

    name: str
    reference: str
    limit: float


def native(name: str, program: str, directory: Path) -> tuple[list[Variant], list[Target]]:
    """The program started directly, by its dynamic linker, and from a plan that is ready. The targets are meant for /bin/true: a
    program that does even less has the less to hide the stub's share in."""
    direct, plan, pack = f"exec {name}", f"ready plan of {name}", f"--pack of {name}"
    ready = (str(environment.ready_plan(program, directory / f"plan-{os.path.basename(program)}")),)
    packed = (str(environment.packed(program, directory / f"pack-{os.path.basename(program)}")),)
    variants = [Variant(direct, (program,), direct)]
    linker = interpreter(program)
    if linker is not None:
        variants.append(Variant(f"{os.path.basename(linker)} {name}", (linker, program), direct))
    variants += [Variant(plan, ready, direct), Variant(pack, packed, direct)]
    targets = [Target(plan, direct, READY_LIMIT), Target(pack, direct, READY_LIMIT)]
    if os.geteuid() == 0:
        unprivileged = [f"{start}, no exe link" for start in (direct, plan, pack)]
        for start, command in zip(unprivileged, ((program,), ready, packed), strict=True):
            variants.append(Variant(start, command, unprivileged[0], NO_EXE_LINK))
        targets += [Target(start, unprivileged[0], READY_LIMIT) for start in unprivileged[1:]]
    return variants, targets


def from_python(name: str, program: str) -> tuple[list[Variant], list[Target]]:
    """The program started by what is written in Python."""
    miniload, direct = f"miniload {name}", f"exec {name}"
    variants = [
        Variant(miniload, (str(environment.SCRIPTS / "miniload"), program), direct),
        Variant(f"ulexecve {name}", (str(environment.SCRIPTS / "ulexecve"), program), direct),
    ]
    return variants, [Target(miniload, BARE_PYTHON, PYTHON_LIMIT)]


def bare_python() -> list[Variant]:
    """The same Python with nothing to do, as -I and -S leave it, and with just the one call."""
    python = str(environment.PYTHON)
    call = f"import os; os.execv({TRUE!r}, [{TRUE!r}])"
    return [
        Variant(BARE_PYTHON, (python, "-I", "-c", "pass")),
        Variant("python -I -S -c pass", (python, "-I", "-S", "-c", "pass")),
        Variant(f"python -I, os.execv {TRUE}", (python, "-I", "-c", call), f"exec {TRUE}"),
    ]


def all_groups(directory: Path) -> tuple[list[Group], list[Target]]:
    """/bin/true, dynamically linked, and a statically linked program where one can be made."""
    programs = [(TRUE, TRUE)]
    static = environment.static_program(directory)
    if static:
        programs.append(("static program", str(static)))
    groups: list[Group] = []
    targets: list[Target] = []
    slow = bare_python()
    for name, program in programs:
        variants, limits = native(name, program, directory)
        groups.append(Group(tuple(variants), NATIVE_PASSES))
        more, limit = from_python(name, program)
        slow += more
        if program == TRUE:
            targets += [*limits, *limit]
    return [*groups, Group(tuple(slow))], targets


def interpreter(program: str) -> str | None:
    """The dynamic linker that the program names, None if it is statically linked."""
    with open(program, "rb") as file:
        source = BytesSource(file.read(), os.fsencode(program))
    path = parse_interpreter(source, parse_segments(source, parse_header(source)))
    return None if path is None else os.fsdecode(path)
