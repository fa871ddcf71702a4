"""vcpu.h and hostsig.h against their ctypes side, core.py: sizes, offsets and constants, as the C compiler has them."""

from __future__ import annotations

import ctypes
import re
import subprocess
from typing import TYPE_CHECKING

from support import ROOT, need

from miniload.vcpu import core
from miniload.vcpu.arch import GIVE, INVALIDATE, SKIP

if TYPE_CHECKING:
    from pathlib import Path

STRUCTURES = {
    "vcpu_arch": core.CArch,
    "vcpu_trap": core.CTrap,
    "vcpu_syscall": core.CSyscall,
    "vcpu_exit": core.CExit,
    "vcpu_call": core.CCall,
    "vcpu_counts": core.CCounts,
    "signal_slot": core.SignalSlot,
}
LARGER_IN_C = {"signal_slot"}
"""Ends with what is not the caller's."""
CONSTANTS = {
    "VCPU_READ": core.READ, "VCPU_WRITE": core.WRITE, "VCPU_EXEC": core.EXEC, "VCPU_FILE": core.FILE, "VCPU_BUS": core.BUS,
    "VCPU_EXIT_SYSCALL": core.SYSCALL, "VCPU_EXIT_FAULT": core.FAULT, "VCPU_EXIT_INTERRUPT": core.INTERRUPT, "VCPU_EXIT_INVALID": core.INVALID,
    "VCPU_EXIT_STOP": core.STOP, "VCPU_EXIT_ERROR": core.ERROR, "VCPU_EXIT_BUDGET": core.BUDGET, "VCPU_EXIT_BREAKPOINT": core.BREAKPOINT,
    "VCPU_ARG_NONE": core.NONE, "VCPU_ARG_VALUE": core.VALUE, "VCPU_ARG_FD": core.FD, "VCPU_ARG_POINTER": core.POINTER_ARG,
    "VCPU_ARG_BUFFER": core.BUFFER, "VCPU_ARG_STRING": core.STRING, "VCPU_ARG_INT": core.INT, "VCPU_ARG_ARRAY": core.ARRAY,
    "VCPU_ARG_IOVEC": core.IOVEC, "VCPU_ARG_FUTEX": core.FUTEX_ARG, "VCPU_ARG_EVENT": core.EVENT, "VCPU_ARG_EVENTS": core.EVENTS,
    "VCPU_PAGE": core.PAGE, "VCPU_ARGS": core.ARGS, "VCPU_TRAPS_MAX": core.TRAPS,
    "VCPU_TRAP_REGISTER": core.REGISTERS - 1, "VCPU_TRAP_SKIP": SKIP, "VCPU_TRAP_INVALIDATE": INVALIDATE, "VCPU_TRAP_GIVE": GIVE,
}  # fmt: skip


def test_structures_and_constants_are_the_same_on_both_sides(tmp_path: Path) -> None:
    """A C program prints its own."""
    need("gcc")
    lines = [f'P("{name}", {name});' for name in CONSTANTS]
    expected: dict[str, int] = dict(CONSTANTS)
    for name, structure in STRUCTURES.items():
        if name not in LARGER_IN_C:
            lines.append(f'P("{name}", sizeof(struct {name}));')
            expected[name] = ctypes.sizeof(structure)
        for field, *_ in structure._fields_:
            lines.append(f'P("{name}.{field}", offsetof(struct {name}, {field}));')
            expected[f"{name}.{field}"] = getattr(structure, field).offset
    source = '#include <stdio.h>\n#include "vcpu.h"\n#include "hostsig.h"\n#define P(n, v) printf("%s=%lld\\n", n, (long long)(v))\nint main(void) {'
    (tmp_path / "sizes.c").write_text(source + "\n".join(lines) + "}")
    subprocess.run(["gcc", f"-I{ROOT / 'miniload' / 'vcpu'}", str(tmp_path / "sizes.c"), "-o", str(tmp_path / "sizes")], check=True)
    printed = subprocess.run([tmp_path / "sizes"], check=True, capture_output=True, text=True).stdout
    assert {name: int(value) for name, value in re.findall(r"(.+)=(-?\d+)", printed)} == expected
