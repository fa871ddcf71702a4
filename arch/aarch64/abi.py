"""AArch64's own values of flags that programs pass to the kernel: arch/arm64/include/uapi/asm/fcntl.h and mman.h."""

from __future__ import annotations

OPEN_FLAGS: dict[str, int] = {
    "O_DIRECT": 0o200000,
    "O_LARGEFILE": 0o400000,
    "O_DIRECTORY": 0o40000,
    "O_NOFOLLOW": 0o100000,
    "O_TMPFILE": 0o20040000,
}
"""Those O_* flags that are not the same everywhere; O_TMPFILE contains O_DIRECTORY."""

FLAGS: dict[str, dict[str, int]] = {"open": OPEN_FLAGS, "prot": {"PROT_BTI": 0x10, "PROT_MTE": 0x20}}
"""Kind of flags, as in miniload.linux.flags, to this architecture's names and values."""
