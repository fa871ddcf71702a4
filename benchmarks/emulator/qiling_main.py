"""Runs one Linux program in Qiling: `qiling_main.py ROOT PROGRAM [ARGUMENT...]`. For the Python of Qiling's own environment."""

import os
import sys
import time
from struct import pack

from qiling import Qiling
from qiling.const import QL_VERBOSE


def clock_gettime(ql: Qiling, clock: int, address: int, *_rest: int) -> int:
    """Qiling's own knows whole seconds only, and the loops time themselves."""
    ql.mem.write(address, pack("<qq", *divmod(time.clock_gettime_ns(clock), 1_000_000_000)))
    return 0


def main() -> None:
    root, *argv = sys.argv[1:]
    ql = Qiling(argv, root, verbose=QL_VERBOSE.DISABLED)
    ql.os.set_syscall("clock_gettime", clock_gettime)
    for argument in argv[1:]:
        if os.path.isfile(argument):
            ql.add_fs_mapper(argument, argument)  # files outside the root
    ql.run()
    sys.stdout.flush()
    sys.exit(ql.os.exit_code)


main()
