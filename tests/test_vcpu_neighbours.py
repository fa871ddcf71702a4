"""A process that uses the `unicorn` package beside miniload: both have the same library."""

from __future__ import annotations

import unicorn
from unicorn import arm64_const
from vcpu_program import map_guest

from miniload.arch.aarch64.vcpu import VCPU
from miniload.vcpu.core import EXEC, PAGE, READ, SYSCALL, Vcpu

CODE = 0x10000
ADD, AGAIN, CALL = (bytes.fromhex(text) for text in ("00040091", "ffffff17", "010000d4"))
"""add x0, x0, 1; b to the instruction before; svc 0."""


def count_by_unicorn(instructions: int) -> int:
    """What x0 is after so many instructions of a loop that adds 1 at every second."""
    engine = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
    engine.mem_map(CODE, PAGE)
    engine.mem_write(CODE, ADD + AGAIN)
    engine.emu_start(CODE, 0, count=instructions)
    return int(engine.reg_read(arm64_const.UC_ARM64_REG_X0))


def test_both_engines_go_on_whichever_runs_first() -> None:
    """The core leads calls of the engine's own through itself (led.c), also those of engines that are not its own."""
    with Vcpu(VCPU) as vcpu:
        vcpu.share_memory(True)
        map_guest(vcpu, CODE, PAGE, READ | EXEC, ADD + CALL)
        for turn in range(1, 4):
            assert count_by_unicorn(1000) == 500
            vcpu.write_registers({"pc": CODE})
            assert vcpu.run().reason == SYSCALL
            assert vcpu.read_registers(["x0"]) == (turn,)
        assert vcpu.is_quick()
        assert vcpu.shares_memory()
