"""The global offset table and the stubs that calls go through, made for what the code asks of them."""

from __future__ import annotations

from miniload.linker.relocatable.facts import DESCRIPTOR, GOT, MODULE_PAIR, OWN_PAIR, TP_SLOT
from miniload.linker.relocatable.layout import made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.relocatable.facts import Static
    from miniload.linker.relocatable.symbols import Symbol

WORDS = {GOT: 1, MODULE_PAIR: 2, OWN_PAIR: 2, TP_SLOT: 1, DESCRIPTOR: 2}


class Slots:
    """`table`: (what, symbol) to the offset in `got`; `stubs`: symbol to the offset in `plt`. The symbol of OWN_PAIR is None."""

    def __init__(self, static: Static) -> None:
        self.table: dict[tuple[int, Symbol | None], int] = {}
        self.stubs: dict[Symbol, int] = {}
        self.got = made(".got", b"", True, 16)
        self.plt = made(".plt", b"", False, 16, code=True)
        self._stub_size = len(static.stub.code)

    def want(self, what: int, symbol: Symbol | None) -> None:
        """A slot of that kind."""
        key = what, None if what == OWN_PAIR else symbol
        if key not in self.table:
            self.table[key] = self.got.size
            self.got.size += 8 * WORDS[what]

    def want_stub(self, symbol: Symbol) -> None:
        """A stub, with its slot."""
        if symbol not in self.stubs:
            self.want(GOT, symbol)
            self.stubs[symbol] = self.plt.size
            self.plt.size += self._stub_size

    def fill(self) -> None:
        """Zeros for all that have been asked for."""
        self.got.data, self.plt.data = bytearray(self.got.size), bytearray(self.plt.size)

    def slot(self, what: int, symbol: Symbol | None) -> int:
        """Link address."""
        return self.got.address + self.table[what, None if what == OWN_PAIR else symbol]

    def stub(self, symbol: Symbol) -> int:
        """Link address."""
        return self.plt.address + self.stubs[symbol]
