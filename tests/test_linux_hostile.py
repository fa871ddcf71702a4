"""A guest that calls every system call with random arguments: the emulator survives, and the guest sees nothing of its memory."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, ZIG_CC, compile_c

from miniload.linux.process import numbers_of

ARCHITECTURES = ("aarch64", "riscv64", "x86_64")
COUNT = 100_000
LEFT_OUT = (
    "exit", "exit_group", "fork", "vfork", "clone", "clone3", "execve", "execveat",
    "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "setitimer", "alarm", "timer_create",
    "munmap", "mremap", "mmap", "brk", "mprotect", "shmat", "madvise", "pkey_mprotect",
    "rt_sigsuspend", "rt_sigtimedwait", "ppoll", "pselect6", "epoll_pwait", "epoll_pwait2",
    "prlimit64", "setrlimit", "sched_setscheduler", "sched_setattr", "sched_setaffinity", "arch_prctl", "prctl", "unshare", "setsid", "vhangup",
)  # fmt: skip
"""Ends or replaces the process, signals others, or takes away what the test itself stands on: its timer, its signal mask, its memory (which has tests of
its own, test_memory_calls_with_random_arguments)."""
MEMORY = ("munmap", "mremap", "mmap", "mprotect", "brk", "madvise", "shmat", "pkey_mprotect")


@pytest.fixture(scope="module", params=ARCHITECTURES)
def guest(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Architecture and program."""
    arch = request.param
    program = tmp_path_factory.mktemp("hostile") / f"hostile-{arch}"
    compile_c(ROOT / "tests" / "linux_programs" / "hostile.c", program, "-O1", "-static", compiler=[*ZIG_CC, "-target", f"{arch}-linux-musl"])
    program.parent.chmod(0o755)
    return arch, program


PR_CAPBSET_DROP, CAP_LAST, CLONE_NEWIPC = 24, 63, 0x08000000


def without_capabilities() -> None:
    """What a guest asks for may be granted to root: no capability outlives the exec that follows."""
    libc = ctypes.CDLL(None)
    libc.unshare(CLONE_NEWIPC)  # where that is allowed: System V objects outlive their makers
    for capability in range(CAP_LAST):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def attack(guest: tuple[str, Path], seed: int, count: int, left_out: tuple[str, ...], scratch: Path) -> tuple[int, bytes, bytes]:
    """Runs it in a directory of its own."""
    arch, program = guest
    numbers = numbers_of(arch)
    without = [str(numbers[name]) for name in left_out if name in numbers]
    scratch.chmod(0o777)
    command = [sys.executable, str(ROOT / "tests" / "hostile_driver.py"), arch, str(program), str(seed), str(count), *without]
    own = scratch / "stdin"  # not /dev/null: as the file's owner the guest may change its mode
    own.write_bytes(b"")
    options = {
        "cwd": scratch,
        "stdin": own.open("rb"),
        "preexec_fn": without_capabilities,
        "timeout": 170,
        "env": {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    }
    done = subprocess.run(command, capture_output=True, **options)  # type: ignore[call-overload]
    return done.returncode, done.stdout, done.stderr


def test_random_system_calls(guest: tuple[str, Path], tmp_path: Path) -> None:
    """100,000 calls: the guest comes to its own end, and the emulator's secrets are where they were and nowhere else."""
    status, _, stderr = attack(guest, 1, COUNT, LEFT_OUT, tmp_path)
    assert (status, stderr.splitlines()[-1:]) == (0, [b"untouched"]), stderr[-2000:]


def test_memory_calls_with_random_arguments(guest: tuple[str, Path], tmp_path: Path) -> None:
    """The guest may well end itself by unmapping its own code; its signal is its own, and the emulator's memory untouched."""
    everything_else = tuple(name for name in numbers_of(guest[0]) if name not in MEMORY)
    status, _, stderr = attack(guest, 2, COUNT, everything_else, tmp_path)
    assert status in (0, -11, -7), stderr[-2000:]
    assert stderr.splitlines()[-1:] == [b"untouched"], stderr[-2000:]
