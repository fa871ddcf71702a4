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


@pytest.mark.parametrize(
    "flags", [("-O2",), ("-O0",), ("-O2", "-ftls-model=initial-exec"), ("-O2", "-ftls-model=local-dynamic", "-fno-jump-tables")], ids=" ".join
)
def test_glibc_loads_it_like_that_of_lld(arch: str, flags: tuple[str, ...], sysroots: Callable[[str], Path], tmp_path: Path) -> None:
    """GOT, stubs, thread-local storage, padding that is shortened: what the functions say is the same, whichever linker made the object."""
    need(f"qemu-{arch}")
    compiler = [*ZIG_CC, "-target", f"{arch}-linux-gnu.2.36", "-fno-sanitize=all"]
    main, made, ours, theirs = (tmp_path / name for name in ("main", "all.o", "ours.so", "theirs.so"))
    subprocess.run([*compiler, str(SOURCES / "object_main.c"), "-o", str(main), "-ldl"], check=True)
    subprocess.run([*compiler, "-c", str(SOURCES / "object_all.c"), "-o", str(made), "-fPIC", *flags], check=True)
    subprocess.run([*compiler, "-shared", str(made), "-o", str(theirs)], check=True)
    ours.write_bytes(miniload.link([made]))
    runs = [subprocess.run([f"qemu-{arch}", "-L", str(sysroots(arch)), str(main), str(each)], capture_output=True, text=True) for each in (ours, theirs)]
    assert (runs[0].returncode, runs[0].stdout) == (0, runs[1].stdout)
    assert len(runs[0].stdout.splitlines()) > 20
