"""One folder per architecture with everything that is true of it alone; this module finds the right one.

Ship as `miniload.arch`. The folders also hold the assembly and header that the stub is built with.
"""

from __future__ import annotations

from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("x86_64", "aarch64", "riscv64")
BY_MACHINE = {62: "x86_64", 183: "aarch64", 243: "riscv64"}
"""e_machine to architecture name (EM_X86_64, EM_AARCH64, EM_RISCV)."""
COMPAT_MACHINES = {"i686": "x86_64", "armv8l": "aarch64"}
"""What uname tells a 64-bit process whose personality is PER_LINUX32 (setarch linux32, containers for 32-bit programs)."""


class Arch(Record):
    """What loader code asks of an architecture. Addresses and sizes in bytes.

    `task_size`: the kernel's TASK_SIZE, end of user space. `et_dyn_base`: ELF_ET_DYN_BASE before page rounding. `rnd_bits`: default
    mmap randomisation, in pages (CONFIG_ARCH_MMAP_RND_BITS), used where vm.mmap_rnd_bits cannot be read. `stack_gap`: exclusive limit of the random gap that
    arch_align_stack() puts below the strings. `platform`: ELF_PLATFORM, None where the kernel gives no AT_PLATFORM.
    `entry_registers`: registers at entry that are not zero, for display. `checks_class`: whether elf_check_arch() looks at EI_CLASS.
    """

    name: str
    machine: int
    triplet: str
    task_size: int
    et_dyn_base: int
    rnd_bits: int
    stack_gap: int
    platform: bytes | None
    auxv: tuple[int, ...]
    checks_class: bool
    entry_registers: dict[str, str]
    feature_property: int | None
    """The GNU property (pr_type of a *_FEATURE_1_AND) that the kernel acts on at exec, None where it looks at none."""
    segment_protection: Callable[[int, int, bool, bool], int]
    """(protection, features from the GNU property note, of the interpreter, program has one) -> protection to map with."""
    max_page: int
    """The largest page size that a kernel of this architecture may have: what the stub is linked for."""
    stub_target: str
    """The freestanding target, as zig cc names it."""
    stub_cpu: str
    """The processor for it, without FP and vector registers, as zig cc's -mcpu names it. zig tells the compiler every feature of its target
    by itself, which overrules the flags below."""
    oldest_glibc: str
    """The first glibc for this architecture that our shared objects can be built for, but none before 2.17, which is that of manylinux_2_17."""
    stub_flags: tuple[str, ...]
    """Flags that keep other compilers' code off every FP and vector register, so that they are untouched since exec."""


def get(name: str) -> Arch:
    """The architecture of that name; KeyError if there is none."""
    if name not in NAMES:
        raise KeyError(name)
    # Not by importlib, whose own import costs as much as two modules of ours.
    arch: Arch = __import__(f"{__name__}.{name}", fromlist=["ARCH"]).ARCH
    return arch


def host() -> Arch | None:
    """The architecture of the running kernel's own programs, or None if it is not one of ours."""
    from os import uname
    from sys import maxsize

    machine = uname().machine
    if maxsize > 1 << 32:
        machine = COMPAT_MACHINES.get(machine, machine)
    return get(machine) if machine in NAMES else None
