"""The vCPU core, on all guest architectures with the same source. Expected values come from the C programs themselves."""

from __future__ import annotations

import ctypes
import os
import threading
from errno import EBADF, EFAULT
from typing import TYPE_CHECKING

import pytest
from vcpu_program import map_guest, told

from miniload.vcpu import core
from miniload.vcpu.core import EXEC, FAULT, ILLEGAL, PAGE, PROTECTION, READ, STOP, SYSCALL, WRITE, Exit, PassThrough, Vcpu

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = 0x60000000


def test_system_call_is_reported_with_its_arguments_and_takes_a_result(start: Callable[[str], Vcpu]) -> None:
    """Number, six arguments, then the result that was put into the architecture's register."""
    vcpu = start("void _start(void) { TELL(CALL(1234, 1, 2, 3, 4, 5, -6)); }")
    left = vcpu.run()
    assert (left.reason, left.number, left.args) == (SYSCALL, 1234, (1, 2, 3, 4, 5, (1 << 64) - 6))
    vcpu.write_registers({vcpu.arch.result: -38})
    assert told(vcpu) == -38


def test_simple_system_calls_are_made_without_leaving(start: Callable[[str], Vcpu]) -> None:
    """getppid of the host, a thousand times in one run."""
    vcpu = start("void _start(void) { long sum = 0; for (int i = 0; i < 1000; i++) sum += CALL(173, 0, 0, 0, 0, 0, 0); TELL(sum); }")
    vcpu.set_syscalls({173: PassThrough(110)})  # x86-64's getppid
    assert told(vcpu) == 1000 * os.getppid()
    assert vcpu.counts()["syscalls_passed"] == 1000


@pytest.mark.parametrize("address", [1 << 46, (1 << 46) - 8, 1 << 63, (1 << 64) - 1, 0x1000], ids=hex)
def test_pointer_that_is_not_the_guests_gives_efault(start: Callable[[str], Vcpu], address: int) -> None:
    """read(2) into memory outside the region, over its end, or that the guest has not mapped. /dev/zero would fill anything."""
    vcpu = start(f"void _start(void) {{ TELL(CALL(63, 200, {address}ul, 64, 0, 0, 0)); }}")
    vcpu.set_syscalls({63: PassThrough(0, ((core.FD, 0), (core.BUFFER, 2), (core.VALUE, 0)))})
    zero = os.open("/dev/zero", os.O_RDONLY)
    try:
        os.dup2(zero, 200)
        assert told(vcpu) == -EFAULT
    finally:
        os.close(zero)
        os.close(200)


def test_reserved_descriptors_are_not_the_guests(start: Callable[[str], Vcpu]) -> None:
    """The host process's own descriptors are EBADF to the guest."""
    vcpu = start("void _start(void) { TELL(CALL(57, 201, 0, 0, 0, 0, 0)); }")
    vcpu.set_syscalls({57: PassThrough(3, ((core.FD, 0),))})
    vcpu.reserve_fds(200, 300)
    assert told(vcpu) == -EBADF


@pytest.mark.parametrize(
    ("body", "protection", "access"),
    [
        ("TELL(*(volatile long *)0x60000010);", 0, READ),
        ("*(volatile long *)0x60000010 = 1; TELL(0);", READ, WRITE),
        ("((void (*)(void))0x60000000)(); TELL(0);", READ | WRITE, EXEC),
    ],
    ids=["read", "write", "execute"],
)
def test_refused_access_is_a_fault(start: Callable[[str], Vcpu], body: str, protection: int, access: int) -> None:
    """The page and the kind of access, and nothing has happened."""
    vcpu = start(f"void _start(void) {{ {body} }}")
    if protection:
        map_guest(vcpu, DATA, PAGE, protection)
    left = vcpu.run()
    assert (left.reason, left.access, left.address & -PAGE) == (FAULT, access, DATA)


def test_fault_is_repeated_until_it_is_mended_and_then_the_instruction_runs(start: Callable[[str], Vcpu]) -> None:
    """The program counter is precise: after mapping the page, the same instruction goes through."""
    vcpu = start("void _start(void) { TELL(*(volatile long *)0x60000010 + 1); }")
    first, second = vcpu.run(), vcpu.run()
    assert isinstance(first, Exit)
    assert first == second
    map_guest(vcpu, DATA, PAGE, READ, bytes(16) + (41).to_bytes(8, "little"))
    assert told(vcpu) == 42


def test_store_across_pages_of_which_the_second_is_read_only_changes_nothing(start: Callable[[str], Vcpu]) -> None:
    """The first page stays as it was."""
    vcpu = start("void _start(void) { *(volatile unsigned long *)0x60000ffc = -1ul; TELL(0); }")
    map_guest(vcpu, DATA, PAGE, READ | WRITE)
    map_guest(vcpu, DATA + PAGE, PAGE, READ)
    left = vcpu.run()
    assert (left.reason, left.access, left.address & -PAGE) == (FAULT, WRITE, DATA + PAGE)
    assert ctypes.string_at(vcpu.base + DATA + PAGE - 4, 8) == bytes(8)


def test_privileged_instruction_traps(start: Callable[[str], Vcpu]) -> None:
    """The guest runs where user code runs: reading a supervisor register is undefined, as on Linux."""
    vcpu = start(
        'void _start(void) { long x;\n#ifdef __aarch64__\n__asm__ volatile("mrs %0, sctlr_el1" : "=r"(x));\n#elif defined __riscv\n'
        '__asm__ volatile("csrr %0, sstatus" : "=r"(x));\n#else\n__asm__ volatile("mov %%cr0, %0" : "=r"(x));\n#endif\nTELL(x); }'
    )
    assert vcpu.run().reason in (ILLEGAL, PROTECTION)


def test_floating_point_is_on(start: Callable[[str], Vcpu]) -> None:
    """Linux gives user code the FPU from the start."""
    vcpu = start("void _start(void) { volatile double d = 1.5; for (int i = 0; i < 10; i++) d = d * 2 + 0.25; TELL(d); }")
    assert told(vcpu) == 1791


def test_atomics(start: Callable[[str], Vcpu]) -> None:
    """Compare and exchange, add: the architecture's own instructions."""
    vcpu = start("long x = 5; void _start(void) { long e = 5; __atomic_compare_exchange_n(&x, &e, 7, 0, 5, 5); TELL(__atomic_add_fetch(&x, 3, 5)); }")
    assert told(vcpu) == 10


def returning(vcpu: Vcpu, number: int) -> bytes:
    """Machine code of a function that returns `number`: mov or li, and ret."""
    if "rax" in vcpu.arch.registers:
        return b"\xb8" + number.to_bytes(4, "little") + b"\xc3"
    words = (0x52800000 | number << 5, 0xD65F03C0) if "x0" in vcpu.arch.registers else (0x00000513 | number << 20, 0x00008067)
    return b"".join(word.to_bytes(4, "little") for word in words)


def test_code_written_by_the_host_is_not_stale_after_invalidate(start: Callable[[str], Vcpu]) -> None:
    """Two programs one after the other at one address: the second is run, not the first's translation."""
    vcpu = start("void _start(void) { for (;;) TELL(((int (*)(void))0x60000000)()); }")
    for number in (3, 4, 5):
        code = returning(vcpu, number)
        if number == 3:
            map_guest(vcpu, DATA, PAGE, READ | EXEC, code)
        else:
            ctypes.memmove(vcpu.base + DATA, code, len(code))
            vcpu.invalidate(DATA, PAGE)
        assert told(vcpu) == number


def test_code_is_not_stale_after_protect(start: Callable[[str], Vcpu]) -> None:
    """Executable to writable and back, as a JIT does under W^X: protect alone forgets the translation."""
    vcpu = start("void _start(void) { for (;;) TELL(((int (*)(void))0x60000000)()); }")
    for number in range(1, 6):
        code = returning(vcpu, number)
        map_guest(vcpu, DATA, PAGE, READ | WRITE, code)
        vcpu.protect(DATA, PAGE, READ | EXEC)
        assert told(vcpu) == number


def test_stop_from_another_thread_ends_a_spinning_guest(start: Callable[[str], Vcpu]) -> None:
    """The run leaves with STOP, and goes on where it was when run again."""
    vcpu = start("volatile long *x = (long *)0x60000000; void _start(void) { for (;;) ++*x; }")
    map_guest(vcpu, DATA, PAGE, READ | WRITE)
    counted = [0]
    for _ in range(3):
        timer = threading.Timer(0.05, vcpu.stop)
        timer.start()
        assert vcpu.run().reason == STOP
        timer.join()
        counted.append(int.from_bytes(ctypes.string_at(vcpu.base + DATA, 8), "little"))
    assert counted == sorted(set(counted))


def test_stop_before_the_run_is_not_lost(start: Callable[[str], Vcpu]) -> None:
    """It ends the next run at once."""
    vcpu = start("void _start(void) { for (;;) ; }")
    vcpu.stop()
    assert vcpu.run().reason == STOP


def test_table_of_translations_grows_with_what_the_guest_uses(start: Callable[[str], Vcpu]) -> None:
    """16 MiB read page by page, a hundred times: each page is asked for a few times and not a hundred (U3)."""
    vcpu = start(
        "void _start(void) { long sum = 0; for (int i = 0; i < 100; i++) for (long p = 0; p < 4096; p++) sum += *(volatile char *)(0x60000000 + p * 4096);"
        " TELL(sum); }"
    )
    map_guest(vcpu, DATA, 4096 * PAGE, READ)
    before = vcpu.counts()["tlb_fills"]
    assert told(vcpu) == 0
    assert vcpu.counts()["tlb_fills"] - before < 5 * 4096


def test_contexts_hold_all_registers(start: Callable[[str], Vcpu]) -> None:
    """Two threads of one program, taking turns: each goes on with its own registers."""
    vcpu = start("void _start(void) { for (long i = 100; ; i++) TELL(i); }")
    first = vcpu.save()
    assert [told(vcpu) for _ in range(3)] == [100, 101, 102]
    second = vcpu.save()
    vcpu.restore(first)
    assert told(vcpu) == 100
    vcpu.restore(second)
    assert told(vcpu) == 103
    vcpu.free_context(first)
    vcpu.free_context(second)


def test_counting_can_be_turned_on_and_off(start: Callable[[str], Vcpu]) -> None:
    """Blocks are counted while it is on, and only then."""
    vcpu = start("void _start(void) { for (long i = 0; ; i++) TELL(i); }")
    told(vcpu)
    assert vcpu.counts()["blocks"] == 0
    vcpu.count(True)
    told(vcpu)
    counted = vcpu.counts()["blocks"]
    assert counted > 0
    vcpu.count(False)
    told(vcpu)
    assert vcpu.counts()["blocks"] == counted


def test_close_gives_the_address_space_back(start: Callable[[str], Vcpu]) -> None:
    """The region's 64 TiB are gone from the process's mappings."""
    vcpu = start("void _start(void) { TELL(1); }")
    told(vcpu)
    vcpu.close()
    with open("/proc/self/maps") as maps:
        spans = [line.split()[0].split("-") for line in maps]
    assert max(int(end, 16) - int(begin, 16) for begin, end in spans) < 1 << 44


@pytest.mark.parametrize("size", [0, 1, PAGE + 1, 1 << 47])
def test_impossible_region_is_refused(size: int) -> None:
    """Whole pages, at most 46 bits: EINVAL."""
    from miniload.arch.riscv64.vcpu import VCPU

    with pytest.raises(core.VcpuError):
        Vcpu(VCPU, size)


@pytest.mark.parametrize(("begin", "size"), [(1, PAGE), (0, 1), (1 << 46, PAGE), (PAGE, 1 << 46), (1 << 63, 1 << 63)])
def test_protection_outside_the_region_is_refused(start: Callable[[str], Vcpu], begin: int, size: int) -> None:
    """Unaligned, or beyond the end: EINVAL, and no page changes."""
    vcpu = start("void _start(void) { TELL(1); }")
    with pytest.raises(core.VcpuError):
        vcpu.protect(begin, size, READ)
    assert vcpu.protection(begin) == 0
