"""Address spaces: where images are mapped, and where programs and libraries live."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class AddressSpace(Protocol):
        """Where something can be loaded. Addresses are the space's own; sizes in bytes; protections are PROT_* of mmap(2).

        Every method raises OSError with the errno that Linux gives. A user's own implementation need not be more than these.
        """

        page_size: int

        def map(self, address: int, size: int, protection: int, flags: int, fd: int = -1, offset: int = 0) -> int:
            """mmap(2): `flags` as there (MAP_FIXED, MAP_PRIVATE, ...). The address chosen."""

        def unmap(self, address: int, size: int) -> None:
            """munmap(2)."""

        def protect(self, address: int, size: int, protection: int) -> None:
            """mprotect(2)."""

        def read(self, address: int, size: int) -> bytes:
            """The bytes there, EFAULT if not all are readable."""

        def write(self, address: int, data: bytes) -> None:
            """Stores bytes, EFAULT if not all are writable."""

        def poke(self, address: int, data: bytes) -> None:
            """Stores bytes whatever the protection, as a loader has to for relocations of mapped text."""


PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, MAP_TYPE = 1, 2, 3, 15
MAP_FIXED, MAP_ANONYMOUS, MAP_GROWSDOWN = 0x10, 0x20, 0x100
MAP_NORESERVE, MAP_HUGETLB, MAP_FIXED_NOREPLACE = 0x4000, 0x40000, 0x100000
"""include/uapi/asm-generic/mman-common.h; the same on all architectures here."""
