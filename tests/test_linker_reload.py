"""Hot reload: a rebuilt file takes the old one's place, and the old copy leaves the process when nothing refers to it."""

from __future__ import annotations

import ctypes
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from support import need

import miniload
from miniload.errors import ElfError, LinkError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.feature(40)
SOURCE = "int counter; int history[{size}]; int version(void) {{ return {version}; }} int count(void) {{ return ++counter; }}"


def build(folder: Path, version: int, size: int = 4) -> Path:
    """folder/libhot.so, made as linkers make it: a new file of that name."""
    need("gcc")
    source, output, path = folder / "hot.c", folder / "new.so", folder / "libhot.so"
    source.write_text(SOURCE.format(version=version, size=size))
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", str(source), "-o", str(output)], check=True)
    output.rename(path)
    return path


def mapped(start: int, end: int) -> bool:
    """Whether any mapping of the library lies in those addresses."""
    with open("/proc/self/maps") as lines:
        spans = [tuple(int(word, 16) for word in line.split()[0].split("-")) for line in lines if "libhot.so" in line]
    return any(span[0] < end and span[1] > start for span in spans)


def test_new_code_runs_and_the_old_copy_is_unmapped(tmp_path: Path) -> None:
    """Through the same Library, by the same attributes."""
    with miniload.load(str(build(tmp_path, 1))) as library:
        assert (library.version(), library.count()) == (1, 1)
        old = library.loaded.start, library.loaded.end
        build(tmp_path, 2)
        report = library.reload()
        assert (report.changed, report.holders) == (True, ())
        assert (library.version(), library.count()) == (2, 1)
        assert not mapped(*old)


def test_state_is_kept_by_name(tmp_path: Path) -> None:
    """Variables that both copies export with the same size; True means all of them."""
    with miniload.load(str(build(tmp_path, 1))) as library:
        library.count(), library.count()
        build(tmp_path, 2)
        assert set(library.reload(keep=True).kept) == {"counter", "history"}
        assert library.count() == 3
        build(tmp_path, 3, size=9)
        assert library.reload(keep=True).kept == ("counter",)
        assert (library.count(), library.version()) == (4, 3)
        build(tmp_path, 4)
        with pytest.raises(LinkError) as caught:
            library.reload(keep=["history"])
        assert (caught.value.value, library.version()) == ("history", 3)


def test_a_hook_migrates_state(tmp_path: Path) -> None:
    """Both copies are loaded while it runs; what it raises leaves the old one."""

    def migrate(old: miniload.linker.library.Library, new: miniload.linker.library.Library) -> None:
        assert (old.version(), new.version()) == (1, 2)
        ctypes.c_int.from_address(new.address("counter")).value = 10 * ctypes.c_int.from_address(old.address("counter")).value

    def refuse(_old: object, _new: object) -> None:
        raise KeyError("not today")

    with miniload.load(str(build(tmp_path, 1))) as library:
        library.count(), library.count()
        build(tmp_path, 2)
        with pytest.raises(KeyError):
            library.reload(refuse)
        assert (library.version(), library.count()) == (1, 3)
        library.reload(migrate)
        assert (library.version(), library.count()) == (2, 31)


def test_functions_that_are_held_keep_the_old_copy(tmp_path: Path) -> None:
    """They are reported, still run, and the last one's end unloads it."""
    with miniload.load(str(build(tmp_path, 1))) as library:
        held, old = library.version, (library.loaded.start, library.loaded.end)
        build(tmp_path, 2)
        report = library.reload()
        assert len(report.holders) == 1
        assert "version" in report.holders[0]
        assert (held(), library.version()) == (1, 2)
        assert mapped(*old)
        del held
        assert not mapped(*old)


def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    """The old copy goes on."""
    path = build(tmp_path, 1)
    with miniload.load(str(path)) as library:
        broken = tmp_path / "broken"
        broken.write_bytes(b"\x7fELF but no more")
        broken.rename(path)
        with pytest.raises(ElfError):
            library.reload()
        assert library.version() == 1


def test_an_unchanged_file_is_not_loaded_again(tmp_path: Path) -> None:
    """Unless that is asked for."""
    with miniload.load(str(build(tmp_path, 1))) as library:
        library.reload(force=True)
        first = library.loaded
        assert not library.reload().changed
        assert library.loaded is first


def test_only_files_can_be_reloaded(tmp_path: Path) -> None:
    """Bytes have no other version."""
    with miniload.load(build(tmp_path, 1).read_bytes()) as library, pytest.raises(LinkError):
        library.reload()


def test_a_watcher_reloads_what_is_rebuilt(tmp_path: Path) -> None:
    """By itself, and calls back."""
    changed = threading.Event()

    def take(library: miniload.linker.library.Library) -> None:
        library.reload()
        changed.set()

    with miniload.load(str(build(tmp_path, 1))) as library:
        with library.watch(take, interval=0.02) as watcher:
            build(tmp_path, 2)
            assert changed.wait(30)
        assert (library.version(), watcher.failures) == (2, [])
