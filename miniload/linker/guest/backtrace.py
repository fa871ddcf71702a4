"""Where a guest is, function by function."""

from __future__ import annotations

from miniload.linker.guest.unwind import Unwinding, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from miniload.linker.guest.target import GuestTarget
    from miniload.linker.object import Object

LIMIT = 64


def backtrace(target: GuestTarget, pc: int) -> tuple[str, ...]:
    """From `pc` outwards, as lines of "address object symbol+offset"."""
    return tuple(describe(target, address, address != pc) for address in addresses(target, pc))


def addresses(target: GuestTarget, pc: int) -> Iterator[int]:
    """The program counter, and where each caller goes on: as call frame information says, and where there is none for the first, as the register with the
    return address does."""
    machine, read = target.machine, target.space.read
    abi = machine.process.abi
    names = [name or "pc" for name in abi.dwarf_registers]
    registers = dict(enumerate(machine.vcpu.read_registers(names)))
    stack = names.index(abi.unwind[0])
    yield pc
    for depth in range(LIMIT):
        sp = registers[stack]
        loaded = object_at(target, pc - (depth > 0))
        try:
            if loaded is None:
                raise Unwinding("no object")
            pc = step(loaded, registers, pc, pc - (depth > 0), stack, read)
        except (Unwinding, OSError):
            if depth or not machine.calls.link:
                return
            pc = registers[names.index(machine.calls.link)]
        if not is_code(target, pc) or (depth and registers[stack] <= sp):
            return
        yield pc


def object_at(target: GuestTarget, address: int) -> Object | None:
    """The object that an address lies in."""
    return next((loaded for loaded in objects(target) if loaded.start <= address < loaded.end), None)


def is_code(target: GuestTarget, address: int) -> bool:
    """Whether something can be executed there."""
    vma = target.space.vmas.find(address)
    return vma is not None and bool(vma.protection & 4)


def objects(target: GuestTarget) -> Iterator[Object]:
    """All that are loaded, as far as is known without asking the guest."""
    if target.loader is not None:
        yield from target.loader.objects
    yield from target.known()


def describe(target: GuestTarget, address: int, back: bool = False) -> str:
    """An address in words. `back`: it is where a call returns to, and the call is what is meant."""
    slot = target.machine.slot_name(address)
    if slot is not None:
        return f"{address:#x} {slot} (of Python)"
    at = address - back
    loaded = object_at(target, at)
    if loaded is None:
        return f"{address:#x}"
    name = loaded.name.rpartition("/")[2]
    found = loaded.symbol_at(at)
    return f"{address:#x} {name} {found[0]}+{address - found[1]:#x}" if found else f"{address:#x} {name}+{address - loaded.bias:#x}"
