"""Who takes part: how each of them is made to run a program."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import environment

from emulator.workloads import AGAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

NATIVE, QEMU, MINILOAD, QILING = "native", "qemu-user", "miniload", "Qiling"
EMULATORS = (QEMU, MINILOAD, QILING)
QILING_VERSION, QILING_UNICORN = "1.4.6", "2.1.3"
"""Its latest release, and the latest Unicorn with which that makes system calls: with 2.1.4 it fails at the first."""
HERE = Path(__file__).resolve().parent


class Contenders(NamedTuple):
    """Commands that are there on this machine, None for those that are not. `absent` says why."""

    miniload: tuple[str, ...]
    qiling: Path | None
    absent: dict[str, str]

    def command(self, contender: str, arch: str, sysroot: Path | None, program: Sequence[str]) -> tuple[str, ...] | None:
        """What runs that program of `arch` in an emulator, or None if it cannot be tried."""
        root = [str(sysroot)] if sysroot else []
        program = with_runner(program, [qemu_path, "-L", *root] if contender == QEMU and (qemu_path := shutil.which(f"qemu-{arch}")) else [])
        if contender == QEMU:
            qemu = shutil.which(f"qemu-{arch}")
            return (qemu, *(["-L", *root] if root else []), *program) if qemu else None
        if contender == MINILOAD:
            return (*self.miniload, *(["-L", *root] if root else []), *program)
        return (str(self.qiling), str(HERE / "qiling_main.py"), root[0] if root else "/", *program) if self.qiling else None


def with_runner(program: Sequence[str], runner: Sequence[str]) -> tuple[str, ...]:
    """The command with that in AGAIN's place: qemu-user without binfmt_misc cannot execute a guest program by itself."""
    return tuple(part for word in program for part in (runner if word == AGAIN else (word,)))


def find(miniload: Sequence[str], cache: Path, wanted: Sequence[str]) -> Contenders:
    """Installs Qiling if it is wanted and not there. `miniload`: its command, empty for that of the benchmarks' own environment."""
    absent: dict[str, str] = {}
    qiling = None
    if QILING in wanted:
        try:
            qiling = _qiling(cache)
        except (OSError, subprocess.CalledProcessError) as error:
            absent[QILING] = f"cannot be installed: {error}"
    if not miniload:
        environment.install()
        miniload = (str(environment.SCRIPTS / "miniload"),)
    return Contenders(tuple(miniload), qiling, absent)


def _qiling(cache: Path) -> Path:
    """The Python of an environment of its own: it needs other versions than miniload."""
    folder = cache / f"qiling-{QILING_VERSION}-unicorn-{QILING_UNICORN}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        print(f"installing Qiling into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, f"qiling=={QILING_VERSION}", f"unicorn=={QILING_UNICORN}"], check=True)
        done.touch()
    return python
