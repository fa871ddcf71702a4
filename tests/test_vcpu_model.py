"""The emulated CPUs: models, what AT_HWCAP announces, what traps and as what, and what is emulated. Sources are named at each test."""

from __future__ import annotations

import ctypes
import os
from time import monotonic_ns
from typing import TYPE_CHECKING

import pytest
from vcpu_program import GUESTS, compile_guest, load, map_guest

from miniload.arch.aarch64 import hwcap
from miniload.arch.aarch64.guest import cpuinfo
from miniload.arch.aarch64.vcpu import VCPU as AARCH64
from miniload.arch.riscv64.vcpu import VCPU as RISCV64
from miniload.arch.x86_64.vcpu import VCPU as X86_64
from miniload.vcpu.core import BREAKPOINT, DIVIDE, EXEC, FAULT, FLOATING, ILLEGAL, PAGE, PROTECTION, READ, SYSCALL, WRITE, Vcpu, VcpuError

if TYPE_CHECKING:
    from pathlib import Path

    from miniload.vcpu.arch import VcpuArch

ARCHES = {"aarch64": AARCH64, "riscv64": RISCV64, "x86_64": X86_64}
CODE, DATA, TWICE = 0x10000, 0x60000000, 0x61000000
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p


def run_code(arch: VcpuArch, code: bytes, model: str = "", **registers: int) -> Vcpu:
    """A vCPU at `code`, with a page of data at DATA, and the stack pointer in the middle of it."""
    vcpu = Vcpu(arch, model=model)
    map_guest(vcpu, CODE, PAGE, READ | EXEC, code)
    map_guest(vcpu, DATA, PAGE, READ | WRITE)
    vcpu.write_registers({"pc": CODE, "sp": DATA + 2048, **registers})
    return vcpu


@pytest.mark.parametrize(("guest", "model"), [(guest, model) for guest in GUESTS for model in ARCHES[guest].models])
def test_every_model_runs_and_announces_what_it_has(guest: str, model: str) -> None:
    """auxv of the default model is what its ID registers, or CPUID, say."""
    with Vcpu(ARCHES[guest], model=model) as vcpu:
        auxv = ARCHES[guest].auxv_of(vcpu)
        assert set(auxv) == {16, 26, 51}
        if ARCHES[guest].models[model] == ARCHES[guest].cpu_model:
            assert auxv == ARCHES[guest].auxv


def test_unknown_model_is_refused() -> None:
    """Names are VcpuArch.models'."""
    with pytest.raises(VcpuError):
        Vcpu(RISCV64, model="z80")


def test_hwcap_of_x86_is_what_cpuid_says() -> None:
    """AT_HWCAP is EDX of CPUID 1 (arch/x86/include/asm/elf.h, ELF_HWCAP)."""
    with run_code(X86_64, b"\x0f\xa2\x0f\x05", rax=1) as vcpu:
        vcpu.run()
        assert vcpu.read_registers(("rdx",))[0] == X86_64.auxv[16]


# CPUID leaf, register, mask: what must be there for x86-64-v2, and what must not (the psABI's microarchitecture levels)
V2_ECX = 1 << 0 | 1 << 9 | 1 << 13 | 1 << 19 | 1 << 20 | 1 << 23  # SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT
NOT_ECX = 1 << 12 | 1 << 26 | 1 << 27 | 1 << 28 | 1 << 29  # FMA, XSAVE, OSXSAVE, AVX, F16C


def test_cpuid_is_x86_64_v2_and_no_more() -> None:
    """SSE4.2 and POPCNT, no AVX and no XSAVE: glibc chooses by it."""
    store = b"\x0f\xa2\x89\xce\x0f\x05"  # cpuid; mov esi, ecx; syscall
    with run_code(X86_64, store, rax=1) as vcpu:
        vcpu.run()
        ecx = vcpu.read_registers(("rsi",))[0]
        assert ecx & V2_ECX == V2_ECX
        assert not ecx & NOT_ECX
    with run_code(X86_64, store, rax=7) as vcpu:
        vcpu.run()
        assert vcpu.read_registers(("rbx", "rsi", "rdx")) == (0, 0, 0)


# One instruction for each announced feature (Arm Architecture Reference Manual, DDI 0487; by hand-assembled words)
FEATURE_CODE = {
    "fp": 0x1E622820,  # fadd d0, d1, d2
    "asimd": 0x4E228420,  # add v0.16b, v1.16b, v2.16b
    "aes": 0x4E284820,  # aese v0.16b, v1.16b
    "pmull": 0x0EE2E020,  # pmull v0.1q, v1.1d, v2.1d
    "sha1": 0x5E280820,  # sha1h s0, s1
    "sha2": 0x5E282820,  # sha256su0 v0.4s, v1.4s
    "crc32": 0x1AC24020,  # crc32b w0, w1, w2
    "atomics": 0xF8220021,  # ldadd x2, x1, [x1]
    "fphp": 0x1EE22820,  # fadd h0, h1, h2
    "asimdhp": 0x4E421420,  # fadd v0.8h, v1.8h, v2.8h
    "asimdrdm": 0x6E828420,  # sqrdmlah v0.4s, v1.4s, v2.4s
    "jscvt": 0x1E7E0020,  # fjcvtzs w0, d1
    "fcma": 0x6E82C420,  # fcmla v0.4s, v1.4s, v2.4s, 0
    "lrcpc": 0xF8BFC020,  # ldapr x0, [x1]
    "dcpop": 0xD50B7C21,  # dc cvap, x1
    "sha3": 0xCE020C20,  # eor3 v0.16b, v1.16b, v2.16b, v3.16b
    "sm3": 0xCE63C041,  # sm3partw1 v1.4s, v2.4s, v3.4s
    "sm4": 0xCEC08420,  # sm4e v0.4s, v1.4s
    "asimddp": 0x4E829420,  # sdot v0.4s, v1.16b, v2.16b
    "sha512": 0xCEC08020,  # sha512su0 v0.2d, v1.2d
    "asimdfhm": 0x4E22EC20,  # fmlal v0.4s, v1.4h, v2.4h
    "ilrcpc": 0xD9400020,  # ldapur x0, [x1]
    "flagm": 0xD500401F,  # cfinv
    "sb": 0xD50330FF,  # sb
    "dcpodp": 0xD50B7D21,  # dc cvadp, x1
    "flagm2": 0xD500403F,  # xaflag
    "frint": 0x1E684020,  # frint32z d0, d1
    "rng": 0xD53B2400,  # mrs x0, rndr
    "cpuid": 0xD5380000,  # mrs x0, midr_el1
    "dit": 0xD51B42A1,  # msr dit, x1
    "uscat": 0xF8401020,  # ldur x0, [x1, 1]
    "ssbs": 0xD51B42C1,  # msr ssbs, x1
}


@pytest.mark.parametrize("model", AARCH64.models)
def test_every_announced_feature_is_there(model: str) -> None:
    """Each feature's instruction is executed: the system call behind it is reached. None is announced that has no such test."""
    with Vcpu(AARCH64, model=model) as vcpu:
        names = hwcap.names(AARCH64.auxv_of(vcpu)).split()
    assert {"fp", "asimd", "aes", "crc32", "cpuid"} <= set(names)
    code = b"".join(word.to_bytes(4, "little") for name in names for word in (FEATURE_CODE[name], 0xD4000001))
    with run_code(AARCH64, code, model, x8=1) as vcpu:
        for number, name in enumerate(names):
            vcpu.write_registers({"x1": DATA, "x2": 0})
            left = vcpu.run()
            assert (left.reason, left.pc) == (SYSCALL, CODE + 8 * number + 8), name


def test_feature_that_a_model_lacks_is_not_announced_and_traps() -> None:
    """A Cortex-A53 has no LSE atomics."""
    with run_code(AARCH64, FEATURE_CODE["atomics"].to_bytes(4, "little"), "cortex-a53", x1=DATA) as vcpu:
        assert "atomics" not in hwcap.names(AARCH64.auxv_of(vcpu))
        assert vcpu.run().reason == ILLEGAL


@pytest.mark.parametrize(
    ("crm", "op2", "expected"),
    [(0, 0, 0x410FD034), (0, 5, 1 << 31), (0, 6, 0), (4, 0, 0), (6, 0, 0x11120), (6, 1, 0), (7, 2, 0), (5, 5, 0)],
)
def test_id_registers_can_be_read_as_under_linux(crm: int, op2: int, expected: int) -> None:
    """A Cortex-A53's (TRM, MIDR_EL1 r0p4, ID_AA64ISAR0_EL1), MPIDR safe, hidden fields and other registers zero: cpu-feature-registers.rst."""
    code = (0xD5380003 | crm << 8 | op2 << 5, 0xD4000001)
    with run_code(AARCH64, b"".join(word.to_bytes(4, "little") for word in code), "cortex-a53", x3=5) as vcpu:
        left = vcpu.run()
        assert (left.reason, left.pc) == (SYSCALL, CODE + 8)
        assert vcpu.read_registers(("x3",)) == (expected,)


def test_id_registers_that_linux_does_not_emulate_trap() -> None:
    """CRm 8 and above, MIDR's neighbours, and writing."""
    for word in (0xD5380800, 0xD5380020, 0xD5180000):
        with run_code(AARCH64, word.to_bytes(4, "little")) as vcpu:
            assert vcpu.run().reason == ILLEGAL


def test_rdtime_ticks_at_ten_megahertz(tmp_path: Path) -> None:
    """It traps in the engine (U25) and is emulated: the host's monotonic clock."""
    body = 'void _start(void) { long x; __asm__ volatile("rdtime %0" : "=r"(x)); TELL(x); }'
    with load("riscv64", compile_guest("riscv64", body, tmp_path)) as vcpu:
        before = monotonic_ns() // 100
        told = vcpu.run().args[0]
        assert before <= told <= monotonic_ns() // 100


A64, RV = ["aarch64"], ["riscv64"]
TRAPS = [
    ("aarch64", "00000000", ILLEGAL, 0, 0),  # udf 0
    ("aarch64", "000020d4", BREAKPOINT, 0, 0),  # brk 0
    ("aarch64", "020000d4", ILLEGAL, 0, 0),  # hvc 0
    ("aarch64", "1f2003d5030000d4", ILLEGAL, 4, 4),  # nop; smc 0
    ("aarch64", "001038d5", ILLEGAL, 0, 0),  # mrs x0, sctlr_el1
    ("aarch64", "7f2003d5", None, 0, 0),  # wfi: allowed, does nothing
    ("riscv64", "0000", ILLEGAL, 0, 0),
    ("riscv64", "ffffffff", ILLEGAL, 0, 0),
    ("riscv64", "73001000", BREAKPOINT, 0, 0),  # ebreak
    ("riscv64", "01000290", BREAKPOINT, 2, 2),  # c.nop; c.ebreak
    ("riscv64", "73002030", ILLEGAL, 0, 0),  # mret
    ("riscv64", "f3220010", ILLEGAL, 0, 0),  # csrr t0, sstatus
    ("riscv64", "0100d7 77 00 00".replace(" ", ""), ILLEGAL, 2, 2),  # c.nop; a vector instruction
    ("x86_64", "cc", BREAKPOINT, 0, 1),  # int3: a trap, whose program counter is behind it
    ("x86_64", "cd03", BREAKPOINT, 0, 2),  # int 3
    ("x86_64", "0f0b", ILLEGAL, 0, 0),  # ud2
    ("x86_64", "f4", PROTECTION, 0, 0),  # hlt
    ("x86_64", "fa", PROTECTION, 0, 0),  # cli
    ("x86_64", "0f20c0", PROTECTION, 0, 0),  # mov rax, cr0
    ("x86_64", "cd80", PROTECTION, 0, 0),  # int 0x80
    ("x86_64", "cd00", PROTECTION, 0, 0),  # int 0
    ("x86_64", "31c9f7f1", DIVIDE, 2, 2),  # xor ecx, ecx; div ecx
    ("x86_64", "c5fc58c1", ILLEGAL, 0, 0),  # vaddps ymm0, ymm0, ymm1
    ("x86_64", "f3480faec0", ILLEGAL, 0, 0),  # rdfsbase rax
]


@pytest.mark.parametrize(("guest", "code", "reason", "at", "register"), TRAPS, ids=lambda value: str(value))
def test_trapping_instruction(guest: str, code: str, reason: int | None, at: int, register: int) -> None:
    """The reason, the instruction's address whatever the engine's convention (U16, U17), and the program counter that a signal's frame has."""
    with run_code(ARCHES[guest], bytes.fromhex(code).ljust(32, b"\0")) as vcpu:
        left = vcpu.run()
        if reason is None:
            assert left.pc != CODE
        else:
            assert (left.reason, left.pc - CODE) == (reason, at)
            assert vcpu.read_registers(("pc",)) == (CODE + register,)


def test_unmasked_sse_exception_is_a_floating_point_exit() -> None:
    """SIGFPE on x86: 1.0 / 0.0 with the zero-divide mask off. The engine does not raise it, so this is what is known to be missing."""
    code = b"\x0f\xae\x16\xf3\x0f\x5e\xc1\x0f\x05"  # ldmxcsr [rsi]; divss xmm0, xmm1; syscall
    with run_code(X86_64, code, rsi=DATA) as vcpu:
        vcpu.copy_out(DATA, (0x1F80 & ~0x200).to_bytes(4, "little"))
        vcpu.write_bytes("xmm0", b"\x00\x00\x80\x3f".ljust(16, b"\0"))
        assert vcpu.run().reason in (SYSCALL, FLOATING)


def test_vsyscall_page_is_not_there() -> None:
    """U29: nothing is at the address that x86 kernels once had gettimeofday at."""
    with run_code(X86_64, b"\x48\xc7\xc0\x00\x00\x60\xff\xff\xe0", rax=0) as vcpu:  # mov rax, 0xffffffffff600000; jmp rax
        left = vcpu.run()
        assert left.reason in (FAULT, ILLEGAL)


def test_syscall_instruction_leaves_return_address_and_flags() -> None:
    """U29: RCX and R11, as the instruction does it (Intel SDM, SYSCALL)."""
    with run_code(X86_64, b"\x0f\x05") as vcpu:
        assert vcpu.run().reason == SYSCALL
        assert vcpu.read_registers(("pc", "rcx", "r11")) == (CODE + 2, CODE + 2, 0x202)


def test_vex_encoding_is_executed_as_sse() -> None:
    """U27, kept in mind: an AVX instruction on 128 bits is not refused, though CPUID has no AVX. If this fails, the engine has learnt better."""
    with run_code(X86_64, b"\xc5\xf8\x58\xc1\x0f\x05") as vcpu:  # vaddps xmm0, xmm0, xmm1; syscall
        assert vcpu.run().reason == SYSCALL


def test_cache_maintenance_of_aarch64_is_executed() -> None:
    """Expected: what is written at another address of the same memory is executed once its line has been invalidated (Arm ARM, "IC IVAU"), with a tag in the
    address too; maintenance of data, of addresses that are nothing's and of the zero register's does nothing; CTR_EL0 says how it is done."""
    run_it, read_ctr = 0xD63F0060, 0xD53B0022  # blr x3; mrs x2, ctr_el0
    data = [0xD50B7020 | crm << 8 for crm in (0xA, 0xB, 0xC, 0xD, 0xE)]  # dc cvac, cvau, cvap, cvadp, civac, of x0
    code = (run_it, 0xAA0403E5, 0xB9000006, run_it, 0xD50B7523, 0xD50B7521, 0xD50B753F, *data, read_ctr, run_it, 0xD4000001)  # mov x5, x4; str w6, [x0]
    with run_code(
        AARCH64, b"".join(word.to_bytes(4, "little") for word in code), x0=DATA, x1=0x70000000, x3=TWICE | 0xAB << 56, x6=0xD2800044, x8=1 << 40
    ) as vcpu:
        map_guest(vcpu, TWICE, PAGE, READ | EXEC)
        fd = os.memfd_create("code")
        os.write(fd, (0xD2800024).to_bytes(4, "little") + (0xD65F03C0).to_bytes(4, "little"))  # mov x4, #1; ret
        os.truncate(fd, PAGE)
        for place, protection in ((DATA, 3), (TWICE, 1)):
            assert libc.mmap(ctypes.c_void_p(vcpu.base + place), ctypes.c_size_t(PAGE), protection, 0x11, fd, ctypes.c_long(0)) == vcpu.base + place
        os.close(fd)
        vcpu.flush()
        left = vcpu.run()
        assert (left.reason, left.pc) == (SYSCALL, CODE + 4 * len(code))
        assert vcpu.read_registers(("x4", "x5", "x2")) == (2, 1, 0x94448004)


def test_cpuinfo_of_aarch64_is_that_of_the_model() -> None:
    """Expected: what Linux shows of a Cortex-A72 with the crypto extensions (EC2 a1), but for "evtstrm", the counter's event stream, which only a kernel
    can turn on; the part of a Cortex-A53 is from its manual (MIDR_EL1)."""
    with Vcpu(AARCH64, model="cortex-a72") as vcpu:
        lines = dict(line.split("\t: ") for line in cpuinfo(1, vcpu).splitlines() if "\t: " in line)
        assert lines["Features"] == "fp asimd aes pmull sha1 sha2 crc32 cpuid"
        assert (lines["CPU implementer"], lines["CPU part"]) == ("0x41", "0xd08")
    with Vcpu(AARCH64, model="cortex-a53") as vcpu:
        assert "CPU part\t: 0xd03" in cpuinfo(2, vcpu).split("processor\t: 1")[1]
