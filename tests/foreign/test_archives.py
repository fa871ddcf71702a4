"""gzip, bzip2, xz and tar with them. Expected: this machine's own tools, and qemu-user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from foreign import data
from foreign.compare import Line

if TYPE_CHECKING:
    from pathlib import Path

    from foreign.compare import Foreign

TAR = "--sort=name --owner=0 --group=0 --numeric-owner"
TOOLS: dict[str, list[str | Line]] = {
    "gzip": [
        "gzip -k -9 lines",
        "gzip -lv lines.gz",
        "gzip -t lines.gz",
        "gzip -n -c binary noise",
        "gzip -dc lines.gz",
        "gzip -d lines.gz",
        "gzip -df lines.gz",
        Line("gzip -n -1", stdin=data.lines(300)),
        Line("gzip -d", stdin=b"not compressed"),
        "gzip missing sub",
        Line("gzip -nc lines", stdout="/dev/full"),
    ],
    "bzip2": [
        "bzip2 -k lines",
        "bzip2 -tv lines.bz2",
        "bzip2 -dc lines.bz2",
        "bzip2 -c -1 noise",
        Line("bzip2 -z", stdin=b"abc" * 1000),
        Line("bzip2 -d", stdin=b"BZh9 broken"),
        "bzip2 missing",
    ],
    "xz": [
        "xz -T1 -k -0 lines",
        "xz -T1 --robot -l lines.xz",
        "xz -T1 -dc lines.xz",
        "xz -T1 -t lines.xz",
        "xz -T1 --format=lzma -k binary",
        "xz -T1 -dc binary.lzma",
        "xz -T1 -1 --check=sha256 noise",
        "xz -T1 -d noise.xz",
        Line("xz -T1 -d", stdin=b"\xfd7zXZ\0broken"),
        "xz -T1 missing",
    ],
    "tar": [
        f"tar {TAR} -cf all.tar a.txt sub link fifo sparse empty .hidden",
        "tar -tvf all.tar",
        "tar -xf all.tar -C empty",
        "mkdir out",
        "tar -xpf all.tar -C out",
        "tar -xOf all.tar a.txt",
        "tar --delete -f all.tar a.txt",
        "tar -rf all.tar b.txt",
        Line(f"tar {TAR} --format=ustar -cf - sub", only="qemu", why="tar 1.35 leaves the device numbers of files empty"),
        f"tar {TAR} -S -cf sparse.tar sparse",
        "tar -xvf sparse.tar --one-top-level=holes",
        "tar -df all.tar",
        "tar --exclude=leaf --transform s,^,pre/, -cvf some.tar sub",
        "tar -xf missing.tar",
        "tar -tf binary",
        Line("tar -cf - a.txt", stdout="/dev/full"),
    ],
}


def everything(folder: Path) -> None:
    """The small tree, and 100 kB that do not compress."""
    data.tree(folder)
    (folder / "noise").write_bytes(data.noise(100_000))


@pytest.mark.parametrize("tool", TOOLS)
def test_tool(foreign: Foreign, tool: str) -> None:
    """One tool, one command line after another in a small tree."""
    foreign.compare(TOOLS[tool], everything)


@pytest.mark.parametrize(("option", "suffix"), [("-z", "gz"), ("-j", "bz2"), ("-J", "xz")])
def test_tar_with_children(foreign: Foreign, option: str, suffix: str) -> None:
    """tar writes through a compressor that it starts, and reads back."""
    foreign.compare(
        [
            Line(f"tar {TAR} {option} -cf all.tar.{suffix} sub a.txt", env={"GZIP": "-n", "XZ_OPT": "-T1 -1"}),
            f"tar -tvf all.tar.{suffix}",
            "mkdir out",
            f"tar -xf all.tar.{suffix} -C out",
            f"tar -xf all.tar.{suffix} missing",
        ],
        everything,
    )
