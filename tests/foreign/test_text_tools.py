"""gawk, mawk, sed, grep, findutils, diffutils. Expected: this machine's own tools, and qemu-user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from foreign import data
from foreign.compare import Line

if TYPE_CHECKING:
    from foreign.compare import Foreign

AWK = (
    """'function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2) } BEGIN { print f(17); printf "%5.2f|%-6s|%c|%x\\n", 3.14159, "ab", 65, 255 }'""",
    """'BEGIN { s = "hello world"; gsub(/o/, "0", s); print s, index(s, "w"), substr(s, 3, 4), toupper(s), split("a:b:c", p, ":"), p[3] }'""",
    """'BEGIN { print sin(1), cos(1), atan2(1, 2), exp(1), log(10), sqrt(2), 2 ^ 0.5, int(-3.7) }'""",
    """'BEGIN { while ((getline line < "b.txt") > 0) n++; close("b.txt"); print n; print "made" > "out"; printf "%s", ENVIRON["HOME"]; exit 3 }'""",
)
"""Programs that every awk understands."""

TOOLS: dict[str, list[str | Line]] = {
    "gawk": [
        *(f"gawk {program} lines" for program in AWK),
        """gawk 'BEGIN { PROCINFO["sorted_in"] = "@ind_str_asc" } { n[$2] += $1 } END { for (k in n) print k, n[k] }' lines""",
        "gawk --posix -f missing",
        'gawk \'BEGIN { print strftime("%F %T", 0, 1), 2 ** 53 + 1, match("foobar", /o+/), RLENGTH }\'',
        "gawk -M 'BEGIN { print 2 ^ 200 }'",
        "gawk -i inplace '{ print toupper($0) }' b.txt",
        "gawk 'BEGIN { x = '",
        Line("gawk -F: -v OFS=- '{ $1 = $1 } 1'", stdin=b"a:b:c\n1:2:3\n"),
        Line("gawk 1 lines", stdout="/dev/full"),
    ],
    "mawk": [
        *(f"mawk {program} lines" for program in AWK),
        'mawk \'{ n[$2] += $1 } END { print n["alpha"], n["zeta"] }\' lines',
        Line("mawk -F, '{ print $2 }'", stdin=b"a,b\nc,d\n"),
        Line("mawk 1 missing", normal=lambda text: text.replace(b'"', b"")),
    ],
    "sed": [
        "sed -n '2,3p;$=' lines",
        "sed -E 's/([0-9]+) (\\w+)/\\2 \\1/;/alpha/d' lines",
        "sed -i.bak -e s/first/FIRST/ b.txt a.txt",
        "sed -e '1i\\inserted' -e '$a\\appended' -e 'y/abc/xyz/' table",
        "sed -n -e 'H;${x;s/\\n/,/g;p}' numbers",
        "sed -s -n '$p' a.txt b.txt",
        "sed -z s/./x/ binary",
        "sed -e 'w written' -e '/root/r numbers' -e q5 table",
        "sed --follow-symlinks -i s/x/y/ link",
        "sed s/x/ a.txt",
        "sed p missing sub",
        Line("sed p lines", stdout="/dev/full"),
    ],
    "grep": [
        "grep -n first a.txt b.txt",
        "grep -rniE 'line|only' .",
        "grep -c -v alpha lines",
        "grep -oP '\\d+(?= gamma)' lines",
        "grep -l -r --include=*.txt first .",
        "grep -A1 -B1 --color=always daemon table",
        "grep -F -x -f b.txt a.txt",
        "grep -w -m 3 alpha lines",
        "grep '\\(.\\)\\1' lines",
        "grep \u00e4pfel lines",
        "grep -a -b -o line binary",
        "grep x binary",
        "grep -q first a.txt missing",
        "grep nothing a.txt",
        "grep x missing sub",
        "grep '[' a.txt",
        Line("grep -e e -", stdin=b"one\ntwo\nthree\n"),
        Line("grep e lines", stdout="/dev/full"),
    ],
    "find": [
        "find . -name '*.txt' -newer b.txt",
        "find . -type l -printf '%p -> %l %y %Y\\n'",
        "find sub -printf '%M %n %u %g %s %T@ %P %d\\n'",
        "find . -size +1k -o -empty",
        "find . -maxdepth 1 -perm -111",
        "find -L . -samefile a.txt",
        "find . -regex '.*/[ab].*' -not -path './sub/*'",
        "find . -links 2 -print0",
        "find sub -depth -delete",
        "find missing",
        "find . -nonsense",
        "find . -type f -fprint found -prune",
    ],
    "diff": [
        "diff a.txt b.txt",
        "diff -u --label one --label two a.txt b.txt",
        "diff -y -W 40 a.txt b.txt",
        "diff -rq sub dirlink",
        "diff -r sub ../work/sub/deeper",
        "diff -q binary sparse",
        "diff --normal -i -w table table",
        "diff a.txt missing",
        "cmp -l a.txt b.txt",
        "cmp binary binary",
    ],
}
CHILDREN: list[str | Line] = [
    "find . -type f -name '*e*' -exec wc -c {} ;",
    "find . -type f -name '*.txt' -exec cat {} +",
    "find sub -type f -execdir ls -1 {} ;",
    Line("xargs -n 2 echo item", stdin=b"1 2 3 4 'five 5'\n"),
    Line("xargs -0 -I{} echo '<{}>'", stdin=b"a b\0c\0"),
    Line("xargs false", stdin=b"x\n"),
    Line("xargs no_such_program_here", stdin=b"x\n"),
    Line("xargs -P 1 -L 1 sh -c 'exit 255'", stdin=b"x\ny\n"),
    """gawk 'BEGIN { while (("cat b.txt" | getline line) > 0) print ++n, line; print "z\\na" | "sort"; close("sort"); print system("exit 3") }'""",
    """mawk 'BEGIN { "echo child" | getline x; print x; print system("exit 5") }'""",
    "sed -n '1e echo from a child' b.txt",
    Line("diff3 a.txt b.txt table", only="native", why="under qemu-user the child is this machine's diff, whose options are another version's"),
    "sdiff -w 60 b.txt table",
]


@pytest.mark.parametrize("tool", TOOLS)
def test_tool(foreign: Foreign, tool: str) -> None:
    """One tool, one command line after another in a small tree (data.tree)."""
    foreign.compare(TOOLS[tool], data.tree)


def test_children(foreign: Foreign) -> None:
    """Commands that start others: fork, exec, wait, pipes."""
    foreign.compare(CHILDREN, data.tree)
