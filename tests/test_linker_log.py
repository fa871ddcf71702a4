"""The log of what the linker does. The oracle is ld.so's own, LD_DEBUG, of the same libraries."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from inside_support import OURS, THEIRS, library, script
from support import need

from miniload.linker.hooks import Hooks
from miniload.linker.log import Log

if TYPE_CHECKING:
    from miniload.linker.object import Object

pytestmark = pytest.mark.feature(54)
CODE = """
#include <stdio.h>
extern int other(int);
extern int nobody(void) __attribute__((weak));
__attribute__((constructor)) static void begin(void) {}
__attribute__((destructor)) static void end(void) {}
int own(int a) { return a; }
int ask(int a) { printf("%d", a); return own(a) + other(a) + (nobody ? nobody() : 0); }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two libraries, one needing the other."""
    need("gcc")
    folder = tmp_path_factory.mktemp("log")
    library(folder, "libother.so", "__attribute__((constructor)) static void begin(void) {}\nint other(int a) { return a; }\n")
    library(folder, "libask.so", CODE, needs=["libother.so"])
    return folder


def lines(folder: Path, text: str, opener: str, **environment: str) -> list[str]:
    """What is logged about the folder's libraries and libz, without ld.so's process numbers."""
    status, _said, told = script(folder, text, opener, **environment)
    assert status == 0, told
    logged = [re.sub(r"^ +[0-9]+:\t", "", line) for line in told.splitlines()]
    return [line for line in logged if str(folder) in line or "/libz.so.1" in line]


@pytest.mark.parametrize("name", ["libask.so", "libz.so.1"])
def test_bindings_are_those_of_ld_so(name: str, folder: Path) -> None:
    """Each symbol's name, version, and whose definition was taken; only that of nobody is a line of ours alone. With bindings logged all are made at once."""
    if name == "libz.so.1":
        found = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, env={"PATH": "/sbin:/usr/sbin:/bin:/usr/bin"}).stdout
        name = next(line.rpartition(" ")[2] for line in found.splitlines() if "libz.so.1 " in line and "x86-64" in line)
    text = f"load({name!r}, os.RTLD_NOW)"
    ours = {line for line in lines(folder, text, OURS, MINILOAD_LD_DEBUG="bindings") if line.startswith("binding")}
    theirs = {line for line in lines(folder, text, THEIRS, LD_DEBUG="bindings") if line.startswith(f"binding file {folder / name} ")}
    theirs |= {line for line in lines(folder, text, THEIRS, LD_DEBUG="bindings") if line.startswith(f"binding file {folder}/libother.so ")}
    assert {line for line in ours if " to nothing: " not in line} == theirs
    assert len(theirs) > 3


def test_files_come_and_go_in_the_order_of_ld_so(folder: Path) -> None:
    """Initialised, finalised, unmapped."""
    text = "library = load('libask.so')\nclose(library)"
    words = ("calling init: ", "calling fini: ", "destroying link map")
    ours, theirs = (
        [line for line in lines(folder, text, opener, **{variable: "files"}) if any(word in line for word in words)]
        for opener, variable in ((OURS, "MINILOAD_LD_DEBUG"), (THEIRS, "LD_DEBUG"))
    )
    assert ours == theirs
    assert len(ours) == 6


def test_relocations(folder: Path) -> None:
    """As many as readelf counts."""
    logged = [line for line in lines(folder, "load('libother.so')", OURS, MINILOAD_LD_DEBUG="reloc") if line.startswith("relocation of file")]
    counted = subprocess.run(["readelf", "-rW", str(folder / "libother.so")], capture_output=True, text=True, check=True).stdout
    assert len(logged) == len(re.findall(r"R_X86_64_", counted)) > 0


def test_an_unknown_word_is_told(folder: Path) -> None:
    """And the others count."""
    _status, _said, told = script(folder, "load('libother.so')", OURS, MINILOAD_LD_DEBUG="wishes:files")
    assert told.startswith("miniload: MINILOAD_LD_DEBUG: wishes is none of files, bindings, reloc, all\nfile=")


def test_hooks_of_the_users_go_on_behind_it() -> None:
    """Those that are logged and those that are not; what nobody has asked for stays unset, so that calls can be bound lazily."""
    written: list[str] = []

    class Own(Hooks):
        def bind(self, loaded: Object, symbol: str, address: int | None) -> int | None:
            return 7

    from miniload.linker.hooks import overrides

    log = Log(["files"], written.append, Own())
    assert (overrides(log, "bind"), overrides(log, "mapped"), overrides(log, "relocated")) == (True, True, False)
    assert log.bind(None, "a", 1) == 7  # type: ignore[arg-type]
    assert not overrides(Log(["files"], written.append), "bind")
