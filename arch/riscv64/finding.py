"""RISC-V's libraries: glibc 2.42 sysdeps/unix/sysv/linux/riscv/ldconfig.h and dl-cache.h."""

from __future__ import annotations

from miniload.linker.finding import Finding, no_levels, platform_of_kernel

FINDING = Finding(
    directories=("lib/riscv64-linux-gnu", "lib64/lp64d", "lib64", "lib"),
    cache_flags=0x1003,  # FLAG_RISCV_FLOAT_ABI_DOUBLE | FLAG_ELF_LIBC6
    levels=no_levels,
    platform=platform_of_kernel,
)
