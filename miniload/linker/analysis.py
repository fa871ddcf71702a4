"""Mapping and relocating for looking at, or for an emulator of somebody else's: nothing runs, and nothing is missing."""

from __future__ import annotations

from miniload.errors import UnsupportedError
from miniload.linker.arch import get_linking
from miniload.linker.guest.abi import get_calls, up
from miniload.linker.target import MemoryTarget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.object import Object
    from miniload.space import AddressSpace

WORD = (1 << 64) - 1


class StaticBlocks:
    """Thread-local storage at fixed offsets from the thread pointer, as a program's dynamic linker lays out what it starts with: in the order in which it is
    asked for. `room`: bytes that there are at most."""

    def __init__(self, arch: str, room: int = 1 << 31) -> None:
        self._above = get_linking(arch).tls_above
        self._end = get_calls(arch).tls_start if self._above else 0
        self._room = room
        self.modules: list[Object] = []

    def place(self, loaded: Object) -> None:
        """Target.place_tls. UnsupportedError if there is no room left."""
        raw = loaded.raw
        tls = raw.image.tls
        align = max(tls.align, 1)
        phase = tls.address % align
        if self._above:
            offset = up(self._end, align) + phase
            end = offset + tls.size
        else:
            offset = end = -up(tls.size - self._end + phase, align) + phase
        if abs(end) > self._room:
            raise UnsupportedError(loaded.name, "there is no room for its thread-local storage", field="PT_TLS", value=tls.size)
        self._end = end
        self.modules.append(loaded)
        raw.tls_module, raw.tls_offset, raw.tls_state = len(self.modules), offset, 2


class AnalysisTarget(MemoryTarget):
    """What only running code could tell is left so that it can be found: what an IFUNC stands for is its resolver, whose address `resolvers` has;
    thread-local blocks are where a program with just these objects would have them; and the function of a TLS descriptor is 0, with the offset from the
    thread pointer behind it. Initialisers are not called."""

    def __init__(self, arch: str, space: AddressSpace) -> None:
        super().__init__(arch, space)
        self.blocks = StaticBlocks(self.arch)
        self.resolvers: set[int] = set()

    def call(self, address: int, *_arguments: int) -> int:
        self.resolvers.add(address)
        return address

    def initialize(self, loaded: Object) -> None:
        pass

    def place_tls(self, loaded: Object) -> None:
        self.blocks.place(loaded)

    def tls_descriptor(self, definer: Object | None, offset: int) -> tuple[int, int]:
        return 0, (definer.raw.tls_offset if definer else 0) + offset & WORD
