"""Debian's coreutils for AArch64 and RISC-V: output, status and files left as those of this machine's own, and as under qemu-user."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from foreign import data
from foreign.compare import Line

if TYPE_CHECKING:
    from foreign.compare import Foreign

REVERSED = "qemu-user hands the environment over in reverse order"
STAT = "%n|%F|%a|%A|%s|%h|%u|%g|%U|%G|%Y|%y|%N"

TOOLS: dict[str, list[str | Line]] = {
    "ls": [
        "ls",
        "ls -laR --time-style=full-iso",
        "ls -lnF --time-style=+%s",
        "ls -A1 --sort=size -r",
        "ls -lt --color=always --time-style=long-iso --hyperlink=never",
        "ls -d sub link dirlink a.txt missing",
        "ls -sk --block-size=512 sub",
        "ls -C -w 40",
        "ls -lH dirlink",
        "ls -b --quoting-style=shell-escape",
        Line("ls -l", stdout="/dev/full"),
        "ls a.txt/b",
    ],
    "cat": [
        "cat a.txt b.txt",
        "cat -A a.txt binary",
        "cat -n - a.txt",
        Line("cat -s - b.txt", stdin=b"from\n\n\n\nstdin\n"),
        "cat missing a.txt",
        "cat sub",
        Line("cat binary", stdout="/dev/full"),
        Line("cat a.txt", stdout="closed", only="native", why="qemu-user's own files take the free descriptor"),
    ],
    "sort": [
        "sort lines",
        "sort -n numbers",
        "sort -g numbers",
        "sort -t: -k2,2nr table",
        "sort -u -f lines",
        "sort -c lines",
        "sort -o lines -k3 -k1n lines",
        "sort -z binary",
        "sort -m a.txt b.txt",
        "sort --compress-program=none -h numbers",
        "sort missing",
        Line("sort lines", stdout="/dev/full"),
    ],
    "wc": ["wc a.txt b.txt", "wc -lc binary b.txt", "wc -L a.txt", Line("wc -m -w", stdin="\u00e4 \u20ac\n".encode()), "wc -c sparse", "wc missing sub"],
    "sha256sum": [
        "sha256sum a.txt binary empty",
        "sha256sum --tag sparse",
        Line("sha256sum", stdin=b"abc"),
        Line("sha256sum -c", stdin=b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n" + b"0" * 64 + b"  a.txt\n"),
        "md5sum a.txt",
        "sha1sum binary",
        "sha512sum binary",
        "b2sum binary",
        "cksum binary",
        "sum -s binary",
        "sha256sum missing sub",
    ],
    "cp": [
        "cp a.txt copy",
        "cp -a sub sub2",
        "cp -av link dangling fifo .hidden sub/",
        "cp -r --preserve=timestamps sub/. new",
        "cp --sparse=always sparse holes",
        "stat -c %n,%s,%b holes",
        "cp -l a.txt hard",
        "cp -s a.txt soft",
        "cp -u b.txt copy",
        "cp -n b.txt copy",
        "cp -b b.txt copy",
        "cp --reflink=auto binary binary2",
        "cp -p numbers numbers2",
        "cp a.txt a.txt",
        "cp sub nowhere",
        "cp missing x",
        "cp a.txt b.txt missing/",
        "cp a.txt /dev/full",
        "cp --parents sub/deeper/leaf new",
    ],
    "mv": [
        "mv a.txt renamed",
        "mv -v renamed sub/",
        "mv sub moved",
        "mv -n b.txt numbers",
        "mv -b b.txt numbers",
        "mv -T moved empty",
        "mv moved moved/deeper/",
        "mv missing x",
        "mv link dangling fifo moved",
        "mv moved/one moved/same",
    ],
    "rm": [
        "rm a.txt link",
        "rm -v b.txt dangling",
        "rm sub",
        "rm -r sub",
        "rm -f missing fifo",
        "rm missing",
        "rm -d dirlink",
        "rm -rf --one-file-system .hidden 'with blank'",
        "rm -r .",
        "rmdir sub",
    ],
    "mkdir": [
        "mkdir new",
        "mkdir -pv deep/er/est",
        "mkdir -m 1750 special",
        "mkdir sub",
        "mkdir missing/child",
        "mkdir a.txt/child",
        "rmdir new",
        "rmdir -p deep/er/est",
        "rmdir sub",
        "mktemp missing/XXXX",
        "mkfifo -m 600 pipe",
        "mknod node p",
    ],
    "ln": [
        "ln a.txt hard",
        "ln -s a.txt soft",
        "ln -sf b.txt soft",
        "ln -sr sub/one relative",
        "ln -sT sub newlink",
        "ln -b a.txt hard",
        "ln sub impossible",
        "ln missing x",
        "ln a.txt b.txt",
        "link a.txt other",
        "unlink other",
        "readlink soft link a.txt",
        "readlink -f dirlink/deeper",
        "realpath --relative-to=sub dirlink/one dangling",
    ],
    "stat": [
        f"stat -c '{STAT}' a.txt sub link dangling fifo sparse empty sub/one",
        "stat -L -c '%F %s' link dirlink",
        "stat -L -c %F dangling",
        "stat -c '%t %T %r' /dev/null /dev/tty",
        "stat --printf '%s\\t%B %o\\n' binary",
        "stat -f -c '%T %S %l %i' .",
        "stat missing",
        "stat -c %a /tmp",
    ],
    "df": ["df --output=target,fstype .", "df -P /proc", "df --output=source,size,itotal /", "df -T -x ext4 /dev", "df missing"],
    "date": [
        "date -u -d @0",
        "date -u -d @1709210096.123456789 '+%F %T.%N %j %V %a %b %s %z %Z'",
        "date -d '2024-02-29 12:00 + 1 year' -Is",
        "date -d '1999-12-31 23:59:59 UTC + 1 second' -R",
        Line("date -d @1000000000 --rfc-3339=seconds", env={"TZ": "Europe/Berlin"}),
        Line("date -d '2000-07-01 12:00' +%Z%z", env={"TZ": "EST5EDT,M3.2.0,M11.1.0"}),
        Line("date -f - +%A", stdin=b"2001-01-01\n2038-01-19\n"),
        "date -r a.txt +%s",
        "date -d nonsense",
    ],
    "du": [
        "du -s .",
        "du -b --time --time-style=+%s a.txt sub/one link",
        "du -h --apparent-size sparse",
        "du -k sparse",
        "du -L dirlink",
        "du -c --max-depth=1 .",
        "du missing",
    ],
    "tail": [
        "tail -n 2 a.txt",
        "tail -c 10 binary",
        "tail -c +1270 binary",
        "tail -n +498 lines",
        Line("tail -n 3", stdin=b"1\n2\n3\n4\n5\n"),
        "tail -v -n 1 a.txt b.txt",
        "tail -c 5 sparse",
        "tail missing",
        "tail sub",
    ],
    "head": ["head -n 2 a.txt b.txt", "head -c 300 binary", "head -n -495 lines", "head -c -1270 binary", Line("head -1", stdin=b"x\ny\n"), "head missing sub"],
    "cut": [
        "cut -d: -f1,3 table",
        "cut -c2-4 lines",
        "cut -b-3 a.txt",
        "cut -d: -f2 --complement --output-delimiter=_ table",
        "cut -s -d: -f2 a.txt",
        "cut -f0 a.txt",
    ],
    "tr": [
        Line("tr a-z A-Z", stdin=b"hello, World\n"),
        Line("tr -d '[:digit:]'", stdin=b"a1b22c\n"),
        Line("tr -s ' ' '\\n'", stdin=b"one  two   three\n"),
        Line("tr -cd '\\000-\\177'", stdin=bytes(range(256))),
        "tr a",
    ],
    "uniq": [
        "uniq -c b.txt",
        "uniq -d b.txt",
        "uniq -u b.txt out",
        Line("uniq -i -f 1", stdin=b"1 a\n2 A\n3 b\n"),
        Line("uniq --group", stdin=b"a\na\nb\n"),
        "uniq missing",
    ],
    "seq": ["seq 5", "seq 1 0.25 2", "seq -w 8 11", "seq -s, -f %05.1f 3", "seq 99998 100003", "seq 3 1", "seq 1 x", Line("seq 100000", stdout="/dev/full")],
    "od": [
        "od binary",
        "od -A x -t x1z -N 100 binary",
        "od -t f8 -j 8 -N 32 binary",
        "od -c a.txt",
        "od -t d2u4 -w12 binary",
        "od -An -tx8 --endian=big -N16 binary",
        "od missing",
    ],
    "dd": [
        "dd if=binary of=out bs=100 count=3 status=none",
        "dd if=a.txt of=out bs=10 seek=5 conv=notrunc status=none",
        "dd if=a.txt of=upper conv=ucase,fsync status=none",
        "dd if=binary of=swabbed conv=swab bs=64 skip=1 status=none",
        "dd if=/dev/zero of=zeros bs=1k count=3 seek=2 conv=sparse status=none",
        "dd if=/dev/null of=binary bs=1 seek=7 status=none",
        Line("dd bs=4 count=2 iflag=fullblock status=noxfer", stdin=b"0123456789"),
        "dd if=binary of=/dev/full bs=512 count=1 status=noxfer",
        "dd if=missing status=none",
        "dd if=a.txt of=excl conv=excl status=none",
        "dd if=a.txt of=excl conv=excl status=none",
        "dd if=a.txt of=appended oflag=append,dsync conv=notrunc status=none",
    ],
    "touch": [
        "touch new",
        "touch -d '2020-02-02 02:02:02.123456789' new a.txt",
        "touch -r b.txt sub",
        "touch -h -d @5 link",
        "touch -c missing",
        "touch -a -t 197001020304 binary",
        "stat -c '%n %x %y' a.txt binary",
        "touch missing/x",
        "touch -d @-86400.5 old",
        "touch /proc/nothing",
        "truncate -s 1M large",
        "truncate -s -100 binary",
        "fallocate -l 8192 reserved",
    ],
    "chmod": [
        "chmod 600 a.txt",
        "chmod -v u+x,g=u,o-r b.txt",
        "chmod -R go-rwx sub",
        "chmod 4755 script",
        "chmod +t sub",
        "chmod --reference=numbers binary",
        "chmod 644 dangling",
        "chmod 644 missing",
        "chown -c 12:34 a.txt",
        "chown -h :56 link",
        "chgrp -R 7 sub",
        f"stat -c '{STAT}' a.txt link sub sub/one",
    ],
    "id": ["id -u", "id -g", "id -un", "id root", "id -G nobody", "id no_such_user_here", "whoami", "groups root", "nproc --all", "logname"],
    "env": [
        Line("env", only="native", why=REVERSED),
        Line("env -u HOME -u PATH", env={"A": "1", "B": "two words"}, only="native", why=REVERSED),
        "env -i A=1 B= env",
        "env -i A=1 /usr/bin/printenv A",
        "env --chdir=sub pwd",
        "env -S 'printenv HOME'",
        "env no_such_program_here",
        "env ./a.txt",
        "env ./script",
        "printenv HOME TZ",
        "printenv MISSING",
        Line("env -0", env={"A": "x\ny"}, only="native", why=REVERSED),
    ],
    "printf": [
        "printf '%5d|%-8s|%x|%o|%c\\n' 42 text 255 8 c",
        "printf '%.3f %g %e\\n' 3.14159 1e10 0.001",
        "printf %b 'a\\tb\\0101\\n'",
        "printf %q 'with blank'",
        "printf '%d\\n' 12x",
    ],
    "test": [
        "test -f a.txt",
        "test -d a.txt",
        "test a.txt -nt b.txt",
        "test link -ef a.txt",
        "test -L dangling -a ! -e dangling",
        "test -p fifo",
        "test -x script",
        "test -r numbers -a -w numbers",
        "test -s empty",
        "test 3 -lt 10",
        "test abc != abd",
        "test -t 0",
        "test 1 -eq x",
        "true",
        "false",
    ],
    "expr": [
        "expr 6 '*' 7",
        "expr 10 / 0",
        "expr abcdef : 'a\\(.*\\)e'",
        "expr length hello",
        "expr substr hello 2 3",
        "expr 99999999999999999999 + 1",
        "expr 1 '>' 2",
        "expr index hello l",
        "expr",
    ],
    "others": [
        "comm a.txt b.txt",
        "join -t: table table",
        "paste -d, numbers b.txt",
        "nl -ba a.txt",
        "fold -w 7 a.txt",
        "fmt -w 20 a.txt",
        "expand a.txt",
        "tac b.txt",
        "rev b.txt",
        "shuf -i 1-5 --random-source=binary",
        "base64 -w 40 binary",
        "base32 a.txt",
        "factor 1234567890 18446744073709551557",
        "numfmt --to=iec 1048576 5000000",
        "basename /a/b.c .c",
        "dirname /a/b",
        "pathchk a.txt/b",
        "split -b 500 -d binary part",
        "csplit -s -f piece a.txt 2",
        "tsort numbers",
        "pr -t -2 numbers",
        "ptx -w 40 b.txt",
        "echo -e 'a\\tb'",
        "sync a.txt",
        "install -D -m 711 script inst/alled",
        "shred -u --random-source=noise -n1 missing",
        "dircolors -b",
        "tty",
        "nice -n 0 nice",
        "sleep 0.01",
    ],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_tool(foreign: Foreign, tool: str) -> None:
    """One tool, one command line after another in a small tree (data.tree)."""
    foreign.compare(TOOLS[tool], data.tree)


def test_large_inputs(foreign: Foreign) -> None:
    """20,000 lines sorted in memory and by way of temporary files, 1 MB hashed, read in blocks, compared."""
    lines: list[str | Line] = [
        "sort --parallel=1 -S 10M big",
        "sort --parallel=1 -S 200k -T . -k2,2 -k1,1n big -o sorted",
        "sort --parallel=1 -c -k2,2 -k1,1n sorted",
        "sha256sum noise big",
        "wc -lc noise",
        "wc big sorted",
        "tail -c 700000 noise",
        "dd if=noise of=out bs=4097 status=none",
        "cmp noise out",
        "tr -d a-z",
        "uniq -c sorted",
    ]
    foreign.compare(lines, data.big)


def test_cp_keeps_extended_attributes(foreign: Foreign, tmp_path: Path) -> None:
    """`cp -a` with user.* attributes of a file and of a folder."""

    def prepare(folder: Path) -> None:
        data.tree(folder)
        os.setxattr(folder / "a.txt", "user.colour", b"green\0blue")
        os.setxattr(folder / "sub", "user.empty", b"")

    try:
        os.setxattr(tmp_path, "user.probe", b"")
    except OSError as error:
        pytest.skip(f"no extended attributes on this file system: {error}")
    (expected, *_) = foreign.compare(
        ["cp -a a.txt sub copies", "mkdir copies", "cp -a a.txt sub copies", "mv copies other", "cp --no-preserve=xattr a.txt plain"], prepare
    )[2:]
    assert expected.files["copies/a.txt"].attributes == (("user.colour", b"green\0blue"),)


def test_names_at_the_limits(foreign: Foreign) -> None:
    """A name of 255 bytes, one of 256 (ENAMETOOLONG), names that are no UTF-8, a loop of links (ELOOP), a path of more than PATH_MAX."""

    def prepare(folder: Path) -> None:
        (folder / ("n" * 255)).write_bytes(b"long\n")
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_bytes(b"bytes\n")
        (folder / "loop").symlink_to("pool")
        (folder / "pool").symlink_to("loop")

    names = ["n" * 255, "n" * 256, "loop", "/".join(["d"] * 2100)]
    foreign.compare(["ls -1", "ls -b", *(f"cat {name}" for name in names), "touch '' x", "mkdir " + "m" * 256], prepare)
