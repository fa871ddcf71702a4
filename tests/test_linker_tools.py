"""Debuggers and profilers see loaded code; the oracle for gdb is what it shows of the same library loaded by ld.so."""

from __future__ import annotations

import ctypes
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


def gdb(folder: Path, opener: str, text: str, *commands: str, before: tuple[str, ...] = (), **environment: str) -> str:
    """What gdb says when it runs the script with these commands, the first of them before it does."""
    need("gdb")
    code = PROLOGUE.format(folder=str(folder), opener=opener) + text
    arguments = [word for command in ("set confirm off", "set debuginfod enabled off", *before, "run", *commands, "kill") for word in ("-ex", command)]
    done = subprocess.run(
        ["gdb", "-q", "-nx", "-batch", *arguments, "--args", sys.executable, "-c", code],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False, env=clean_environment(**environment),
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.feature(44)
def test_gdb_shows_a_backtrace_through_loaded_code(folder: Path) -> None:
    """Names of functions, in order, and past them into the interpreter: as with ld.so."""
    traces = []
    for opener in (OURS, THEIRS):
        said = gdb(folder, opener, "load('stopping.so').visible_top(1)", "backtrace", MINILOAD_GDB="1")
        traces.append(re.findall(r"^#\d+ .*? in (visible_\w+)", said, re.MULTILINE))
        assert re.search(r"in (ffi_call|\?\?|_PyEval)", said.partition("visible_top")[2]), said
    assert traces[0] == traces[1] == ["visible_leaf", "visible_middle", "visible_top"]


def lists_are_read() -> bool:
    """Whether glibc has, and gdb reads, several lists of objects: since 2.35 and 13."""
    need("gdb")
    version = re.search(r"(\d+)\.", subprocess.run(["gdb", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0])
    return hasattr(ctypes.CDLL(None), "_dl_find_object") and version is not None and int(version[1]) >= 13


LISTED = r"^0x\w+ +0x\w+ +Yes +.*/(stopping.so|libz.so.1|libbz2.so.1.0)$"


@pytest.mark.feature(44)
def test_gdb_lists_what_is_loaded_and_stops_at_its_lines(folder: Path) -> None:
    """`info sharedlibrary`, a breakpoint in a source line that was set before the library was there, and that the library is gone when it is unloaded: as with
    ld.so."""
    if not lists_are_read():
        pytest.skip("glibc or gdb knows one list of objects only")
    text = "library = load('stopping.so')\nlibrary.visible_leaf(1)\nclose(library)\nos.kill(os.getpid(), 5)"
    line = SOURCE.splitlines().index("int visible_leaf(int number) { raise(SIGTRAP); return number + 1; }") + 1
    for opener in (OURS, THEIRS):
        before = ("set breakpoint pending on", f"break stopping.so.c:{line}")
        said = gdb(folder, opener, text, "backtrace 1", "info sharedlibrary", "continue", "continue", "echo the end\\n", "info sharedlibrary", before=before)
        assert re.search(r"^#0 .*visible_leaf \(number=1\) at .*stopping.so.c", said, re.MULTILINE), said
        assert re.findall(LISTED, said.partition("the end")[0], re.MULTILINE) == ["stopping.so"], said
        assert not re.findall(LISTED, said.partition("the end")[2], re.MULTILINE), said


@pytest.mark.feature(28, 44)
def test_namespaces_of_ld_so_go_on_the_same_list(folder: Path) -> None:
    """dlmopen after our list is there: ld.so appends its own, and gdb shows both."""
    if not lists_are_read():
        pytest.skip("glibc or gdb knows one list of objects only")
    text = """
library = load("stopping.so")
libc = ctypes.CDLL(None)
libc.dlmopen.restype, libc.dlmopen.argtypes = ctypes.c_void_p, (ctypes.c_long, ctypes.c_char_p, ctypes.c_int)
print(libc.dlmopen(-1, b"libz.so.1", os.RTLD_NOW) is not None, flush=True)
library.visible_leaf(1)
"""
    said = gdb(folder, OURS, text, "info sharedlibrary")
    assert "True\n" in said
    assert "stopping.so" in re.findall(LISTED, said.replace(" (*)", ""), re.MULTILINE), said
    assert "libz.so.1" in re.findall(LISTED, said.replace(" (*)", ""), re.MULTILINE), said


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
        MINILOAD_GDB="1",
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
