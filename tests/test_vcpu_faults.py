"""Faults of the vCPU core: exact address, program counter, kind; pages that change under the guest. Expected addresses follow from the programs."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import TYPE_CHECKING

import pytest
from vcpu_program import compile_guest, load, map_guest, told

from miniload.vcpu.core import ALIGNMENT, EXEC, FAULT, FILE, PAGE, READ, SYSCALL, WRITE, Exit, Vcpu

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = 0x60000000
MAP_SHARED, MAP_PRIVATE, MAP_FIXED = 1, 2, 16
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p


def map_file(vcpu: Vcpu, fd: int, size: int, flags: int, protection: int) -> None:
    """The file at DATA, as the personality maps one."""
    assert libc.mmap(ctypes.c_void_p(vcpu.base + DATA), ctypes.c_size_t(size), 3, flags | MAP_FIXED, fd, ctypes.c_long(0)) == vcpu.base + DATA
    vcpu.protect(DATA, size, protection | FILE)


# offset of the access, its type, bytes of it before the refused page
ACCESSES = [
    ("char", 0x123, 0),
    ("short", 0xFFE, 0),
    ("int", 0x7, 0),
    ("long", 0x10, 0),
    ("long", 0xFFC, 0),
    ("long", -4, 4),
    ("short", -1, 1),
    ("int", -3, 3),
]


@pytest.mark.parametrize(("kind", "offset", "before"), ACCESSES, ids=lambda value: str(value))
def test_address_of_a_refused_load_is_its_first_forbidden_byte(start: Callable[[str], Vcpu], kind: str, offset: int, before: int) -> None:
    """The kernel's si_addr (FAR_EL1, stval, CR2) is the access's address, or the page's begin if the access starts before it."""
    vcpu = start(f"void _start(void) {{ TELL(*(volatile {kind} *)(0x60001000 + {offset})); }}")
    map_guest(vcpu, DATA, PAGE, READ | WRITE)
    left = vcpu.run()
    assert (left.reason, left.access, left.bus, left.address) == (FAULT, READ, False, DATA + PAGE + offset + before)


@pytest.mark.parametrize(("kind", "offset", "before"), ACCESSES, ids=lambda value: str(value))
def test_address_of_a_refused_store_is_its_first_forbidden_byte(start: Callable[[str], Vcpu], kind: str, offset: int, before: int) -> None:
    """The same into a page that is read-only."""
    vcpu = start(f"void _start(void) {{ *(volatile {kind} *)(0x60001000 + {offset}) = 1; TELL(0); }}")
    map_guest(vcpu, DATA, PAGE, READ | WRITE)
    map_guest(vcpu, DATA + PAGE, PAGE, READ)
    left = vcpu.run()
    assert (left.reason, left.access, left.address) == (FAULT, WRITE, DATA + PAGE + offset + before)


VECTOR = """
void _start(void) {
#ifdef __aarch64__
    __asm__ volatile("ldp x1, x2, [%0]" :: "r"(WHERE) : "x1", "x2");
#elif defined __riscv
    __asm__ volatile("fld fa0, (%0)" :: "r"(WHERE) : "fa0");
#else
    __asm__ volatile("movups (%0), %%xmm1" :: "r"(WHERE) : "xmm1");
#endif
    TELL(0);
}
"""


@pytest.mark.parametrize("offset", [-8, -4, 0, 0x18])
def test_address_of_a_refused_wide_load(start: Callable[[str], Vcpu], guest: str, offset: int) -> None:
    """Pair, floating-point and vector loads: the first byte in the forbidden page."""
    vcpu = start(VECTOR.replace("WHERE", f"0x60001000ul + {offset}"))
    map_guest(vcpu, DATA, PAGE, READ | WRITE)
    left = vcpu.run()
    if offset == -8 and guest == "riscv64":
        assert left.reason == SYSCALL  # eight bytes, all in the first page
    else:
        assert (left.reason, left.access, left.address) == (FAULT, READ, DATA + PAGE + max(offset, 0))


INSTRUCTION = """
void _start(void) {
    volatile long before = 1;
    register unsigned long where __asm__("NAME") = 0x60000018;
    __asm__ volatile(".globl here\\nhere: CODE" :: "r"(where) : "memory");
    TELL(before);
}
"""
LOADS = {"aarch64": ("x9", "ldr x10, [x9]"), "riscv64": ("t0", "ld t1, (t0)"), "x86_64": ("r9", "movq (%%r9), %%r10")}


def test_program_counter_of_a_fault_is_the_instruction(start: Callable[[str], Vcpu], guest: str, tmp_path: Path) -> None:
    """In the middle of a block: the address of the label at the load."""
    from elftools.elf.elffile import ELFFile

    name, code = LOADS[guest]
    vcpu = start(INSTRUCTION.replace("NAME", name).replace("CODE", code))
    with (tmp_path / guest).open("rb") as file:
        here = ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name("here")[0]["st_value"]
    left = vcpu.run()
    assert (left.reason, left.pc, left.address) == (FAULT, here, DATA + 0x18)
    assert vcpu.read_registers(("pc",)) == (here,)


@pytest.mark.parametrize("address", [DATA, DATA + 0xFFC, 0x100], ids=hex)
def test_address_of_a_refused_fetch_is_the_program_counter(start: Callable[[str], Vcpu], address: int) -> None:
    """A jump to where nothing is."""
    vcpu = start(f"void _start(void) {{ ((void (*)(void)){address}ul)(); TELL(0); }}")
    left = vcpu.run()
    assert (left.reason, left.access, left.address, left.pc) == (FAULT, EXEC, address, address)


CROSSING = {
    "riscv64": (b"\x13\x05\x70\x00", b"\x01\x00", b"\x93\x02"),  # li a0, 7; c.nop; half of li t0
    "x86_64": (b"\xb8\x07\x00\x00\x00", b"\x90\x90\x90", b"\xb9\x01"),  # mov eax, 7; nop, three times; two bytes of mov ecx
    "aarch64": (b"\xe0\x00\x80\xd2", b"\x1f\x20\x03\xd5", b""),  # mov x0, 7; nop; and on to the next page
}


@pytest.mark.parametrize("padding", [0, 40])
def test_instruction_that_reaches_into_a_forbidden_page(start: Callable[[str], Vcpu], guest: str, padding: int) -> None:
    """The page's begin is the address, the instruction's the program counter, and those before it have been executed."""
    first, nops, crossing = CROSSING[guest]
    code = first + nops * (1 + padding) + crossing
    vcpu = start(f"void _start(void) {{ ((void (*)(void)){DATA + PAGE - len(code)}ul)(); TELL(0); }}")
    map_guest(vcpu, DATA, PAGE, READ | EXEC, bytes(PAGE - len(code)) + code)
    for _ in range(2):
        left = vcpu.run()
        assert (left.reason, left.access, left.address, left.pc) == (FAULT, EXEC, DATA + PAGE, DATA + PAGE - len(crossing))
        assert vcpu.read_registers(("pc", vcpu.arch.result)) == (left.pc, 7)


def test_ten_thousand_faults(start: Callable[[str], Vcpu]) -> None:
    """As a garbage collector's write barrier makes them: exact every time, and memory does not grow by more than a few pages."""
    vcpu = start("void _start(void) { for (long i = 0; ; i++) *(volatile int *)(0x60000000 + i % 1024 * 4) = i; }")
    map_guest(vcpu, DATA, PAGE, READ)
    sizes = []
    for number in range(10000):
        left = vcpu.run()
        assert (left.reason, left.access, left.address) == (FAULT, WRITE, DATA + number % 1024 * 4)
        vcpu.protect(DATA, PAGE, READ | WRITE)
        vcpu.run(budget=1)
        vcpu.protect(DATA, PAGE, READ)
        if number in (1000, 9999):
            sizes.append(resident())
    assert sizes[1] - sizes[0] < 4 << 20


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE


@pytest.mark.parametrize("body", ["TELL(*(volatile char *)0x60001004);", "*(volatile char *)0x60001004 = 1; TELL(0);"], ids=["load", "store"])
@pytest.mark.parametrize("flags", [MAP_SHARED, MAP_PRIVATE], ids=["shared", "private"])
def test_page_behind_the_end_of_a_mapped_file(start: Callable[[str], Vcpu], tmp_path: Path, body: str, flags: int) -> None:
    """A fault marked `bus`, as SIGBUS is raised for natively, and the host process lives."""
    vcpu = start(f"void _start(void) {{ {body} }}")
    (tmp_path / "file").write_bytes(bytes(100))
    fd = os.open(tmp_path / "file", os.O_RDWR)
    map_file(vcpu, fd, 3 * PAGE, flags, READ | WRITE)
    left = vcpu.run()
    assert (left.reason, left.bus, left.address) == (FAULT, True, DATA + PAGE + 4)
    os.ftruncate(fd, 2 * PAGE)
    assert told(vcpu) == 0
    os.close(fd)


def test_page_of_a_file_that_is_cut_short(start: Callable[[str], Vcpu], tmp_path: Path) -> None:
    """After the core has been told to look again, a page that was there is not any more."""
    vcpu = start("void _start(void) { for (;;) TELL(*(volatile char *)0x60001004); }")
    (tmp_path / "file").write_bytes(bytes(2 * PAGE))
    fd = os.open(tmp_path / "file", os.O_RDWR)
    map_file(vcpu, fd, 2 * PAGE, MAP_SHARED, READ)
    assert told(vcpu) == 0
    os.ftruncate(fd, PAGE)
    vcpu.flush()
    left = vcpu.run()
    assert (left.reason, left.bus, left.address) == (FAULT, True, DATA + PAGE + 4)
    os.close(fd)


def test_code_behind_the_end_of_a_mapped_file(start: Callable[[str], Vcpu], tmp_path: Path) -> None:
    """The same for a fetch."""
    vcpu = start("void _start(void) { ((void (*)(void))0x60001000ul)(); }")
    (tmp_path / "file").write_bytes(bytes(100))
    fd = os.open(tmp_path / "file", os.O_RDWR)
    map_file(vcpu, fd, 3 * PAGE, MAP_PRIVATE, READ | EXEC)
    left = vcpu.run()
    assert (left.reason, left.bus, left.access, left.address) == (FAULT, True, EXEC, DATA + PAGE)
    os.close(fd)


def test_page_of_a_file_that_is_there_is_no_fault(start: Callable[[str], Vcpu], tmp_path: Path) -> None:
    """And a shared mapping's store reaches the file."""
    vcpu = start("void _start(void) { *(volatile char *)0x60000004 += 1; TELL(*(volatile char *)0x60000004); }")
    (tmp_path / "file").write_bytes(bytes([7]) * 100)
    fd = os.open(tmp_path / "file", os.O_RDWR)
    map_file(vcpu, fd, PAGE, MAP_SHARED, READ | WRITE)
    assert told(vcpu) == 8
    assert os.pread(fd, 1, 4) == b"\x08"
    os.close(fd)


@pytest.mark.parametrize(("first", "second", "access"), [(READ, 0, READ), (READ | WRITE, READ, WRITE), (0, READ, READ), (READ, READ | WRITE, WRITE)])
def test_unaligned_access_across_pages_of_different_permission(start: Callable[[str], Vcpu], first: int, second: int, access: int) -> None:
    """Refused if either page refuses, at the first byte that does, and neither page changes."""
    store = "*p = 0x1122334455667788; TELL(0);"
    vcpu = start(f"void _start(void) {{ volatile long *p = (long *)0x60000ffc; {store if access == WRITE else 'TELL(*p);'} }}")
    for page, protection in ((DATA, first), (DATA + PAGE, second)):
        map_guest(vcpu, page, PAGE, protection)
    left = vcpu.run()
    refused = DATA + 0xFFC if not first & access else DATA + PAGE
    assert (left.reason, left.access, left.address) == (FAULT, access, refused)
    assert ctypes.string_at(vcpu.base + DATA + 0xFFC, 8) == bytes(8)


def test_unaligned_access_across_pages_that_allow_it(start: Callable[[str], Vcpu]) -> None:
    """Both halves are stored and loaded."""
    vcpu = start("void _start(void) { volatile long *p = (long *)0x60000ffd; *p = 0x1122334455667788; TELL(*p); }")
    map_guest(vcpu, DATA, 2 * PAGE, READ | WRITE)
    assert told(vcpu) == 0x1122334455667788


MISALIGNED = {
    "aarch64": 'long x; __asm__ volatile("ldxr %0, [%1]" : "=r"(x) : "r"(0x60000014ul)); TELL(x);',
    "riscv64": 'long x; __asm__ volatile("lr.d %0, (%1)" : "=r"(x) : "r"(0x60000014ul)); TELL(x);',
}


@pytest.mark.parametrize("name", MISALIGNED)
def test_misaligned_exclusive_is_an_alignment_exit(tmp_path: Path, name: str) -> None:
    """SIGBUS BUS_ADRALN with the access's address, on hardware: load-exclusive and load-reserved have to be aligned."""
    with load(name, compile_guest(name, f"void _start(void) {{ {MISALIGNED[name]} }}", tmp_path)) as vcpu:
        map_guest(vcpu, DATA, PAGE, READ | WRITE)
        left = vcpu.run()
        assert (left.reason, left.address) == (ALIGNMENT, DATA + 0x14)
        assert vcpu.read_registers(("pc",)) == (left.pc,)


def returning(guest: str, number: int) -> bytes:
    """Machine code of a function that returns `number`."""
    if guest == "x86_64":
        return b"\xb8" + number.to_bytes(4, "little") + b"\xc3"
    words = (0x52800000 | number << 5, 0xD65F03C0) if guest == "aarch64" else (0x00000513 | number << 20, 0x00008067)
    return b"".join(word.to_bytes(4, "little") for word in words)


CALLER = "void _start(void) { for (;;) TELL(((int (*)(void))0x60000000)()); }"


def test_code_is_gone_after_unmap(start: Callable[[str], Vcpu], guest: str) -> None:
    """What was translated of an unmapped page is not run again: a fault."""
    vcpu = start(CALLER)
    map_guest(vcpu, DATA, PAGE, READ | EXEC, returning(guest, 5))
    assert told(vcpu) == 5
    vcpu.protect(DATA, PAGE, 0)
    libc.mmap(ctypes.c_void_p(vcpu.base + DATA), ctypes.c_size_t(PAGE), 0, MAP_PRIVATE | MAP_FIXED | mmap.MAP_ANONYMOUS, -1, ctypes.c_long(0))
    left = vcpu.run()
    assert (left.reason, left.access, left.address) == (FAULT, EXEC, DATA)


def test_code_that_a_file_is_mapped_over_is_not_stale(start: Callable[[str], Vcpu], guest: str, tmp_path: Path) -> None:
    """MAP_FIXED over code that has run."""
    vcpu = start(CALLER)
    map_guest(vcpu, DATA, PAGE, READ | EXEC, returning(guest, 5))
    assert told(vcpu) == 5
    (tmp_path / "file").write_bytes(returning(guest, 6))
    fd = os.open(tmp_path / "file", os.O_RDWR)
    map_file(vcpu, fd, PAGE, MAP_PRIVATE, READ | EXEC)
    os.close(fd)
    assert told(vcpu) == 6


def test_code_that_the_guest_writes_is_not_stale(start: Callable[[str], Vcpu], guest: str) -> None:
    """A page that is writable and executable at once: the engine sees the guest's own stores."""
    patch = {"aarch64": "0x60000000 = 0x528000c0", "riscv64": "0x60000000 = 0x00600513", "x86_64": "0x60000001 = 6"}[guest]
    flush = '__asm__ volatile("fence.i" ::: "memory");' if guest == "riscv64" else ""
    call = "TELL(((int (*)(void))0x60000000)());"
    vcpu = start(f"void _start(void) {{ {call} *(volatile int *){patch}; {flush} {call} }}")
    map_guest(vcpu, DATA, PAGE, READ | WRITE | EXEC, returning(guest, 5))
    assert [told(vcpu), told(vcpu)] == [5, 6]


TAGGED = """
static long answer(void) { return 42; }
void _start(void) {
    unsigned long tagged = 0x60000010ul | 0x5aul << 56;
    long got, status;
    __asm__ volatile("str %1, [%0]" :: "r"(tagged), "r"(40l) : "memory");
    __asm__ volatile("1: ldxr %0, [%2]\\nadd %0, %0, #1\\nstxr %w1, %0, [%2]\\ncbnz %w1, 1b" : "=&r"(got), "=&r"(status) : "r"(tagged) : "memory");
    __asm__ volatile("ldadd %1, %0, [%2]" : "=r"(got) : "r"(1l), "r"(tagged) : "memory");
    __asm__ volatile("ldr %0, [%1]" : "=r"(got) : "r"(tagged));
    TELL(got + *(volatile long *)0x60000010);
    TELL(((long (*)(void))((unsigned long)answer | 0x33ul << 56))());
    TELL(*(volatile char *)(0x60001234ul | 0x77ul << 56));
}
"""


def test_top_byte_of_a_data_address_is_ignored(tmp_path: Path) -> None:
    """AArch64 under Linux: loads, stores, exclusives, atomics and calls through a tagged pointer; a fault's address has no tag, as si_addr has none (U28)."""
    with load("aarch64", compile_guest("aarch64", TAGGED, tmp_path, "-mcpu=generic+lse")) as vcpu:
        map_guest(vcpu, DATA, PAGE, READ | WRITE)
        assert [told(vcpu), told(vcpu)] == [84, 42]
        left: Exit = vcpu.run()
        assert (left.reason, left.address) == (FAULT, DATA + 0x1234)


def test_address_that_no_architecture_has_is_a_fault(start: Callable[[str], Vcpu]) -> None:
    """Beyond the region, up to the last byte of the 64 bits: nothing of the host is there."""
    vcpu = start("void _start(void) { for (int bits = 46; bits < 64; bits++) TELL(*(volatile char *)((1ul << bits) + 0x1000)); }")
    left = vcpu.run()
    assert (left.reason, left.address) == (FAULT, (1 << 46) + 0x1000)
