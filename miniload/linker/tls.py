"""Places for thread-local storage, got from the C library of the address space by donors (donor.py)."""

from __future__ import annotations

import os
from itertools import count
from struct import pack, unpack

from miniload.errors import UnsupportedError
from miniload.linker import core
from miniload.linker.arch import TLSDESC, TP_OFFSET
from miniload.linker.donor import ANSWERS, donor_image, make_donor, make_stack_donor
from miniload.linker.tiny import PT_GNU_STACK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from miniload.linker.object import Object

    class Place(Protocol):
        """An address space with a C library. OSError if its dynamic linker does not take the donor."""

        def open_donor(self, data: bytes) -> int:
            """dlopen of a file with these contents: the handle, which is the address of its struct link_map."""

        def close_donor(self, handle: int) -> None:
            """dlclose."""

        def peek(self, address: int, size: int) -> bytes:
            """Bytes that are there."""

        def keep(self, data: bytes) -> tuple[int, object]:
            """The address of a copy, and what it lives as long as."""


DESCRIPTOR_ROOM = 24
NOT_FIXED = 1 << 20
"""Bytes for which ld.so never has a place at a fixed offset."""
ANY_GENERATION = 1 << 62
"""In a descriptor's record: __tls_get_addr looks whether the thread knows the module."""
_opened = count()
WORD = (1 << 64) - 1


def donor_path(fd: int, start: str = "/proc/self/") -> str:
    """A path of an open file that has not been used before: a dynamic linker takes one that has for the object that it had then, whatever it is now. `start`:
    with a thread's number no other process can follow it: gdb opened its own descriptor of that number, and waited for ever to read a pipe."""
    number = next(_opened)
    return start + "".join("./" if number >> bit & 1 else "/" for bit in range(number.bit_length())) + f"fd/{fd}"


def open_data(data: bytes, opened: Callable[[str], int], start: str = "/proc/self/") -> int:
    """What `opened` makes of the path of a file with these contents, which is gone afterwards. `start`: see donor_path."""
    fd = os.memfd_create("miniload-tls", os.MFD_CLOEXEC)
    try:
        os.write(fd, data)
        return opened(donor_path(fd, start))
    finally:
        os.close(fd)


class Donor:
    """A donor that the C library has loaded for an object, and what it tells of the place."""

    def __init__(self, loaded: Object | None, arch: str, fixed: bool, place: Place) -> None:
        """`loaded`: None for one that is too large for a fixed offset."""
        from miniload.linker.relocate import initial_tls

        size, align, phase, contents, self.described = NOT_FIXED, 1, 0, b"", True
        if loaded is not None:
            tls = loaded.raw.image.tls
            size, align = max(tls.size, 1), max(tls.align, 1)  # ld.so divides by the alignment of a segment that it has left out as empty
            phase, contents = tls.address % align, initial_tls(loaded)
            self.described = core.uses(loaded.where, TLSDESC, arch)
        data = make_donor(arch, contents, size, align, phase, fixed, self.described, loaded is None)
        self._place = place
        try:
            self._handle = place.open_donor(data)
        except OSError as error:
            raise UnsupportedError(loaded.name if loaded else "", f"no place for its thread-local storage: {error}", field="PT_TLS") from None
        base = unpack("<Q", place.peek(self._handle, 8))[0]  # struct link_map: l_addr
        self.module, self.offset, *self._pair, self.weak = unpack("<QqQQQ", place.peek(base + ANSWERS, 40))
        self.image = base + donor_image(align, phase)
        self._records: dict[tuple[int, int], tuple[int, object]] = {}

    def descriptor(self, offset: int) -> tuple[int, int]:
        """The descriptor of the block's variable at `offset`. The C library has made that of the block's first byte: its argument is the offset from the thread
        pointer, or, where the block has no fixed one, the address of a record whose second word is the offset in the block (tlsdesc_dynamic_arg)."""
        function, argument = self._pair
        if argument < 1 << 30 or argument >= 1 << 63:  # no address is, but every offset in the static blocks of a thread
            return function, argument + offset & WORD
        module, at, generation = unpack("<3Q", self._place.peek(argument, DESCRIPTOR_ROOM))
        return function, self._record(module, at + offset & WORD, generation)

    def descriptor_of(self, module: int, offset: int) -> tuple[int, int]:
        """That of another module's variable, by this one's function."""
        return self._pair[0], self._record(module, offset & WORD, ANY_GENERATION)

    def _record(self, module: int, offset: int, generation: int) -> int:
        """The address of a tlsdesc_dynamic_arg, which stays as long as the donor."""
        if (module, offset) not in self._records:
            self._records[module, offset] = self._place.keep(pack("<3Q", module, offset, generation))
        return self._records[module, offset][0]

    def close(self) -> None:
        """Has it unloaded."""
        self._place.close_donor(self._handle)


class Donors:
    """Those of one address space, by object."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._of: dict[Object, Donor] = {}
        self._dynamic: Donor | None = None

    def give(self, loaded: Object) -> None:
        """Target.place_tls."""
        raw = loaded.raw
        fixed = bool(raw.traits & core.STATIC_TLS) or core.uses(loaded.where, TP_OFFSET, loaded.target.arch)
        donor = self._of[loaded] = Donor(loaded, loaded.target.arch, fixed, self._place)
        raw.tls_module, raw.tls_state = donor.module, 1
        if fixed:
            raw.tls_offset, raw.tls_state = donor.offset, 2

    def descriptor(self, definer: Object | None, offset: int, arch: str) -> tuple[int, int]:
        """Target.tls_descriptor. For what has no descriptors of its own, and for a weak variable that nothing defines, whose address is the addend
        (_dl_tlsdesc_undefweak), the functions are those of a donor for no object."""
        own = self._of.get(definer) if definer else None
        if own is not None and own.described:
            return own.descriptor(offset)
        if self._dynamic is None:
            self._dynamic = Donor(None, arch, False, self._place)
        return self._dynamic.descriptor_of(definer.raw.tls_module, offset) if definer else (self._dynamic.weak, offset & WORD)

    def allow_stack(self, loaded: Object) -> None:
        """Target.executable_stack: the dynamic linker is asked for the same by an object of its own."""
        marked = any(header.type == PT_GNU_STACK for header in loaded.program_headers())
        try:
            self._place.close_donor(self._place.open_donor(make_stack_donor(loaded.target.arch, marked)))
        except OSError as error:
            raise UnsupportedError(loaded.name, f"needs an executable stack, which is refused: {error}", field="PT_GNU_STACK") from None

    def drop(self, loaded: Object) -> None:
        """Target.drop_tls."""
        donor = self._of.pop(loaded, None)
        if donor:
            donor.close()
