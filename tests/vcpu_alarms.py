"""A guest that spins, and an alarm at any moment around the start of each run: run by test_vcpu_signals.py, in a process of its own since what it tests
for is a hang. Prints "done".

    python vcpu_alarms.py ROUNDS
"""

from __future__ import annotations

import ctypes
import random
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from miniload.arch.riscv64.vcpu import VCPU
from miniload.vcpu.core import EXEC, PAGE, READ, STOP, Vcpu

CATCH = 2
CODE = 0x10000
FOREVER = bytes.fromhex("6f000000")
"""j . on RISC-V."""
SIG_SETMASK = 2
libc = ctypes.CDLL(None)


def unblock_all() -> None:
    """Of this thread, whose signals the core's handler has all blocked."""
    libc.pthread_sigmask(SIG_SETMASK, ctypes.byref((ctypes.c_uint64 * 16)()), None)


def main(rounds: int) -> None:
    """Each run ends with a stop, and the alarm is in the slot."""
    generator = random.Random(2)
    with Vcpu(VCPU) as vcpu:
        assert libc.mprotect(ctypes.c_void_p(vcpu.base + CODE), ctypes.c_size_t(PAGE), 3) == 0
        vcpu.copy_out(CODE, FOREVER)
        vcpu.protect(CODE, PAGE, READ | EXEC)
        vcpu.write_registers({"pc": CODE})
        vcpu.signal_action(signal.SIGALRM, CATCH, 0)
        slot = vcpu.slot()
        for _ in range(rounds):
            libc.setitimer(0, (ctypes.c_long * 4)(0, 0, 0, generator.randrange(1, 40)), None)
            assert vcpu.run().reason == STOP
            while not slot.pending:
                pass
            assert slot.pending == signal.SIGALRM
            slot.pending = 0
            unblock_all()
    print("done")


if __name__ == "__main__":
    main(int(sys.argv[1]))
