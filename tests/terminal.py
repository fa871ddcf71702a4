"""A pseudo-terminal with a command at it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
from fcntl import ioctl
from struct import pack
from typing import TYPE_CHECKING, Any

from support import clean_environment, words

if TYPE_CHECKING:
    from support import Command


class Terminal:
    """A command under a pseudo-terminal that is its controlling one; `options` are Popen's. A context manager that ends it."""

    PATIENCE = 30.0

    def __init__(self, command: Command, *, rows: int = 24, columns: int = 80, **options: Any) -> None:
        self.output = b""
        self._seen = 0
        self.main, terminal = pty.openpty()
        ioctl(terminal, termios.TIOCSWINSZ, pack("HHHH", rows, columns, 0, 0))

        def take_terminal() -> None:
            ioctl(0, termios.TIOCSCTTY, 0)

        options.update(stdin=terminal, stdout=terminal, stderr=terminal)
        options.setdefault("env", clean_environment(TERM="dumb", PS1="$ "))
        self._process = subprocess.Popen(words(command), start_new_session=True, preexec_fn=take_terminal, **options)
        os.close(terminal)

    def until(self, text: bytes) -> Terminal:
        """Waits until the command has written that since the last wait."""
        while self.output.find(text, self._seen) < 0:
            assert self._read(), f"ended before it said {text!r}: {self.output!r}"
        self._seen = self.output.index(text, self._seen) + len(text)
        return self

    def type(self, keys: bytes) -> Terminal:
        """Presses keys."""
        os.write(self.main, keys)
        return self

    def resize(self, rows: int, columns: int) -> Terminal:
        """Changes the window's size."""
        ioctl(self.main, termios.TIOCSWINSZ, pack("HHHH", rows, columns, 0, 0))
        return self

    def hang_up(self) -> int:
        """Takes the terminal away: the status that the command then ends with."""
        os.close(self.main)
        self.main = -1
        return self._process.wait(self.PATIENCE)

    def end(self) -> tuple[int, bytes]:
        """Waits for the command's end: its status and all that it wrote."""
        while self._read():
            pass
        return self._process.wait(self.PATIENCE), self.output

    def _read(self) -> bool:
        ready, _, _ = select.select([self.main], [], [], self.PATIENCE)
        assert ready, f"nothing more after {self.output!r}"
        try:
            data = os.read(self.main, 65536)
        except OSError:  # EIO: nobody has the terminal open any more
            return False
        self.output += data
        return bool(data)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.main >= 0:
            os.close(self.main)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
