"""The parts of the build that pyproject.toml cannot say: C is compiled, the command is one of the results, and the wheel is for
one platform but any Python 3."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

# Provided by setuptools, which has no module of its own for it.
from distutils.command.build_scripts import build_scripts  # isort: skip

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "stub"))

from build_stub import OUTPUT, architectures, build_all, build_launcher  # noqa: E402  (found through the path that was just set)


class BuildPy(build_py):
    """Compiles stubs into the package before its files are collected."""

    def run(self) -> None:
        build_all()
        super().run()
        if not self.editable_mode:
            package = Path(self.build_lib) / "miniload"
            # Of lines only, not of columns: who reads a traceback of the command has the sources.
            maker = [sys.executable, "-X", "no_debug_ranges", str(ROOT / "tools" / "make_bundle.py")]
            subprocess.run([*maker, str(package), str(package / "_built" / "modules.bundle")], check=True)


class BuildScripts(build_scripts):
    """Adds the launcher for this machine, under the name of the command."""

    def run(self) -> None:
        super().run()
        arch = architectures.host()
        if arch is None:
            raise SystemExit(f"miniload does not run on {os.uname().machine}")
        launcher = build_launcher(arch, OUTPUT)
        command = Path(self.build_dir) / "miniload"
        command.write_bytes(launcher.read_bytes())
        command.chmod(0o755)


class BdistWheel(bdist_wheel):
    """No extension module, but compiled files: py3-none-<this platform>."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        arch = architectures.host()
        glibc = arch.oldest_glibc if arch else "2.17"
        return "py3", "none", f"manylinux_{glibc.replace('.', '_')}_{os.uname().machine}"


setup(cmdclass={"build_py": BuildPy, "build_scripts": BuildScripts, "bdist_wheel": BdistWheel})
