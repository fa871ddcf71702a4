"""The probe in the emulator: the plan carried out directly, and by the stub, must leave the same for a program to see; and what that is, is what the
kernel's own execve of the same probe leaves, on x86-64, and what qemu-user leaves on the other architectures.

What may differ is in the lists here, each entry with its reason; ARCHITECTURE.md has them for readers.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import subprocess
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import probe_normal
import pytest
from probe_allow import LEFTOVER, VARIES, Allowed, flatten
from probe_build import build_probe
from probe_run import Surroundings, direct, through_miniload
from support import MINILOAD, ZIG_CC, compile_c, need, outcome
from test_probe_foreign import under_qemu

from miniload import arch as architectures
from miniload.linux import arch as guest_abi
from miniload.linux.execute import guest_arch

if TYPE_CHECKING:
    from pathlib import Path

UNICORN = (b"--engine", b"unicorn")
ADDR_NO_RANDOMIZE = 0x0040000
AT_SYSINFO_EHDR, AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN = 33, 27, 28
AT_HWCAP, AT_HWCAP2, AT_MINSIGSTKSZ, AT_RANDOM, AT_PLATFORM = 16, 26, 51, 25, 15
DROPPED = (AT_SYSINFO_EHDR, AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN)
"""auxv entries that the emulated kernel does not give: it has no vDSO image for AT_SYSINFO_EHDR, and no rseq."""
_libc = ctypes.CDLL(None, use_errno=True)

VIA_STUB = (
    *LEFTOVER,
    Allowed("smaps.order", "where the leftover page lies, and, on AArch64, which gap between segments the vDSO page has fallen into"),
    Allowed("registers.x16", "AArch64: the entry point, a jump needs one register"),
    Allowed("registers.t1", "RISC-V: the entry point, a jump needs one register"),
    Allowed("below_stack.-8", "x86-64: the entry point, which the last `ret` of miniload took from there"),
    Allowed("proc.status.VmPeak", "the leftover page, which is code"),
    Allowed("proc.status.VmLib", "the leftover page, which is code"),
)
"""What the stub, run in the emulator, leaves that the plan carried out directly does not."""

KERNEL = (
    Allowed("*auxv.16", "AT_HWCAP: the emulated CPU's"),
    Allowed("*auxv.26", "AT_HWCAP2: the emulated CPU's"),
    Allowed("*auxv.51", "AT_MINSIGSTKSZ: a signal frame without AVX is smaller"),
    Allowed("smaps.vdso*", "there is no vDSO: libc makes the system calls"),
    Allowed("smaps.vsyscall*", "nor the legacy page, which lies outside the emulated address space"),
    Allowed("statm.size", "the vDSO"),
    Allowed("stat.vsize", "the vDSO"),
    Allowed("proc.status.VmSize", "the vDSO"),
    Allowed("proc.status.VmPeak", "the vDSO"),
    Allowed("proc.status.VmLib", "the vDSO, which is code"),
    Allowed("state.xcomp_permissions", "the emulated CPU has no XSAVE"),
    Allowed("state.xinuse", "the emulated CPU has no XSAVE"),
    Allowed("state.pkru", "the emulated CPU has no protection keys"),
    Allowed("state.shadow_stack", "the emulated CPU has no shadow stacks"),
    Allowed("state.untag_mask", "the emulated CPU does not ignore address bits"),
    Allowed("state.max_tag_bits", "the emulated CPU does not ignore address bits"),
    Allowed("state.cpuid_allowed", "ARCH_GET_CPUID is not served: as a kernel before 4.12"),
    Allowed("prctl.timing", "PR_GET_TIMING: not served, EINVAL"),
    Allowed("prctl.tsc", "PR_GET_TSC: not served, EINVAL"),
    Allowed("prctl.mce_kill", "PR_MCE_KILL_GET: not served, as without CONFIG_MEMORY_FAILURE"),
    Allowed("prctl.io_flusher", "PR_GET_IO_FLUSHER: not served, as before Linux 5.6"),
    Allowed("prctl.mdwe", "PR_GET_MDWE: not served, as before Linux 6.3"),
    Allowed("prctl.memory_merge", "PR_GET_MEMORY_MERGE: not served, as without CONFIG_KSM"),
    Allowed("prctl.speculation*", "PR_GET_SPECULATION_CTRL: not served; the emulated CPU does not speculate"),
    Allowed("mempolicy", "not served: as a kernel without CONFIG_NUMA"),
    Allowed("rseq_*", "not served: as a kernel without CONFIG_RSEQ"),
    Allowed("proc.status.FDSize", "room for the emulator's own descriptors"),
)
"""What an emulated program sees that one started by the kernel does not, on the same architecture."""

FIXED_PLACES = (
    Allowed("placement.*", "the address space has 46 bits: two thirds of it are elsewhere"),
    Allowed("sp", "the address space has 46 bits"),
    Allowed("stack_end", "the address space has 46 bits"),
    Allowed("brk", "behind the vDSO, which the kernel puts where there is room, or not"),
    Allowed("stat.start_brk", "as brk"),
)
"""In addition, where there is no randomisation, so that addresses are compared as they are."""


# Reports


def shapes_of(arch: str, folder: Path) -> dict[str, Path]:
    static = build_probe(arch, folder / "static")
    return {
        "static": static,
        "fixed": build_probe(arch, folder / "fixed", fixed=True),
        "dynamic": build_probe(arch, folder / "dynamic", interpreter=static),
        "fixed-dynamic": build_probe(arch, folder / "fixed-dynamic", fixed=True, interpreter=static),
        "executable-stack": build_probe(arch, folder / "executable-stack", executable_stack=True),
    }


SHAPES = ("static", "fixed", "dynamic", "fixed-dynamic", "executable-stack")


@pytest.fixture(scope="module")
def guests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """The probes by architecture and shape."""
    return {arch: shapes_of(arch, tmp_path_factory.mktemp(arch)) for arch in architectures.NAMES}


def emulated(program: Path, folder: Path, given: Surroundings, *options: bytes) -> dict[str, Any]:
    """The report of the probe run in the emulator."""
    return through_miniload(program, folder, given, *UNICORN, *options)


def leaves(report: dict[str, Any], *, emulator: bool) -> dict[str, Any]:
    """The leaves of the normalised report. Of an emulated one, the range where images go is the emulated address space's."""
    with pytest.MonkeyPatch.context() as patch:
        if emulator:
            facts = guest_arch(architectures.get(report["machine"]))
            patch.setattr(probe_normal, "ET_DYN_WINDOW", facts.et_dyn_base & -4096)
            patch.setattr(probe_normal, "WINDOW_SIZE", (facts.task_size - facts.et_dyn_base) // 4)
        return dict(flatten(without_dropped(report, probe_normal.normalise(report))))


def without_dropped(report: dict[str, Any], normal: dict[str, Any]) -> dict[str, Any]:
    """The normalised report as it would be without the auxv entries and mappings that the emulator has none of: what lies behind the vector on the
    stack moves by their size."""
    entries = sum(kind in DROPPED for kind, _ in report["auxv"])

    def moved(text: str) -> str:
        return re.sub(r"^sp\+0x([0-9a-f]+)", lambda found: f"sp+{int(found[1], 16) - 16 * entries:#x}", text)

    def kept(pairs: str) -> dict[str, str]:
        found = re.findall(r"(\d+)=(nowhere \([^)]*\)|\S+)", pairs)
        return {kind: moved(value) for kind, value in found if int(kind) not in DROPPED}

    result = {**normal, "stack": {**normal["stack"]}, "proc": {**normal["proc"]}, "smaps": {**normal["smaps"]}}
    result["auxv"] = kept(" ".join(f"{kind}={value}" for kind, value in normal["auxv"].items()))
    result["auxv_order"] = " ".join(kind for kind in normal["auxv_order"].split() if int(kind) not in DROPPED)
    result["stack"]["auxv"] = kept(" ".join(normal["stack"]["auxv"]))
    result["proc"]["auxv"] = kept(normal["proc"]["auxv"])
    for key in ("random_at", "table_end"):
        result["stack"][key] = moved(normal["stack"][key])
    order = [group for group in normal["smaps"]["order"].split() if group not in ("vdso", "vsyscall")]
    result["smaps"]["order"] = " ".join(group for group, before in zip(order, [None, *order], strict=False) if group != before)
    return result


def unlike(expected: dict[str, Any], found: dict[str, Any], allowed: tuple[Allowed, ...]) -> list[str]:
    """What differs but for what is allowed."""
    paths = [path for path in dict.fromkeys([*expected, *found]) if expected.get(path) != found.get(path)]
    wrong = [path for path in paths if not any(fnmatchcase(path, entry.path) for entry in allowed)]
    return [f"{path}: {expected.get(path)!r}, not {found.get(path)!r}" for path in wrong]


# Surroundings


def signals() -> None:
    """Some ignored, some blocked."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(40, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGTERM, signal.SIGUSR2, 50})


def pending() -> None:
    """A blocked signal is pending: it stays so."""
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR2})
    os.kill(os.getpid(), signal.SIGUSR2)


def descriptors() -> None:
    """A file, a device, gaps, and one that is closed by exec."""
    os.dup2(os.open("/etc/passwd", os.O_RDONLY), 7)
    os.dup2(os.open("/dev/zero", os.O_RDWR | os.O_NONBLOCK), 9)
    os.dup2(os.open("/", os.O_RDONLY | os.O_DIRECTORY), 30, inheritable=False)


def attributes() -> None:
    """What exec keeps: umask, directory, niceness, attributes of prctl(2), timers, affinity, policy, limits."""
    os.umask(0o27)
    os.chdir("/usr")
    os.nice(3)
    for option, value in ((1, 15), (29, 123456), (36, 1), (38, 1)):  # PDEATHSIG, TIMERSLACK, CHILD_SUBREAPER, NO_NEW_PRIVS
        _libc.prctl(option, value, 0, 0, 0)
    signal.setitimer(signal.ITIMER_REAL, 300)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 64 << 20))


def no_aslr() -> None:
    """As setarch -R."""
    _libc.personality(ADDR_NO_RANDOMIZE)


ARGUMENTS = [b"", b"caf\xe9", b"-v", b"--", b"x" * 9999, b""]
ENVIRONMENT = [b"A=1", b"NOTHING", b"B=\xff\n", b"A=2", b"", b"=C", b"LD_PRELOAD=none"]
SURROUNDINGS = {
    "plain": Surroundings(),
    "arguments": Surroundings(args=ARGUMENTS),
    "environment": Surroundings(env=ENVIRONMENT),
    "no-environment": Surroundings(env=[]),
    "much": Surroundings(args=[b"%d" % number for number in range(5000)], env=[b"V%d=%s" % (number, b"v" * 100) for number in range(1000)]),
    "signals": Surroundings(prepare=signals),
    "pending": Surroundings(prepare=pending),
    "descriptors": Surroundings(prepare=descriptors),
    "attributes": Surroundings(prepare=attributes),
}


# By the stub as directly


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("arch", architectures.NAMES)
def test_stub_in_the_emulator_leaves_what_the_plan_says(guests: dict[str, dict[str, Path]], tmp_path: Path, arch: str, shape: str) -> None:
    """Expected is the plan carried out directly in guest memory."""
    program, given = guests[arch][shape], Surroundings(args=[b"one", b"two"])
    expected, found = emulated(program, tmp_path, given), emulated(program, tmp_path, given, b"--via-stub")
    assert unlike(leaves(expected, emulator=True), leaves(found, emulator=True), VARIES + VIA_STUB) == []


@pytest.mark.parametrize("name", SURROUNDINGS)
@pytest.mark.parametrize("arch", architectures.NAMES)
def test_stub_in_the_emulator_keeps_the_surroundings(guests: dict[str, dict[str, Path]], tmp_path: Path, arch: str, name: str) -> None:
    """Arguments, environment, signals, descriptors and attributes are not the stub's to change."""
    program, given = guests[arch]["dynamic"], SURROUNDINGS[name]
    expected, found = emulated(program, tmp_path, given), emulated(program, tmp_path, given, b"--via-stub")
    assert unlike(leaves(expected, emulator=True), leaves(found, emulator=True), VARIES + VIA_STUB) == []


@pytest.mark.parametrize("arch", architectures.NAMES)
def test_stub_in_the_emulator_sets_the_exe_link(guests: dict[str, dict[str, Path]], tmp_path: Path, arch: str) -> None:
    """PR_SET_MM is served as the kernel serves it to who may: the highest level is reached."""
    found = emulated(guests[arch]["dynamic"], tmp_path, Surroundings(), b"--via-stub")
    assert found["proc"]["exe"] == str(guests[arch]["dynamic"])


# Against the kernel


def assert_as_by_kernel(program: Path, folder: Path, given: Surroundings, *options: bytes, also: tuple[Allowed, ...] = ()) -> dict[str, Any]:
    """Runs the probe by execve and in the emulator. The report of the emulated one."""
    expected, found = direct(program, folder, given), emulated(program, folder, given, *options)
    assert unlike(leaves(expected, emulator=False), leaves(found, emulator=True), VARIES + KERNEL + also) == []
    return found


@pytest.fixture(scope="module")
def native(guests: dict[str, dict[str, Path]]) -> dict[str, Path]:
    """The probes that the kernel can run too."""
    arch = architectures.host()
    if arch is None or arch.name != "x86_64":
        pytest.skip("needs an x86-64 kernel, whose execve is the oracle")
    return guests[arch.name]


@pytest.mark.parametrize("shape", SHAPES)
def test_emulated_program_sees_what_the_kernel_would_leave(native: dict[str, Path], tmp_path: Path, shape: str) -> None:
    """Expected is the kernel's execve: registers, every byte of the stack, mappings, /proc."""
    assert_as_by_kernel(native[shape], tmp_path, Surroundings(args=[b"one", b"two"]))


@pytest.mark.parametrize("name", SURROUNDINGS)
@pytest.mark.parametrize("shape", ["static", "dynamic"])
def test_emulated_program_inherits_as_by_execve(native: dict[str, Path], tmp_path: Path, shape: str, name: str) -> None:
    """Arguments, environment, signals, descriptors and attributes."""
    assert_as_by_kernel(native[shape], tmp_path, SURROUNDINGS[name])


@pytest.mark.parametrize("shape", ["fixed", "dynamic"])
def test_emulated_program_without_randomisation(native: dict[str, Path], tmp_path: Path, shape: str) -> None:
    """setarch -R: inherited by the emulated program, as its personality too."""
    found = assert_as_by_kernel(native[shape], tmp_path, Surroundings(prepare=no_aslr), also=FIXED_PLACES)
    assert found["personality"] == ADDR_NO_RANDOMIZE


def test_no_aslr_is_setarch_for_an_emulated_program(native: dict[str, Path], tmp_path: Path) -> None:
    """The same report by --no-aslr as under setarch -R, byte by byte where addresses are."""
    asked = emulated(native["dynamic"], tmp_path, Surroundings(), b"--no-aslr")
    inherited = emulated(native["dynamic"], tmp_path, Surroundings(prepare=no_aslr))
    assert unlike(leaves(inherited, emulator=True), leaves(asked, emulator=True), VARIES) == []


# Against qemu-user


@pytest.mark.parametrize("options", [(), (b"--via-stub",)], ids=["direct", "via-stub"])
@pytest.mark.parametrize("shape", ["static", "fixed"])
@pytest.mark.parametrize("arch", [name for name in architectures.NAMES if name != os.uname().machine])
def test_emulated_program_enters_as_under_qemu(guests: dict[str, dict[str, Path]], tmp_path: Path, arch: str, shape: str, options: tuple[bytes, ...]) -> None:
    """Expected is what qemu-user 7.2 leaves. Its /proc, auxv order and CPU are its own, so they are not compared."""
    need(f"qemu-{arch}")
    program, env = guests[arch][shape], [b"A=1", b"B=\xff"]
    expected = under_qemu(arch, program, [b"zero", *ARGUMENTS], env)
    found = emulated(program, program.parent, Surroundings(args=ARGUMENTS, env=env), b"-0", b"zero", *options)
    entry = {"aarch64": "x16", "riscv64": "t1"}[arch] if options else ""
    assert {**found["registers"], entry: 0} == {**expected["registers"], entry: 0}
    for part in ("state", "argc", "argv", "blocked", "pending", "altstack", "umask", "cwd", "ids", "groups"):
        assert found[part] == expected[part], part
    for report in (found, expected):  # qemu-user's own C library keeps 32 and 33 to itself, and hides how they were inherited
        report["signals"][31:33] = []
    assert found["signals"] == expected["signals"]
    large = guest_abi.load(arch).open_flags["O_LARGEFILE"]
    theirs_with_flag = [{**entry, "status_flags": entry["status_flags"] | large} for entry in expected["descriptors"]]
    assert [{**entry, "status_flags": entry["status_flags"] | large} for entry in found["descriptors"]] == theirs_with_flag, "qemu hides O_LARGEFILE"
    assert found["flags"] == 0, "qemu's own differ: start_thread() of the kernel leaves none set"
    assert found["env"] == sorted(expected["env"]), "qemu turns their order round"
    ours, theirs = dict(found["auxv"]), dict(expected["auxv"])
    assert {kind: ours[kind] for kind in (4, 5, 6, 8, 11, 12, 13, 14, 17, 23)} == {kind: theirs[kind] for kind in (4, 5, 6, 8, 11, 12, 13, 14, 17, 23)}
    for kind in (3, 9):  # AT_PHDR and AT_ENTRY: as far from each other
        assert ours[kind] - ours[3] == theirs[kind] - theirs[3]
    assert {name: text for name, text in found["auxv_strings"].items() if name != "AT_RANDOM"} == {
        name: text for name, text in expected["auxv_strings"].items() if name != "AT_RANDOM"
    }


# The initial stack


@pytest.mark.parametrize("arch", architectures.NAMES)
def test_strings_are_contiguous_and_the_stack_is_aligned(guests: dict[str, dict[str, Path]], tmp_path: Path, arch: str) -> None:
    """argv's strings, then envp's, then AT_EXECFN's, then eight zero bytes to the end of a page: fs/exec.c and binfmt_elf.c."""
    program = guests[arch]["static"]
    found = emulated(program, tmp_path, Surroundings(args=ARGUMENTS, env=ENVIRONMENT))
    texts, starts = found["argv"] + found["env"], found["argv_at"] + found["env_at"]
    ends = [start + len(text) + 1 for start, text in zip(starts, texts, strict=True)]
    assert starts[1:] == ends[:-1]
    assert dict(found["auxv"])[31] == ends[-1]
    assert ends[-1] + len(str(program)) + 1 + 8 == found["stack_end"]
    assert found["sp"] % 16 == 0
    assert [entry.encode("latin-1") for entry in found["argv"]] == [os.fsencode(program), *ARGUMENTS]
    assert [entry.encode("latin-1") for entry in found["env"]] == ENVIRONMENT


@pytest.mark.parametrize("arch", architectures.NAMES)
def test_first_argument_and_the_name_of_the_program(guests: dict[str, dict[str, Path]], tmp_path: Path, arch: str) -> None:
    """-0 sets argv[0]; AT_EXECFN stays the name by which the program was found; the exe link has no links in it."""
    program, link = guests[arch]["static"], tmp_path / "link"
    link.symlink_to(program)
    found = emulated(link, tmp_path, Surroundings(args=[b"a"]), b"-0", b"\xff zero")
    assert found["argv"] == ["\xff zero", "a"]
    assert found["auxv_strings"]["AT_EXECFN"] == str(link)
    assert found["proc"]["exe"] == str(program)
    assert found["proc"]["comm"] == "link\n"
    assert found["proc"]["cmdline"] == "\xff zero\0a\0"


# Addresses


def places(report: dict[str, Any]) -> dict[str, int]:
    origins = probe_normal.Places(report).origins
    return {**{name: origins[name] for name in ("program", "interpreter", "stack")}, "brk": report["brk"]}


@pytest.mark.parametrize("options", [(), (b"--via-stub",)], ids=["direct", "via-stub"])
@pytest.mark.parametrize("arch", architectures.NAMES)
def test_no_aslr_gives_the_same_addresses(guests: dict[str, dict[str, Path]], tmp_path: Path, arch: str, options: tuple[bytes, ...]) -> None:
    """Twice the same, to the bit."""
    first, second = (emulated(guests[arch]["dynamic"], tmp_path, Surroundings(), b"--no-aslr", *options) for _ in range(2))
    assert places(first) == places(second)
    assert (first["sp"], first["registers"]) == (second["sp"], second["registers"])


@pytest.mark.parametrize("options", [(), (b"--via-stub",)], ids=["direct", "via-stub"])
@pytest.mark.parametrize("arch", architectures.NAMES)
def test_addresses_and_random_bytes_differ_between_runs(guests: dict[str, dict[str, Path]], tmp_path: Path, arch: str, options: tuple[bytes, ...]) -> None:
    """Each place has at least 13 random bits (the heap of RISC-V); three alike by chance: less than once in 2^26 runs."""
    runs = [emulated(guests[arch]["dynamic"], tmp_path, Surroundings(), *options) for _ in range(3)]
    for name in ("program", "interpreter", "stack", "brk"):
        assert len({places(run)[name] for run in runs}) > 1, name
    random = {run["auxv_strings"]["AT_RANDOM"] for run in runs}
    assert len(random) == 3
    assert "00" * 16 not in random


# /proc


def kilobytes(text: str) -> int:
    return int(text.removesuffix(" kB"))


@pytest.mark.parametrize("arch", architectures.NAMES)
def test_sizes_in_proc_agree(guests: dict[str, dict[str, Path]], tmp_path: Path, arch: str) -> None:
    """smaps, stat, statm and status are of the same memory: the guest's, which is less than a few MiB, of which not more is there than there is."""
    report = emulated(guests[arch]["dynamic"], tmp_path, Surroundings())
    normal = probe_normal.normalise(report)
    mapped = sum(vma.end - vma.start for vma in probe_normal.parse_smaps(report["smaps"]))
    assert mapped == int(normal["stat"]["vsize"]) == 4096 * int(normal["statm"]["size"]) == 1024 * kilobytes(normal["proc"]["status"]["VmSize"])
    assert mapped < 4 << 20
    there = 4 * sum(map(int, re.findall(r"^Rss: +(\d+) kB$", report["smaps"], re.MULTILINE))) // 4
    for size in (there << 10, 4096 * int(normal["stat"]["rss"]), 4096 * int(normal["statm"]["resident"]), 1024 * kilobytes(normal["proc"]["status"]["VmRSS"])):
        assert 16 << 10 < size <= mapped
    parts = sum(kilobytes(normal["proc"]["status"][name]) for name in ("RssAnon", "RssFile", "RssShmem"))
    assert parts == kilobytes(normal["proc"]["status"]["VmRSS"])


READER = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void show(int directory, const char *name)
{
    char bytes[4096];
    int fd = openat(directory, name, O_RDONLY);
    if (fd < 0) {
        printf("error\n");
        return;
    }
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;)
        fwrite(bytes, 1, n, stdout);
    close(fd);
}

/* Reads the files that its arguments name, where "%d" stands for the number of this thread, in the directory that the first one names. */
static void *read_all(void *given)
{
    char name[256], **names = given;
    int directory = names[0][0] ? open(names[0], O_RDONLY | O_DIRECTORY) : AT_FDCWD;
    while (*++names) {
        snprintf(name, sizeof name, *names, (int)syscall(SYS_gettid));
        show(directory, name);
        printf("<next file>");
    }
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t thread;
    if (strcmp(argv[1], "thread"))
        read_all(argv + 2);
    else if (!pthread_create(&thread, NULL, read_all, argv + 2))
        pthread_join(thread, NULL);
    return 0;
}
"""


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A program that shows files, for each architecture."""
    folder = tmp_path_factory.mktemp("readers")
    source = folder / "reader.c"
    source.write_text(READER)
    return {arch: compile_c(source, folder / arch, "-static", "-O1", compiler=[*ZIG_CC, "-target", f"{arch}-linux-musl"]) for arch in architectures.NAMES}


def contents(program: Path, who: str, folder: str, *names: str, options: tuple[str, ...] = ("--engine", "unicorn")) -> list[str]:
    """The files' texts as the emulated program, or a thread of it, reads them."""
    status, stdout, stderr = outcome([*MINILOAD, *options, str(program), who, folder, *names])
    assert (status, stderr) == (0, b"")
    return stdout.decode("latin-1").split("<next file>")[:-1]


THREAD_FILES = ("maps", "smaps", "stat", "statm", "status", "cmdline", "environ", "auxv", "comm", "limits", "personality")


@pytest.mark.parametrize("arch", architectures.NAMES)
@pytest.mark.parametrize("spelling", ["/proc/thread-self/", "/proc/self/task/%d/", "/proc/%d/", "//proc/self/../self/./task/%d/"])
def test_files_of_a_thread_tell_of_the_guest(readers: dict[str, Path], arch: str, spelling: str) -> None:
    """However the thread is named: its number is in stat and status, its program's memory in the others, and nothing of the emulator."""
    program = readers[arch]
    texts = contents(program, "thread", "", *(spelling + name for name in THREAD_FILES))
    files = dict(zip(THREAD_FILES, texts, strict=True))
    assert "error\n" not in texts
    found = re.search(r"^Pid:\t(\d+)$", files["status"], re.MULTILINE)
    assert found is not None
    if "self" in spelling:
        assert files["stat"].split()[0] == found[1]
    assert re.search(r"^Threads:\t2$", files["status"], re.MULTILINE)
    assert files["stat"].rpartition(")")[2].split()[17] == "2"  # num_threads, field 20
    assert files["comm"] == f"{arch}\n"
    assert files["cmdline"].startswith(f"{program}\0thread\0")
    assert str(program) in files["maps"]
    assert not re.search(r"unicorn|python|vcpu", files["maps"] + files["smaps"])


@pytest.mark.parametrize("arch", architectures.NAMES)
def test_files_below_an_opened_directory(readers: dict[str, Path], arch: str) -> None:
    """openat(2) below /proc/self finds the same files as by their whole names."""
    program = readers[arch]
    names = ("maps", "auxv", "cmdline", "../self/environ", "task/../personality")
    below = contents(program, "main", "/proc/self", *names, options=("--engine", "unicorn", "--no-aslr"))
    whole = contents(program, "main", "", *("/proc/self/" + name for name in names), options=("--engine", "unicorn", "--no-aslr"))
    assert below[0] == whole[0]
    assert below[3:] == whole[3:]
    assert "main\0/proc/self\0maps" in below[2]


def rows(name: str, text: str) -> list[str] | int:
    """What of a file is the same on every machine: the names of its rows, or how many fields it has."""
    if name in ("stat", "statm"):
        return len(text.split())
    if name == "limits":
        return [line[:25].rstrip() for line in text.splitlines()]
    if name in ("smaps", "smaps_rollup"):
        return list(dict.fromkeys(re.findall(r"^([A-Z]\w+):", text, re.MULTILINE)))
    return re.findall(r"^(\w+):", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["stat", "statm", "status", "limits", "smaps", "smaps_rollup"])
@pytest.mark.parametrize("arch", architectures.NAMES)
def test_files_have_the_kernels_rows(readers: dict[str, Path], arch: str, name: str) -> None:
    """Expected is what the kernel shows to a program of this machine, but for rows that only some CPUs have."""
    with open(f"/proc/self/{name}") as file:
        expected = rows(name, file.read())
    found = rows(name, contents(readers[arch], "main", "", f"/proc/self/{name}")[0])
    own = {"THPeligible", "ProtectionKey", "x86_Thread_features", "x86_Thread_features_locked"}
    if isinstance(expected, int):
        assert found == expected
    else:
        assert isinstance(found, list)
        assert [row for row in found if row not in own] == [row for row in expected if row not in own]


@pytest.mark.parametrize("arch", architectures.NAMES)
def test_stack_limit_in_proc(readers: dict[str, Path], arch: str) -> None:
    """-s is RLIMIT_STACK to the guest; the emulator has its own."""
    limits = contents(readers[arch], "main", "", "/proc/self/limits", options=("--engine", "unicorn", "-s", "2M"))[0]
    found = re.search(r"^Max stack size +(\d+) ", limits, re.MULTILINE)
    assert found is not None
    assert found[1] == str(2 << 20)


@pytest.mark.parametrize("arch", architectures.NAMES)
def test_memory_of_the_emulator_cannot_be_opened(readers: dict[str, Path], arch: str) -> None:
    """/proc/self/mem would show the host process."""
    names = ("/proc/self/mem", "/proc/thread-self/mem", "/proc/self/task/%d/mem", "//proc/self/mem", "/proc/../proc/self/./mem")
    assert contents(readers[arch], "main", "", *names) == ["error\n"] * len(names)


LONG_DOUBLE = r"""
#include <stdio.h>
int main(void)
{
    volatile long double one = 1, three = 3, third = one / three;
    unsigned control = 0, word = 0;
    __asm__("fnstcw %0" : "=m"(word));
    __asm__("stmxcsr %0" : "=m"(control));
    printf("%.20Lf %x %x\n", third, word & 0xffff, control);
}
"""


def test_floating_point_unit_begins_as_on_the_machine(native: dict[str, Path], tmp_path: Path) -> None:
    """Full precision, nearest, every exception masked: the same by execve."""
    del native
    source = tmp_path / "third.c"
    source.write_text(LONG_DOUBLE)
    program = compile_c(source, tmp_path / "third", "-static", compiler=[*ZIG_CC, "-target", "x86_64-linux-musl"])
    expected = subprocess.run([program], check=True, capture_output=True)
    assert outcome([*MINILOAD, "--engine", "unicorn", str(program)]) == (0, expected.stdout, b"")
