"""Breakpoints, budgets, counters and registers in bulk. Expected values follow from the programs, which are the same on every architecture."""

from __future__ import annotations

import threading
from struct import pack, unpack
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from vcpu_program import compile_guest, load, map_guest

from miniload.vcpu import core
from miniload.vcpu.core import BREAKPOINT, BUDGET, PAGE, PLANTED, READ, STOP, SYSCALL, WRITE, Vcpu

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = 0x60000000
LOOP = 'void _start(void) { for (long i = 0; ; i++) { __asm__ volatile(".globl here\\nhere: nop"); TELL(i); } }'
SPIN = 'void _start(void) { volatile long *x = (long *)0x60000000; for (;;) { __asm__ volatile(".globl here\\nhere: nop"); ++*x; } }'


@pytest.fixture
def here(guest: str, tmp_path: Path) -> Callable[[], int]:
    """here() is the address of the label in the program that was compiled last."""

    def find() -> int:
        with (tmp_path / guest).open("rb") as file:
            value: int = ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name("here")[0]["st_value"]
            return value

    return find


def test_breakpoint_stops_before_the_instruction_and_is_stepped_over(start: Callable[[str], Vcpu], here: Callable[[], int]) -> None:
    """Each round of the loop comes by once; between two exits one number is told."""
    vcpu = start(LOOP)
    vcpu.add_breakpoint(here())
    for number in range(3):
        left = vcpu.run()
        assert (left.reason, left.pc, left.number) == (BREAKPOINT, here(), PLANTED)
        assert vcpu.read_registers(("pc",)) == (here(),)
        assert vcpu.run().args[0] == number


def test_breakpoint_is_met_again_when_the_program_counter_was_moved_there(start: Callable[[str], Vcpu], here: Callable[[], int]) -> None:
    """Only the run that goes on from a breakpoint passes over it."""
    vcpu = start(LOOP)
    vcpu.add_breakpoint(here())
    assert vcpu.run().reason == BREAKPOINT
    assert vcpu.run().reason == SYSCALL
    vcpu.write_registers({"pc": here()})
    assert vcpu.run().reason == BREAKPOINT


def test_breakpoint_can_be_removed(start: Callable[[str], Vcpu], here: Callable[[], int]) -> None:
    """And one that is not there is an error."""
    vcpu = start(LOOP)
    vcpu.add_breakpoint(here())
    vcpu.add_breakpoint(here())
    assert vcpu.run().reason == BREAKPOINT
    vcpu.remove_breakpoint(here())
    assert [vcpu.run().args[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(core.VcpuError):
        vcpu.remove_breakpoint(here())


def test_breakpoint_in_code_that_has_run_already(start: Callable[[str], Vcpu], here: Callable[[], int]) -> None:
    """What was translated without it is translated anew (U8)."""
    vcpu = start(LOOP)
    assert vcpu.run().reason == SYSCALL
    vcpu.add_breakpoint(here())
    assert vcpu.run().reason == BREAKPOINT


def test_number_of_breakpoints_is_bounded(start: Callable[[str], Vcpu]) -> None:
    """4096 of them; and they are found in any order of adding."""
    vcpu = start(LOOP)
    for number in range(4096):
        vcpu.add_breakpoint(DATA + (number * 2654435761 & 0xFFFFFFFF) * 8)
    with pytest.raises(core.VcpuError):
        vcpu.add_breakpoint(4)
    for number in range(4096):
        vcpu.remove_breakpoint(DATA + (number * 2654435761 & 0xFFFFFFFF) * 8)


def test_budget_is_exact(start: Callable[[str], Vcpu]) -> None:
    """One instruction at a time takes the same way as many at a time."""
    vcpu = start(SPIN)
    map_guest(vcpu, DATA, PAGE, READ | WRITE)
    vcpu.run(budget=100)
    begin = vcpu.save()
    single = []
    for _ in range(60):
        left = vcpu.run(budget=1)
        assert left.reason == BUDGET
        single.append(left.pc)
    for size in (1, 2, 7, 59, 60):
        vcpu.restore(begin)
        left = vcpu.run(budget=size)
        assert (left.reason, left.pc) == (BUDGET, single[size - 1])
    vcpu.free_context(begin)


def test_budget_of_nothing_executes_nothing(start: Callable[[str], Vcpu]) -> None:
    """The program counter stays."""
    vcpu = start(SPIN)
    before = vcpu.read_registers(("pc",))
    assert vcpu.run(budget=0).reason == BUDGET
    assert vcpu.read_registers(("pc",)) == before


def test_budget_outlives_system_calls_that_are_passed_through(start: Callable[[str], Vcpu]) -> None:
    """Instructions are counted on both sides of them."""
    vcpu = start("void _start(void) { for (;;) CALL(173, 0, 0, 0, 0, 0, 0); }")
    vcpu.set_syscalls({173: core.PassThrough(110)})
    assert vcpu.run(budget=1000).reason == BUDGET
    counts = vcpu.counts()
    assert counts["instructions"] == 1000
    assert counts["syscalls_passed"] > 50


def test_run_without_a_budget_after_one_with(start: Callable[[str], Vcpu]) -> None:
    """Nothing is counted any more, and a stop from another thread finds the guest at its right place: the counter it increments has no gap."""
    vcpu = start("void _start(void) { volatile long *x = (long *)0x60000000; for (;;) { x[0]++; x[1]++; } }")
    map_guest(vcpu, DATA, PAGE, READ | WRITE)
    for _ in range(20):
        assert vcpu.run(budget=10).reason == BUDGET
        counted = vcpu.counts()["instructions"]
        timer = threading.Timer(0.005, vcpu.stop)
        timer.start()
        assert vcpu.run().reason == STOP
        timer.join()
        assert vcpu.counts()["instructions"] == counted
        first, second = unpack("<QQ", vcpu.copy_in(DATA, 16))
        assert first - second in (0, 1)


def test_stop_is_exact_while_there_are_breakpoints(start: Callable[[str], Vcpu]) -> None:
    """No instruction is executed twice or left out, however often the run is stopped."""
    vcpu = start("void _start(void) { volatile long *x = (long *)0x60000000; for (;;) { x[0]++; x[1]++; } }")
    map_guest(vcpu, DATA, PAGE, READ | WRITE)
    vcpu.add_breakpoint(8)
    for _ in range(50):
        timer = threading.Timer(0.002, vcpu.stop)
        timer.start()
        assert vcpu.run().reason == STOP
        timer.join()
        first, second = unpack("<QQ", vcpu.copy_in(DATA, 16))
        assert first - second in (0, 1)


def test_memory_that_is_shared_makes_the_engine_translate_otherwise(start: Callable[[str], Vcpu]) -> None:
    """The places in the engine are found (U9), and code goes on as before, however often that changes."""
    vcpu = start("void _start(void) { long x = 0; for (;;) TELL(__atomic_add_fetch(&x, 1, __ATOMIC_SEQ_CST)); }")
    for expected in range(1, 9):
        vcpu.share_memory(expected % 3 != 0)
        left = vcpu.run()
        assert (left.reason, left.args[0]) == (SYSCALL, expected)
    assert vcpu.shares_memory()


def test_stop_ends_a_loop_that_only_loads_and_stores(start: Callable[[str], Vcpu]) -> None:
    """The engine's checks after every access are left out (U35), those at the start of every block are there."""
    vcpu = start("void _start(void) { volatile long *x = (long *)0x60000000; for (;;) { x[1] = x[0]; x[2] = x[1]; x[3] = x[2]; } }")
    map_guest(vcpu, DATA, PAGE, READ | WRITE)
    assert vcpu.is_quick()
    for _ in range(20):
        timer = threading.Timer(0.002, vcpu.stop)
        timer.start()
        assert vcpu.run().reason == STOP
        timer.join()


FLOATS = {"aarch64": "v{}", "riscv64": "f{}", "x86_64": "xmm{}"}
MOVE = {
    "aarch64": "fmov %0, d7",
    "riscv64": "fmv.x.d %0, f7",
    "x86_64": "movq %%xmm7, %0",
}


def test_vector_registers_are_written_and_read(start: Callable[[str], Vcpu], guest: str) -> None:
    """The guest's own instruction sees what was written, and its neighbours are as they were."""
    vcpu = start(f'void _start(void) {{ long x; __asm__ volatile("{MOVE[guest]}" : "=r"(x)); TELL(x); }}')
    size = vcpu.arch.wide.get(FLOATS[guest].format(7), 8)
    for number in range(16):
        vcpu.write_bytes(FLOATS[guest].format(number), bytes(range(number, number + size)))
    assert pack("<Q", vcpu.run().args[0]) == bytes(range(7, 15))
    for number in range(16):
        assert vcpu.read_bytes(FLOATS[guest].format(number)) == bytes(range(number, number + size))


def test_all_registers_at_once(start: Callable[[str], Vcpu], guest: str) -> None:
    """read_all is what the single reads give; write_all brings it back; 128-bit ones are whole."""
    vcpu = start(LOOP)
    vcpu.run()
    wide = FLOATS[guest].format(3)
    vcpu.write_bytes(wide, bytes(range(1, 1 + vcpu.arch.wide.get(wide, 8))))
    before = vcpu.read_all()
    assert before[wide] == int.from_bytes(vcpu.read_bytes(wide), "little")
    narrow = [name for name in before if name not in vcpu.arch.wide]
    assert vcpu.read_registers(narrow) == tuple(before[name] for name in narrow)
    vcpu.write_all({name: 0 for name in before if name.startswith(("x", "a", "v", "f", "r")) and name != "fpsw"})
    assert vcpu.read_all() != before
    vcpu.write_all(before)
    assert vcpu.read_all() == before
    assert vcpu.run().args[0] == 1


def test_extended_precision_registers_are_written_and_read(tmp_path: Path) -> None:
    """x86: st0 is loaded by the guest, 1.5 in its 80-bit format, and after a change the guest stores 3.0."""
    body = 'double y; void _start(void) { double x = 1.5; __asm__ volatile("fldl %0" :: "m"(x)); TELL(0); '
    body += '__asm__ volatile("fstpl %0" : "=m"(y)); TELL((long)y); }'
    with load("x86_64", compile_guest("x86_64", body, tmp_path)) as vcpu:
        vcpu.run()
        assert vcpu.read_bytes("st0") == bytes(7) + b"\xc0\xff\x3f"
        vcpu.write_bytes("st0", bytes(7) + b"\xc0\x00\x40")
        assert vcpu.run().args[0] == 3
