"""What is measured: a regular install of this tree in a virtual environment of its own, and programs made for the purpose."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
VENV = BUILD / "bench-venv"
SCRIPTS = VENV / "bin"
PYTHON = SCRIPTS / "python"
INSTALLED = ("arch", "bin", "miniload", "stub", "tools", "LICENSE", "README.md", "pyproject.toml", "setup.py")
"""The part of the tree that a wheel is built from."""
GENERATED = {"__pycache__", "_built"}


def install() -> None:
    """Makes the environment, unless it is there and of just these sources. Not editable: the import hooks of an editable install
    cost more than miniload itself. Built from a copy, since a build leaves files in the tree."""
    stamp = VENV / "sources.sha256"
    digest = _digest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"installing into {VENV.relative_to(ROOT)}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    with TemporaryDirectory() as directory:
        copy = Path(directory) / "tree"
        for name in INSTALLED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns(*GENERATED))
            else:
                shutil.copy2(source, copy / name)
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"{copy}[bench]"], check=True)
    stamp.write_text(digest)


def _digest() -> str:
    """Of the sources, and of the Python that the environment is made with."""
    digest = hashlib.sha256(f"{sys.version} {sys.base_prefix}".encode())
    for name in INSTALLED:
        for path in sorted((ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name]):
            if path.is_file() and not GENERATED & set(path.parts):
                digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def static_program(directory: Path) -> Path | None:
    """A statically linked program that does nothing, or None without a C compiler and a static libc."""
    source, output = directory / "nothing.c", directory / "nothing"
    source.write_text("int main(void) { return 0; }\n")
    try:
        subprocess.run(["gcc", "-O2", "-static", str(source), "-o", str(output)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return output


READY_PLAN = """
import sys
from miniload import plan
from miniload.native.image import executable

made = plan(sys.argv[1], env={"PATH": "/usr/bin:/bin"})
open(sys.argv[2], "wb").write(executable(made))
"""


def ready_plan(program: str, output: Path) -> Path:
    """An executable of stub and plan, made ahead of time: what is left of a run when Python's part is done."""
    subprocess.run([str(PYTHON), "-I", "-c", READY_PLAN, program, str(output)], check=True)
    output.chmod(0o755)
    return output


def packed(program: str, output: Path) -> Path:
    """What `miniload --pack` makes of the program."""
    subprocess.run([str(SCRIPTS / "miniload"), "--pack", str(output), program], check=True)
    return output
