"""--strace: the lines of strace 6.1, run on the same program compiled for this machine."""

from __future__ import annotations

import importlib
import random
import re
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from support import MINILOAD, ROOT, ZIG_CC, compile_c, need, outcome

from miniload.linux import arch as guest_arch
from miniload.linux import strace
from miniload.linux.strace_call import Call
from miniload.linux.table import TABLE

if TYPE_CHECKING:
    from pathlib import Path

MARK = "getpgid(4321)"
ARCHES = ["aarch64", "riscv64", "x86_64"]
PROGRAMS = ROOT / "tests" / "linux_programs"
ENDS = {"calls": -15, "errors": -9, "files": 0, "network": 0, "processes": 0, "waiting": 0}
"""Program to its end: minus the signal that it sends itself at last, or 0."""
VERSION = "6.1"
CHANGING = [
    (r"0x[0-9a-f]{6,}(?!\w)", "ADDRESS"),
    (r" {2,}= ", " = "),
    (r"htons\([1-9]\d{3,}\)", "htons(PORT)"),
    (r"tv_sec=999, tv_nsec=\d+", "tv_sec=999, tv_nsec=PART"),
    (r"^((?:shm|sem|msg)get\(.*\) = )\d+", r"\1ID"),
    (r"^((?:shm(?:at|ctl)|sem(?:op|ctl)|msg(?:snd|rcv|ctl))\()\d+", r"\1ID"),
    (r"^((?:getpid|gettid|getppid)\(\) = )\d+", r"\1PID"),
    (r"^(t?kill\()\d{2,}", r"\1PID"),
    (r"si_pid=\d+", "si_pid=PID"),
    (r"(TIOCGPTN, \[)\d+", r"\1PTY"),
    (r"/\* \d+ vars \*/", "/* VARS */"),
    (r'\["[^"]*"\.\.\.\]', '["PROGRAM"]'),
    (r"PROT_EXEC\|PROT_BTI\|PROT_MTE\|0x40", "PROT_EXEC|0x70"),
    (r"sa_flags=SA_RESTORER, sa_restorer=\w+", "sa_flags=0"),
]
"""What differs from run to run, or from one architecture to the next."""


def lines_of(log: str) -> list[str]:
    """The lines without threads' numbers and what is in CHANGING."""
    found = []
    for line in log.splitlines():
        text = re.sub(r"^\d+ +", "", line)
        for pattern, replacement in CHANGING:
            text = re.sub(pattern, replacement, text)
        found.append(text)
    return found


def between_marks(log: str) -> list[str]:
    """The lines between the two marks."""
    lines = lines_of(log)
    first, last = (index for index, line in enumerate(lines) if line.startswith(MARK))
    return lines[first + 1 : last]


def need_strace() -> None:
    """Skips the test without the strace whose lines they are."""
    need("strace")
    version = subprocess.run(["strace", "-V"], capture_output=True, text=True).stdout.split("\n")[0]
    if not version.endswith(f"version {VERSION}"):
        pytest.skip(f"needs strace {VERSION}, this is: {version}")


def build(name: str, arch: str, folder: Path) -> Path:
    """One of the programs for an architecture, static."""
    flags = ("-O1", "-static", "-Wno-nonnull", "-Wno-int-conversion")
    return compile_c(PROGRAMS / f"strace_{name}.c", folder / f"{name}.{arch}", *flags, compiler=[*ZIG_CC, "-target", f"{arch}-linux-musl"])


@pytest.fixture(scope="module", params=ENDS)
def oracle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """A program's name and its lines by strace."""
    need_strace()
    folder = tmp_path_factory.mktemp("strace")
    program = build(request.param, "x86_64", folder)
    status, _, _ = outcome(["strace", "-f", "-o", str(folder / "log"), str(program)], cwd=folder)
    assert status == ENDS[request.param]
    return request.param, between_marks((folder / "log").read_text())


@pytest.mark.parametrize("arch", ARCHES)
def test_lines_are_those_of_strace(oracle: tuple[str, list[str]], arch: str, tmp_path: Path) -> None:
    """Names, flags, strings, structs, results and errors, the same line by line."""
    name, expected = oracle
    program = build(name, arch, tmp_path)
    found = outcome([*MINILOAD, "--engine", "unicorn", f"--strace={tmp_path / 'log'}", str(program)], cwd=tmp_path)
    assert found == (ENDS[name], b"", b"")
    assert between_marks((tmp_path / "log").read_text()) == expected


def test_log_goes_to_stderr_and_the_end_is_told(tmp_path: Path) -> None:
    """Without a file: no numbers of threads; exit status and last lines as strace has them."""
    source = tmp_path / "end.c"
    source.write_text("int main(void) { return 3; }")
    program = compile_c(source, tmp_path / "end", "-static", compiler=[*ZIG_CC, "-target", "aarch64-linux-musl"])
    status, stdout, stderr = outcome([*MINILOAD, "-strace", str(program)])
    assert (status, stdout) == (3, b"")
    assert stderr.splitlines()[-2:] == [b"exit_group(3)                           = ?", b"+++ exited with 3 +++"]


def by_thread(log: str) -> list[list[str]]:
    """The lines of each process or thread in the order of their first ones; a call that strace had to print in two parts is put together."""
    threads: dict[str, list[str]] = {}
    unfinished: dict[str, str] = {}
    for line in log.splitlines():
        number, text = re.match(r"(\d+) +(.*)", line).groups()  # type: ignore[union-attr]
        if text.endswith(" <unfinished ...>"):
            unfinished[number] = text.removesuffix(" <unfinished ...>")
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", text)
        if resumed:
            start, rest = unfinished.pop(number), resumed[1]
            text = start + ("" if rest.startswith(")") or start.endswith((" ", "(")) else " ") * (not rest.startswith(",")) + rest
        threads.setdefault(number, []).append(text)
    order = {number: f"THREAD{index}" for index, number in enumerate(threads)}
    return [[re.sub(r"\b\d{3,}\b", lambda found: order.get(found[0], found[0]), line) for line in lines_of("\n".join(own))] for own in threads.values()]


STARTING = ("execve", "arch_prctl", "set_tid_address", "rt_sigaction", "futex")
"""What differs at a program's start, or by chance."""


@pytest.mark.parametrize("arch", ARCHES)
def test_processes_and_threads_are_told_apart(arch: str, tmp_path: Path) -> None:
    """What each of them does and how it ends: the same as by `strace -f -o`."""
    need_strace()
    native, program = build("children", "x86_64", tmp_path), build("children", arch, tmp_path)
    assert outcome(["strace", "-f", "-o", str(tmp_path / "expected"), str(native)])[0] == 5
    assert outcome([*MINILOAD, "--engine", "unicorn", f"--strace={tmp_path / 'found'}", str(program)]) == (5, b"", b"")
    logs = [[[line for line in own if not line.startswith(STARTING)] for own in by_thread((tmp_path / name).read_text())] for name in ("found", "expected")]
    assert len(logs[0]) == 5
    assert logs[0] == logs[1]


def test_numbers_of_threads_on_stderr(tmp_path: Path) -> None:
    """As strace(1) says of -f: in front of every line as long as there is more than one."""
    status, _, stderr = outcome([*MINILOAD, "--engine", "unicorn", "--strace", str(build("children", "riscv64", tmp_path))])
    lines = stderr.decode().splitlines()
    assert status == 5
    assert lines[0].startswith("set_tid_address(")
    assert [line for line in lines if re.match(r"\[pid +\d+\] exit_group\(3\) {15}= \?$", line)]


@pytest.mark.parametrize("arch", ARCHES)
def test_whatever_a_guest_passes_can_be_printed(arch: str) -> None:
    """Every call with random arguments, memory and results: no exception, and no line that is longer than 32 of everything makes it."""
    chance = random.Random(arch)
    process = FakeProcess(arch, chance)
    own = importlib.import_module(f"miniload.arch.{arch}.abi").FLAGS
    for name in sorted({*TABLE, *strace.ROWS, *strace.PRINTERS} - {"rt_sigreturn"}):
        show = strace.printer_of(name)
        for _ in range(150):
            args = [process.argument() for _ in range(6)]
            call = Call(SimpleNamespace(process=process), name, args, own)  # type: ignore[arg-type]
            phases = show(call)
            shown = next(phases, [])
            call.result = chance.choice([0, 0, 1, 3, 40, 1 << 20, -14, -4, (1 << 31) - 1])
            shown += next(phases, [])
            assert next(phases, None) is None
            line = f"{name}({', '.join(shown)}) = {strace.result_of(call)}"
            assert "\n" not in line
            assert len(line) < LONGEST, name


LONGEST = 20_000
"""32 messages, each with 32 vectors of 32 bytes and a page of control messages."""


class FakeProcess:
    """A process with memory at some places, made of small numbers, addresses and bytes of every kind. There is nothing behind it."""

    def __init__(self, arch: str, chance: random.Random) -> None:
        self.chance = chance
        self.arch = SimpleNamespace(name=arch)
        self.abi = guest_arch.load(arch)
        self.space = self
        self.memory = b"".join(self.piece() for _ in range(4096))

    def argument(self) -> int:
        """A number as guests pass them."""
        chance = self.chance
        bits = chance.choice([1, 3, 8, 12, 16, 31, 32, 63, 64])
        return chance.choice([0, self.address(), self.address(), chance.getrandbits(bits), (1 << 64) - 1 - chance.getrandbits(8)])

    def address(self) -> int:
        """In memory, or at its end."""
        return 0x10000 + self.chance.choice([8 * self.chance.randrange(4096), 8 * 4096 - self.chance.randrange(16)])

    def piece(self) -> bytes:
        """Eight bytes."""
        chance = self.chance
        value = chance.choice([0, chance.getrandbits(3), chance.getrandbits(64), self.address(), chance.getrandbits(8) << 32 | chance.getrandbits(5)])
        return value.to_bytes(8, "little")

    def read(self, address: int, size: int) -> bytes:
        """As GuestSpace.read."""
        start = address - 0x10000
        if size and not 0 <= start <= start + size <= len(self.memory):
            raise OSError(14, "Bad address")
        assert size <= 1 << 20
        return self.memory[start : start + size] if size else b""
