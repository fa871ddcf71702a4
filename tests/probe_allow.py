"""What may differ between the probe started by execve and through miniload: each line a path of the normalised report and the reason.

Paths are fnmatch patterns. Whatever is not listed has to be equal. ARCHITECTURE.md has the same lists for readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from probe_normal import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Allowed:
    """A path of the report that may differ, and why."""

    path: str
    reason: str


VARIES = (
    Allowed("auxv_strings.AT_RANDOM", "fresh random bytes for every exec"),
    Allowed("stat.pid", "another process"),
    Allowed("stat.starttime", "another process"),
    Allowed("stat.*flt", "page faults: timing, page cache"),
    Allowed("stat.?time", "CPU time used so far"),
    Allowed("stat.processor", "the scheduler's choice"),
    Allowed("stat.rss", "resident pages: fault-around, timing"),
    Allowed("stat.delayacct_blkio_ticks", "time spent waiting for the disk"),
    Allowed("statm.resident", "resident pages"),
    Allowed("statm.shared", "resident pages"),
    Allowed("proc.status.Pid", "another process"),
    Allowed("proc.status.Tgid", "another process"),
    Allowed("proc.status.NS[pt]*id", "another process"),
    Allowed("proc.status.VmHWM", "resident pages"),
    Allowed("proc.status.VmRSS", "resident pages"),
    Allowed("proc.status.Rss*", "resident pages"),
    Allowed("proc.status.VmPTE", "page tables: depends on random addresses"),
    Allowed("proc.status.SigQ", "signals queued for all processes of the user"),
    Allowed("proc.status.*ctxt_switches", "the scheduler's choice"),
)
"""What differs between any two execs of the same program; two runs by execve show that nothing else does."""

FULL_EXE = (
    Allowed("smaps.order", "the vDSO lies between the images in another order: the kernel maps it after the stub and before the program"),
    Allowed("flags.[PZ]F", "x86-64: the vDSO's code, through which the stub's last page is unmapped, ends with xor instructions"),
    Allowed("below_stack.-8", "x86-64: the entry point, which the last `ret` of miniload took from there"),
    Allowed("registers.x16", "AArch64: the entry point, a jump needs one register"),
    Allowed("registers.t1", "RISC-V: the entry point, a jump needs one register"),
    Allowed("stat.flags_superpriv", "PF_SUPERPRIV: a capability was used, to set the exe link"),
    Allowed("proc.status.VmPeak", "the stub and the plan were mapped for a moment"),
)
"""What miniload adds to that at its highest level."""

FULL = (
    *FULL_EXE,
    Allowed("proc.exe", "the stub's file: setting it needs CAP_CHECKPOINT_RESTORE and an executable memfd"),
)

PLAIN = (
    *FULL,
    Allowed("brk", "the heap is where the kernel put it for the stub: a static PIE's"),
    Allowed("stat.start_brk", "as brk"),
    Allowed("stat.startcode", "the stub's"),
    Allowed("stat.endcode", "the stub's"),
    Allowed("stat.start_data", "the stub's"),
    Allowed("stat.end_data", "the stub's"),
    Allowed("stat.startstack", "the stub's first stack pointer"),
    Allowed("proc.auxv", "the stub's: its AT_PHDR, AT_PHNUM, AT_BASE and AT_ENTRY; the vector on the stack is right"),
    Allowed("proc.status.VmExe", "computed from the code's bounds"),
    Allowed("proc.status.VmLib", "computed from the code's bounds"),
    Allowed("statm.text", "computed from the code's bounds"),
    Allowed("stack.strings_to_end", "strings lie where the kernel put them for the stub, below the name by which it was exec'd, if that is longer"),
    Allowed("stack.end", "as above: more zero bytes"),
)
"""Where the kernel refuses PR_SET_MM_MAP."""

LEFTOVER = (
    Allowed("smaps.leftover*", "one page of the stub stays mapped where the vDSO has no place to unmap it from"),
    Allowed("statm.size", "that page"),
    Allowed("stat.vsize", "that page"),
    Allowed("proc.status.VmSize", "that page"),
)
"""In addition, where `-v` says that a page stays mapped."""

PACKED = (
    Allowed("auxv_strings.AT_EXECFN", "the name by which the packed file was executed, which is not the program's"),
    Allowed("stack.strings", "that name is the last string"),
)
"""In addition, for a packed program."""

UNDER_LD_SO = (Allowed("flags.*", "ld.so's own arithmetic with random addresses"),)
"""In addition, where ld.so has run before the probe; this too differs between any two runs."""


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested dicts and lists with their paths, "a.b.0"; of a list also its length, "a.#"."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flatten(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        yield f"{path}.#", len(value)
        for index, item in enumerate(value):
            yield from flatten(item, f"{path}.{index}")
    else:
        yield path, value


def differences(expected: dict[str, Any], found: dict[str, Any], allowed: tuple[Allowed, ...]) -> list[str]:
    """What differs between two reports of the probe, but for what is allowed: "PATH: EXPECTED, not FOUND"."""
    before, after = dict(flatten(normalise(expected))), dict(flatten(normalise(found)))
    paths = [path for path in dict.fromkeys([*before, *after]) if before.get(path) != after.get(path)]
    patterns = [entry.path for entry in allowed]
    wrong = [path for path in paths if not any(fnmatchcase(path, pattern) for pattern in patterns)]
    return [f"{path}: {before.get(path)!r}, not {after.get(path)!r}" for path in wrong]
