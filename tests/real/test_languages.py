"""Interpreters and run-time systems: Python, Perl, Node.js, Java, Go. Expected: what they do when the kernel has loaded them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from compare import PROGRAMS, PYTHON, RUNNERS, same, same_output
from support import clean_environment, need, outcome

if TYPE_CHECKING:
    from pathlib import Path

PYTHONS = {
    "threads": """
import threading, time
total = [0]
lock = threading.Lock()
def work(n):
    for _ in range(1000):
        with lock:
            total[0] += n
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(total, threading.active_count())""",
    "subprocess": """
import subprocess, sys
print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True))
print(subprocess.run([sys.executable, "-c", "import sys; print(sys.argv)", "x"], capture_output=True).stdout)
print(subprocess.run("kill -9 $$", shell=True).returncode)""",
    "fork": """
import os
readable, writable = os.pipe()
pid = os.fork()
if not pid:
    os.write(writable, b"from the child"); os._exit(5)
print(os.read(readable, 100), os.waitpid(pid, 0)[0] == pid, os.wait3 is not None)""",
    "multiprocessing": """
import multiprocessing
def square(n): return n * n
if __name__ == "__main__":
    for method in ("fork",):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(method, pool.map(square, range(10)))""",
    "ssl": """
import ssl
context = ssl.create_default_context()
print(ssl.OPENSSL_VERSION, context.minimum_version, len(context.get_ciphers()))""",
    "hashing": """
import hashlib, zlib
print(hashlib.sha256(b"x" * 100000).hexdigest(), hashlib.blake2b(b"y").hexdigest(), zlib.crc32(b"z" * 999))""",
    "ctypes": """
import ctypes
libc = ctypes.CDLL(None)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
array = (ctypes.c_int * 5)(5, 1, 4, 2, 3)
libc.qsort(array, 5, 4, compare)
print(list(array), ctypes.CDLL("libm.so.6").abs(-3))""",
    "signals": """
import signal, os, time
rung = []
signal.signal(signal.SIGALRM, lambda *_: rung.append("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.01)
while not rung: time.sleep(0.01)
print(rung, [signal.getsignal(n) for n in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM)], signal.pthread_sigmask(0, []))
os.kill(os.getpid(), signal.SIGINT)""",
    "recursion_error": """
def f(n): return f(n + 1)
try: f(0)
except RecursionError as error: print(error)""",
    "asyncio": """
import asyncio
async def echo(reader, writer):
    writer.write((await reader.readline()).upper()); await writer.drain(); writer.close()
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello\\n")
    print(await reader.readline(), await (await asyncio.create_subprocess_exec("true")).wait())
    writer.close(); server.close()
asyncio.run(main())""",
    "locale": """
import locale, sys, os
print(locale.setlocale(locale.LC_ALL, ""), sys.getfilesystemencoding(), sys.stdout.encoding, os.environ.get("LC_CTYPE"))""",
    "own_path": "import sys, os; print(sys.executable, sys.prefix, os.readlink('/proc/self/exe'), sys.argv, sys.orig_argv)",
    "traceback": "import sys; print('out'); raise SystemExit(['a', 1]) if len(sys.argv) > 9 else ValueError('v')",
    "mmap": "import mmap; m = mmap.mmap(-1, 1 << 20); m[-1] = 7; print(m[-1], len(m))",
    "sqlite": "import sqlite3; print(sqlite3.connect(':memory:').execute('select sqlite_version(), 6 * 7').fetchall())",
    "decimal": "import decimal, math; print(decimal.Decimal(2).sqrt(), math.sin(1), 0.1 + 0.2, float.fromhex('0x1p-1074'))",
}


@pytest.mark.parametrize("name", PYTHONS)
def test_python(name: str) -> None:
    """The system's Python runs a program for each part of its run-time system."""
    need(PYTHON)
    status, stdout, _ = same([PYTHON, "-c", PYTHONS[name], "argument"])
    assert status == {"signals": -2, "traceback": 1}.get(name, 0)
    assert stdout


def test_python_multiprocessing_spawn(tmp_path: Path) -> None:
    """multiprocessing starts new interpreters by sys.executable."""
    need(PYTHON)
    script = tmp_path / "pool.py"
    script.write_text(PYTHONS["multiprocessing"].replace('"fork"', '"spawn"'))
    assert same_output([PYTHON, script]) == b"spawn [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]\n"


def test_python_from_a_virtual_environment(tmp_path: Path) -> None:
    """argv[0] decides which environment Python is in: pyvenv.cfg beside the link that was called."""
    need(PYTHON)
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "python3"
    link.symlink_to(PYTHON)
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert os.fsencode(tmp_path) in same_output([link, "-c", "import sys; print(sys.prefix, sys.base_prefix, sys.executable)"])


def test_python_reading_its_program_from_stdin() -> None:
    """No arguments at all, the program through a pipe."""
    need(PYTHON)
    assert same_output([PYTHON], input=b"import sys\nprint(sys.argv, sys.stdin.isatty())\n", stdin=None) == b"[''] False\n"


PERLS = {
    "fork": 'pipe R, W; if (!fork) { print W "child\\n"; exit 4 } close W; print <R>; wait; print $? >> 8, "\\n"',
    "regular_expressions": 'print "$1-$+{b} $&\\n" while "a1b2c3" =~ /([a-z])(?<b>\\d)/g; print join "|", split /(?<=,)/, "x,y,z"',
    "sockets": """use IO::Socket::INET;
my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
if (!fork) { my $c = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $s->sockport); print $c "over a socket\\n"; exit }
print $s->accept->getline; wait; print $?""",
    "signals": '$SIG{ALRM} = sub { print "alarm\\n"; exit 2 }; use Time::HiRes "ualarm"; ualarm 10000; sleep 30',
    "own_path": 'print "$^X $0 @ARGV ", readlink "/proc/self/exe"',
    "title": '$0 = "a new title"; open F, "/proc/self/cmdline"; print <F>; open F, "/proc/self/comm"; print <F>',
    "system": 'print `echo out`, system("exit 3") >> 8, "\\n"; exec "echo", "last"',
    "modules": 'use POSIX; use Digest::SHA "sha1_hex"; use Encode; print sha1_hex("x"), floor(2.7), length encode("UTF-8", "\\x{20ac}")',
    "die": 'print STDOUT "out\\n"; die "reason\\n"',
}


@pytest.mark.parametrize("name", PERLS)
def test_perl(name: str) -> None:
    """Perl runs a program for each part of its run-time system."""
    need("perl")
    status, stdout, stderr = same(["perl", "-e", PERLS[name], "argument"])
    assert (status, stderr) == {"signals": (2, b""), "die": (255, b"reason\n")}.get(name, (0, b""))
    assert stdout


def test_node() -> None:
    """Timers, files, child processes (node itself by process.execPath), worker threads; its JIT compiler maps code at run time."""
    need("node")
    status, stdout, stderr = same(["node", PROGRAMS / "workers.js", "argument"])
    assert (status, stderr) == (4, b"to stderr\n")
    assert stdout.endswith(b"TypeError\nnode 3 [ 'argument' ]\n")


def test_node_uncaught_error() -> None:
    """The stack trace and the exit status of a failure."""
    need("node")
    status, _, stderr = same(["node", "-e", "function f() { throw new Error('reason'); }\nf();"])
    assert status == 1
    assert b"Error: reason" in stderr


def test_java_version() -> None:
    """The launcher finds its virtual machine from /proc/self/exe."""
    need("java")
    status, _, stderr = same(["java", "-version"])
    assert status == 0
    assert b"Server VM" in stderr


def test_javac_and_java(tmp_path: Path) -> None:
    """The compiler, itself a Java program, writes the same class; the class runs the same: threads, collection of garbage, the stack
    guard's SIGSEGV, a child process."""
    need("java", "javac")
    classes = {}
    for name, runner in RUNNERS.items():
        done = outcome([*runner, "javac", "-d", str(tmp_path / name), str(PROGRAMS / "Threads.java")], env=clean_environment())
        assert done == (0, b"", b"")
        classes[name] = (tmp_path / name / "Threads.class").read_bytes()
    assert classes["loaded"] == classes["directly"]
    status, stdout, stderr = same(["java", "-cp", tmp_path / "loaded", "Threads", "a", "b"])
    assert (status, stderr) == (6, b"to stderr\n")
    assert stdout.endswith(b"overflow caught\nfrom a child\nchild 0\njava a,b false\n")


def test_go_builds_the_same_program(go: dict[str, Path]) -> None:
    """The compiler, assembler and linker run as children of the loaded `go`, which finds them from /proc/self/exe."""
    assert go["loaded"].read_bytes() == go["directly"].read_bytes()


def test_go_program(go: dict[str, Path]) -> None:
    """A dynamically linked program with cgo's start: goroutines, a loopback connection, os.Executable, a fault made a panic."""
    _check_go(go["directly"])


def test_go_program_without_libc(go: dict[str, Path]) -> None:
    """A static one: it reads the auxiliary vector and the vDSO itself."""
    _check_go(go["static"])


def _check_go(program: Path) -> None:
    status, stdout, stderr = same([program, "x", "y z"], env=clean_environment(GREETING="hello"))
    assert (status, stderr) == (5, b"to stderr\n")
    assert b"sum 328350\nhello from the server\n" in stdout
    assert b"concurrent <nil>\nfrom a child\n" in stdout
    assert stdout.endswith(b"3 [x y z] hello\n")


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """concurrent.go, compiled by the `go` command run directly, by the loaded one, and without cgo."""
    need("go")
    folder = tmp_path_factory.mktemp("go")
    programs = {}
    for name, runner in {**RUNNERS, "static": []}.items():
        env = clean_environment(GOCACHE=str(folder / f"{name} cache"), GOFLAGS="", CGO_ENABLED="0" if name == "static" else "1")
        programs[name] = folder / name / "concurrent"
        command = [*runner, "go", "build", "-o", str(programs[name]), str(PROGRAMS / "concurrent.go")]
        assert outcome(command, env=env) == (0, b"", b"")
    return programs
