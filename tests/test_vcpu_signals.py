"""Requests to stop that come when the engine is about to start (U10): none is lost."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from vcpu_program import map_guest

from miniload.arch.aarch64.vcpu import VCPU
from miniload.vcpu.core import EXEC, PAGE, READ, STOP, Vcpu

ALARMS = Path(__file__).with_name("vcpu_alarms.py")


def test_no_signal_is_lost_however_close_to_the_start_of_a_run() -> None:
    """Five thousand alarms at random moments. Where the engine's forgetting is not made up for, this hangs within twenty thousand."""
    ran = subprocess.run([sys.executable, str(ALARMS), "5000"], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "done\n", "")


def test_no_stop_from_another_thread_is_lost() -> None:
    """One stop for every run, at any moment of it."""
    rounds, begun = 2000, threading.Semaphore(0)
    with Vcpu(VCPU) as vcpu:
        map_guest(vcpu, 0x10000, PAGE, READ | EXEC, bytes.fromhex("00000014"))  # b .
        vcpu.write_registers({"pc": 0x10000})

        def stop() -> None:
            for _ in range(rounds):
                begun.acquire()
                vcpu.stop()

        thread = threading.Thread(target=stop)
        thread.start()
        for _ in range(rounds):
            begun.release()
            assert vcpu.run().reason == STOP
        thread.join()
