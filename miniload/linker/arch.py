"""What the linker asks of an architecture: arch/<name>/linking.py has the answers, as LINKING."""

from __future__ import annotations

from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

(
    UNKNOWN, NONE, RELATIVE, SYMBOL, ADDRESS, SLOT, ADDRESS32, RELATIVE32, COPY, IRELATIVE, MODULE, OFFSET, TP_OFFSET, TLSDESC, SIZE32, SIZE64, REFUSED,
) = range(17)  # fmt: skip
"""What a relocation stores, as linker.h's OP_*: nothing, B+A, S+A, S, a jump slot's S, the low half of S+A, S+A-P in 32 bits, a copy of the variable, what a
resolver returns, and for thread-local storage the module, the offset in its block, the offset from the thread pointer, a descriptor; the symbol's size."""


class Relocation(Record):
    """A dynamic relocation type: its name in the ABI document, and what it stores."""

    name: str
    operation: int


class Linking(Record):
    """`relocations`: by number. `dtp_bias`: what the ABI takes from offsets in a TLS block for __tls_get_addr. `slot_addend`: whether a jump
    slot's addend counts. `special_call`: the bit of st_other that marks functions with a calling convention of their own, 0 if there is none. `tls_above`:
    whether blocks lie above the thread pointer (variant I of the TLS document) and not below it. `resolver_arguments`:
    from AT_HWCAP, AT_HWCAP2 and the address of a record with both, what an IFUNC resolver is called with. `file_flags`: e_flags that the dynamic linker insists
    on."""

    machine: int
    relocations: dict[int, Relocation]
    dtp_bias: int
    slot_addend: bool
    special_call: int
    tls_above: bool
    resolver_arguments: Callable[[int, int, int], tuple[int, ...]]
    file_flags: int = 0

    def name_of(self, kind: int) -> str:
        """A relocation type's name, or its number."""
        known = self.relocations.get(kind)
        return known.name if known else f"relocation type {kind}"


def get_linking(name: str) -> Linking:
    """The linking facts of the architecture of that name."""
    linking: Linking = __import__(f"miniload.arch.{name}.linking", fromlist=["LINKING"]).LINKING
    return linking
