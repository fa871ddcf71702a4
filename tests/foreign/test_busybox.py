"""Debian's static busybox: one program, many names. Expected: this machine's own busybox, and qemu-user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from foreign import data
from foreign.compare import Line

if TYPE_CHECKING:
    from foreign.compare import Foreign

SELF = "busybox executes /proc/self/exe, which is qemu-user's own program there"

APPLETS: dict[str, list[str | Line]] = {
    "text": [
        "busybox cat a.txt b.txt",
        "busybox head -n 3 lines",
        "busybox tail -n 2 lines",
        "busybox wc lines b.txt",
        "busybox sort -k2 lines",
        "busybox sort -n numbers",
        "busybox uniq -c b.txt",
        "busybox cut -d: -f1 table",
        Line("busybox tr a-z A-Z", stdin=b"hello\n"),
        "busybox grep -n first a.txt b.txt",
        "busybox grep -rc 1 sub",
        "busybox sed -e s/e/E/g -n -e 2p lines",
        "busybox awk -F: '{ n += $2; print NR, $1 } END { print n }' table",
        "busybox tac b.txt",
        "busybox rev b.txt",
        "busybox nl a.txt",
        "busybox fold -w 5 b.txt",
        "busybox expand a.txt",
        "busybox paste a.txt b.txt",
        "busybox comm a.txt b.txt",
        "busybox diff -u a.txt b.txt",
        "busybox cmp a.txt b.txt",
        "busybox strings binary",
        "busybox od -c a.txt",
        "busybox hexdump -C binary",
        "busybox xxd a.txt",
        "busybox base64 a.txt",
        "busybox uuencode a.txt name",
    ],
    "hashes": [
        "busybox md5sum a.txt binary",
        "busybox sha1sum a.txt",
        "busybox sha256sum sparse",
        "busybox sha512sum lines",
        "busybox sha3sum lines",
        "busybox cksum lines",
        "busybox sum lines",
    ],
    "files": [
        "busybox ls -la .",
        "busybox cp -a sub copied",
        "busybox mv a.txt sub",
        "busybox rm -r copied",
        "busybox mkdir -p x/y/z",
        "busybox rmdir x/y/z",
        "busybox ln -s b.txt soft",
        "busybox readlink soft",
        "busybox realpath soft",
        "busybox stat -c '%n %s %a %F' b.txt sub",
        "busybox touch -d @7 touched",
        "busybox chmod 640 b.txt",
        "busybox chown 3:4 b.txt",
        "busybox du -k sub",
        "busybox find . -name '*e*' -type f",
        "busybox dd if=binary of=part bs=10 count=3 skip=2 status=none",
        "busybox truncate -s 77 empty",
        "busybox cat missing",
        "busybox mkfifo pipe",
    ],
    "archives": [
        "busybox gzip -k lines",
        "busybox gunzip -c lines.gz",
        "busybox zcat lines.gz",
        "busybox bzip2 -k lines",
        "busybox bunzip2 -c lines.bz2",
        "busybox tar cf all.tar sub b.txt",
        "busybox tar tvf all.tar",
        "busybox rm -r sub",
        "busybox tar xf all.tar",
    ],
    "words": [
        "busybox echo -n hello",
        "busybox printf '%03d %s\\n' 7 x",
        "busybox seq 3 7",
        "busybox expr 6 '*' 7",
        "busybox test -d sub",
        "busybox [ 1 -lt 2 ]",
        "busybox basename /a/b",
        "busybox dirname /a/b",
        "busybox date -u -d @86400 +%F",
        "busybox cal 2 2024",
        "busybox factor 360",
        Line("busybox env -i A=b busybox env", only="native", why=SELF),
        "busybox id -u",
        "busybox true",
        "busybox false",
        "busybox usleep 1",
        Line("busybox bc", stdin=b"2^100\n"),
        Line("busybox dc", stdin=b"2 3 * p\n"),
        "busybox no_such_applet",
        "busybox ash -c 'x=1; while [ $x -lt 50 ]; do x=$((x * 2)); done; echo $x; exit 3'",
        "busybox ash -c 'echo out > made; read line < made; echo got $line; cd sub; exit 4'",
    ],
}


@pytest.mark.parametrize("subject", APPLETS)
def test_applets(foreign: Foreign, subject: str) -> None:
    """The applets of one subject, one after another in a small tree (data.tree)."""
    foreign.compare(APPLETS[subject], data.tree)


def test_a_shell_with_children(foreign: Foreign) -> None:
    """busybox's shell: pipes, command substitution, a background job waited for."""
    foreign.compare(
        [
            "busybox ash -c 'busybox sort lines | busybox uniq | busybox wc -l'",
            "busybox ash -c 'n=$(busybox wc -c < lines); echo $n'",
            "busybox ash -c '(exit 7) & wait $!; echo $?'",
            Line("busybox xargs -n 2 busybox echo", stdin=b"1 2 3 4 5\n", only="native", why=SELF),
            Line("busybox find sub -type f -exec busybox wc -c {} +", only="native", why=SELF),
        ],
        data.tree,
    )
