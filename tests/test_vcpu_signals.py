"""Requests to stop that come when the engine is about to start (U10): none is lost."""

from __future__ import annotations

import os
import signal
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


def test_mask_can_be_asked_for_and_set_while_a_signal_is_in_the_slot() -> None:
    """A fault and a signal at once: what the guest blocks is the slot's mask then, and a call of the host would not even begin. Expected: sigprocmask(2)."""
    usr1, usr2 = 1 << signal.SIGUSR1 - 1, 1 << signal.SIGUSR2 - 1
    with Vcpu(VCPU) as vcpu:
        slot, before = vcpu.slot(), vcpu.signal_mask(signal.SIG_BLOCK, 0)
        try:
            vcpu.signal_action(signal.SIGUSR1, 2, 0)
            vcpu.signal_mask(signal.SIG_SETMASK, usr2)
            os.kill(os.getpid(), signal.SIGUSR1)
            assert (slot.pending, slot.mask) == (signal.SIGUSR1, usr2)
            assert vcpu.signal_mask(signal.SIG_BLOCK, usr1) == usr2
            assert vcpu.signal_mask(signal.SIG_UNBLOCK, usr2) == usr1 | usr2
            assert slot.mask == usr1
        finally:
            slot.pending = 0
            vcpu.signal_action(signal.SIGUSR1, 0, 0)
            vcpu.signal_mask(signal.SIG_SETMASK, before)
        assert signal.SIGUSR1 not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
