"""The probe's report in a form in which two runs can be compared: addresses become places.

Addresses are random, what they point to is not. So an address in an image becomes its distance from the image's start, one on the
stack its distance from the stack pointer or from the first string, and so on; nothing is left out for being an address. Where there is no
randomisation (setarch -R), the addresses that exec fixes are kept as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import iter_unpack, unpack_from
from typing import Any

ADDR_NO_RANDOMIZE = 0x0040000
AT_PHDR, AT_BASE, AT_RANDOM, AT_EXECFN, AT_PLATFORM, AT_BASE_PLATFORM = 3, 7, 25, 31, 15, 24
WORD = 8
GIB = 1 << 30
ET_DYN_WINDOW, WINDOW_SIZE = 0x5555_5555_4000, 1 << 40
"""x86-64: ELF_ET_DYN_BASE, rounded down to a page, and the range of 28 random bits of pages."""
PF_SUPERPRIV = 0x100
GAP_LIMIT = 8192
"""x86-64: arch_align_stack() subtracts less than that, and aligns."""
X86_STATUS_FLAGS = {"CF": 1, "PF": 4, "AF": 0x10, "ZF": 0x40, "SF": 0x80, "OF": 0x800}
ADDRESS_FLOOR = 0x10000
"""Smaller numbers are numbers."""
STAT_FIELDS = (
    "pid", "comm", "state", "ppid", "pgrp", "session", "tty_nr", "tpgid", "flags", "minflt", "cminflt", "majflt", "cmajflt", "utime", "stime",
    "cutime", "cstime", "priority", "nice", "num_threads", "itrealvalue", "starttime", "vsize", "rss", "rsslim", "startcode", "endcode",
    "startstack", "kstkesp", "kstkeip", "signal", "blocked", "sigignore", "sigcatch", "wchan", "nswap", "cnswap", "exit_signal", "processor",
    "rt_priority", "policy", "delayacct_blkio_ticks", "guest_time", "cguest_time", "start_data", "end_data", "start_brk", "arg_start", "arg_end",
    "env_start", "env_end", "exit_code",
)  # fmt: skip
"""proc_pid_stat(5), in order."""
STATM_FIELDS = ("size", "resident", "shared", "text", "lib", "data", "dt")
STAT_ADDRESSES = {"startcode", "endcode", "startstack", "kstkesp", "kstkeip", "start_data", "end_data", "arg_start", "arg_end", "env_start", "env_end"}
KERNEL_GROUPS = {"[vvar]": "vdso", "[vvar_vclock]": "vdso", "[vdso]": "vdso", "[stack]": "stack", "[heap]": "heap", "[vsyscall]": "vsyscall"}


@dataclass
class Vma:
    """One mapping, as /proc/self/smaps shows it."""

    start: int
    end: int
    permissions: str
    offset: int
    device: str
    inode: int
    name: str
    flags: str = ""
    group: str = "other"

    def described(self, origin: int) -> str:
        place = "" if self.group == "other" else f"{self.start - origin:+#x} "
        return f"{place}size {self.end - self.start:#x} {self.permissions} {self.offset:#x} {self.device} {self.inode} {self.name} [{self.flags}]"


class Places:
    """The address space of one report: what each address belongs to."""

    def __init__(self, report: dict[str, Any]) -> None:
        self.auxv = dict(report["auxv"])
        self.random = not report["personality"] & ADDR_NO_RANDOMIZE
        self.sp = report["sp"]
        self.strings = report["argv_at"][0] if report["argv_at"] else self.auxv[AT_EXECFN]
        self.end = report["stack_end"]
        self.vmas = parse_smaps(report["smaps"] if isinstance(report["smaps"], str) else "")
        self._name_groups()
        # An image's origin is where its program headers' page is: the first page of its file.
        self.origins = {"program": self.auxv[AT_PHDR] & -4096, "interpreter": self.auxv.get(AT_BASE, 0), "stack": self.end}
        for vma in reversed(self.vmas):
            if vma.group not in ("program", "interpreter", "stack"):
                self.origins[vma.group] = vma.start

    def _name_groups(self) -> None:
        names = {}
        for address, group in ((self.auxv[AT_PHDR], "program"), (self.auxv.get(AT_BASE, 0), "interpreter")):
            names.update({vma.name: group for vma in self.vmas if vma.start <= address < vma.end and vma.name})
        before = None
        for vma in self.vmas:
            if vma.name in names:
                vma.group = names[vma.name]
            elif vma.name in KERNEL_GROUPS:
                vma.group = KERNEL_GROUPS[vma.name]
            elif vma.name.startswith("/memfd:") or "/_built/stub-" in vma.name:
                vma.group = "leftover"
            elif not vma.name and before is not None and before.end == vma.start and before.group in ("program", "interpreter"):
                vma.group = before.group
            before = vma

    def of(self, address: int) -> str:
        """An address as a place, a small number as itself. Exact ends of a mapping belong to it, as end pointers do."""
        if address < ADDRESS_FLOOR:
            return str(address)
        if self.strings <= address <= self.end:
            return f"strings{address - self.strings:+#x}"
        for vma in self.vmas:
            if vma.start <= address < vma.end:
                if vma.group == "stack":
                    return f"sp{address - self.sp:+#x}"
                if vma.group == "other":
                    return f"{vma.name or 'anonymous'}+{address - vma.start:#x}"
                return f"{vma.group}{address - self.origins[vma.group]:+#x}"
        return f"nowhere ({address:#x})"

    def groups(self) -> dict[str, list[str]]:
        """The mappings of each group, relative to its origin."""
        found: dict[str, list[str]] = {}
        for vma in self.vmas:
            found.setdefault(vma.group, []).append(vma.described(self.origins[vma.group]))
        return found

    def order(self) -> str:
        """The groups from low to high addresses."""
        names = [vma.group for vma in self.vmas]
        return " ".join(name for name, before in zip(names, [None, *names], strict=False) if name != before)

    def placement(self, group: str) -> str:
        """Which part of the address space exec chose for an image; the very address where there is nothing to choose."""
        origin = self.origins[group]
        window = ET_DYN_WINDOW <= origin < ET_DYN_WINDOW + WINDOW_SIZE
        if origin < 1 << 32 or (window and not self.random):
            return hex(origin)
        return "window" if window else "mmap area"

    def heap(self, start: int) -> str:
        """The start of the heap: within 1 GiB of where it is without randomisation, which is the program's end, or, for a program in the mmap
        area, the window that is left free (exec.md F)."""
        ends = [vma.end for vma in self.vmas if vma.group == "program"]
        base, name = (ET_DYN_WINDOW + 4096, "window") if self.placement("program") == "mmap area" else (max(ends, default=0), "program's end")
        distance = start - base
        if self.random and 0 <= distance <= GIB + 4096:
            return f"within 1 GiB of the {name}"
        return f"{name}{distance:+#x}"


def parse_smaps(text: str) -> list[Vma]:
    """The mappings with their VmFlags."""
    vmas: list[Vma] = []
    for line in text.splitlines():
        head = re.fullmatch(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) (\S+) (\d+)\s*(.*)", line)
        if head:
            start, end, permissions, offset, device, inode, name = head.groups()
            vmas.append(Vma(int(start, 16), int(end, 16), permissions, int(offset, 16), device, int(inode), name))
        elif line.startswith("VmFlags:"):
            vmas[-1].flags = line.split(":", 1)[1].strip()
    return vmas


def normalise(report: dict[str, Any]) -> dict[str, Any]:
    """The report with places for addresses and parsed texts; see the module's docstring."""
    places = Places(report)
    result = dict(report)
    for key in ("auxv_at", "env_array_at"):
        result[key] = places.of(report[key])
    for key in ("argv_at", "env_at"):
        result[key] = [places.of(address) for address in report[key]]
    result["sp"] = f"{report['sp'] % 16} over a multiple of 16" if places.random else hex(report["sp"])
    result["stack_end"] = f"{report['stack_end'] % 4096} over a page" if places.random else hex(report["stack_end"])
    result["flags"] = _flags(report)
    result["state"] = _state(report["state"], places)
    result["robust_list"] = places.of(report["robust_list"])
    result["prctl"] = {**report["prctl"], "tid_address": places.of(report["prctl"]["tid_address"])}
    result["registers"] = {name: places.of(value) for name, value in report["registers"].items()}
    result["auxv"] = {str(kind): places.of(value) for kind, value in report["auxv"]}
    result["auxv_order"] = " ".join(str(kind) for kind, _ in report["auxv"])
    result["stack"] = describe_stack(report, places)
    result["below_stack"] = {f"-{distance}": places.of(value) for distance, value in report["below_stack"]}
    result["brk"] = places.heap(report["brk"])
    result["smaps"] = {**places.groups(), "order": places.order()}
    result["placement"] = {group: places.placement(group) for group in ("program", "interpreter")}
    result["heap"] = {key: value for key, value in report["heap"].items() if key != "maps"}
    result["heap"]["maps"] = [" ".join(line.split()[1:]) for line in str(report["heap"]["maps"]).splitlines() if line.endswith("[heap]")]
    result["itimers"] = [[interval, "running" if left else "stopped"] for interval, left in report["itimers"]]
    result["stat"] = _stat(report["stat"], places)
    result["statm"] = dict(zip(STATM_FIELDS, str(report["statm"]).split(), strict=False))
    result["proc"] = _proc(report["proc"], places)
    return result


def _stat(text: Any, places: Places) -> Any:
    if not isinstance(text, str):
        return text
    before, comm, after = re.fullmatch(r"(\d+) \((.*)\) (.*)\n", text, re.DOTALL).groups()  # type: ignore[union-attr]
    fields: dict[str, str] = dict(zip(STAT_FIELDS, [before, comm, *after.split()], strict=True))
    for name in STAT_ADDRESSES:
        fields[name] = places.of(int(fields[name]))
    fields["start_brk"] = places.heap(int(fields["start_brk"]))
    flags = int(fields["flags"])
    fields["flags"] = hex(flags & ~PF_SUPERPRIV)
    fields["flags_superpriv"] = str(bool(flags & PF_SUPERPRIV))
    return fields


def _flags(report: dict[str, Any]) -> dict[str, int]:
    """The status flags one by one, the rest as a number."""
    names = X86_STATUS_FLAGS if report["machine"] == "x86_64" else {}
    status = {name: int(bool(report["flags"] & bit)) for name, bit in names.items()}
    return {**status, "others": report["flags"] & ~sum(names.values())}


def _state(state: dict[str, Any], places: Places) -> dict[str, Any]:
    """Registers with addresses in them as places; the rest as it is."""
    result = dict(state)
    for name in ("fs_base", "gs_base", "tpidr_el0"):
        if name in state:
            result[name] = places.of(state[name])
    if "xinuse" in state:
        # After a task switch the processor may count x87 and SSE as in use or not; their values are in the report themselves.
        result["xinuse"] = state["xinuse"] & ~3
    if "xmm" in state:
        result["xmm"] = [places.of(word) for (word,) in iter_unpack("<Q", bytes.fromhex(state["xmm"]))]
    return result


def _proc(files: dict[str, Any], places: Places) -> dict[str, Any]:
    result = dict(files)
    for name in ("status", "limits"):
        if isinstance(files[name], str):
            lines = [re.split(r":\t*|  +", line, maxsplit=1) for line in files[name].splitlines()]
            result[name] = {key: rest.strip() for key, rest in lines}
    if isinstance(files["auxv"], str):
        pairs = iter_unpack("<QQ", files["auxv"].encode("latin-1"))
        result["auxv"] = " ".join(f"{kind}={places.of(value)}" for kind, value in pairs)
    return result


def describe_stack(report: dict[str, Any], places: Places) -> dict[str, Any]:
    """Every byte from the stack pointer to the stack's end, piece by piece from low to high, each with its distance."""
    data = bytes.fromhex(report["stack"])
    sp, auxv = places.sp, places.auxv

    def piece(start: int, end: int) -> bytes:
        return data[start - sp : end - sp]

    argc = unpack_from("<Q", data)[0]
    auxv_end = report["auxv_at"] + 16 * len(report["auxv"])
    random = auxv[AT_RANDOM]
    platforms = [auxv[kind] for kind in (AT_PLATFORM, AT_BASE_PLATFORM) if kind in auxv]
    table_end = max([random + 16, *(address + len(_string(data, address - sp)) + 1 for address in platforms)])
    strings_end = auxv[AT_EXECFN] + len(_string(data, auxv[AT_EXECFN] - sp)) + 1
    gap = piece(table_end, places.strings)
    size = f"less than {GAP_LIMIT + 16}" if places.random and len(gap) < GAP_LIMIT + 16 else str(len(gap))
    return {
        "argc": argc,
        "argv": [places.of(word) for (word,) in iter_unpack("<Q", piece(sp + WORD, report["env_array_at"]))],
        "envp": [places.of(word) for (word,) in iter_unpack("<Q", piece(report["env_array_at"], report["auxv_at"]))],
        "auxv": [f"{kind}={places.of(value)}" for kind, value in iter_unpack("<QQ", piece(report["auxv_at"], auxv_end))],
        "padding": piece(auxv_end, random).hex(),
        "random_at": places.of(random),
        "platform": piece(random + 16, table_end).hex(),
        "table_end": f"{places.of(table_end)}, {table_end % 16} over a multiple of 16",
        "gap": f"{size} bytes, {len(gap) - gap.count(0)} of them not zero",
        "strings": piece(places.strings, strings_end).decode("latin-1"),
        "strings_to_end": places.end - places.strings,
        "end": piece(strings_end, places.end).hex(),
    }


def _string(data: bytes, at: int) -> bytes:
    return data[at : data.index(b"\0", at)]
