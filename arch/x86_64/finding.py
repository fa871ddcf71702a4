"""x86-64's libraries: glibc 2.42 sysdeps/unix/sysv/linux/x86_64/ldconfig.h, sysdeps/x86_64/dl-hwcaps_subdirs.c, sysdeps/x86/cpu-features.c."""

from __future__ import annotations

import ctypes
from functools import cache

from miniload.linker.finding import Finding

LEAF_1, LEAF_7, LEAF_80000001 = 0, 1, 2
"""CPUID_INDEX_* of glibc's sys/platform/x86.h."""
EBX, ECX = 1, 2
ACTIVE = 4
"""struct cpuid_feature: what CPUID says in four words, and in four more what of it can be used."""
LEVELS = (
    # By level: (leaf, register, bits) that it needs, as in dl-hwcaps_subdirs.c.
    ("x86-64-v2", ((LEAF_1, ECX, (0, 9, 13, 19, 20, 23)), (LEAF_80000001, ECX, (0,)))),  # SSE3 SSSE3 CMPXCHG16B SSE4_1 SSE4_2 POPCNT; LAHF64_SAHF64
    ("x86-64-v3", ((LEAF_1, ECX, (12, 22, 28, 29)), (LEAF_7, EBX, (3, 5, 8)), (LEAF_80000001, ECX, (5,)))),  # FMA MOVBE AVX F16C; BMI1 AVX2 BMI2; LZCNT
    ("x86-64-v4", ((LEAF_7, EBX, (16, 17, 28, 30, 31)),)),  # AVX512 F DQ CD BW VL
)
HASWELL = ((LEAF_1, ECX, (12, 22, 23)), (LEAF_7, EBX, (3, 5, 8)), (LEAF_80000001, ECX, (5,)))


def _usable(wanted: tuple[tuple[int, int, tuple[int, ...]], ...]) -> bool:
    try:
        leaf_of = ctypes.CDLL(None).__x86_get_cpuid_feature_leaf
    except AttributeError:  # glibc before 2.33, which has no such subdirectories, or musl
        return False
    leaf_of.restype, leaf_of.argtypes = ctypes.POINTER(ctypes.c_uint32 * 8), (ctypes.c_uint,)
    return all(leaf_of(leaf).contents[ACTIVE + register] >> bit & 1 for leaf, register, bits in wanted for bit in bits)


@cache
def levels() -> tuple[str, ...]:
    """The levels of the psABI that this processor has, each on top of the one before."""
    names: list[str] = []
    for name, wanted in LEVELS:
        if not _usable(wanted):
            break
        names.insert(0, name)
    return tuple(names)


def platform(kernel: str | None) -> str | None:
    """glibc calls Intel's processors since Haswell by that name (init_cpu_features)."""
    try:
        with open("/proc/cpuinfo") as file:
            intel = "GenuineIntel" in file.read(4096)
    except OSError:
        intel = False
    return "haswell" if intel and _usable(HASWELL) else kernel


FINDING = Finding(
    directories=("lib/x86_64-linux-gnu", "lib64", "lib"),
    cache_flags=0x0303,  # FLAG_X8664_LIB64 | FLAG_ELF_LIBC6
    levels=levels,
    platform=platform,
)
