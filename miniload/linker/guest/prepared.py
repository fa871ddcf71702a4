"""Registers by name, read and written many at a time without looking them up again."""

from __future__ import annotations

from ctypes import addressof, c_char, c_int32, c_uint32, c_uint64, memmove

from miniload.vcpu.core import CCall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.linker.guest.abi import Calls, Layout, Piece
    from miniload.vcpu.core import Vcpu

NAN_BOX = 0xFFFFFFFF00000000
STACK_ROOM = 512


class Registers:
    """Some registers, each of two words in `values`."""

    def __init__(self, vcpu: Vcpu, names: Sequence[str]) -> None:
        self.count = len(names)
        self.ids = (c_int32 * max(self.count, 1))(*(vcpu.arch.registers[name] for name in names))
        self.values = (c_uint64 * max(2 * self.count, 2))()
        self.word = {name: 2 * index for index, name in enumerate(names)}

    def read(self, vcpu: Vcpu) -> None:
        """Fills `values` in."""
        vcpu._check("vcpu_read_wide_registers", vcpu._core.vcpu_read_wide_registers(vcpu._handle, self.ids, self.values, c_uint32(self.count)))

    def write(self, vcpu: Vcpu) -> None:
        """Sets them."""
        vcpu._check("vcpu_write_wide_registers", vcpu._core.vcpu_write_wide_registers(vcpu._handle, self.ids, self.values, c_uint32(self.count)))

    def get(self, piece: Piece) -> bytes:
        """The piece of a value that is in its register."""
        at = self.word[piece.register]
        return (self.values[at] | self.values[at + 1] << 64).to_bytes(16, "little")[: piece.size]

    def set(self, piece: Piece, data: bytes, boxed: bool) -> None:
        """Puts a piece of a value into its register."""
        at = self.word[piece.register]
        self.values[at] = int.from_bytes(data[:8], "little") | (NAN_BOX if boxed and piece.floating and piece.size == 4 else 0)
        self.values[at + 1] = int.from_bytes(data[8:16], "little")


class Prepared:
    """A call of a certain layout, for vcpu_call: all that is the same each time is there. `words`: if all arguments are integers in one register each, where
    their values go."""

    def __init__(self, vcpu: Vcpu, calls: Calls, layout: Layout) -> None:
        names = ["pc", "sp", *filter(None, (calls.link, calls.count)), layout.indirect]
        names += [piece.register for pieces in layout.arguments for piece in pieces]
        self.layout = layout
        self.registers = Registers(vcpu, list(dict.fromkeys(filter(None, names))))
        self.results = Registers(vcpu, [piece.register for piece in layout.result])
        self.values = self.registers.values
        places = [self._single(pieces) for pieces in layout.arguments]
        self.words = None if layout.stack or layout.indirect or None in places else [place for place in places if place is not None]
        self._linked = bool(calls.link)
        self._link = self.registers.word.get(calls.link, 0)
        if calls.count:
            self.values[self.registers.word[calls.count]] = layout.vectors
        self._buffer = (c_char * STACK_ROOM)()
        arrays = addressof(self.registers.ids), addressof(self.results.ids), addressof(self.values), addressof(self._buffer)
        self._call = CCall(*arrays, 0, 0, 0, self.registers.count, self.results.count)
        self.address, self.results_address = addressof(self._call), addressof(self.results.values)

    def _single(self, pieces: tuple[Piece, ...]) -> int | None:
        if len(pieces) != 1 or not pieces[0].register or pieces[0].floating or pieces[0].reference or pieces[0].size > 8:
            return None
        return self.registers.word[pieces[0].register]

    def frame(self, sp: int) -> int:
        """The stack pointer of a call whose caller has the stack below `sp`."""
        return (sp - self.layout.stack & -16) - (0 if self._linked else 8)

    def aim(self, address: int, sp: int, trap: int, stack: bytes) -> None:
        """Where the call goes, where it returns to, and what is on the stack then."""
        values, call = self.values, self._call
        values[0], values[2] = address, sp
        call.trap = trap
        if self._linked:
            values[self._link] = trap
            if not stack:
                return
        else:
            stack = trap.to_bytes(8, "little") + stack
        if len(stack) > len(self._buffer):
            self._buffer = (c_char * len(stack))()
            call.stack = addressof(self._buffer)
        memmove(self._buffer, stack, len(stack))
        call.stack_address, call.stack_size = sp, len(stack)

    def drop_stack(self) -> None:
        """Nothing is to be stored: it is there already."""
        self._call.stack_size = 0

    def stack(self) -> bytes:
        """What `aim` has been given, with the return address."""
        return self._buffer.raw[: self._call.stack_size]

    def collect(self, vcpu: Vcpu) -> None:
        """Reads the results, where the call has not come back in one run."""
        if self.results.count:
            self.results.read(vcpu)
