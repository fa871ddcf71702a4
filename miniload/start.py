"""The command's first steps, after bin/miniload-run has found the package."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal


def default_interrupt(blocked: bool) -> None:
    """SIGINT ends this process as it would the program, without a traceback. The launcher has blocked it; `blocked`: it was so before."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    if not blocked:
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGINT,))


def start() -> int:
    """The command. The launcher's own argument, --launched=SIGNALS, comes first: "p" for SIGPIPE and "x" for SIGXFSZ that were ignored before Python came, "i"
    for SIGINT that was blocked, "-" otherwise."""
    launched = sys.argv.pop(1)[11:] if sys.argv[1:] and sys.argv[1].startswith("--launched=") else None
    if launched is not None:
        default_interrupt("i" in launched)
    from miniload.cli import main

    return main(launched=launched)
