"""The vCPU core under the address and undefined-behaviour sanitizers, and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from support import ROOT, gcc_file, need
from vcpu_program import GUESTS

from miniload.vcpu.core import PAGE, Vcpu

EXERCISE = Path(__file__).with_name("vcpu_exercise.py")
FLAGS = ("-g", "-O1", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-omit-frame-pointer")


def test_no_sanitizer_has_anything_to_report(tmp_path: Path) -> None:
    """gcc's ASan and UBSan over everything in vcpu_exercise.py: it ends well and says nothing."""
    need("gcc")
    runtimes = [gcc_file("libasan.so"), gcc_file("libubsan.so")]
    if not all(os.path.isabs(runtime) for runtime in runtimes):
        pytest.skip("needs gcc's libasan and libubsan (see .ci/packages)")
    library, folder = tmp_path / "vcpu.so", ROOT / "arch" / os.uname().machine
    sources = [*map(str, sorted((ROOT / "miniload" / "vcpu").glob("*.c"))), str(folder / "host_call.S")]
    subprocess.run(["gcc", *FLAGS, "-fsanitize=address,undefined", f"-I{folder}", *sources, "-o", str(library), "-ldl"], check=True)
    options = {"LD_PRELOAD": " ".join(runtimes), "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    ran = subprocess.run([sys.executable, str(EXERCISE), str(library)], env={**os.environ, **options}, capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "done\n", "")


def resident() -> int:
    """Bytes of this process that are in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE


@pytest.mark.parametrize("guest", GUESTS)
def test_two_hundred_vcpus_leave_nothing_behind(guest: str) -> None:
    """Made and closed one after the other; the first twenty may fill caches. Measured of the engine itself: 0 to 60 KB each."""
    arch = import_module(f"miniload.arch.{guest}.vcpu").VCPU
    sizes = []
    for number in range(200):
        with Vcpu(arch) as vcpu:
            vcpu.count(True)
            vcpu.free_context(vcpu.save())
        if number in (20, 199):
            sizes.append(resident())
    assert sizes[1] - sizes[0] < 16 << 20
