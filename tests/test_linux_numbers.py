"""The numbers of Linux: system calls against the kernel's headers, names of flags against the C compiler, their printing against strace."""

from __future__ import annotations

import importlib
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, ZIG_CC, need

from miniload.linux import symbolic
from miniload.linux.choices import CHOICES
from miniload.linux.errnos import ERRNOS, failure
from miniload.linux.flags import FLAGS
from miniload.linux.table import TABLE

sys.path.insert(0, str(ROOT / "tools"))
import make_syscalls

ARCHES = ("x86_64", "aarch64", "riscv64")
HEADERS = Path("/usr/include")
NUMBERS = importlib.import_module("miniload.arch.x86_64.syscalls").NUMBERS
OWN = importlib.import_module("miniload.arch.x86_64.abi").FLAGS
STRACE_VERSION = "6.1"


# the numbers of system calls


@pytest.mark.parametrize("arch", ARCHES)
def test_numbers_agree_with_installed_headers(arch: str) -> None:
    """Expected: what this machine's kernel headers say, which may be older than ours and then have fewer calls, never other numbers."""
    if not (HEADERS / "asm-generic" / "unistd.h").exists():
        pytest.skip("needs the kernel's uapi headers in /usr/include (linux-libc-dev)")
    need("cpp")
    ours = importlib.import_module(f"miniload.arch.{arch}.syscalls").NUMBERS
    theirs = make_syscalls.numbers(HEADERS, arch)
    assert len(theirs) > 300
    assert {name: ours.get(name) for name in theirs} == theirs


@pytest.mark.parametrize("arch", ARCHES)
def test_module_is_what_the_tool_writes(arch: str) -> None:
    """Expected: the tool's own text for these numbers, so nobody has edited the file by hand and it is in number order."""
    text = (ROOT / "arch" / arch / "syscalls.py").read_text()
    release = re.search(r"Linux (\S+)", text)
    numbers = importlib.import_module(f"miniload.arch.{arch}.syscalls").NUMBERS
    ordered = dict(sorted(numbers.items(), key=lambda item: (item[1], item[0])))
    assert release
    assert text == make_syscalls.module(arch, release[1], ordered)


def test_definitions_refuse_what_is_no_number() -> None:
    """A header of a kind that the tool does not know is an error, not a wrong table."""
    with pytest.raises(ValueError, match="__NR_read"):
        make_syscalls.definitions("#define __NR_read (__NR_Linux + 3)\n")


def test_definitions_follow_the_names_of_both_word_sizes() -> None:
    """asm-generic/unistd.h: `__NR3264_lseek 62` and, for 64 bits, `__NR_lseek __NR3264_lseek`; fstatat is newfstatat there."""
    text = "#define __NR3264_fstatat 79\n#define __NR_newfstatat __NR3264_fstatat\n#define __NR_syscalls 500\n"
    assert make_syscalls.definitions(text) == {"newfstatat": 79}


# names against the compiler

INCLUDES = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/sem.h>
#include <sys/msg.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/file.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
"""


def macros(command: list[str], names: set[str]) -> dict[str, int]:
    """The values of those of the names that are macros whose expansion is a constant expression, by the compiler's preprocessor."""
    defined = subprocess.run([*command, "-E", "-dM", "-xc", "-"], input=INCLUDES, capture_output=True, text=True, check=True).stdout
    wanted = sorted(names & set(re.findall(r"^#define (\w+) ", defined, re.MULTILINE)))
    rows = "\n".join(f"VALUE_{name} = {name}" for name in wanted)
    text = subprocess.run([*command, "-E", "-P", "-xc", "-"], input=INCLUDES + rows, capture_output=True, text=True, check=True).stdout
    values = {}
    for name, expression in re.findall(r"VALUE_(\w+) = (.+)", text):
        plain = re.sub(r"(0[xX][0-9a-fA-F]+|\d+)[uUlL]+\b", r"\1", expression.replace("(int)", "").replace("(__force unsigned)", ""))
        plain = re.sub(r"\b0([0-7]+)\b", r"0o\1", plain)
        if re.fullmatch(r"[0-9a-fxoA-FX|<~()\s+-]+", plain):
            values[name] = eval(plain)
    return values


def named(arch: str) -> dict[str, int]:
    """All names of flags and choices with the values that an architecture has."""
    own = importlib.import_module(f"miniload.arch.{arch}.abi").FLAGS
    found = {name: value for kind in FLAGS for value, name in symbolic.names(kind, own) if value >= 0}
    for kind in CHOICES:
        found.update({name: value for value, name in symbolic.chosen(kind).items()})
    return found


DIFFERENT = {
    "O_LARGEFILE",  # 0 in the C library of a 64-bit architecture, whose open always has it
    "__O_TMPFILE",  # O_TMPFILE, with O_DIRECTORY, in the C library
    "F_GETLK64",  # the C library's names of F_GETLK, F_SETLK and F_SETLKW on 64 bits
    "F_SETLK64",
    "F_SETLKW64",
    "SIGRTMIN",  # the C library keeps two for itself
}


@pytest.mark.parametrize(("arch", "compiler"), [("x86_64", ["gcc"]), *((arch, [*ZIG_CC, "-target", f"{arch}-linux-gnu"]) for arch in ARCHES[1:])])
def test_names_have_the_values_of_the_compiler(arch: str, compiler: list[str]) -> None:
    """Expected: what the C library's and the kernel's headers for that architecture define."""
    need(compiler[0])
    ours = named(arch)
    theirs = macros(compiler, set(ours) - DIFFERENT)
    assert len(theirs) > 400
    assert {name: hex(ours[name]) for name in theirs} == {name: hex(value & 0xFFFF_FFFF) for name, value in theirs.items()}


@pytest.mark.parametrize("arch", ARCHES)
def test_large_file_flag(arch: str) -> None:
    """Expected: O_LARGEFILE of asm-generic/fcntl.h and of arch/arm64/include/uapi/asm/fcntl.h."""
    values = importlib.import_module(f"miniload.arch.{arch}.abi").OPEN_FLAGS
    assert values["O_LARGEFILE"] == {"aarch64": 0o400000}.get(arch, 0o100000)


@pytest.mark.parametrize("arch", ARCHES)
def test_guest_and_abi_agree_on_open_flags(arch: str) -> None:
    """What the personality converts and what --strace prints are the same facts."""
    values = importlib.import_module(f"miniload.arch.{arch}.abi").OPEN_FLAGS
    guest = importlib.import_module(f"miniload.arch.{arch}.guest")
    ours = next(value.open_flags for value in vars(guest).values() if hasattr(value, "open_flags"))
    assert {name: values[name] for name in ours} == ours


def test_the_table_names_only_kinds_that_there_are() -> None:
    """table.py: a kind that is no number, string, pointer or struct is a set of names."""
    other = {"fd", "dirfd", "int", "uint", "long", "size", "off", "hex", "path", "lpath", "apath", "str", "ptr", "argv", "envp"}
    kinds = {word.split(":")[1] for row in TABLE.values() if not row.startswith("no:") for word in row.split()[1:]}
    kinds = {kind for kind in kinds if kind not in other and not re.match(r"(in|out|io|iovin|iovout)\b", kind)}
    assert {kind for kind in kinds if not symbolic.has(kind)} == set()


# printing against strace

V = "value"
"""Stands for the number that is tried."""
PATH, BUFFER = "path", "buffer"
Call = tuple[str, list[object], int]
PLAIN: dict[str, Call] = {  # kind: system call, its arguments, which of them strace is to print
    "open": ("openat", [-100, PATH, V, 0], 2),
    "pipe": ("pipe2", [BUFFER, V], 1),
    "at": ("linkat", [-100, PATH, -100, PATH, V], 4),
    "faccessat": ("faccessat2", [-100, PATH, 0, V], 3),
    "statx_flags": ("statx", [-100, PATH, V, 0, BUFFER], 2),
    "statx": ("statx", [-100, PATH, 0, V, BUFFER], 3),
    "name_to_handle_at": ("name_to_handle_at", [-100, PATH, BUFFER, BUFFER, V], 4),
    "access": ("access", [PATH, V], 1),
    "close_range": ("close_range", [1, 2, V], 2),
    "fcntl": ("fcntl", [1, V, 0], 1),
    "seals": ("fcntl", [1, 1033, V], 2),
    "fd_flags": ("fcntl", [1, 2, V], 2),
    "dnotify": ("fcntl", [1, 1026, V], 2),
    "flock": ("flock", [1, V], 1),
    "rename": ("renameat2", [-100, PATH, -100, PATH, V], 4),
    "xattr": ("setxattr", [PATH, PATH, 0, 0, V], 4),
    "file_mode": ("mknodat", [-100, PATH, V, 0], 2),
    "mode": ("mkdirat", [-100, PATH, V], 2),
    "seek": ("lseek", [1, 0, V], 2),
    "fadvise": ("fadvise64", [1, 0, 0, V], 3),
    "rwf": ("preadv2", [1, 0, 0, 0, 0, V], 4),
    "splice": ("tee", [1, 2, 1, V], 3),
    "sync_file_range": ("sync_file_range", [1, 0, 0, V], 3),
    "fallocate": ("fallocate", [1, V, 0, 0], 1),
    "memfd": ("memfd_create", [PATH, V], 1),
    "ioctl": ("ioctl", [0, V, 0], 1),
    "prot": ("mprotect", [0, 4096, V], 2),
    "map": ("mmap", [0, 4096, 0, V, -1, 0], 3),
    "mremap": ("mremap", [0, 1, 2, V, 0], 3),
    "msync": ("msync", [0, 1, V], 2),
    "mlockall": ("mlockall", [V], 0),
    "mlock2": ("mlock2", [0, 1, V], 2),
    "madvise": ("madvise", [0, 0, V], 2),
    "unshare": ("unshare", [V], 0),
    "setns": ("setns", [3, V], 1),
    "wait": ("wait4", [1, 0, V, 0], 2),
    "idtype": ("waitid", [V, 0, 0, 4, 0], 0),
    "futex": ("futex", [BUFFER, V, 1, 0, 0, 0], 1),
    "rlimit": ("getrlimit", [V, 0], 0),
    "rusage": ("getrusage", [V, 0], 0),
    "priority": ("getpriority", [V, 0], 0),
    "sched": ("sched_setscheduler", [0, V, 0], 1),
    "membarrier": ("membarrier", [V, 0, 0], 0),
    "personality": ("personality", [V], 0),
    "prctl": ("prctl", [V, 0, 0, 0, 0], 0),
    "arch_prctl": ("arch_prctl", [V, 0], 0),
    "ptrace": ("ptrace", [V, 1, 0, 0], 0),
    "seccomp": ("seccomp", [V, 0, 0], 0),
    "pidfd": ("pidfd_open", [1, V], 1),
    "signal": ("kill", [1, V], 1),
    "sigmask_how": ("rt_sigprocmask", [V, 0, 0, 8], 0),
    "clock": ("clock_gettime", [V, 0], 0),
    "timer": ("clock_nanosleep", [0, V, 0, 0], 1),
    "timerfd": ("timerfd_create", [0, V], 1),
    "itimer": ("getitimer", [V, 0], 0),
    "address_family": ("socket", [V, 1, 0], 0),
    "socket_type": ("socket", [2, V, 0], 1),
    "ip_protocol": ("socket", [2, 1, V], 2),
    "netlink": ("socket", [16, 3, V], 2),
    "bluetooth": ("socket", [31, 3, V], 2),
    "socket_level": ("setsockopt", [1, V, 1000, 0, 0], 1),
    "so": ("setsockopt", [1, 1, V, 0, 0], 2),
    "ip": ("setsockopt", [1, 0, V, 0, 0], 2),
    "ipv6": ("setsockopt", [1, 41, V, 0, 0], 2),
    "tcp": ("setsockopt", [1, 6, V, 0, 0], 2),
    "udp": ("setsockopt", [1, 17, V, 0, 0], 2),
    "socket_flags": ("accept4", [1, 0, 0, V], 3),
    "msg": ("sendto", [1, BUFFER, 0, V, 0, 0], 3),
    "shutdown": ("shutdown", [1, V], 1),
    "epoll_create": ("epoll_create1", [V], 0),
    "epoll_op": ("epoll_ctl", [1, V, 1, 0], 1),
    "eventfd": ("eventfd2", [0, V], 1),
    "signalfd": ("signalfd4", [1, 0, 8, V], 3),
    "inotify": ("inotify_init1", [V], 0),
    "inotify_mask": ("inotify_add_watch", [1, PATH, V], 2),
    "getrandom": ("getrandom", [BUFFER, 1, V], 2),
    "ipc": ("semget", [1, 1, V], 2),
    "shmget": ("shmget", [1, 1, V], 2),
    "shm": ("shmat", [1, 0, V], 2),
    "msgrcv": ("msgrcv", [1, 0, 0, 0, V], 4),
    "shm_command": ("shmctl", [1, V, 0], 1),
    "sem_command": ("semctl", [1, 0, V, 0], 2),
    "msg_command": ("msgctl", [1, V, 0], 1),
    "mount": ("mount", [PATH, PATH, PATH, V, 0], 3),
    "umount": ("umount2", [PATH, V], 1),
    "reboot": ("reboot", [0xFEE1DEAD, 0x28121969, V, 0], 2),
}
IN_MEMORY: dict[str, tuple[str, list[object], str, str]] = {  # kind: call, arguments, what the buffer holds, where strace prints it
    "clone": ("clone", [V, 0, 0, 0, 0], "", r"flags=([^,)]*)"),
    "clone3": ("clone3", [BUFFER, 88], "buffer[0] = V;", r"flags=([^,]*)"),
    "sigset": ("rt_sigprocmask", [0, BUFFER, 0, 8], "buffer[0] = V;", r"SIG_BLOCK, (.*), NULL"),
    "sigaction": ("rt_sigaction", [10, BUFFER, 0, 8], "buffer[0] = buffer[2] = buffer[3] = 0; buffer[1] = V;", r"sa_flags=([^,}]*)"),
    "sigaltstack": ("sigaltstack", [BUFFER, 0], "buffer[0] = buffer[2] = 0; buffer[1] = V;", r"ss_flags=(.*?), "),
    "epoll": ("epoll_ctl", [3, 1, 4, BUFFER], "buffer[1] = 0; buffer[0] = V;", r"events=(.*), data"),
    "poll": ("poll", [BUFFER, 1, 0], "buffer[0] = V << 32 | 5;", r"events=(.*)\}\]"),
    "resolve": ("openat2", [-100, PATH, BUFFER, 24], "buffer[0] = buffer[1] = 0; buffer[2] = V;", r"resolve=(.*)\}"),
}
WAITED = (0, 0x100, 0xFF00, 9, 0x89, 0x137F, 0x57F, 0xFFFF, 0x1057F, 0x80057F, 0x857F, 0x85FF, 0x7F, 0x20, 0x40, 0x80, 0xFF, 0xA3, 0xFFFFFFFF)
WIDE = {"sigset": 64}
FIELDS = {"open": 3, "map": 15, "personality": 255, "statx_flags": 0x6000, "socket_type": 15, "ipc": 0o777, "shmget": 0o777, "clone": 255}
SETS = {"map": "map_flags", "memfd": "memfd_flags", "ipc": "ipc_flags", "shmget": "shmget_flags", "personality": "personality_flags"}
SETS.update({"statx_flags": "at", "socket_type": "socket_flags", "pipe": "open", "clone3": "clone"})


def samples(kind: str) -> list[int]:
    """Numbers of a kind: for flags some combinations of them with a choice and now and then an unknown bit, for a choice each that there is and some more."""
    chance = random.Random(kind)
    name = SETS.get(kind, kind)
    if kind == "sigset":
        return [0, *(sum(1 << bit for bit in chance.sample(range(64), count)) for count in range(1, 65))]
    if kind in ("mode", "file_mode"):
        return [0, 7, 0o644, 0o4755, 0o7777, 0o100644, 0o20600, 0o10644, 0o140777, 0o170777, 0o104755, 0o200000, 0xFFFF_FFFF]
    if kind == "futex":
        return [number for number in range(0x200) if number & 0x7F != 2]  # FUTEX_FD is gone since Linux 2.6.26
    if kind == "ioctl":
        known = [number for number, _ in symbolic.pairs(symbolic.IOCTLS)]
        return [*known, *(chance.getrandbits(32) for _ in range(20))]
    if name not in FLAGS:
        return [*symbolic.chosen(kind), *range(70), *(chance.getrandbits(31) for _ in range(5))] if kind in CHOICES else list(range(70))
    found = [0]
    bits = [value for value, _ in symbolic.names(name, OWN) if value > 0 and value >> 32 == 0]
    for _ in range(30):
        number = chance.getrandbits(32) & FIELDS.get(kind, 0)
        for value in chance.sample(bits, chance.randint(0, min(4, len(bits)))):
            number |= value
        if chance.random() < 0.2 and kind not in ("ipc", "shmget"):  # there strace 6.1 forgets the "|" after an unknown bit
            number |= 1 << chance.randrange(32)
        found.append(number)
    return found


START = r"""
static unsigned long buffer[512];
static char path[] = "/p";
static void call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
}
"""


def traced(folder: Path, calls: list[tuple[str, list[object], str, int]], inject: str) -> list[str]:
    """What strace prints for calls (name, arguments, preparation, value), none of which is really made: strace answers them itself as `inject` says."""
    need("gcc", "strace")
    version = subprocess.run(["strace", "-V"], capture_output=True, text=True).stdout.split("\n")[0]
    if not version.endswith(f"version {STRACE_VERSION}"):
        pytest.skip(f"needs strace {STRACE_VERSION}, whose names these are")
    lines = []
    for name, arguments, preparation, value in calls:
        number = f"{value & 0xFFFF_FFFF_FFFF_FFFF:#x}UL"
        words = [number if word == V else str(word) for word in arguments] + ["0"] * (6 - len(arguments))
        lines.append(f"{preparation.replace('V', number)} call({NUMBERS[name]}, {', '.join(f'(long)({word})' for word in words)});")
    blocks = [lines[start : start + 500] for start in range(0, len(lines), 500)]
    text = START + "".join(f"static void block{index}(void) {{\n{chr(10).join(block)}\n}}\n" for index, block in enumerate(blocks))
    text += "void _start(void) {" + " ".join(f"block{index}();" for index in range(len(blocks))) + f" call({NUMBERS['exit_group']}, 0, 0, 0, 0, 0, 0); }}\n"
    (folder / "calls.c").write_text(text)
    subprocess.run(["gcc", "-w", "-nostdlib", "-static", "-fno-stack-protector", "-o", folder / "calls", folder / "calls.c"], check=True)
    log = folder / "log"
    done = subprocess.run(["strace", "-a1", "-o", log, "-e", f"inject=!execve,exit_group:{inject}", folder / "calls"], capture_output=True, timeout=120)
    if done.returncode:
        pytest.skip(f"strace cannot trace here: {done.stderr.decode().strip()}")
    printed = [line for line in log.read_text().splitlines() if not line.startswith(("execve(", "exit_group(", "+++"))]
    assert len(printed) == len(calls)
    return printed


def arguments_of(line: str) -> list[str]:
    """The arguments of a printed call, apart at the commas that are outside of brackets, strings and comments."""
    inside = line[line.index("(") + 1 : line.rindex(") = ")]
    found, depth, start = [], 0, 0
    for match in re.finditer(r'"[^"]*"|/\*.*?\*/|[\[({]|[\])}]|, ', inside):
        depth += (match[0] in "[({") - (match[0] in "])}")
        if match[0] == ", " and depth == 0:
            found.append(inside[start : match.start()])
            start = match.end()
    return [*found, inside[start:]]


@pytest.fixture(scope="module")
def strace_says(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, str]]:
    """Kind -> number -> what strace prints for it, from one run of strace on a native program."""
    calls, where = [], []
    for kind, (name, arguments, index) in PLAIN.items():
        for value in samples(kind):
            calls.append((name, arguments, "", value))
            where.append((kind, value, index))
    for kind, (name, arguments, preparation, pattern) in IN_MEMORY.items():
        for value in samples(kind):
            calls.append((name, arguments, preparation, value))
            where.append((kind, value, pattern))
    said: dict[str, dict[int, str]] = {}
    for line, (kind, value, index) in zip(traced(tmp_path_factory.mktemp("strace"), calls, "error=ENOSYS"), where, strict=True):
        match = re.search(index, line) if isinstance(index, str) else None
        said.setdefault(kind, {})[value] = match[1] if match else line if isinstance(index, str) else arguments_of(line)[index]
    return said


@pytest.mark.parametrize("kind", [*PLAIN, *IN_MEMORY])
def test_symbol_prints_as_strace_does(kind: str, strace_says: dict[str, dict[int, str]]) -> None:
    """Expected: strace's own output for a native program that makes the call with that number."""
    assert {value: symbolic.symbol(kind, value, OWN) for value in strace_says[kind]} == strace_says[kind]


def test_wait_status_prints_as_strace_does(tmp_path: Path) -> None:
    """Expected: strace's output for wait4 with that status in memory."""
    calls: list[tuple[str, list[object], str, int]] = [("wait4", [1, BUFFER, 0, 0], "buffer[0] = V;", value) for value in WAITED]
    printed = [arguments_of(line)[1] for line in traced(tmp_path, calls, "retval=1")]
    assert [symbolic.wait_status(value) for value in WAITED] == printed


def test_si_code_prints_as_strace_does(tmp_path: Path) -> None:
    """Expected: strace's output for rt_sigqueueinfo with that signal and code in memory."""
    pairs = [(signal, code) for signal in (4, 5, 7, 8, 10, 11, 17, 29, 31) for code in (*range(-8, 12), 128)]
    calls: list[tuple[str, list[object], str, int]] = [
        ("rt_sigqueueinfo", [1, signal, BUFFER], f"buffer[0] = {signal}; buffer[1] = V; buffer[2] = buffer[3] = 0;", code & 0xFFFF_FFFF)
        for signal, code in pairs
    ]
    printed = [re.search(r"si_code=([^,}]*)", line)[1] for line in traced(tmp_path, calls, "error=ENOSYS")]  # type: ignore[index]
    assert [symbolic.si_code(signal, code) for signal, code in pairs] == printed


def test_socket_options_and_protocols_of_unknown_families_are_decimal() -> None:
    """Expected: strace 6.1 for socket(AF_UNIX, SOCK_STREAM, 1), socket(AF_PACKET, SOCK_RAW, 768) and setsockopt(1, SOL_ICMPV6, 1, ...)."""
    assert symbolic.protocol(1, 1) == "1"
    assert symbolic.protocol(17, 768) == "htons(ETH_P_ALL)"
    assert symbolic.socket_option(58, 1) == "1"
    assert symbolic.socket_option(6, 1) == "TCP_NODELAY"


def test_aarch64_prints_its_own_open_flags() -> None:
    """Expected: arch/arm64/include/uapi/asm/fcntl.h: O_DIRECTORY is 040000, which is O_DIRECT elsewhere."""
    own = importlib.import_module("miniload.arch.aarch64.abi").FLAGS
    assert symbolic.open_flags(0o2040000, own) == "O_RDONLY|O_CLOEXEC|O_DIRECTORY"
    assert symbolic.open_flags(0o20040001, own) == "O_WRONLY|O_TMPFILE"
    assert symbolic.symbol("prot", 0x14, own) == "PROT_EXEC|PROT_BTI"
    assert symbolic.symbol("map", 0x62, own) == "MAP_PRIVATE|MAP_ANONYMOUS|0x40"


SECCOMP = r"""
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getppid, 0, 3), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
        BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return 1;
    for (long number = 1; number <= 600; number++)
        syscall(__NR_getppid, number);
    return 0;
}
"""


def test_errnos_print_as_strace_does(tmp_path: Path) -> None:
    """Expected: strace's output for a call that a seccomp filter makes fail with each number from 1 to 600."""
    need("gcc", "strace")
    (tmp_path / "fail.c").write_text(SECCOMP)
    subprocess.run(["gcc", "-o", tmp_path / "fail", tmp_path / "fail.c"], check=True)
    done = subprocess.run(["strace", "-a1", "-o", tmp_path / "log", "-e", "trace=getppid", tmp_path / "fail"], capture_output=True, timeout=60)
    if done.returncode:
        pytest.skip("needs strace and seccomp filters")
    printed = [line.partition("= ")[2] for line in (tmp_path / "log").read_text().splitlines() if line.startswith("getppid")]
    assert [failure(number) for number in range(1, 601)] == printed
    assert len(ERRNOS) > 130
