"""Tools that people use every day, git, compilers, debuggers. Expected: what they do when the kernel has loaded them."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest
from compare import PROGRAMS, RUNNERS, running, same, same_output, wait_until, without_numbers
from support import MINILOAD, clean_environment, need, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few files, whose times do not change."""
    folder = tmp_path_factory.mktemp("folder")
    for number, name in enumerate(("b", "a", "with blank", "caf\u00e9", ".hidden")):
        (folder / name).write_text(f"{name} {number}\nline two\n" * (number + 1))
        os.utime(folder / name, (1e9 + number, 1e9 + number))
    (folder / "sub").mkdir()
    (folder / "sub" / "link").symlink_to("../a")
    for path in (folder / "sub", folder):
        os.utime(path, (1e9, 1e9))
    return folder


def test_ls_of_the_root_directory() -> None:
    """`/bin/ls -l /`, byte for byte but for the size columns' width and /proc's link count, which is the number of processes."""
    first = outcome(["/bin/ls", "-l", "/"], env=clean_environment())
    loaded = outcome([*MINILOAD, "/bin/ls", "-l", "/"], env=clean_environment())
    again = outcome(["/bin/ls", "-l", "/"], env=clean_environment())  # in case that something changes / meanwhile
    assert first[0] == 0
    assert b" bin" in first[1]
    assert _without_link_counts(loaded) in (_without_link_counts(first), _without_link_counts(again))


def _without_link_counts(ended: tuple[int, bytes, bytes]) -> tuple[int, bytes, bytes]:
    return ended[0], re.sub(rb"(?m)^(\S{10}\S?) +\d+ ", rb"\1 N ", ended[1]), ended[2]


TOOLS = {
    "ls": ["ls", "-la", "--color=always"],
    "ls_recursively": ["ls", "-liR"],
    "find": ["find", ".", "-type", "f", "-exec", "wc", "-c", "{}", "+"],
    "grep": ["grep", "-rnP", r"^(?=l)\w+\s\btwo$", "."],
    "sed": ["sed", "-n", "-e", "s/[0-9]/<&>/gp", "a", "b"],
    "awk": ["awk", '{ n[$1] += $2 } END { for (k in n) print k, n[k] | "sort"; print ENVIRON["HOME"] }', "a", "b"],
    "sort": ["sort", "--parallel=2", "-k2,2n", "a", "b"],
    "tar": ["tar", "--sort=name", "-cf", "-", "."],
    "gzip": ["gzip", "-nc", "a"],
    "sha256sum": ["sha256sum", "a", "b"],
    "stat": ["stat", "-c", "%n %s %Y %a %U", "a", "sub/link"],
    "date": ["date", "-u", "-d", "@1234567890", "+%c"],
    "env": ["env", "-u", "HOME", "A=1", "sh", "-c", "echo $A $HOME"],
    "xargs": ["xargs", "-n", "2", "-a", "a", "echo"],
    "iconv": ["iconv", "-f", "UTF-8", "-t", "ISO-8859-15", "caf\u00e9"],
    "id": ["id"],
    "nproc": ["nproc"],
    "pwd": ["pwd", "-P"],
    "nice": ["nice", "-n", "5", "nice"],
    "expr": ["expr", "12345678901234567890", "*", "98765432109876543210"],
    "dd": ["dd", "if=a", "bs=7", "skip=1", "count=2", "status=none"],
    "od": ["od", "-A", "x", "-t", "x1z", "a"],
    "locale": ["locale"],
    "getconf": ["getconf", "ARG_MAX"],
    "dynamic_linker": ["/lib64/ld-linux-x86-64.so.2", "--list-tunables"],
    "interpreter_as_command": ["/lib64/ld-linux-x86-64.so.2", "--argv0", "name", "/bin/sh", "-c", "echo $0"],
}


@pytest.mark.parametrize("name", TOOLS)
def test_tool(name: str, folder: Path) -> None:
    """A tool at its usual work in a folder of files."""
    need(TOOLS[name][0])
    same_output(TOOLS[name], cwd=folder)


def test_ldd(build: Build) -> None:
    """ldd is a script, which has ld.so trace a program."""
    stdout = same_output(["ldd", build("exit_code.c")], normal=lambda text: re.sub(rb"0x[0-9a-f]+", b"ADDRESS", text))
    assert b"libc.so.6 => /lib/" in stdout


GIT_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "1000000000 +0000",
    "GIT_COMMITTER_NAME": "C",
    "GIT_COMMITTER_EMAIL": "c@example.org",
    "GIT_COMMITTER_DATE": "1000000000 +0000",
}


def test_git(tmp_path: Path) -> None:
    """init, add, commit, log, clone, gc and fsck, each in a repository of its own and by a loaded git of its own; then the commits
    have the same hashes and all output is the same."""
    need("git")
    results: dict[str, list[tuple[str, tuple[int, bytes, bytes]]]] = {}
    for name, runner in RUNNERS.items():
        home = tmp_path / name
        home.mkdir()
        env = clean_environment(**GIT_ENVIRONMENT, HOME=str(home))
        (home / "work").mkdir()
        results[name] = []
        for directory, command in (
            ("work", "init -q -b main"),
            ("work", "config user.name A"),
            ("work", "add ."),
            ("work", "commit -m first"),
            ("work", "log --stat --format=fuller -p"),
            (".", "clone -q work copy"),
            ("copy", "commit -q --allow-empty -m second"),
            ("copy", "push -q origin HEAD:refs/heads/other"),
            ("work", "gc --quiet"),
            ("work", "fsck --full"),
            ("work", "log --graph --oneline --all"),
            ("work", "no-such-command"),
        ):
            (home / "work" / "file").write_text("content\n" * 100)
            results[name].append((command, outcome([*runner, "git", *command.split()], env=env, cwd=home / directory)))
    assert results["loaded"] == results["directly"]
    assert [done[0] for _, done in results["directly"]] == [0] * 11 + [1]
    assert results["directly"][-2][1][1].count(b"* ") == 2


def test_gcc_compiles_and_links(tmp_path: Path) -> None:
    """The driver starts cc1, as, collect2 and ld: the executable is the same, byte for byte, and runs the same."""
    need("gcc")
    programs = []
    for name, runner in RUNNERS.items():
        (tmp_path / name).mkdir()
        command = [*runner, "gcc", "-O2", "-Wall", str(PROGRAMS / "image.c"), "-o", "program"]
        assert outcome(command, cwd=tmp_path / name, env=clean_environment()) == (0, b"", b"")
        programs.append(tmp_path / name / "program")
    assert programs[0].read_bytes() == programs[1].read_bytes()
    same_output([programs[1], "argument"])


def test_cc1_itself(tmp_path: Path) -> None:
    """The compiler proper, a big non-PIE program, writes the same assembly."""
    need("gcc")
    cc1 = outcome(["gcc", "-print-prog-name=cc1"])[1].decode().strip()
    outcome(["gcc", "-E", str(PROGRAMS / "spawn.c"), "-o", "spawn.i"], cwd=tmp_path)
    assert b"call\twaitpid" in same_output([cc1, "-quiet", "-fpreprocessed", "-O2", "spawn.i", "-o", "-"], cwd=tmp_path)


def test_assembler_and_linker_themselves(tmp_path: Path) -> None:
    """as and ld write the same files."""
    need("as", "ld")
    files = []
    for name, runner in RUNNERS.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.s").write_text(".globl _start\n_start: mov $60, %eax\nmov $8, %edi\nsyscall\n")
        for command in (["as", "a.s", "-o", "a.o"], ["ld", "a.o", "-o", "a"]):
            assert outcome([*runner, *command], cwd=folder, env=clean_environment()) == (0, b"", b"")
        files.append((folder / "a").read_bytes())
    assert files[0] == files[1]
    assert same([tmp_path / "loaded" / "a"]) == (8, b"", b"")


def test_compiler_error(tmp_path: Path) -> None:
    """Diagnostics and exit status of a failed compilation."""
    need("gcc")
    (tmp_path / "bad.c").write_text("int main(void) { return undeclared; }\n")
    status, _, stderr = same(["gcc", "bad.c"], cwd=tmp_path)
    assert status == 1
    assert b"undeclared" in stderr


def test_cxx_program(tmp_path: Path) -> None:
    """g++ is run through miniload, and so is what it made: exceptions through frames and threads, iostreams, at last std::terminate."""
    need("g++")
    program = tmp_path / "exceptions"
    command = [*MINILOAD, "g++", "-std=c++17", str(PROGRAMS / "exceptions.cc"), "-o", str(program), "-pthread"]
    assert outcome(command, env=clean_environment()) == (0, b"", b"")
    status, stdout, stderr = same([program])
    assert status == -signal.SIGABRT
    assert b"caught from the bottom\ncaught from a thread\nderived 1\n" in stdout
    assert b"terminate called" in stderr


def test_static_cxx_program(build: Build) -> None:
    """The unwinder finds its tables by dl_iterate_phdr, that is by AT_PHDR."""
    status, stdout, _ = same([build("exceptions.cc", "-std=c++17", "-static", compiler="g++")])
    assert status == -signal.SIGABRT
    assert b"caught from the bottom\n" in stdout


def test_make(tmp_path: Path) -> None:
    """make with its job server and recipes in shells."""
    need("make")
    (tmp_path / "Makefile").write_text("all: b\n\t@echo $@ from $^ by $(notdir $(MAKE))\n\t@$(MAKE) -s c\na c:\n\t@echo made $@\nb: a\n\t@echo made $@\n")
    status, stdout, stderr = same(["make", "-j2", "--no-print-directory"], cwd=tmp_path)
    assert (status, stderr) == (0, b"")
    assert stdout.endswith(b"made a\nmade b\nall from b by make\nmade c\n")


def test_busybox_applets(folder: Path) -> None:
    """One static program in many roles, by first argument and by argv[0]."""
    need("busybox")
    for command in (["sh", "-c", "ls -l | sed s/a/b/ | sort; exit 3"], ["find", ".", "-type", "f"], ["awk", "BEGIN { print 6 * 7 }"], ["vi", "--help"]):
        status, stdout, stderr = same(["busybox", *command], cwd=folder)
        assert status == 3 if command[0] == "sh" else status in (0, 1)
        assert stdout + stderr


def test_busybox_by_the_name_of_a_link(tmp_path: Path) -> None:
    """argv[0] is the link's name, and so is the process's name."""
    need("busybox")
    (tmp_path / "cat").symlink_to(outcome(["which", "busybox"])[1].decode().strip())
    assert same_output([tmp_path / "cat", "/proc/self/comm"]) == b"cat\n"


def test_gdb_version() -> None:
    """A debugger is a program like any other."""
    need("gdb")
    assert same_output(["gdb", "--version"]).startswith(b"GNU gdb")


def test_gdb_runs_a_program(build: Build) -> None:
    """gdb, loaded, starts a program, stops it at a breakpoint, prints a backtrace and a variable, and lets it run to its end."""
    need("gdb")
    program = build("recurse.c", "-g", "-O0")
    orders = ["set confirm off", "break descend", "ignore 1 4", "run 64", "bt 3", "print limit", "delete", "continue"]
    orders = [word for order in ("set debuginfod enabled off", *orders) for word in ("-ex", order)]
    status, stdout, _ = same(["gdb", "-nx", "-batch", *orders, program], normal=without_numbers, env=clean_environment(TERM="dumb"))
    assert status == 0
    assert b"descend (start=N" in stdout
    assert b"returned\n" in stdout


def test_gdb_attaches_to_a_loaded_program(build: Build) -> None:
    """A debugger finds program, libraries and symbols of a loaded process by /proc/PID/exe, auxv and maps: the same backtrace."""
    need("gdb")
    program = build("sleeper.c", "-g")
    traces = []
    for runner in RUNNERS.values():
        with running([*runner, program]) as process:
            orders = ["-ex", "set debuginfod enabled off", "-ex", f"attach {process.pid}", "-ex", "bt", "-ex", "info sharedlibrary", "-ex", "detach"]
            traces.append(without_numbers(outcome(["gdb", "-nx", "-batch", *orders], env=clean_environment(TERM="dumb"))[1]))
    assert traces[1] == traces[0]
    assert b"waiting_here () at " in traces[0]


def test_core_backtrace_of_a_loaded_program(build: Build, tmp_path: Path) -> None:
    """A core dump, written by gdb's gcore, is as good as one of a directly run program."""
    need("gdb")
    program = build("sleeper.c", "-g")
    traces = []
    for name, runner in RUNNERS.items():
        with running([*runner, program]) as process:
            core = tmp_path / name
            orders = ["-ex", "set debuginfod enabled off", "-ex", f"attach {process.pid}", "-ex", f"gcore {core}", "-ex", "detach"]
            outcome(["gdb", "-nx", "-batch", *orders], env=clean_environment(TERM="dumb"))
        orders = ["-ex", "set debuginfod enabled off", "-ex", "bt"]
        trace = outcome(["gdb", "-nx", "-batch", *orders, str(program), str(core)], env=clean_environment(TERM="dumb"))[1]
        traces.append(without_numbers(trace))
    assert traces[1] == traces[0]
    assert b"Core was generated by" in traces[0]
    assert b"waiting_here () at " in traces[0]


def test_strace_of_a_loaded_program(tmp_path: Path) -> None:
    """Under strace -f the program still does its work, and what it does after its own first system call is the same."""
    need("strace")
    calls = {}
    for name, runner in RUNNERS.items():
        log = tmp_path / name
        command = ["strace", "-f", "-qq", "-o", str(log), *runner, "/bin/cat", "/proc/self/comm"]
        assert outcome(command, env=clean_environment()) == (0, b"cat\n", b"")
        calls[name] = [re.match(rb"\d+ +(\w+)", line)[1] for line in log.read_bytes().splitlines()]  # type: ignore[index]
    own = calls["directly"][1:]
    assert calls["directly"][0] == b"execve"
    assert calls["loaded"][-len(own) :] == own


def test_loaded_strace_of_a_program() -> None:
    """strace, loaded, follows a shell and its children."""
    need("strace")
    command = ["strace", "-f", "-qq", "-e", "trace=execve,exit_group", "-e", "signal=none", "sh", "-c", "true; /bin/true; exit 3"]
    status, _, stderr = same(command, normal=without_numbers)
    assert status == 3
    assert stderr.count(b"execve(") == 2


def test_process_list_shows_the_program(build: Build) -> None:
    """ps and pgrep know the program by its own name, path and arguments."""
    need("ps", "pgrep")
    program = build("sleeper.c", "-g", name="miniload-sleep")
    shown = []
    for runner in RUNNERS.values():
        with running([*runner, program, "an", "argument"]) as process:
            listed = outcome(["ps", "-ww", "-o", "comm=,stat=,args=", "-p", str(process.pid)])
            found = outcome(["pgrep", "-x", "miniload-sleep"])[1].split()
            by_line = outcome(["pgrep", "-f", f"^{program} an argument$"])[1].split()
            exe = os.readlink(f"/proc/{process.pid}/exe")
            shown.append((listed, b"%d" % process.pid in found, b"%d" % process.pid in by_line, exe))
    assert shown[1] == shown[0]
    assert shown[0][0][1].split(None, 2)[0::2] == [b"miniload-sleep", os.fsencode(program) + b" an argument\n"]
    assert shown[0][1:] == (True, True, str(program))


def test_killall_by_name(build: Build) -> None:
    """pkill finds a loaded program by its exact name and ends it."""
    need("pkill")
    program = build("sleeper.c", "-g", name="miniload-victim")
    with running([*MINILOAD, program]) as process:
        assert outcome(["pkill", "-TERM", "-x", "miniload-victim"])[0] == 0
        assert wait_until(lambda: process.poll() is not None)
        assert process.returncode == -signal.SIGTERM
