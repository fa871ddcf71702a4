"""Debuggers and profilers see loaded code; the oracle for gdb is what it shows of the same library loaded by ld.so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from inside_support import OURS, PROLOGUE, THEIRS, library, script
from support import clean_environment, need

SOURCE = """
#include <signal.h>
#include <stddef.h>
int visible_leaf(int number) { raise(SIGTRAP); return number + 1; }
int visible_middle(int number) { volatile int more = visible_leaf(number); return more + 1; }
int visible_top(int number) { volatile int more = visible_middle(number); return more + 1; }
int crash(int *place) { return *place; }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that stops."""
    need("gcc")
    folder = tmp_path_factory.mktemp("tools")
    library(folder, "stopping.so", SOURCE, "-fno-optimize-sibling-calls", "-fomit-frame-pointer")
    return folder


def gdb(folder: Path, opener: str, text: str, *commands: str) -> str:
    """What gdb says when it runs the script with these commands."""
    need("gdb")
    code = PROLOGUE.format(folder=str(folder), opener=opener) + text
    arguments = [word for command in ("set confirm off", "set debuginfod enabled off", "run", *commands, "kill") for word in ("-ex", command)]
    done = subprocess.run(
        ["gdb", "-q", "-nx", "-batch", *arguments, "--args", sys.executable, "-c", code],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False, env=clean_environment(MINILOAD_GDB="1"),
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.feature(44)
def test_gdb_shows_a_backtrace_through_loaded_code(folder: Path) -> None:
    """Names of functions, in order, and past them into the interpreter: as with ld.so."""
    traces = []
    for opener in (OURS, THEIRS):
        said = gdb(folder, opener, "load('stopping.so').visible_top(1)", "backtrace")
        traces.append(re.findall(r"^#\d+ .*? in (visible_\w+)", said, re.MULTILINE))
        assert re.search(r"in (ffi_call|\?\?|_PyEval)", said.partition("visible_top")[2]), said
    assert traces[0] == traces[1] == ["visible_leaf", "visible_middle", "visible_top"]


@pytest.mark.feature(44)
def test_gdb_knows_addresses_and_forgets_what_is_unloaded(folder: Path) -> None:
    """A function can be named in an expression while the library is there, and not afterwards."""
    said = gdb(
        folder,
        OURS,
        "library = load('stopping.so')\nlibrary.visible_leaf(1)\nclose(library)\nos.kill(os.getpid(), 5)",
        "info address visible_top",
        "continue",
        "info address visible_top",
    )
    assert 'Symbol "visible_top" is at 0x' in said
    assert 'No symbol "visible_top" in current context' in said


@pytest.mark.feature(44)
def test_the_perf_map_names_functions(folder: Path) -> None:
    """Lines of start, size and name in /tmp/perf-PID.map (perf's jit-interface.txt), where the function is."""
    text = """
library = load("stopping.so")
with open(f"/tmp/perf-{os.getpid()}.map") as file:
    lines = {line.split()[2]: line.split()[:2] for line in file}
os.unlink(f"/tmp/perf-{os.getpid()}.map")
start, size = (int(word, 16) for word in lines["visible_top"])
print(start == library.address("visible_top"), size > 8)
"""
    assert script(folder, text, MINILOAD_PERF_MAP="1") == (0, "True True\n", "")


@pytest.mark.feature(44)
def test_faulthandler_tells_of_a_crash_in_loaded_code(folder: Path) -> None:
    """A fault in the library ends the process by SIGSEGV with Python's trace, as with ctypes."""
    text = "import faulthandler\nfaulthandler.enable()\nload('stopping.so').crash(None)"
    ours, theirs = script(folder, text), script(folder, text, THEIRS)
    assert ours[0] == theirs[0] == -11
    assert "Segmentation fault" in ours[2]
    assert 'File "<string>"' in ours[2]
