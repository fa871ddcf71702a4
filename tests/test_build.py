"""The freestanding parts as built: for every architecture, by either compiler. Expected: what issue and stub.lds promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from support import ROOT, need, outcome

from miniload import arch as architectures
from miniload.native.image import append_plan, read_stub
from miniload.plan.wire import encode

NAMES = architectures.NAMES
FILES = [f"{kind}-{name}" for kind in ("stub", "launcher") for name in NAMES]
BUILT = ROOT / "miniload" / "_built"


@pytest.mark.parametrize("file", FILES)
def test_it_is_small_static_and_never_writable_and_executable(file: str) -> None:
    """Under 16 KB, for its own machine, no interpreter, no dynamic section (hence no relocations), W^X, no executable stack."""
    path = BUILT / file
    assert path.stat().st_size < 16384
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        assert elf["e_machine"] == {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64", "riscv64": "EM_RISCV"}[file.split("-")[1]]
        assert elf["e_type"] == "ET_DYN"
        segments = [(segment["p_type"], segment["p_flags"]) for segment in elf.iter_segments()]
    assert {kind for kind, _ in segments} == {"PT_LOAD", "PT_NULL", "PT_GNU_STACK"}
    assert all(flags & 3 != 3 for _, flags in segments)


@pytest.mark.parametrize("name", NAMES)
def test_stub_has_one_free_program_header_for_the_plan(name: str) -> None:
    """append_plan turns it into a read-only PT_LOAD with the plan in it, congruent to its address for every page size of the architecture."""
    image = append_plan(read_stub(name), b"plan" * 100)
    path_free = [phdr for phdr in _phdrs(image) if phdr["p_type"] == "PT_LOAD" and phdr["p_flags"] == 4]
    assert len(path_free) == 1
    load = path_free[0]
    assert image[load["p_offset"] :][: load["p_filesz"]] == b"plan" * 100
    page = architectures.get(name).max_page
    assert load["p_align"] == page
    assert load["p_offset"] % page == load["p_vaddr"] % page


def _phdrs(image: bytes) -> list[dict[str, int]]:
    from io import BytesIO

    return [segment.header for segment in ELFFile(BytesIO(image)).iter_segments()]


def test_stub_without_a_plan_says_what_it_is() -> None:
    """It is no command: one line, 127."""
    host = architectures.host()
    assert host is not None
    status, stdout, stderr = outcome([str(BUILT / f"stub-{host.name}")])
    assert (status, stdout, stderr.count(b"\n")) == (127, b"", 1)


@pytest.mark.parametrize("damage", ["magic", "truncated", "bases", "ops", "file"])
def test_damaged_plan_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    """Every length and offset of the plan is checked by the stub: exit status 127, no crash."""
    import miniload

    wire = bytearray(encode(miniload.plan("/bin/true")))
    if damage == "magic":
        wire[0] ^= 1
    elif damage == "truncated":
        del wire[200:]
    elif damage == "bases":
        wire[36:40] = b"\xff" * 4
    elif damage == "ops":
        wire[48:52] = b"\xff\xff\xff\x7f"
    elif damage == "file":
        wire[44:48] = b"\x09\0\0\0"
    host = architectures.host()
    assert host is not None
    program = tmp_path / "damaged"
    program.write_bytes(append_plan(read_stub(host.name), bytes(wire)))
    program.chmod(0o755)
    status, stdout, stderr = outcome([str(program)])
    assert (status, stdout, stderr.count(b"\n")) == (127, b"", 1)
    assert stderr.startswith(b"miniload: ")


def test_other_compiler_by_environment(tmp_path: Path) -> None:
    """CC_x86_64=gcc builds the stub without a warning (-Werror), and the result carries plans out."""
    need("gcc")
    host = architectures.host()
    assert host is not None
    if host.name != "x86_64":
        pytest.skip("gcc here does not make x86-64 programs")
    code = "import sys; sys.path.insert(0, sys.argv[1]); import build_stub as b; b.build_stub(b.architectures.get('x86_64'), b.Path(sys.argv[2]))"
    command = [sys.executable, "-c", code, str(ROOT / "stub"), str(tmp_path)]
    subprocess.run(command, check=True, env={"PATH": "/usr/bin:/bin", "CC_x86_64": "gcc"})
    import miniload

    program = tmp_path / "ready"
    program.write_bytes(append_plan((tmp_path / "stub-x86_64").read_bytes(), encode(miniload.plan("/bin/echo", ["echo", "hello"]))))
    program.chmod(0o755)
    assert outcome([str(program)]) == (0, b"hello\n", b"")
