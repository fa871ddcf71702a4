"""Writes a plan into a file that carries it out by itself: no Python, no miniload, any arguments."""

from __future__ import annotations

import os

from miniload.errors import LaunchError
from miniload.native.image import executable
from miniload.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.plan.model import LoadPlan


def pack(plan: LoadPlan, output: bytes) -> None:
    """Writes the executable `output`. It runs the planned program with the arguments and environment that it is itself given,
    opening the program and its interpreter by the paths of the plan; it refuses if either has changed since. LaunchError if it
    cannot be written.

    The arguments and the environment of the plan are not used, nor are `$ORIGIN` patches: where the exe link cannot be set, a packed
    program's $ORIGIN is not expanded right.
    """
    files = tuple(replace(file, path=os.path.abspath(file.path)) for file in plan.files)
    image = executable(replace(plan, files=files), keep_stack=True)
    temporary = b"%s.%d.tmp" % (output, os.getpid())
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o777)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(image)
            os.rename(temporary, output)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise LaunchError(output, f"cannot be written: {error.strerror}", errno=error.errno) from None
