"""Resource limits that the guest has for itself, since the host's would be the emulator's: on memory, and on core dumps (kernel/sys.c, do_prlimit())."""

from __future__ import annotations

import os
import resource
from errno import EINVAL, EPERM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.space.guest import GuestSpace

INFINITY = (1 << 64) - 1


class Limits:
    """RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK and RLIMIT_CORE, taken over from the host at the start."""

    KEPT = frozenset({resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_STACK, resource.RLIMIT_CORE})

    def __init__(self, stack: int = 0) -> None:
        self._values = {kind: self._of_host(kind) for kind in self.KEPT}
        if stack:
            self._values[resource.RLIMIT_STACK] = (stack, max(stack, self._values[resource.RLIMIT_STACK][1]))

    def _of_host(self, kind: int) -> tuple[int, int]:
        soft, hard = resource.getrlimit(kind)
        return (INFINITY if soft == resource.RLIM_INFINITY else soft), (INFINITY if hard == resource.RLIM_INFINITY else hard)

    def keep_cores_small(self) -> None:
        """A dump of the emulator would be of no use to anybody, and very large."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))

    def give_to_host(self) -> None:
        """Before execve of a program of the host, whose limits they are from then on."""
        for kind, (soft, hard) in self._values.items():
            most = resource.getrlimit(kind)[1]
            try:
                resource.setrlimit(kind, (_of_guest(soft), _of_guest(hard) if os.geteuid() == 0 else most))
            except (ValueError, OSError):
                continue  # lowered beyond what the emulator itself needs: the program would not start

    def apply(self, space: GuestSpace) -> None:
        """Has the guest's memory keep to the soft limits."""
        space.address_limit = self._values[resource.RLIMIT_AS][0]
        space.data_limit = self._values[resource.RLIMIT_DATA][0]
        space.stack_limit = self._values[resource.RLIMIT_STACK][0]

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


def _of_guest(value: int) -> int:
    return resource.RLIM_INFINITY if value >= INFINITY else value
