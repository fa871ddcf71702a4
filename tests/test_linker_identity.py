"""A file that is loaded is known by its device and inode. The inode of one that was removed is another file's as soon as nobody has it open or mapped."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from linkers import Ours, in_child
from support import ZIG_CC, need

from miniload import arch as architectures
from miniload.linker.loader import Loader
from miniload.linker.search import Search
from miniload.linker.target import MemoryTarget
from miniload.space.buffer import BufferSpace

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.feature(27)


def in_use(inode: int) -> bool:
    """Whether this process has a file of that inode open or mapped."""
    with open("/proc/self/maps") as maps:
        if any(line.split()[4] == str(inode) for line in maps):
            return True
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.fstat(int(name)).st_ino == inode:
                return True
        except OSError:
            pass  # the list's own
    return False


def compiled(path: Path, value: int, *flags: str) -> Path:
    """A file whose answer() gives that."""
    need("gcc")
    source = path.with_suffix(".c")
    source.write_text(f"int answer(void) {{ return {value}; }}\n")
    subprocess.run(["gcc", "-fPIC", "-O1", *flags, str(source), "-o", str(path)], check=True)
    return path


@pytest.mark.parametrize("flags", [("-shared",), ("-c",)], ids=["shared object", "object file"])
def test_a_new_file_is_not_taken_for_one_that_was_removed(flags: tuple[str, ...], tmp_path: Path) -> None:
    """Its inode is in use while it is loaded, and no longer; so new files, which on many filesystems get the latest free one, are others."""
    path = compiled(tmp_path / "one.o", 1, *flags)

    def scenario() -> tuple[list[int], list[bool]]:
        linker, inode = Ours(), path.stat().st_ino
        first = linker.open(path)
        path.unlink()
        others = [linker.open(compiled(tmp_path / f"{value}.o", value, *flags)) for value in (2, 3)]
        answers = [linker.call(handle, "answer") for handle in (first, *others)]
        held = [in_use(inode)]
        linker.close(first)
        return answers, [*held, in_use(inode)]

    assert in_child(scenario) == ([1, 2, 3], [True, False])


def test_nor_where_files_are_copied(tmp_path: Path) -> None:
    """A target that maps nothing: plain bytes."""
    host = getattr(architectures.host(), "name", "x86_64")
    source, path = tmp_path / "one.c", tmp_path / "one.so"
    source.write_text("int answer(void) { return 1; }\n")
    subprocess.run([*ZIG_CC, "-target", f"{host}-linux-musl", "-shared", "-nostdlib", "-fPIC", str(source), "-o", str(path)], check=True)
    loader, inode = Loader(MemoryTarget(host, BufferSpace(1 << 20)), Search()), path.stat().st_ino
    loaded = loader.load(str(path))
    path.unlink()
    assert in_use(inode)
    loader.close(loaded)
    assert not in_use(inode)
