"""Address spaces: where images are mapped, and where programs and libraries live."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class AddressSpace(Protocol):
        """Where something can be loaded. Addresses are the space's own; sizes are in bytes; protections are PROT_* of mmap(2).

        Every method raises OSError with the errno that Linux gives, and changes nothing then unless it says otherwise. A user's own
        implementation need not be more than these; GuestSpace, NativeSpace and BufferSpace are the ones here, and tests/test_space_protocol.py is
        what each of them has to pass.
        """

        page_size: int
        """What addresses and offsets of mappings are multiples of. A power of two."""

        def map(self, address: int, size: int, protection: int, flags: int, fd: int = -1, offset: int = 0) -> int:
            """mmap(2): `size` bytes, rounded up to pages, that read as zeros or as the file from `offset` on. The address chosen.

            `flags` are as there: MAP_PRIVATE, or MAP_SHARED where the space can; MAP_ANONYMOUS or else a descriptor; MAP_FIXED replaces what is at
            `address`, MAP_FIXED_NOREPLACE raises EEXIST if there is something, and without either `address` is a hint. EINVAL: no size,
            unaligned offset or fixed address, neither private nor shared. ENOMEM: no room. EBADF, EACCES, ENODEV: the descriptor cannot be mapped.
            """

        def unmap(self, address: int, size: int) -> None:
            """munmap(2): holes in the range are no error. EINVAL: unaligned address, no size."""

        def protect(self, address: int, size: int, protection: int) -> None:
            """mprotect(2). EINVAL: unaligned address. ENOMEM: not all is mapped; what lies before the first hole is changed then. EACCES."""

        def read(self, address: int, size: int) -> bytes:
            """The bytes there. EFAULT: not all are readable."""

        def write(self, address: int, data: bytes) -> None:
            """Stores bytes. EFAULT: not all are writable; those before may have been stored."""

        def poke(self, address: int, data: bytes) -> None:
            """Stores bytes whatever the protection, as a loader has to for relocations of mapped text, without changing the protection.
            EFAULT: not all are mapped. What is shared with a file that is not open for writing cannot be changed: EACCES or EFAULT."""


PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, MAP_TYPE = 1, 2, 3, 15
MAP_FIXED, MAP_ANONYMOUS, MAP_GROWSDOWN = 0x10, 0x20, 0x100
MAP_LOCKED, MAP_NORESERVE, MAP_POPULATE = 0x2000, 0x4000, 0x8000
MAP_HUGETLB, MAP_SYNC, MAP_FIXED_NOREPLACE = 0x40000, 0x80000, 0x100000
"""include/uapi/asm-generic/mman-common.h; the same on all architectures here."""
PAGE = 4096


def page_up(size: int) -> int:
    """Rounded up to whole pages."""
    return size + PAGE - 1 & -PAGE


def error(code: int) -> OSError:
    """OSError with its text."""
    import os

    return OSError(code, os.strerror(code))
