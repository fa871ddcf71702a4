"""Interpreters, the sqlite3 shell, bc, openssl, git, shells. Expected: this machine's own, or qemu-user, on scripts whose output no version changes."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support import ROOT, need

from foreign import data
from foreign.compare import Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from foreign.compare import Foreign

    Prepare = Callable[[Path], None]

SCRIPTS = ROOT / "tests" / "foreign" / "scripts"
PYTHON = [path.name for path in sorted(SCRIPTS.glob("try_*.py"))]
NATIVE_ONLY = {"try_processes.py": "under qemu-user a failed exec is not reported to a parent that has used vfork, and a child's abort is commented"}
"""Scripts that show where qemu-user differs, and how."""
PERL = [path.name for path in sorted(SCRIPTS.glob("*.pl"))]
SQL = (SCRIPTS / "queries.sql").read_bytes()
BC = (
    b"scale=40\n4*a(1)\ne(1)\nsqrt(2)\n2^300\nobase=16\n255\n"
    b"define f(n) { if (n < 2) return 1; return n * f(n - 1); }\nobase=10\nf(30)\n1/0\nlength(123.45)\nfor (i = 0; i < 5; i++) i\nquit\n"
)


HEADER = "the file's header has the library's version"


def _without_introduction(message: bytes) -> bytes:
    """The words before an exception that nobody can catch are the version's."""
    return re.sub(rb"Exception ignored.*\n", b"", message)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A key and a certificate for localhost, made by this machine's openssl."""
    need("openssl")
    folder = tmp_path_factory.mktemp("certificate")
    asked = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out certificate.pem"
    subprocess.run(["openssl", *asked.split()], cwd=folder, check=True, capture_output=True)
    return (folder / "key.pem").read_bytes() + (folder / "certificate.pem").read_bytes()


@pytest.fixture
def scripts(certificate: bytes) -> Callable[[Path], None]:
    """Prepares the small tree with the scripts, and the certificate."""

    def prepare(folder: Path) -> None:
        data.tree(folder)
        for script in SCRIPTS.iterdir():
            if script.is_file():
                shutil.copy(script, folder)
        (folder / "certificate.pem").write_bytes(certificate)

    return prepare


@pytest.mark.parametrize("script", PYTHON)
def test_python(foreign: Foreign, scripts: Prepare, script: str) -> None:
    """Python with its C modules."""
    why = NATIVE_ONLY.get(script, "")
    foreign.compare([Line(f"python3 -B {script} argument", only="native" if why else "", why=why)], scripts)


def test_python_as_a_command(foreign: Foreign, scripts: Prepare) -> None:
    """-c, -m, a program on stdin, a syntax error, a traceback, a signal of its own."""
    foreign.compare(
        [
            "python3 -S -c 'print(6 * 7)'",
            "python3 -m json.tool numbers missing",
            Line("python3 -m json.tool --sort-keys --compact", stdin=b'{"b": [1, 2], "a": null}'),
            Line("python3 -I -", stdin=b"import sys; print(sys.argv, sys.flags.isolated)\nsys.exit(3)\n"),
            "python3 -c 'x ='",
            "python3 -c 'import os, signal; os.kill(os.getpid(), signal.SIGTERM)'",
            Line("python3 -c 'import os; os.abort()'", only="native", why="qemu-user has a message of its own"),
            Line("python3 -c 'print(1)'", stdout="/dev/full", normal=_without_introduction),
        ],
        scripts,
    )


@pytest.mark.parametrize("script", PERL)
def test_perl(foreign: Foreign, scripts: Prepare, script: str) -> None:
    """Perl with its XS modules."""
    foreign.compare(
        [
            Line(f"perl {script}", stdin=data.lines(200).replace(b" 0.", b" w")),
            "perl -e 'die qq(gone\\n)'",
            "perl -ne 'print if /e/' b.txt",
            "perl -c missing",
        ],
        scripts,
    )


def test_lua(foreign: Foreign, scripts: Prepare) -> None:
    """Lua: strings, closures, coroutines, files."""
    foreign.compare([Line("lua5.4 script.lua", env={"LUA_INIT": ""}), "lua5.4 -e 'error(\"x\", 0)'", "lua5.4 missing.lua"], scripts)


def test_sqlite3(foreign: Foreign, scripts: Prepare) -> None:
    """The shell on a database in memory, and in a file read again."""
    foreign.compare(
        [
            Line("sqlite3 :memory:", stdin=SQL),
            Line("sqlite3 made.db", stdin=SQL, only="qemu", why=HEADER),
            Line("sqlite3 made.db 'select count(*), sum(id) from t'", only="qemu", why=HEADER),
            "rm made.db",
            "sqlite3 -json :memory: 'select 1 as a'",
        ],
        scripts,
    )


def test_bc(foreign: Foreign) -> None:
    """Arbitrary precision."""
    foreign.compare([Line("bc -lq", stdin=BC), Line("bc", stdin=b"1 +\n"), "bc missing"])


def test_openssl(foreign: Foreign, scripts: Prepare) -> None:
    """Digests, ciphers, encodings, a certificate. The CPU's features choose the code that computes them."""
    ciphers = ("aes-128-cbc", "aes-256-ctr", "chacha20", "camellia-128-cbc")
    foreign.compare(
        [
            *(f"openssl dgst -{name} lines" for name in ("md5", "sha1", "sha256", "sha512", "sha3-256", "blake2b512", "sm3")),
            "openssl dgst -sha256 -hmac key lines empty",
            *(f"openssl enc -{name} -pbkdf2 -iter 10 -S 0011223344556677 -pass pass:word -in lines -out {name}" for name in ciphers),
            *(f"openssl enc -d -{name} -pbkdf2 -iter 10 -S 0011223344556677 -pass pass:word -in {name}" for name in ciphers),
            "openssl base64 -in binary",
            "openssl prime 1000003 1000001",
            "openssl x509 -in certificate.pem -noout -serial -dates -fingerprint -sha256",
            "openssl verify -CAfile certificate.pem -no_check_time certificate.pem",
            "openssl pkey -in certificate.pem -pubout",
            "openssl dgst -sha256 -sign certificate.pem -out signature lines",
            "openssl dgst -sha256 -prverify certificate.pem -signature signature lines",
            Line("openssl dgst -sha256 missing", normal=lambda text: text.partition(b"\n")[0]),
            Line("openssl rand -hex 16", normal=lambda text: b"%d" % len(text)),
        ],
        scripts,
    )


def test_openssl_speed(foreign: Foreign) -> None:
    """A timer's signal ends each measurement. Only the status is compared: the figures are the machine's."""
    foreign.compare([Line("openssl speed -seconds 1 -bytes 1024 -evp sha256", normal=lambda _text: b"")])


def test_git(foreign: Foreign, scripts: Prepare) -> None:
    """A repository built of its parts: blob, tree, commit, reference, read again and checked. (An index holds times and inode numbers.)"""
    env = {"GIT_CONFIG_NOSYSTEM": "1"}
    for who in ("AUTHOR", "COMMITTER"):
        env.update({f"GIT_{who}_NAME": "n", f"GIT_{who}_EMAIL": "e", f"GIT_{who}_DATE": "@5 +0000"})
    blob, tree = "f8a9f14d66302e61010ed0c5033214ba22e59684", "2bdd9ac60733c5246cc53401708d421a815c5480"
    commands = [
        "git init -q --template= -b main",
        "git hash-object -w a.txt",
        Line("git mktree", stdin=f"100644 blob {blob}\ta.txt\n".encode(), env=env),
        Line(f"git commit-tree {tree} -m message", env=env),
        Line("git update-ref refs/heads/main 6f7e4ca278343cdf0bc775022d11a3c5eb15b3d8", env=env),
        *(
            f"git --no-pager {words}"
            for words in ("log --stat", "fsck --strict", "cat-file -p HEAD", "ls-tree -l HEAD", "grep -n first HEAD", "show no_such_thing")
        ),
        "git --no-pager diff --no-index a.txt b.txt",
        "git archive --format=tar -o made.tar HEAD",
    ]
    foreign.compare(commands, scripts)


def test_make_and_shells_with_children(foreign: Foreign, scripts: Prepare) -> None:
    """bash, dash and make: pipes, substitutions, jobs, traps, recipes."""

    def prepare(folder: Path) -> None:
        scripts(folder)
        (folder / "Makefile").write_bytes(b"all: one two\n\t@echo all of $^\none two: %: a.txt\n\t@echo making $@; wc -l < $< > $@\nfail:\n\tfalse\n")

    foreign.compare(
        [
            "bash -c 'for i in {1..3}; do echo $((i ** 2)); done; [[ abc =~ b(.) ]] && echo ${BASH_REMATCH[1]}; exit 5'",
            "bash -c 'declare -A m=([k]=v); echo ${m[k]} ${x:-unset} ${#PATH} ${HOME/\\//h}; printf -v y %03d 7; echo $y; set -u; echo $no'",
            "bash -c 'sort lines | uniq | wc -l; echo $(cat b.txt) ${PIPESTATUS[0]}; (exit 3); echo $?; cat <(echo sub) <<<here'",
            "bash -c 'trap \"echo trapped\" USR1 EXIT; kill -USR1 $$; sleep 0.01 & wait; echo waited'",
            "bash -c 'kill -9 $$'",
            "bash -c 'no_such_command_here; ./a.txt; cd missing'",
            "bash -n a.txt",
            "dash -c 'x=1; while [ $x -lt 50 ]; do x=$((x * 2)); done; echo $x; echo out > made; read line < made; echo $line; exit 3'",
            "dash -c 'sort lines | head -n 2; echo $(wc -l < lines); (exit 4); echo $?; set -e; false; echo never'",
            "dash -c 'trap \"echo bye\" EXIT; exec 3>made; echo three >&3; ulimit -c 0; umask; kill -TERM $$'",
            "make -s",
            "make -n all",
            "make fail",
            "make missing",
        ],
        prepare,
    )
