"""The auxiliary vector (exec.md I): which entries, in which order, and what their values are."""

from __future__ import annotations

from miniload.errors import UsageError
from miniload.plan.model import PROGRAM, Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from miniload.plan.host import HostFacts
    from miniload.plan.model import Image

AT_NULL, AT_EXECFD, AT_PHDR, AT_PHENT, AT_PHNUM = 0, 2, 3, 4, 5
AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY, AT_SECURE = 6, 7, 8, 9, 23
AT_PLATFORM, AT_BASE_PLATFORM, AT_RANDOM, AT_EXECFN = 15, 24, 25, 31

# include/uapi/linux/auxvec.h and the architectures' own.
NAMES = {
    1: "AT_IGNORE", 2: "AT_EXECFD", 3: "AT_PHDR", 4: "AT_PHENT", 5: "AT_PHNUM", 6: "AT_PAGESZ", 7: "AT_BASE", 8: "AT_FLAGS",
    9: "AT_ENTRY", 10: "AT_NOTELF", 11: "AT_UID", 12: "AT_EUID", 13: "AT_GID", 14: "AT_EGID", 15: "AT_PLATFORM", 16: "AT_HWCAP",
    17: "AT_CLKTCK", 23: "AT_SECURE", 24: "AT_BASE_PLATFORM", 25: "AT_RANDOM", 26: "AT_HWCAP2", 27: "AT_RSEQ_FEATURE_SIZE",
    28: "AT_RSEQ_ALIGN", 29: "AT_HWCAP3", 30: "AT_HWCAP4", 31: "AT_EXECFN", 32: "AT_SYSINFO", 33: "AT_SYSINFO_EHDR",
    40: "AT_L1I_CACHESIZE", 41: "AT_L1I_CACHEGEOMETRY", 42: "AT_L1D_CACHESIZE", 43: "AT_L1D_CACHEGEOMETRY",
    44: "AT_L2_CACHESIZE", 45: "AT_L2_CACHEGEOMETRY", 46: "AT_L3_CACHESIZE", 47: "AT_L3_CACHEGEOMETRY", 51: "AT_MINSIGSTKSZ",
}  # fmt: skip


def vector(program: Image, interpreter_bias: int | Address, phdr: int, host: HostFacts, overrides: Mapping[int, int]) -> dict[int, int | Address | None]:
    """The entries in the running kernel's own order. None means: from the running kernel (or, for what points into the stack,
    from stack.compose). So an entry that no one here has heard of is forwarded, and AT_UID to AT_EGID are never missing,
    without which musl believes itself setuid. AT_EXECFD is dropped: it is about the file that was exec'd before us.
    """
    bias = PROGRAM
    own: dict[int, int | Address] = {
        AT_PHDR: Address(bias, phdr),
        AT_PHENT: 56,
        AT_PHNUM: program.phnum,
        AT_BASE: interpreter_bias,
        AT_FLAGS: 0,
        AT_ENTRY: Address(bias, program.entry),
    }
    entries: dict[int, int | Address | None] = {}
    for kind in host.auxv:
        if kind != AT_EXECFD:
            entries[kind] = own.get(kind)
    for kind, value in (*own.items(), *overrides.items()):
        if kind not in entries or kind in overrides:
            entries[kind] = value
    return entries


def parse_override(text: str) -> tuple[int, int]:
    """NAME=VALUE of --auxv: NAME as in NAMES with or without AT_, or a number; VALUE a number, 0x... included. UsageError if not."""
    name, equals, value = text.partition("=")
    by_name = {long: kind for kind, long in NAMES.items()}
    try:
        kind = by_name.get(name.upper()) or by_name.get(f"AT_{name.upper()}") or int(name, 0)
        number = int(value, 0)
    except ValueError:
        equals = ""
    if not equals or not 0 < kind < 1 << 64 or not 0 <= number < 1 << 64:
        raise UsageError("", "want NAME=VALUE, an auxv entry's name or number and a number", field="--auxv", value=text)
    return kind, number


def name(kind: int) -> str:
    """The entry's name, or its number."""
    return NAMES.get(kind, f"AT_{kind}")
