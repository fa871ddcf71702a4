"""Where a guest is, function by function."""

from __future__ import annotations

from miniload.linux.unwind import search_table, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from miniload.linker.guest.target import GuestTarget
    from miniload.linker.object import Object
    from miniload.linux.unwind import Table


def backtrace(target: GuestTarget, pc: int) -> tuple[str, ...]:
    """From `pc` outwards, as lines of "address object symbol+offset"."""
    return tuple(describe(target, address, address != pc) for address in addresses(target, pc))


def addresses(target: GuestTarget, pc: int) -> Iterator[int]:
    """The program counter, and where each caller goes on."""
    machine, read = target.machine, target.space.read
    frames = machine.process.abi.frames
    names = [name for name in frames.registers if name]
    values = {**dict(zip(names, machine.vcpu.read_registers(names), strict=True)), "pc": pc}

    def table_at(address: int) -> Table | None:
        loaded = object_at(target, address)
        extent = loaded.raw.image.eh_frame if loaded else None
        return search_table(loaded.bias + extent.address, extent.size, read) if loaded and extent and extent.present else None

    return walk(frames, values, table_at, lambda address: is_code(target, address), read)


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
