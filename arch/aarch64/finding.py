"""AArch64's libraries: glibc 2.42 sysdeps/unix/sysv/linux/aarch64/ldconfig.h and dl-cache.h."""

from __future__ import annotations

from miniload.linker.finding import Finding, no_levels, platform_of_kernel

FINDING = Finding(
    directories=("lib/aarch64-linux-gnu", "lib64", "lib"),
    cache_flags=0x0A03,  # FLAG_AARCH64_LIB64 | FLAG_ELF_LIBC6
    levels=no_levels,
    platform=platform_of_kernel,
)
