"""The prelinked copy of the engine's library (vcpu/cache.py, prelink.py): the same to whoever loads it, and loaded only where it can be trusted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from support import MINILOAD, ZIG_CC, clean_environment, compile_c, outcome

from miniload.vcpu import cache, prelink
from miniload.vcpu.core import find_unicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

GUESTS = ("aarch64", "riscv64")
MAPPED = """
import sys
from miniload.vcpu.core import Early
with Early("riscv64", "").opened() as vcpu:
    print({line.split()[-1] for line in open("/proc/self/maps") if "libunicorn" in line})
"""
"""Says which library a new vCPU has been made with."""
WORDS = """
import ctypes, os, sys
path, mode, segments = sys.argv[1], int(sys.argv[2]), [tuple(map(int, pair.split(","))) for pair in sys.argv[3:]]
ctypes.CDLL(path, mode=mode | os.RTLD_DEEPBIND)
base = min(int(line.split("-")[0], 16) for line in open("/proc/self/maps") if line.rstrip().endswith(path))
end = max(address + size for address, size in segments)
for address, size in segments:
    for word in (ctypes.c_uint64 * (size // 8)).from_address(base + address):
        print("own", word - base) if base <= word < base + end else print("other")
"""
"""The words of a loaded library's segments: which of them refer to the library itself, and where."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The cache directory, empty."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("MINILOAD_CACHE", str(tmp_path))
    yield tmp_path / "engine"
    shutil.rmtree(tmp_path / "engine", ignore_errors=True)


def mapped() -> str:
    """The library that a new vCPU is made with, in a process of its own."""
    done = outcome([sys.executable, "-c", MAPPED])
    assert (done[0], done[2]) == (0, b"")
    return done[1].decode().strip()


def words(path: str, mode: int) -> list[str]:
    """What WORDS says of the library's writable segments."""
    with open(path, "rb") as file:
        elf = ELFFile(file)
        parts = [(part["p_vaddr"] + 7 & -8, part["p_filesz"] - 8 & -8) for part in elf.iter_segments("PT_LOAD") if part["p_flags"] & 2]
    command = [sys.executable, "-c", WORDS, path, str(mode), *(f"{address},{size}" for address, size in parts)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def slots(path: str) -> set[int]:
    """Indices, as in `words`, of the slots of functions that the library does not define itself."""
    with open(path, "rb") as file:
        elf = ELFFile(file)
        start = next(part["p_vaddr"] + 7 & -8 for part in elf.iter_segments("PT_LOAD") if part["p_flags"] & 2)
        table = elf.get_section_by_name(".rela.plt")
        symbols = elf.get_section(table["sh_link"])
        found = [entry for entry in table.iter_relocations() if symbols.get_symbol(entry["r_info_sym"])["st_shndx"] == "SHN_UNDEF"]
        return {(entry["r_offset"] - start) // 8 for entry in found}


def test_every_reference_means_the_same(folder: Path) -> None:
    """ld.so has resolved the library's own references (RTLD_NOW); in the copy they are what they are without it (RTLD_LAZY). What is left to ld.so are
    functions of other libraries."""
    original = find_unicorn()
    copy = cache.copy_of(original)
    assert Path(copy).parent == folder
    resolved, ready, foreign = words(original, os.RTLD_NOW), words(copy, os.RTLD_LAZY), slots(original)
    assert sum(word != "other" for word in resolved) > 50000
    assert {index for index, (one, other) in enumerate(zip(resolved, ready, strict=True)) if one != other} <= foreign


def test_the_first_vcpu_makes_the_copy_and_others_use_it(folder: Path) -> None:
    """What the kernel shows of the process, and the file stays the same."""
    first = mapped()
    (copy,) = folder.iterdir()
    before = copy.stat()
    assert first == mapped() == str({str(copy)})
    assert copy.stat() == before or copy.stat().st_mtime_ns == before.st_mtime_ns
    assert (before.st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_empty_variable_means_no_copy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library itself is loaded, and nothing is written."""
    monkeypatch.setenv("MINILOAD_CACHE", "")
    assert mapped() == str({find_unicorn()})
    assert not folder.exists()


def test_another_library_has_another_copy(folder: Path, tmp_path: Path) -> None:
    """After an upgrade of the package the file is another one, or has changed at least."""
    library = Path(shutil.copy(find_unicorn(), tmp_path))
    copies = [cache.copy_of(str(library))]
    os.utime(library, ns=(0, 1))
    copies.append(cache.copy_of(str(library)))
    library.rename(tmp_path / "kept")
    shutil.copy(tmp_path / "kept", library)
    copies.append(cache.copy_of(str(library)))
    assert "" not in copies
    assert len(set(copies)) == 3
    assert {str(path) for path in folder.iterdir()} == set(copies)


def test_old_copies_go(folder: Path, tmp_path: Path) -> None:
    """No more than prelink.KEPT of them are there."""
    library = Path(shutil.copy(find_unicorn(), tmp_path))
    for number in range(prelink.KEPT + 2):
        os.utime(library, ns=(0, number))
        last = cache.copy_of(str(library))
    assert len(list(folder.iterdir())) == prelink.KEPT
    assert Path(last).exists()


def test_a_copy_of_another_size_is_made_anew(folder: Path) -> None:
    """It was cut short."""
    copy = cache.copy_of(find_unicorn())
    content = Path(copy).read_bytes()
    os.truncate(copy, 4096)
    assert cache.copy_of(find_unicorn()) == copy
    assert Path(copy).read_bytes() == content


def test_a_copy_that_cannot_be_loaded_is_passed_over(folder: Path) -> None:
    """It has lost its content."""
    copy = Path(cache.copy_of(find_unicorn()))
    size = copy.stat().st_size
    os.truncate(copy, 0)
    os.truncate(copy, size)
    assert cache.copy_of(find_unicorn()) == str(copy)
    assert mapped() == str({find_unicorn()})


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_what_others_may_change_is_not_used(folder: Path, mode: int) -> None:
    """A directory that others may write to; nor is anything written there."""
    copy = cache.copy_of(find_unicorn())
    folder.chmod(mode)
    assert cache.copy_of(find_unicorn()) == ""
    os.unlink(copy)
    assert cache.copy_of(find_unicorn()) == ""
    assert not list(folder.iterdir())


def test_a_copy_that_others_may_change_is_not_used(folder: Path) -> None:
    """It is made anew."""
    copy = cache.copy_of(find_unicorn())
    os.chmod(copy, 0o666)
    assert cache.copy_of(find_unicorn()) == copy
    assert os.stat(copy).st_mode & 0o777 == 0o600


def test_a_directory_above_that_anybody_may_change_is_not_trusted(folder: Path) -> None:
    """Somebody could put another directory in its place; where a sticky bit forbids it, nobody can."""
    assert cache.copy_of(find_unicorn())
    folder.parent.chmod(0o777)
    assert cache.copy_of(find_unicorn()) == ""
    folder.parent.chmod(0o1777)
    assert cache.copy_of(find_unicorn())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_somebody_else_is_not_used(folder: Path) -> None:
    """The file, which is made anew, or the directory."""
    copy = cache.copy_of(find_unicorn())
    os.chown(copy, 65534, 65534)
    assert cache.copy_of(find_unicorn()) == copy
    assert os.stat(copy).st_uid == os.geteuid()
    os.chown(folder, 65534, 65534)
    assert cache.copy_of(find_unicorn()) == ""


@pytest.mark.parametrize("place", ["/proc/none", "/dev/null", "relative"])
def test_without_a_place_for_it_the_library_itself_is_loaded(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories that cannot be made."""
    monkeypatch.setenv("MINILOAD_CACHE", place)
    assert mapped() == str({find_unicorn()})


def test_no_two_processes_make_it_at_once(folder: Path) -> None:
    """While another one is at it there is none; what a process that has died left unfinished is no obstacle."""
    copy = cache.copy_of(find_unicorn())
    unfinished = Path(copy).rename(f"{copy}.new")
    os.utime(unfinished)
    assert cache.copy_of(find_unicorn()) == ""
    os.utime(unfinished, (0, 0))
    assert cache.copy_of(find_unicorn()) == copy
    assert not unfinished.exists()


def test_what_is_no_library_is_left_alone(folder: Path, tmp_path: Path) -> None:
    """Nothing is made of it, and nothing stays behind."""
    for content in (b"", b"text", Path(sys.executable).read_bytes()[:5000], Path(find_unicorn()).read_bytes()[: 1 << 20]):
        file = tmp_path / "file"
        file.write_bytes(content)
        assert cache.copy_of(str(file)) == ""
        assert not list(folder.iterdir())


@pytest.mark.parametrize("guest", GUESTS)
def test_atomic_instructions_on_shared_memory_with_the_copy(folder: Path, tmp_path: Path, guest: str) -> None:
    """The core finds the slots and helpers that it changes (vcpu/atomic.c, mend.c): two processes count to the same sum as natively."""
    source = tmp_path / "count.c"
    source.write_text(
        "#include <stdatomic.h>\n#include <stdio.h>\n#include <sys/mman.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
        "int main(void) { _Atomic long *n = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); int child = fork();\n"
        "for (int i = 0; i < 100000; i++) { atomic_fetch_add(n, 1); long old = *n; while (!atomic_compare_exchange_weak(n, &old, old + 1)) ; }\n"
        'if (child) { wait(0); printf("%ld", *n); } return 0; }\n'
    )
    program = compile_c(source, tmp_path / "count", "-static", "-O1", compiler=[*ZIG_CC, "-target", f"{guest}-linux-musl"])
    assert cache.copy_of(find_unicorn())
    assert outcome([*MINILOAD, str(program)], env=clean_environment(MINILOAD_CACHE=str(folder.parent))) == (0, b"400000", b"")


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Services' users have such homes (/nonexistent in Debian's passwd), and programs that find one made would go on otherwise."""
    for name in ("MINILOAD_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.copy_of(find_unicorn()) == ""
    assert not (tmp_path / "home").exists()
    (tmp_path / "home").mkdir()
    assert cache.directory() == f"{tmp_path}/home/.cache/miniload/engine"
