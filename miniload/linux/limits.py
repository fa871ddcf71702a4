"""Resource limits that the guest has for itself, since the host's would be the emulator's: on memory, and on core dumps (kernel/sys.c, do_prlimit())."""

from __future__ import annotations

import os
from errno import EINVAL, EPERM

from miniload.space.hostmap import host_limit, set_host_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.space.guest import GuestSpace

INFINITY = (1 << 64) - 1
RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_NOFILE, RLIMIT_AS = 2, 3, 4, 7, 9


class Limits:
    """RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK and RLIMIT_CORE, taken over from the host at the start."""

    KEPT = frozenset({RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE})

    def __init__(self, stack: int = 0) -> None:
        self._values = {kind: host_limit(kind) for kind in self.KEPT}
        if stack:
            self._values[RLIMIT_STACK] = (stack, max(stack, self._values[RLIMIT_STACK][1]))

    def keep_cores_small(self) -> None:
        """A dump of the emulator would be of no use to anybody, and very large."""
        set_host_limit(RLIMIT_CORE, 0, self._values[RLIMIT_CORE][1])

    def give_to_host(self) -> None:
        """Before execve of a program of the host, whose limits they are from then on."""
        for kind, (soft, hard) in self._values.items():
            most = host_limit(kind)[1]
            try:
                set_host_limit(kind, soft, hard if os.geteuid() == 0 else most)
            except OSError:
                continue  # lowered beyond what the emulator itself needs: the program would not start

    def apply(self, space: GuestSpace) -> None:
        """Has the guest's memory keep to the soft limits."""
        space.address_limit = self._values[RLIMIT_AS][0]
        space.data_limit = self._values[RLIMIT_DATA][0]
        space.stack_limit = self._values[RLIMIT_STACK][0]

    def get(self, kind: int) -> tuple[int, int]:
        """Soft and hard limit, in bytes."""
        return self._values[kind]

    def set(self, kind: int, soft: int, hard: int) -> None:
        """OSError EINVAL, or EPERM where raising a hard limit needs a capability."""
        if soft > hard:
            raise OSError(EINVAL, os.strerror(EINVAL))
        if hard > self._values[kind][1] and os.geteuid() != 0:
            raise OSError(EPERM, os.strerror(EPERM))
        self._values[kind] = (soft, hard)
