"""The probe and the stub on all architectures: the probe builds for each, and where qemu-user is installed, the stubs of the others run.

The expected values come from the probe run directly by the same qemu-user, 7.2 or later. It is no kernel: it refuses PR_SET_MM and shows the host's
/proc, so what a program finds in its registers and on its stack is what is compared.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from probe_build import build_probe
from probe_run import Surroundings, execute
from support import need

from miniload import arch as architectures
from miniload.native.image import append_plan, read_stub
from miniload.native.pack import pack
from miniload.plan.build import build
from miniload.plan.host import read_host
from miniload.plan.wire import encode
from miniload.record import replace

if TYPE_CHECKING:
    from pathlib import Path

    from miniload.plan.model import LoadPlan

AT_PHDR, AT_BASE, AT_ENTRY, AT_RANDOM, AT_EXECFN, AT_PLATFORM = 3, 7, 9, 25, 31, 15
POINTERS = (AT_PHDR, AT_BASE, AT_ENTRY, AT_RANDOM, AT_EXECFN, AT_PLATFORM)
ENTRY_REGISTER = {"aarch64": "x16", "riscv64": "t1"}
"""The one register that miniload needs for its last jump."""
FOREIGN = [name for name in architectures.NAMES if name != os.uname().machine]
ARGUMENTS, ENVIRONMENT = [b"caf\xe9", b"", b"x" * 999], [b"A=1", b"NOTHING", b"B=\xff", b"A=2"]


@pytest.mark.parametrize("fixed", [False, True], ids=["pie", "fixed"])
@pytest.mark.parametrize("arch", architectures.NAMES)
def test_probe_needs_no_loader(tmp_path: Path, arch: str, fixed: bool) -> None:
    """No interpreter, no relocation, no executable stack: what pyelftools reads in the file."""
    with open(build_probe(arch, tmp_path / "probe", fixed=fixed), "rb") as file:
        elf = ELFFile(file)
        kinds = {segment.header.p_type: segment.header.p_flags for segment in elf.iter_segments()}
        relocations = [section.num_relocations() for section in elf.iter_sections() if isinstance(section, RelocationSection)]
        assert elf.header.e_type == ("ET_EXEC" if fixed else "ET_DYN")
    assert "PT_INTERP" not in kinds
    assert kinds["PT_GNU_STACK"] == 6
    assert sum(relocations) == 0


def under_qemu(arch: str, program: Path, argv: list[bytes], env: list[bytes]) -> dict[str, Any]:
    """The probe's report."""
    qemu = shutil.which(f"qemu-{arch}")
    assert qemu is not None
    command = [os.fsencode(qemu), b"-0", argv[0], os.fsencode(program), *argv[1:]]
    return execute(command, program.parent, Surroundings(env=env)).report()


@pytest.fixture(params=FOREIGN)
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, dict[str, Any]]:
    """Architecture, probe, and the probe's own report."""
    arch = request.param
    need(f"qemu-{arch}")
    program = build_probe(arch, tmp_path / "probe")
    return arch, program, under_qemu(arch, program, [b"zero", *ARGUMENTS], ENVIRONMENT[:1])


def plan_for(arch: str, program: Path, kinds: tuple[int, ...]) -> LoadPlan:
    """A plan for another machine than this: only the order of the auxv has to be told, which is otherwise read from this one."""
    facts = architectures.get(arch)
    host = replace(read_host(facts), auxv=kinds, platform=facts.platform, randomize=2, rnd_bits=facts.rnd_bits)
    return build(os.fsencode(program), [b"zero", *ARGUMENTS], ENVIRONMENT, arch=facts, host=host)


def kinds_of(report: dict[str, Any]) -> tuple[int, ...]:
    return tuple(kind for kind, _ in report["auxv"] if kind)


def assert_entered_alike(arch: str, expected: dict[str, Any], found: dict[str, Any]) -> None:
    """Registers, flags, FP state, arguments, auxv, alignment, and nothing below the stack pointer."""
    registers = {**found["registers"]}
    if arch in ENTRY_REGISTER:
        assert registers.pop(ENTRY_REGISTER[arch]) == dict(found["auxv"])[AT_ENTRY]
    assert registers == {name: value for name, value in expected["registers"].items() if name != ENTRY_REGISTER.get(arch)}
    assert found["flags"] & ~0x246 == 0, "qemu's own differ: start_thread() of the kernel leaves none set, on x86-64 all but IF"
    for part in ("state", "argc", "argv", "signals", "blocked", "altstack", "umask", "cwd", "ids", "descriptors"):
        assert found[part] == expected[part], part
    assert kinds_of(found) == kinds_of(expected)
    assert {kind: value for kind, value in found["auxv"] if kind not in POINTERS} == {kind: value for kind, value in expected["auxv"] if kind not in POINTERS}
    assert found["sp"] % 16 == 0
    texts, starts = found["argv"] + found["env"], found["argv_at"] + found["env_at"]
    ends = [start + len(text) + 1 for start, text in zip(starts, texts, strict=True)]
    assert starts[1:] == ends[:-1], "strings are contiguous"
    assert [distance for distance, _ in found["below_stack"]] == ([8] if arch == "x86_64" else [])


def test_stub_enters_as_the_kernel_does(foreign: tuple[str, Path, dict[str, Any]], tmp_path: Path) -> None:
    """Stub and plan in one file, run by qemu: the stack is the one composed in Python, with every byte of arguments and environment."""
    arch, program, expected = foreign
    plan = plan_for(arch, program, kinds_of(expected))
    file = tmp_path / "stub-and-plan"
    file.write_bytes(append_plan(read_stub(arch), encode(plan)))
    file.chmod(0o755)
    found = under_qemu(arch, file, [b"ignored"], [])
    assert_entered_alike(arch, expected, found)
    assert [entry.encode("latin-1") for entry in found["env"]] == ENVIRONMENT
    assert found["auxv_strings"]["AT_EXECFN"] == str(program)


def test_packed_program_enters_as_the_kernel_does(foreign: tuple[str, Path, dict[str, Any]], tmp_path: Path) -> None:
    """Packed: the arguments are those of the packed file."""
    arch, program, expected = foreign
    file = tmp_path / "packed"
    pack(plan_for(arch, program, kinds_of(expected)), os.fsencode(file))
    found = under_qemu(arch, file, [b"zero", *ARGUMENTS], ENVIRONMENT[:1])
    assert_entered_alike(arch, expected, found)
    assert found["env"] == expected["env"]
