"""Places for thread-local storage, got from the C library of the address space by donors (donor.py)."""

from __future__ import annotations

from itertools import count
from struct import pack, unpack

from miniload.errors import UnsupportedError
from miniload.linker import core
from miniload.linker.arch import TLSDESC, TP_OFFSET
from miniload.linker.donor import ANSWERS, donor_image, make_donor

TYPE_CHECKING = False
if TYPE_CHECKING:
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
_opened = count()
WORD = (1 << 64) - 1


def donor_path(fd: int) -> str:
    """A path of an open file that has not been used before: a dynamic linker takes one that has for the object that it had then, whatever it is now."""
    number = next(_opened)
    return "/proc/self/" + "".join("./" if number >> bit & 1 else "/" for bit in range(number.bit_length())) + f"fd/{fd}"


class Donor:
    """A donor that the C library has loaded for an object, and what it tells of the place."""

    def __init__(self, loaded: Object, fixed: bool, place: Place) -> None:
        from miniload.linker.relocate import initial_tls

        tls = loaded.raw.image.tls
        align = max(tls.align, 1)
        phase = tls.address % align
        arch = loaded.target.arch
        data = make_donor(arch, initial_tls(loaded), tls.size, align, phase, fixed, core.uses(loaded.where, TLSDESC, arch))
        self._place = place
        try:
            self._handle = place.open_donor(data)
        except OSError as error:
            raise UnsupportedError(loaded.name, f"no place for its thread-local storage: {error}", field="PT_TLS") from None
        base = unpack("<Q", place.peek(self._handle, 8))[0]  # struct link_map: l_addr
        self.module, self.offset, *self._pair = unpack("<QqQQ", place.peek(base + ANSWERS, 32))
        self.image = base + donor_image(align, phase)
        self._records: dict[int, tuple[int, object]] = {}

    def descriptor(self, offset: int) -> tuple[int, int]:
        """The descriptor of the block's variable at `offset`. The C library has made that of the block's first byte: its argument is the offset from the thread
        pointer, or, where the block has no fixed one, the address of a record whose second word is the offset in the block (tlsdesc_dynamic_arg)."""
        function, argument = self._pair
        if argument < 1 << 30 or argument >= 1 << 63:  # no address is, but every offset in the static blocks of a thread
            return function, argument + offset & WORD
        if offset not in self._records:
            module, at, generation = unpack("<3Q", self._place.peek(argument, DESCRIPTOR_ROOM))
            self._records[offset] = self._place.keep(pack("<3Q", module, at + offset & WORD, generation))
        return function, self._records[offset][0]

    def close(self) -> None:
        """Has it unloaded."""
        self._place.close_donor(self._handle)


class Donors:
    """Those of one address space, by object."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._of: dict[Object, Donor] = {}

    def give(self, loaded: Object) -> None:
        """Target.place_tls."""
        raw = loaded.raw
        fixed = bool(raw.traits & core.STATIC_TLS) or core.uses(loaded.where, TP_OFFSET, loaded.target.arch)
        donor = self._of[loaded] = Donor(loaded, fixed, self._place)
        raw.tls_module, raw.tls_state = donor.module, 1
        if fixed:
            raw.tls_offset, raw.tls_state = donor.offset, 2

    def descriptor(self, definer: Object | None, offset: int) -> tuple[int, int]:
        """Target.tls_descriptor."""
        if definer is None or definer not in self._of:
            name = definer.name if definer else "a weak variable that nothing defines"
            raise UnsupportedError(name, "its thread-local storage cannot be described", field="TLSDESC")
        return self._of[definer].descriptor(offset)

    def drop(self, loaded: Object) -> None:
        """Target.drop_tls."""
        donor = self._of.pop(loaded, None)
        if donor:
            donor.close()
