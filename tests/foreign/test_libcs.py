"""Static and dynamic, glibc and musl, PIE and not. Expected: the same source compiled for this machine and run by its kernel, and qemu-user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from foreign.compare import ORACLES_ONLY, Line, miniload, qemu, run
from foreign.programs import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from foreign.programs import Compiler

WORDS = ["one", "", "two words", "\u00e4"]
ENVIRONMENTS = {"facts.c": {"FACT": "known", "EMPTY": ""}, "hello.c": {}}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("source", ENVIRONMENTS)
def test_shape(arch: str, source: str, shape: str, compile_foreign: Compiler, sysroots: Callable[[str], Path], tmp_path: Path) -> None:
    """argv, environment, auxiliary vector, arithmetic, memory, jumps, a signal, files: the same facts in every shape."""
    program = compile_foreign(arch, source, shape)
    root = sysroots(arch) if "dynamic" in shape else tmp_path / "no-sysroot"
    line = Line(f"{source} {shape}", env=ENVIRONMENTS[source])

    def run_in(folder: str, *prefix: str, file: Path = program) -> object:
        (tmp_path / folder).mkdir()
        return run([*prefix, str(file), *WORDS], tmp_path / folder, line)

    expected = run_in("native", file=compile_foreign("x86_64", source, "musl-static"))
    emulator = qemu(arch, root)
    if emulator is not None:
        assert run_in("qemu", *emulator.prefix) == expected
    if not ORACLES_ONLY:
        assert run_in("miniload", *miniload(root).prefix) == expected
