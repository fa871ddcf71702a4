"""The bundle (tools/make_bundle.py, miniload/bundle.py): an ordinary install's command runs from it, as it would from its modules."""

from __future__ import annotations

import shutil
import subprocess
import sys
from _imp import is_frozen
from pathlib import Path
from typing import TYPE_CHECKING

import elftools
import pytest
from support import ROOT, SCRIPT, ZIG_CC, clean_environment, compile_c, outcome

from miniload.vcpu.core import find_unicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

GUESTS = ("aarch64", "riscv64")
UNUSED = {"os", "stat", "struct", "bisect", "ctypes", "resource", "re", "typing", "dataclasses", "argparse", "subprocess", "signal", "functools", "collections"}
"""Modules of the standard library that a start can do without."""
BESIDE = {"__main__", "explain", "pack", "run", "flags", "choices", "ioctls", "symbolic"}
"""Modules that are no part of the bundle; nor is the library."""
PROGRAM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile int caught;
static void handler(int number) { caught += number; }
static void *thread(void *argument) { return argument; }
int main(void) {
    int first = open("/dev/null", O_RDONLY), last = first, child, status = 0, name = 0;
    struct rlimit limit = {64, 64};
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int fd; (fd = dup(first)) >= 0; last = fd) ;
    printf("%d %d %d\n", first, last, errno == EMFILE);
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    pthread_t id;
    void *result = 0;
    pthread_create(&id, 0, thread, &id);
    pthread_join(id, &result);
    if (!(child = fork())) _exit(7);
    waitpid(child, &status, 0);
    struct epoll_event event;
    struct sysinfo info;
    char *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page = mremap(page, 8192, 16384, MREMAP_MAYMOVE);
    printf("%d %d %d\n", caught, result == &id, WEXITSTATUS(status));
    printf("%d %d %d %d\n", ioctl(first, FIONREAD, &name), prctl(PR_GET_DUMPABLE), sysinfo(&info), madvise(page, 16384, MADV_DONTNEED));
    printf("%d %d %d\n", epoll_wait(first, &event, 1, 0), socket(AF_UNIX, SOCK_STREAM, 0), errno);
    fflush(stdout);
    signal(SIGSEGV, SIG_DFL);
    return *(volatile int *)8;
}
"""
"""Has most modules of the personality imported when it has used up all descriptors."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installation with the bundle, and of the modules themselves only what is no part of it."""
    folder = tmp_path_factory.mktemp("installed")
    packages = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    shutil.copytree(ROOT / "miniload", packages / "miniload", ignore=shutil.ignore_patterns("__pycache__"))
    (packages / "unicorn" / "lib").mkdir(parents=True)
    (packages / "unicorn" / "lib" / "libunicorn.so.2").symlink_to(find_unicorn())
    (packages / "elftools").symlink_to(Path(elftools.__file__).parent)
    (folder / "bin").mkdir()
    shutil.copy(SCRIPT, folder / "bin" / "miniload")
    script = (ROOT / "bin" / "miniload-run").read_text()
    (folder / "bin" / "miniload-run").write_text(script.replace("#!python", f"#!{sys.executable}", 1))
    bundle = packages / "miniload" / "_built" / "modules.bundle"
    maker = [sys.executable, "-X", "no_debug_ranges", str(ROOT / "tools" / "make_bundle.py"), str(packages / "miniload"), str(bundle)]
    subprocess.run(maker, check=True)
    yield folder
    shutil.rmtree(folder)


def place_of(installed: Path) -> Path:
    """The installed package."""
    return next(installed.glob("lib/*/site-packages/miniload"))


@pytest.fixture
def without_modules(installed: Path) -> Iterator[Path]:
    """The installation, while its modules are away."""
    start = place_of(installed) / "start.py"
    hidden = [path.rename(path.with_suffix(".hidden")) for path in start.parent.rglob("*.py") if "linker" not in path.parts and path.stem not in BESIDE]
    yield installed
    for path in hidden:
        path.rename(path.with_suffix(".py"))


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The program, for each architecture."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "program.c").write_text(PROGRAM)
    zig = {name: [*ZIG_CC, "-target", f"{name}-linux-musl"] for name in (*GUESTS, "x86_64")}
    return {name: str(compile_c(folder / "program.c", folder / name, "-static", "-O1", compiler=command)) for name, command in zig.items()}


@pytest.mark.parametrize("guest", GUESTS)
def test_modules_are_had_when_the_guest_has_used_up_all_descriptors(without_modules: Path, programs: dict[str, str], guest: str) -> None:
    """Output and death as natively; the first descriptor is the one that is free natively."""
    done = outcome([str(without_modules / "bin" / "miniload"), programs[guest]], env=clean_environment())
    assert done == outcome([programs["x86_64"]], env=clean_environment())
    assert done[0] == -11


def test_native_programs_run_from_it(without_modules: Path) -> None:
    """And have no descriptor of it."""
    command = ["/bin/ls", "-l", "/proc/self/fd/"]
    lines = outcome([str(without_modules / "bin" / "miniload"), *command])[1].splitlines()
    assert len(lines) == len(outcome(command)[1].splitlines())


@pytest.mark.parametrize("guest", GUESTS)
def test_a_start_imports_little(installed: Path, programs: dict[str, str], guest: str) -> None:
    """What -X importtime tells, of an emulated and a native program."""
    for program in (programs[guest], "/bin/true"):
        script = str(installed / "bin" / "miniload-run")
        _, _, told = outcome([sys.executable, "-I", "-S", "-X", "importtime", script, "--launched=---", program])
        names = {line.rpartition("|")[2].strip() for line in told.decode().splitlines()}
        assert "miniload.cli" in names
        assert not names & (UNUSED if is_frozen("os") else UNUSED - {"os", "stat"})  # which are left as they are then


@pytest.mark.parametrize("change", ["none", "another Python's", "empty", "head", "importer", "half", "all but one byte"])
def test_without_a_whole_bundle_modules_are_imported_as_usual(installed: Path, change: str) -> None:
    """It may be missing, another Python's, or cut short anywhere."""
    bundle = place_of(installed) / "_built" / "modules.bundle"
    content = bundle.read_bytes()
    sizes = {"empty": 0, "head": 10, "importer": 1000, "half": len(content) // 2, "all but one byte": len(content) - 1}
    bundle.unlink()
    if change != "none":
        bundle.write_bytes(content[: sizes[change]] if change in sizes else b"\0\0\r\n" + content[4:])
    try:
        assert outcome([str(installed / "bin" / "miniload"), "/bin/echo", "hello"]) == (0, b"hello\n", b"")
    finally:
        bundle.write_bytes(content)


def test_every_module_in_it_can_be_imported(without_modules: Path) -> None:
    """Also those that no start needs: nothing is missing of what was taken out for type checkers."""
    place = place_of(without_modules)
    names = sorted(".".join(("miniload", *path.relative_to(place).with_suffix("").parts)).removesuffix(".__init__") for path in place.rglob("*.hidden"))
    assert len(names) > 80
    script = (without_modules / "bin" / "miniload-run").read_text()
    begin = script[: script.index("    from miniload.start")].replace("__file__", repr(str(without_modules / "bin" / "miniload-run")))
    use = f"    for name in {names!r}:\n        __import__(name)\n        assert sys.modules[name].__file__.startswith({str(place)!r})\n"
    assert outcome([sys.executable, "-I", "-S", "-c", f"{begin}{use}finally:\n    pass\n"]) == (0, b"", b"")
