"""--explain: the plan for a person and as JSON. Expected values come from the file itself by pyelftools, and from a real run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from support import MINILOAD, clean_environment, outcome

import miniload

PROGRAM = "/bin/ls"


def explained(*arguments: str) -> dict[str, object]:
    status, stdout, stderr = outcome([*MINILOAD, "--explain", "--json", *arguments], env=clean_environment())
    assert (status, stderr) == (0, b"")
    result = json.loads(stdout)
    assert isinstance(result, dict)
    return result


def test_nothing_is_run(tmp_path: Path) -> None:
    """--explain prints and does not execute."""
    witness = tmp_path / "witness"
    status, stdout, _ = outcome([*MINILOAD, "--explain", "/bin/sh", "-c", f"touch {witness}"])
    assert status == 0
    assert stdout.startswith(b"/bin/sh: ")
    assert not witness.exists()


def test_every_load_segment_is_shown_with_size_and_protection() -> None:
    """The table's file mappings are the PT_LOADs that pyelftools reads, page by page."""
    ops = explained(PROGRAM)["ops"]
    assert isinstance(ops, list)
    shown = [(op["where"]["offset"], op["size"], op["prot"]) for op in ops if op["kind"] == "map_file" and op["where"]["base"] == "program"]
    expected = []
    with open(PROGRAM, "rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            start = segment["p_vaddr"] & -4096
            end = segment["p_vaddr"] + segment["p_filesz"] + 4095 & -4096
            flags = segment["p_flags"]
            expected.append((start, end - start, (flags >> 2 & 1) | (flags & 2) | (flags & 1) << 2))
    assert shown == expected


def test_text_names_all_parts() -> None:
    """Mappings, stack picture, auxv, registers, what is forwarded and told to the kernel, and the level."""
    _, stdout, _ = outcome([*MINILOAD, "--explain", PROGRAM, "-l"], env=clean_environment(SECRET="value"))
    text = stdout.decode()
    for part in (
        "bases:",
        "mappings:",
        "stack (rw-",
        "<- stack pointer",
        "argv[1] '-l'",
        "SECRET=value",
        "AT_ENTRY",
        "forwarded from the kernel",
        "registers at entry:",
        "told to the kernel:",
        "level: ",
    ):
        assert part in text


def test_text_is_what_printing_the_plan_gives() -> None:
    """str(plan) is the command's text without the level, for the same arguments and environment."""
    env = clean_environment()
    _, stdout, _ = outcome([*MINILOAD, "--explain", PROGRAM], env=env)
    plan = miniload.plan(PROGRAM, [PROGRAM], env)
    assert stdout.decode().startswith(str(plan) + "\n")


@pytest.mark.parametrize("kind", ["program", "interpreter"])
def test_files_are_those_of_the_program(kind: str) -> None:
    """The program's own path and the path in its PT_INTERP."""
    files = explained(PROGRAM)["files"]
    assert isinstance(files, list)
    with open(PROGRAM, "rb") as file:
        interpreter = next(ELFFile(file).iter_segments("PT_INTERP")).get_interp_name()
    assert files[kind == "interpreter"]["path"] == {"program": PROGRAM, "interpreter": interpreter}[kind]


def test_script_chain_is_shown(tmp_path: Path) -> None:
    """A `#!` script's plan is its interpreter's, and says so."""
    script = tmp_path / "script"
    script.write_text("#!/bin/sh -e\nexit 3\n")
    script.chmod(0o755)
    shown = explained(str(script))
    assert shown["script"] == [str(script)]
    assert shown["stack"]["argv"] == ["/bin/sh", "-e", str(script)]  # type: ignore[index]


def test_many_arguments_are_counted() -> None:
    """Of a long list the first are shown and the others counted."""
    _, stdout, _ = outcome([*MINILOAD, "--explain", "/bin/echo", *map(str, range(1000))])
    assert b"995 more of argv" in stdout
    assert stdout.count(b"\n") < 150
