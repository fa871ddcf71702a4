"""Where a guest is, function by function."""

from __future__ import annotations

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
    """The program counter, the return address that is still in its register, and those of the frames that the frame pointer leads to."""
    machine = target.machine
    yield pc
    calls, vcpu, space = machine.calls, machine.vcpu, target.space
    register, at_frame, at_return = calls.frame
    seen = {pc}
    if calls.link:
        link = vcpu.read_registers((calls.link,))[0]
        if is_code(target, link) and link not in seen:
            seen.add(link)
            yield link
    frame, sp = vcpu.read_registers((register, "sp"))
    for _ in range(LIMIT):
        if frame < sp or frame % 8:
            return
        try:
            back = int.from_bytes(space.read(frame + at_return, 8), "little")
            above = int.from_bytes(space.read(frame + at_frame, 8), "little")
        except OSError:
            return
        if not is_code(target, back):
            return
        if back not in seen:
            seen.add(back)
            yield back
        if above <= frame:
            return
        frame = above


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
    for loaded in objects(target):
        if loaded.start <= at < loaded.end:
            name = loaded.name.rpartition("/")[2]
            found = loaded.symbol_at(at)
            return f"{address:#x} {name} {found[0]}+{address - found[1]:#x}" if found else f"{address:#x} {name}+{address - loaded.bias:#x}"
    return f"{address:#x}"
