"""Resource limits on memory: the guest's own, since the host's would limit the emulator (kernel/sys.c, do_prlimit())."""

from __future__ import annotations

import os
import resource
from errno import EINVAL, EPERM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.space.guest import GuestSpace

INFINITY = (1 << 64) - 1


class Limits:
    """RLIMIT_AS, RLIMIT_DATA and RLIMIT_STACK, taken over from the host at the start."""

    KEPT = frozenset({resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_STACK})

    def __init__(self, stack: int = 0) -> None:
        self._values = {kind: self._of_host(kind) for kind in self.KEPT}
        if stack:
            self._values[resource.RLIMIT_STACK] = (stack, max(stack, self._values[resource.RLIMIT_STACK][1]))

    def _of_host(self, kind: int) -> tuple[int, int]:
        soft, hard = resource.getrlimit(kind)
        return (INFINITY if soft == resource.RLIM_INFINITY else soft), (INFINITY if hard == resource.RLIM_INFINITY else hard)

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
