"""Programs at a terminal. Expected: what they do at one when the kernel has loaded them."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from compare import PYTHON, Terminal, at_terminal, signalled
from support import MINILOAD, need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., Path]


def test_standard_descriptors_are_terminals() -> None:
    """isatty(3) of the three, and the name is the controlling terminal's."""
    script = "for n in 0 1 2; do test -t $n && echo $n; done; test $(tty) = $(readlink /proc/self/fd/0); echo $?; : > /dev/tty && echo controlling"
    assert at_terminal(["sh", "-c", script], lambda _: None) == (0, b"0\r\n1\r\n2\r\n0\r\ncontrolling\r\n")


def test_window_size() -> None:
    """TIOCGWINSZ."""
    assert at_terminal(["stty", "size"], lambda _: None, rows=31, columns=99) == (0, b"31 99\r\n")


def test_window_size_change() -> None:
    """SIGWINCH arrives when the window changes."""
    script = "trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.05; done"
    use = lambda terminal: terminal.until(b"ready\r\n").resize(50, 120)  # noqa: E731
    assert at_terminal(["bash", "-c", script], use) == (3, b"ready\r\n50 120\r\n")


def test_interrupt_from_the_keyboard(build: Build) -> None:
    """^C: the program, in the terminal's foreground group, dies of SIGINT."""
    status, output = at_terminal([build("sleeper.c")], lambda terminal: terminal.until(b"ready\r\n").type(b"\x03"))
    assert (status, output) == (signalled(signal.SIGINT), b"ready\r\n^C")


def test_quit_from_the_keyboard(build: Build) -> None:
    """^\\: SIGQUIT."""
    status, _ = at_terminal([build("sleeper.c")], lambda terminal: terminal.until(b"ready\r\n").type(b"\x1c"))
    assert status == signalled(signal.SIGQUIT)


def test_interrupt_that_is_handled() -> None:
    """A handler of the program's own gets ^C."""
    need(PYTHON)
    code = "import time\ntry:\n  print('ready')\n  while 1: time.sleep(0.05)\nexcept KeyboardInterrupt:\n  print('interrupted'); raise SystemExit(8)"
    status, output = at_terminal([PYTHON, "-c", code], lambda terminal: terminal.until(b"ready\r\n").type(b"\x03"))
    assert (status, output) == (8, b"ready\r\n^Cinterrupted\r\n")


def test_hangup(build: Build) -> None:
    """A terminal that goes away takes its session's leader with it: SIGHUP."""
    with Terminal([*MINILOAD, build("sleeper.c")]) as terminal:
        assert terminal.until(b"ready\r\n").hang_up() == signalled(signal.SIGHUP)


def test_lines_typed() -> None:
    """The terminal's line editing and its end of file, ^D."""
    assert at_terminal(["cat"], lambda terminal: terminal.type(b"typo\x15line\n").until(b"line\r\nline\r\n").type(b"\x04"))[0] == 0


def test_raw_mode_and_back() -> None:
    """Terminal settings that a program changes."""
    script = "s=$(stty -g); stty raw -echo; printf ready; k=$(dd bs=1 count=1 2>/dev/null); stty $s; echo \"<$k>\"; stty -a | grep -o ' -*echo '"
    status, output = at_terminal(["bash", "-c", script], lambda terminal: terminal.until(b"ready").type(b"x"))
    assert (status, output) == (0, b"ready<x>\r\n echo \r\n")


def test_output_in_colour_and_columns() -> None:
    """ls at a terminal asks for its width."""
    status, output = at_terminal(["ls", "--color=auto", "-C", "/usr"], lambda _: None, columns=40)
    assert status == 0
    assert output.count(b"\r\n") > 1
