"""Interpreters, the sqlite3 shell, bc, openssl, and git. Expected: this machine's own (lua: qemu-user's, where there is none), on scripts whose output no version changes."""

from __future__ import annotations

import subprocess
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from support import need

from foreign import data
from foreign.compare import Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from foreign.compare import Foreign

    Prepare = Callable[[Path], None]

PYTHON = {
    "arithmetic": """
        import math, decimal, fractions, statistics, random
        print(sum(i * i for i in range(2000)), 3 ** 200, 7.0 / 3, round(2.675, 2), float('inf'), -0.0, 1e22, 5e-324)
        print(*(f"{f(0.7):.12f}" for f in (math.sin, math.cos, math.tan, math.exp, math.log, math.gamma, math.atan)), math.isqrt(10 ** 30), math.pi)
        decimal.getcontext().prec = 50
        print(decimal.Decimal(2).sqrt(), decimal.Decimal(1) / 7, decimal.Decimal("1e400") * 3, fractions.Fraction(3, 9) + 1)
        print(statistics.mean([1, 2, 4]), random.Random(5).random(), random.Random(6).sample(range(100), 5))
        try: decimal.Decimal(1) / 0
        except decimal.DivisionByZero as error: print(type(error).__name__)
        print((255).to_bytes(4, "little"), int.from_bytes(b"\\xff\\x00", "big"), hex(-2 ** 63), float.fromhex("0x1.8p3"), divmod(-7, 3))
    """,
    "text": r"""
        import re, json, string, textwrap, difflib, unicodedata, base64, struct, binascii, csv, io
        print(re.sub(r"(?P<a>\w+) (?P<b>\w+)", r"\g<b> \g<a>", "one two three four"), re.findall(r"(?<=\d)[a-z]+(?!\d)", "1ab 2cd3 4e"), re.split(r"[,;]\s*", "a, b;c"))
        value = {"b": [1, 2.5, None, True, "\u20ac\n"], "a": {"nested": []}}
        print(json.dumps(value, sort_keys=True), json.loads(json.dumps(value)) == value, json.dumps(value, indent=1).count("\n"))
        try: json.loads("[1,")
        except ValueError as error: print(type(error).__name__)
        print(unicodedata.normalize("NFD", "\u00e4").encode(), "stra\u00dfe".upper(), base64.b85encode(b"hello"), struct.pack("<hIq", -1, 2, 3), binascii.crc32(b"abc"))
        print(*difflib.unified_diff(["a", "b"], ["a", "c"], lineterm=""), textwrap.shorten("word " * 9, 20), list(csv.reader(io.StringIO('a,"b,c"\n'))))
    """,
    "compression": r"""
        import zlib, gzip, bz2, lzma, hashlib, hmac, zipfile, tarfile, io
        text = b"the quick brown fox " * 3000
        for module in (zlib, gzip, bz2, lzma): assert module.decompress(module.compress(text)) == text, module
        print(zlib.adler32(text), zlib.crc32(text), len(zlib.decompress(zlib.compress(text, 9))))
        for name in ("md5", "sha1", "sha256", "sha3_256", "blake2b", "sha512"): print(name, hashlib.new(name, text).hexdigest()[:32])
        print(hmac.new(b"key", text, "sha256").hexdigest(), hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 500).hex(), hashlib.scrypt(b"a", salt=b"b", n=16, r=8, p=1).hex()[:20])
        with zipfile.ZipFile("made.zip", "w", zipfile.ZIP_STORED) as archive: archive.writestr(zipfile.ZipInfo("name"), text)
        print(zipfile.ZipFile("made.zip").read("name") == text)
    """,
    "sqlite3": """
        import sqlite3
        base = sqlite3.connect("made.db")
        base.execute("create table t (id integer primary key, name text, n real)")
        base.executemany("insert into t (name, n) values (?, ?)", [(f"name{i}", i / 4) for i in range(500)])
        base.commit()
        print(base.execute("select count(*), sum(n), min(name), group_concat(id) from t where n > 120").fetchone())
        base.execute("create index i on t (name)")
        print(base.execute("select * from t where name = ?", ("name77",)).fetchall(), base.execute("pragma integrity_check").fetchone())
        try: base.execute("insert into t values (1, 2, 3)")
        except sqlite3.IntegrityError as error: print(error)
        base.close()
        import os
        os.unlink("made.db")
    """,
    "ssl": """
        import ssl, hashlib
        server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        server.load_cert_chain("certificate.pem")
        client.load_verify_locations("certificate.pem")
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        one, two = server.wrap_bio(there, back, server_side=True), client.wrap_bio(back, there, server_hostname="localhost")
        done = set()
        for _ in range(20):
            for side in (two, one):
                try: side.do_handshake(); done.add(side)
                except ssl.SSLWantReadError: pass
            if len(done) == 2: break
        two.write(b"hello through TLS")
        print(one.read(100), one.version(), two.getpeercert()["subject"], len(ssl.RAND_bytes(16)))
    """,
    "files": """
        import os, sys, pathlib, tempfile, shutil, stat, time, fcntl, mmap, select, socket, errno, resource
        print(sorted(os.listdir(".")), os.stat("a.txt").st_size, oct(os.stat("b.txt").st_mode), os.readlink("link"), os.path.realpath("link") == os.path.abspath("a.txt"))
        with open("made", "w+b") as file:
            file.write(b"x" * 5000); file.flush()
            with mmap.mmap(file.fileno(), 0) as view: view[10:13] = b"abc"; view.flush(); print(view.find(b"c"), len(view))
            fcntl.flock(file, fcntl.LOCK_EX); fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            print(os.pread(file.fileno(), 5, 9), os.sendfile(os.open("copy", os.O_WRONLY | os.O_CREAT), file.fileno(), 0, 100))
        reader, writer = os.pipe()
        os.write(writer, b"through a pipe"); print(select.select([reader], [], [], 1)[0] == [reader], os.read(reader, 100))
        poll = select.epoll(); poll.register(reader, select.EPOLLIN); print(poll.poll(0)); os.write(writer, b"1"); print(poll.poll(1) == [(reader, 1)])
        a, b = socket.socketpair(); a.sendall(b"hello"); print(b.recv(9)); a.close(); print(b.recv(9))
        listener = socket.create_server(("127.0.0.1", 0)); peer = socket.create_connection(listener.getsockname()); served, _ = listener.accept()
        peer.sendmsg([b"scattered ", b"parts"]); print(served.recv(99), served.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
        for bad in ("missing/x", "a.txt/x", "sub"):
            try: open(bad, "w")
            except OSError as error: print(errno.errorcode[error.errno], error.strerror, error.filename)
        shutil.copytree("sub", "copied", symlinks=True); shutil.rmtree("copied"); pathlib.Path("touched").touch(); os.utime("touched", (3, 4)); print(os.stat("touched").st_mtime)
        print(sys.argv, sys.byteorder, sys.maxsize, os.getpid() > 1, time.gmtime(0)[:6], time.monotonic() > 0, resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0, sys.executable)
        sys.stderr.write("to stderr\\n"); sys.exit(9)
    """,
    "structures": """
        import collections, heapq, itertools, functools, copy, pickle, datetime, enum, dataclasses, contextlib, asyncio, weakref, gc, ast
        print(collections.Counter("mississippi").most_common(2), heapq.nsmallest(3, range(9, 0, -1)), list(itertools.permutations("abc", 2))[:3])
        @functools.lru_cache(None)
        def fibonacci(n): return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
        print(fibonacci(90), pickle.loads(pickle.dumps({1: [2, (3,)]})), datetime.date(2024, 2, 29) + datetime.timedelta(366), datetime.datetime.fromtimestamp(0, datetime.timezone.utc).isoformat())
        @dataclasses.dataclass(order=True)
        class Point: x: int; y: int = 2
        print(Point(1) < Point(2), Point(3), ast.unparse(ast.parse("x=1+ 2")), eval("[i for i in range(3)]"))
        async def task(n): await asyncio.sleep(0); return n
        async def main(): return await asyncio.gather(*(task(i) for i in range(4)))
        print(asyncio.run(main()), gc.collect() >= 0)
        def deep(n): return n and deep(n - 1) + 1
        print(deep(800))
        try: deep(10 ** 6)
        except RecursionError: print("RecursionError")
        raise SystemExit("the last words")
    """,
}
PERL = {
    "text": r"""
        use strict; use warnings; my %n; while (<STDIN>) { my ($k) = /(\w+)$/ or next; $n{$k}++ } print map { "$_ $n{$_}\n" } sort keys %n;
        (my $s = "Hello World") =~ tr/a-zA-Z/n-za-mN-ZA-M/; print "$s\n"; print join(",", map { sprintf "%03d", $_ * 2 } grep { $_ % 2 } 1..9), "\n";
        print "yes $1 $+{year}\n" if "on 2024-02-29" =~ /(?<year>\d{4})-(\d\d)/; print scalar reverse("abc"), lc("ABC"), ucfirst("x"), sprintf("%.6f %e %g", 1/3, 12345.678, 1e-5), "\n";
        print join("|", sort { $b <=> $a } 10, 9, 100, 1), " ", 2**53, " ", 10 % 3, " ", -7 / 2, " ", int(-3.5), " ", "inf" + 0, "\n";
    """,
    "modules": r"""
        use List::Util qw(sum max first shuffle); use POSIX qw(floor strftime); use Data::Dumper; use Digest::SHA qw(sha256_hex); use MIME::Base64; use Time::HiRes; use Storable qw(dclone); use Encode;
        $Data::Dumper::Sortkeys = 1; $Data::Dumper::Indent = 1; print sum(1..10), max(3, 9, 4), floor(-1.5), strftime("%F", gmtime(0)), "\n", Dumper({ a => [1, { b => undef }] });
        print sha256_hex("abc"), encode_base64("hello"), length(decode("UTF-8", "\xc3\xa4")), dclone([1, [2]])->[1][0], "\n"; use Math::BigInt; print Math::BigInt->new(2)->bpow(150), "\n";
    """,
    "files": r"""
        open(my $f, ">", "made") or die; print $f "line $_\n" for 1..200; close $f; open($f, "<", "made"); my @l = <$f>; print scalar(@l), " ", -s "made", "\n"; seek($f, 10, 0); read($f, my $b, 7); print "$b\n";
        print join(" ", map { -d $_ ? "d" : -l $_ ? "l" : -f _ ? "f" : "?" } qw(sub link a.txt missing)), "\n"; opendir(my $d, "."); print join(",", sort readdir $d), "\n"; mkdir "new" and rmdir "new";
        rename "made", "renamed"; unlink "renamed"; symlink "x", "y"; print readlink "y", "\n"; chmod 0600, "a.txt"; utime 5, 6, "a.txt"; print((stat "a.txt")[9], "\n"); open($f, "<", "missing") or print "$!\n";
        local $SIG{__WARN__} = sub { print "warned: @_" }; warn "careful\n"; eval { die { code => 7 } }; print $@->{code}, "\n"; print STDERR "to stderr\n"; exit 4;
    """,
}
LUA = r"""
local t = {} for i = 1, 50 do t[i] = (i * 7919) % 101 end table.sort(t) print(table.concat(t, ","), #t, select("#", 1, nil, 3))
print(("hello world"):gsub("o", "0"), ("key=val"):match("(%w+)=(%w+)"), string.format("%5.2f|%q|%x|%-5s|", 3.14159, "a\nb", 255, "ab"), math.maxinteger, 7 // 2, 7 / 2, 2 ^ 0.5, 1 << 40, "10" + 5)
local f = setmetatable({}, { __index = function(_, k) return k * 2 end, __call = function(_, a) return a + 1 end }) print(f[21], f(1))
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(co(), co(), co()) print(pcall(error, { 1 }), pcall(function() local x = nil; return x.y end))
local out = assert(io.open("made", "w")) out:write("one\n", 2, "\n") out:close() for line in io.lines("made") do io.write("[", line, "]") end print(os.time({ year = 2001, month = 9, day = 9, hour = 1, min = 46, sec = 40 }), os.getenv("HOME"), io.open("missing"))
print(utf8.char(228, 8364), utf8.len("äö"), string.pack("<i4", -2):byte(1, -1)) goto done do print("not here") end ::done:: os.exit(6)
"""
SQL = """
create table t (id integer primary key, name text, n real); insert into t (name, n) values ('a', 1.5), ('b', 2.25), ('c', null);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 2000) insert into t (name, n) select 'row' || x, x / 8.0 from c;
select count(*), sum(n), avg(n), max(name) from t; create index i on t (name); select * from t where name = 'row77'; select upper(name), round(n, 1), typeof(n), hex(name), printf('%05d', id) from t limit 3;
.mode csv
select * from t order by n desc limit 4;
.mode column
select id, name from t limit 2;
begin; delete from t where id > 10; rollback; select count(*) from t; update t set n = n + 1 where id % 2; pragma integrity_check; vacuum; select name, sql from sqlite_master;
select json_extract('{"a": [1, 2]}', '$.a[1]'), strftime('%Y', 0, 'unixepoch'), 1 / 0, 9223372036854775807 + 1.0; select row_number() over (order by name), name from t limit 2; select nonsense from t;
"""
BC = b"scale=40\n4*a(1)\ne(1)\nsqrt(2)\n2^300\nobase=16\n255\ndefine f(n) { if (n < 2) return 1; return n * f(n - 1); }\nobase=10\nf(30)\n1/0\nlength(123.45)\nfor (i = 0; i < 5; i++) i\nquit\n"


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
        for suffix, texts in (("py", PYTHON), ("pl", PERL)):
            for name, text in texts.items():
                (folder / f"{name}.{suffix}").write_text(dedent(text), encoding="utf-8")
        (folder / "script.lua").write_text(LUA, encoding="utf-8")
        (folder / "certificate.pem").write_bytes(certificate)

    return prepare


@pytest.mark.parametrize("script", PYTHON)
def test_python(foreign: Foreign, scripts: Prepare, script: str) -> None:
    """Python with its C modules."""
    foreign.compare([f"python3 -B {script}.py argument"], scripts)


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
            "python3 -c 'import os; os.abort()'",
            Line("python3 -c 'print(1)'", stdout="/dev/full"),
        ],
        scripts,
    )


@pytest.mark.parametrize("script", PERL)
def test_perl(foreign: Foreign, scripts: Prepare, script: str) -> None:
    """Perl with its XS modules."""
    foreign.compare(
        [
            Line(f"perl {script}.pl", stdin=data.lines(200).replace(b" 0.", b" w")),
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
            Line("sqlite3 :memory:", stdin=SQL.encode()),
            Line("sqlite3 made.db", stdin=SQL.encode()),
            "sqlite3 made.db 'select count(*), sum(id) from t'",
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
            "openssl dgst -sha256 missing",
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
            "bash -c 'for i in {1..3}; do echo $((i ** 2)); done; [[ abc =~ b(.) ]] && echo ${BASH_REMATCH[1]}; declare -A m=([k]=v); echo ${m[k]} ${x:-unset}; exit 5'",
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
