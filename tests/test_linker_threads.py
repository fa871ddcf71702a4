"""Several threads at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from inside_support import SOURCES, library
from support import need

SOURCE = """
#include <stdexcept>
#include <dlfcn.h>
extern "C" int helper(int);
static thread_local int own = 1;
static int *made;
struct Guard { int *value; ~Guard() { *value += 1; } };
__attribute__((constructor)) static void begin() { made = new int(NUMBER); if (void *other = dlopen(NESTED, RTLD_NOW)) dlclose(other); }
__attribute__((destructor)) static void end() { delete made; made = nullptr; }
extern "C" int exercise(int number)
{
    int before = own;
    try {
        Guard guard{&own};
        if (*made == NUMBER)
            throw std::runtime_error("thrown");
    } catch (const std::exception &) {
        Dl_info info;
        if (own == before + 1 && dladdr((void *)exercise, &info) && info.dli_saddr == (void *)exercise)
            return helper(number);
    }
    return -1;
}
"""


@pytest.mark.feature(53)
def test_threads_load_call_and_unload(tmp_path: Path) -> None:
    """Eight threads with four C++ libraries that share one, open another in their constructors, throw, have thread-local variables and are bound lazily:
    each call gets its answer, nothing dies, and nothing stays mapped."""
    need("g++")
    library(tmp_path, "helper.so", 'extern "C" int helper(int number) {\n return 1000 + number; }\n')
    library(tmp_path, "nested.so", "int nested(void) { return 1; }\nint other;\n")
    flags = ["-fno-gnu-unique", "-Wl,-z,lazy", f'-DNESTED="{tmp_path}/nested.so"']
    paths = [str(library(tmp_path, f"part{number}.so", SOURCE, *flags, f"-DNUMBER={number}", needs=["helper.so"])) for number in range(4)]
    command = [sys.executable, str(SOURCES / "thread_safety.py"), "2", "8", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout) == (0, "True [] []\n"), done.stderr
