"""No input may crash, hang or half-load: tens of thousands of broken files through the parser and the planner, and a part of them
through the running kernel, whose verdict the planner has to share.

Deterministic: the same files in every run.
"""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import time
import tracemalloc
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

import pytest
from elfbuilder import CODE_AT, PAGE, PT_DYNAMIC, PT_GNU_PROPERTY, PT_GNU_STACK, PT_NOTE, Elf, Phdr, R, W, data_segment, host_arch, standard_elf, standard_pie
from mutation import content_mutant, every_field, every_header_bit, random_mutant, script_mutant, truncations
from support import ROOT, compile_c

import miniload
from miniload.elf.header import parse_header
from miniload.elf.segments import PT_LOAD, parse_segments
from miniload.elf.source import BytesSource
from miniload.plan import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS, MEBIBYTES = 1.0, 200
EXIT_CODE = {
    "x86_64": bytes.fromhex("bf2a000000 b8e7000000 0f05"),
    "aarch64": pack("<3I", 0xD2800540, 0xD2800BC8, 0xD4000001),
    "riscv64": pack("<3I", 0x02A00513, 0x05E00893, 0x00000073),
}
"""exit_group(42): whatever a mutant's entry point is, this code can do no harm."""
STRICTER = ("truncated", "no PT_LOAD", "at this alignment", "/proc/self/exe cannot be set")
"""What miniload refuses on purpose though the kernel may get through with it: pages behind the end of the file that the program need not
touch; a program that is nothing but the name of an interpreter; an alignment that leaves only address 0, which root may map; $ORIGIN that an
unprivileged loader cannot make right."""


def harmless(elf: Elf) -> Elf:
    """The file with code that only exits."""
    return replace(elf, content=((CODE_AT, EXIT_CODE[host_arch().name].ljust(PAGE, b"\x90")), *elf.content[1:]))


def minimal() -> Elf:
    """A static program with every kind of segment that the planner reads."""
    note = pack("<III4s4x", 4, 4, 3, b"GNU")
    dynamic = pack("<6Q", 29, 1, 5, 0x500000, 10, 16)
    elf = harmless(standard_elf()).with_content(2 * PAGE, b"\0$ORIGIN/lib\0".ljust(64, b"\0") + dynamic.ljust(PAGE - 64, b"\0"))
    elf = elf.with_content(1024, note).with_content(1088, note)
    return elf.with_phdrs(
        data_segment(0x500000, filesz=PAGE, memsz=2 * PAGE + 5),
        Phdr(PT_DYNAMIC, R, 2 * PAGE + 64, 0x500040, 0, len(dynamic), len(dynamic), 8),
        Phdr(PT_NOTE, R, 1024, 0, 0, len(note), len(note), 4),
        Phdr(PT_GNU_PROPERTY, R, 1088, 0, 0, len(note), len(note), 8),
        Phdr(PT_GNU_STACK, R | W, 0, 0),
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in memory if there is one: a file per mutant is written."""
    return tmp_path_factory.mktemp("mutants")


@pytest.fixture(scope="module")
def interpreter(place: Path) -> Path:
    return harmless(standard_pie()).write(place / "interp")


def static_program(place: Path) -> Path:
    """A real static program: a distribution's, else one made with the C compiler at hand."""
    for name in ("/sbin/ldconfig", "/bin/busybox"):
        if Path(name).exists() and Path(name).read_bytes()[:4] == b"\x7fELF":
            return Path(name)
    if shutil.which("gcc") is None:
        pytest.skip("needs a static program (/sbin/ldconfig, /bin/busybox) or gcc to make one")
    source = place / "static.c"
    source.write_text("int main(void) { return 0; }\n")
    try:
        return compile_c(source, place / "static", "-static")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"gcc cannot make a static program: {error.stderr}")


def seed_file(name: str, place: Path, interpreter: Path) -> bytes:
    """The good files that mutants are made of."""
    match name:
        case "minimal":
            return minimal().pack()
        case "pie":
            return harmless(standard_pie()).with_phdrs(data_segment(0x10000, memsz=3 * PAGE)).pack()
        case "with interpreter":
            return harmless(standard_pie()).with_phdrs(data_segment(0x10000, memsz=64)).with_interp(os.fsencode(interpreter)).pack()
        case "dynamic":
            return Path("/bin/ls").read_bytes()
        case "static":
            return static_program(place).read_bytes()
        case "stub":
            return (ROOT / "miniload" / "_built" / f"stub-{host_arch().name}").read_bytes()
        case _:
            raise KeyError(name)


SEEDS = {"minimal": 3000, "pie": 1000, "with interpreter": 3000, "dynamic": 4000, "static": 2000, "stub": 1000}
"""Random mutants of each, beside the systematic ones."""


def mutants(name: str, data: bytes) -> Iterator[bytes]:
    source = random.Random(name)
    systematic = chain(every_field(data), every_header_bit(data), truncations(data, source, 100)) if len(data) < 1 << 16 else truncations(data, source, 50)
    yield from islice(systematic, 0, None, 2)
    for number in range(SEEDS[name]):
        yield (content_mutant if number % 4 == 0 else random_mutant)(data, source)


@contextmanager
def file_in_memory(data: bytes) -> Iterator[str]:
    """The name of an executable file that is on no disk and open for writing by nobody."""
    writer = os.memfd_create("mutant")
    try:
        os.write(writer, data)
        reader = os.open(f"/proc/self/fd/{writer}", os.O_RDONLY)
    finally:
        os.close(writer)
    try:
        yield f"/proc/self/fd/{reader}"
    finally:
        os.close(reader)


class Planner:
    """Plans one mutant after the other and keeps the books."""

    def __init__(self) -> None:
        self.planned = self.refused = 0
        self.slowest = 0.0
        self.memory = self._memory()

    @staticmethod
    def _memory() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def plan(self, data: bytes) -> miniload.MiniloadError | None:
        """Plans and encodes; the error if it was refused. Nothing but a MiniloadError may be raised."""
        with file_in_memory(data) as path:
            started = time.perf_counter()
            try:
                plan = miniload.plan(path, [b"program"], [])
                wire.encode(plan, range(len(plan.files)))
            except miniload.MiniloadError as error:
                self.refused += 1
                return error
            finally:
                self.slowest = max(self.slowest, time.perf_counter() - started)
        self.planned += 1
        return None

    def check(self) -> None:
        assert self.slowest < SECONDS
        assert (self._memory() - self.memory) / 1024 < MEBIBYTES


@pytest.mark.parametrize("name", SEEDS)
def test_every_mutant_is_planned_or_refused(name: str, place: Path, interpreter: Path) -> None:
    """A typed error or a plan, soon, and within bounded memory."""
    planner = Planner()
    assert planner.plan(seed_file(name, place, interpreter)) is None
    for data in mutants(name, seed_file(name, place, interpreter)):
        planner.plan(data)
    planner.check()
    assert planner.planned > 100
    assert planner.refused > 100


def test_every_broken_script_is_followed_or_refused(interpreter: Path) -> None:
    """The same for `#!` lines."""
    source = random.Random("script")
    good = b"#! " + os.fsencode(interpreter) + b" -x \nrest\n"
    planner = Planner()
    for _ in range(3000):
        planner.plan(script_mutant(good, source))
    planner.check()
    assert planner.planned > 100
    assert planner.refused > 100


@pytest.mark.parametrize("name", SEEDS)
def test_planning_takes_little_memory(name: str, place: Path, interpreter: Path) -> None:
    """Whatever sizes a file claims, no more than a few megabytes are allocated for it."""
    data = seed_file(name, place, interpreter)
    planner = Planner()
    source = random.Random(f"memory {name}")
    tracemalloc.start()
    try:
        for number in range(200):
            mutant = (content_mutant if number % 2 else random_mutant)(data, source)
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            planner.plan(mutant)
            assert tracemalloc.get_traced_memory()[1] - before < (8 << 20)
    finally:
        tracemalloc.stop()


# The kernel's verdict.


def verdict(path: Path, become: Callable[[], object]) -> tuple[str, int]:
    """How a child ends that calls `become`, which does not return if it succeeds: ("exited", status), ("killed", signal) or
    ("refused", errno). It is on its own in a session, and is killed after ten seconds."""
    readable, writable = os.pipe()  # close-on-exec: nothing in it means that the exec succeeded
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            null = os.open("/dev/null", os.O_RDWR)
            os.dup2(null, 1)
            os.dup2(null, 2)
            signal.alarm(10)
            become()
        except (OSError, miniload.MiniloadError) as error:
            os.write(writable, b"%d" % (error.errno or 0))
        finally:
            os._exit(1)
    os.close(writable)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(readable, "rb") as pipe:
        refused = pipe.read()
    if refused:
        return "refused", int(refused)
    return ("killed", os.WTERMSIG(status)) if os.WIFSIGNALED(status) else ("exited", os.WEXITSTATUS(status))


NOTICED_TOO_LATE = (("killed", signal.SIGSEGV), ("killed", signal.SIGBUS))


def starts_without_file(path: Path) -> bool:
    """Whether the first PT_LOAD is anonymous memory. For an ET_DYN without an interpreter the kernel then tries to map at address 0 and
    below, and kills it (elf_load() takes its address literally where mmap() would choose one); miniload places it as any other."""
    source = BytesSource(path.read_bytes())
    loads = [segment for segment in parse_segments(source, parse_header(source)) if segment.type == PT_LOAD]
    return loads[0].filesz == 0


def disagreement(path: Path) -> str:
    """What is wrong with miniload's verdict on the file, "" if nothing is."""
    real = verdict(path, lambda: os.execve(path, [str(path)], {}))
    try:
        plan = miniload.plan(path, [b"x"], [])
    except miniload.MiniloadError as error:
        if real == ("refused", error.errno) or real in NOTICED_TOO_LATE or any(words in error.reason for words in STRICTER):
            return ""
        return f"the kernel: {real}; miniload: {error}, {errno.errorcode.get(error.errno or 0)}"
    ours = verdict(path, lambda: miniload.exec(plan))
    if ours == real or (real in NOTICED_TOO_LATE and (ours == ("exited", 127) or starts_without_file(path))):
        return ""
    return f"the kernel: {real}; miniload planned it, and it ended as {ours}"


@pytest.mark.parametrize("name", ["minimal", "pie", "with interpreter"])
def test_verdict_is_the_kernels(name: str, place: Path, interpreter: Path) -> None:
    """What miniload refuses, the kernel refuses with the same errno or finds out too late; what it plans ends as under the kernel."""
    data = seed_file(name, place, interpreter)
    source = random.Random(f"verdict {name}")
    systematic = list(chain(every_field(data), truncations(data, source, 0)))
    chosen = source.sample(systematic, 200) + [random_mutant(data, source) for _ in range(150)]
    problems = []
    for number, mutant in enumerate(chosen):
        path = place / f"mutant{number}"
        path.write_bytes(mutant)
        path.chmod(0o755)
        found = disagreement(path)
        if found:
            problems.append(f"{path}: {found}")
        else:
            path.unlink()
    assert not problems, "\n".join(problems)
