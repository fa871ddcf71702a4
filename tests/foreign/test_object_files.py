"""Shared objects that miniload makes of foreign object files, loaded by the real ld.so of that architecture under qemu-user."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from support import ROOT, ZIG_CC, need

import miniload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.feature(11)
SOURCES = ROOT / "tests" / "linker"
RELAXED = {"riscv64": ("-mrelax",)}
"""What makes the compiler leave branches, differences of labels and alignment to the linker, where a machine has that."""


@pytest.mark.parametrize(
    "flags", [("-O2",), ("-O0",), ("-O2", "-ftls-model=initial-exec"), ("-O2", "-ftls-model=local-dynamic", "-fno-jump-tables")], ids=" ".join
)
def test_glibc_loads_it_like_that_of_lld(arch: str, flags: tuple[str, ...], sysroots: Callable[[str], Path], tmp_path: Path) -> None:
    """GOT, stubs, thread-local storage, padding that is shortened: what the functions say is the same, whichever linker made the object."""
    need(f"qemu-{arch}")
    compiler = [*ZIG_CC, "-target", f"{arch}-linux-gnu.2.36", "-fno-sanitize=all"]
    main, made, ours, theirs = (tmp_path / name for name in ("main", "all.o", "ours.so", "theirs.so"))
    subprocess.run([*compiler, str(SOURCES / "object_main.c"), "-o", str(main), "-ldl"], check=True)
    subprocess.run([*compiler, "-c", str(SOURCES / "object_all.c"), "-o", str(made), "-fPIC", *flags, *RELAXED.get(arch, ())], check=True)
    subprocess.run([*compiler, "-shared", str(made), "-o", str(theirs)], check=True)
    ours.write_bytes(miniload.link([made]))
    runs = [subprocess.run([f"qemu-{arch}", "-L", str(sysroots(arch)), str(main), str(each)], capture_output=True, text=True) for each in (ours, theirs)]
    assert (runs[0].returncode, runs[0].stdout) == (0, runs[1].stdout)
    assert len(runs[0].stdout.splitlines()) > 20


@pytest.mark.feature(43)
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_exceptions_are_thrown_and_caught(arch: str, level: str, sysroots: Callable[[str], Path], tmp_path: Path) -> None:
    """Tables of landing pads (on RISC-V with differences of labels in LEB128), personality, COMDAT groups. What is expected is what the source says, by C++'s
    rules: three guards are destroyed by each call."""
    need(f"qemu-{arch}")
    target = ["-target", f"{arch}-linux-gnu.2.36", "-fno-sanitize=all"]
    main, made, ours = (tmp_path / name for name in ("main", "throw.o", "ours.so"))
    subprocess.run([*ZIG_CC, *target, str(SOURCES / "object_throw_main.c"), "-o", str(main), "-ldl"], check=True)
    compile_object = [*ZIG_CC, *target, "-nostdinc++", "-c", str(SOURCES / "object_throw.cc"), "-o", str(made), "-fPIC", level]
    subprocess.run([*compile_object, *RELAXED.get(arch, ())], check=True)
    ours.write_bytes(miniload.link([made], needed=["libstdc++.so.6"]))
    ran = subprocess.run([f"qemu-{arch}", "-L", str(sysroots(arch)), str(main), str(ours)], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "1 3\n110 6\n220 9\n300 12\n5 15\n")


@pytest.mark.parametrize("alone", [False, True], ids=["sysroot", "alone"])
def test_an_object_file_runs_in_the_emulator(arch: str, alone: bool, sysroots: Callable[[str], Path], tmp_path: Path) -> None:
    """With that machine's C library, and with stand-ins for what it calls. What is expected is what C says of the source."""
    made = tmp_path / "all.o"
    compiler = [*ZIG_CC, "-target", f"{arch}-linux-gnu.2.36", "-fno-sanitize=all", "-fPIC", "-O2", *RELAXED.get(arch, ())]
    subprocess.run([*compiler, "-c", str(SOURCES / "object_all.c"), "-o", str(made)], check=True)
    with miniload.load(str(made), arch=arch, sysroot=None if alone else sysroots(arch)) as library:
        assert [library.get_constructed(), library.bump(), library.bump(), library.inside_value()] == [100, 84, 86, 3]
        assert [library.thread_sum(), library.thread_sum(), library.common_bump(), library.code_alignment()] == [15, 18, 1, 0]
        assert [library.operate(number, -5) for number in range(3)] == [-10, -15, 5]
        assert [library.choose(number) for number in range(8)] == [10, 21, 32, 43, 12, 65, 76, -1]
        assert library.length(b"12345") == 5
