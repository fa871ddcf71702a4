"""x86-64's own values of flags that programs pass to the kernel: arch/x86/include/uapi/asm/mman.h; the O_* flags are asm-generic/fcntl.h's."""

from __future__ import annotations

OPEN_FLAGS: dict[str, int] = {
    "O_DIRECT": 0o40000,
    "O_LARGEFILE": 0o100000,
    "O_DIRECTORY": 0o200000,
    "O_NOFOLLOW": 0o400000,
    "O_TMPFILE": 0o20200000,
}
"""Those O_* flags that are not the same everywhere; O_TMPFILE contains O_DIRECTORY."""

FLAGS: dict[str, dict[str, int]] = {"open": OPEN_FLAGS, "map_flags": {"MAP_32BIT": 0x40}}
"""Kind of flags, as in miniload.linux.flags, to this architecture's names and values."""
