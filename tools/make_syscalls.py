#!/usr/bin/env python3
"""Writes arch/<name>/syscalls.py, the numbers of the system calls, from the kernel's own headers.

    python tools/make_syscalls.py HEADERS_DIR

HEADERS_DIR is laid out as Debian's linux-libc-dev installs it (/usr/include): `linux/`, `asm-generic/` and, per architecture, `<triplet>/asm/`.
Since Linux 6.11 the kernel generates `asm/unistd_64.h`, one plain list, for AArch64 and RISC-V as it always did for x86-64; older headers have such
a list for x86-64 alone, and for the others this reads `asm-generic/unistd.h` with what each architecture selects there.
The output depends on the headers alone.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRIPLETS = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu", "riscv64": "riscv64-linux-gnu"}
COMMON = ("NEW_STAT", "SET_GET_RLIMIT", "SYS_CLONE3", "MEMFD_SECRET")
SELECTED = {"aarch64": ("RENAMEAT", *COMMON), "riscv64": COMMON}
"""The __ARCH_WANT_* of arch/<name>/include/uapi/asm/unistd.h. TIME32_SYSCALLS makes no difference to a 64-bit architecture."""
OWN = {"aarch64": {}, "riscv64": {"riscv_hwprobe": 258, "riscv_flush_icache": 259}}
"""What that file defines itself, from __NR_arch_specific_syscall on. riscv_hwprobe is there since Linux 6.4."""
NOT_CALLS = {"arch_specific_syscall", "syscalls"}
"""The number where an architecture's own calls start, and how many calls there are."""

DEFINITION = re.compile(r"^#\s*define\s+(__NR(?:3264)?_\w+)\s+(\S+)", re.MULTILINE)


def definitions(text: str) -> dict[str, int]:
    """The calls that preprocessed text defines: `__NR_write 64`, or by way of another name, `__NR_lseek __NR3264_lseek`. ValueError otherwise."""
    values = dict(DEFINITION.findall(text))
    names = [name for name in values if name.startswith("__NR_")]
    return {name.removeprefix("__NR_"): number(name, values) for name in names if name.removeprefix("__NR_") not in NOT_CALLS}


def number(name: str, values: dict[str, str]) -> int:
    """What a macro comes to."""
    value = values.get(name, "nothing")
    if value.startswith("__NR3264_"):
        return number(value, values)
    if not value.isdecimal():
        raise ValueError(f"{name} is {value!r}, no number")
    return int(value)


def from_list(header: Path) -> dict[str, int]:
    """The numbers in a plain list, `asm/unistd_64.h`."""
    return definitions(header.read_text(encoding="utf-8"))


def from_generic(header: Path, arch: str) -> dict[str, int]:
    """The numbers that asm-generic/unistd.h gives a 64-bit architecture, by the C preprocessor."""
    wanted = [f"-D__ARCH_WANT_{name}" for name in SELECTED[arch]]
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "asm" / "bitsperlong.h"
        empty.parent.mkdir()
        empty.write_text("", encoding="utf-8")
        command = ["cpp", "-undef", "-nostdinc", "-dM", "-I", folder, "-D__BITS_PER_LONG=64", *wanted, str(header)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {**definitions(text), **OWN[arch]}


def numbers(headers: Path, arch: str) -> dict[str, int]:
    """Names to numbers in number order, from the best header there is. FileNotFoundError without any."""
    plain = headers / TRIPLETS[arch] / "asm" / "unistd_64.h"
    generic = headers / "asm-generic" / "unistd.h"
    found = from_list(plain) if plain.exists() or arch not in SELECTED else from_generic(generic, arch)
    return dict(sorted(found.items(), key=lambda item: (item[1], item[0])))


def version(headers: Path) -> str:
    """The kernel's version, as "6.12", from linux/version.h."""
    text = (headers / "linux" / "version.h").read_text(encoding="utf-8")
    code = int(re.search(r"LINUX_VERSION_CODE\s+(\d+)", text)[1])  # type: ignore[index]
    return f"{code >> 16}.{code >> 8 & 0xFF}"


def module(arch: str, release: str, found: dict[str, int]) -> str:
    """The text of arch/<name>/syscalls.py."""
    lines = [
        f'"""{arch}\'s system call numbers, from the uapi headers of Linux {release} by tools/make_syscalls.py; not edited by hand."""',
        "",
        "NUMBERS: dict[str, int] = {",
        *(f'    "{name}": {number},' for name, number in found.items()),
        "}",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    headers = Path(sys.argv[1])
    for arch in TRIPLETS:
        found = numbers(headers, arch)
        target = ROOT / "arch" / arch / "syscalls.py"
        target.write_text(module(arch, version(headers), found), encoding="utf-8")
        print(f"{target.relative_to(ROOT)}: {len(found)} calls, the last {max(found.values())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
