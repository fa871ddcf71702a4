"""The parts of the build that pyproject.toml cannot say: the stub is compiled, and the wheel is for one platform, any Python 3."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "stub"))


class BuildPy(build_py):
    """Compiles the stub into the package before its files are collected."""

    def run(self) -> None:
        from build_stub import build_all

        build_all()
        super().run()


class BdistWheel(bdist_wheel):
    """No extension module, but compiled files: py3-none-<this platform>."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", f"manylinux_2_17_{os.uname().machine}"


setup(cmdclass={"build_py": BuildPy, "bdist_wheel": BdistWheel})
