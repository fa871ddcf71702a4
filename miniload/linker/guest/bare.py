"""An emulated process without a C library: a CPU, a stack, and what the user gives."""

from __future__ import annotations

import os
from struct import pack

from miniload.errors import NotFoundError, SymbolError, UnsupportedError
from miniload.linker.analysis import StaticBlocks
from miniload.linker.arch import get_linking
from miniload.linker.guest.standins import Standins
from miniload.linker.guest.target import GuestTarget
from miniload.linker.loader import Loader
from miniload.linker.search import Search
from miniload.linker.tiny import PT_GNU_STACK
from miniload.space import MAP_ANONYMOUS, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from miniload.linker.object import Object

STACK, STACK_START, BELOW_TOP = 8 << 20, 256 << 10, 1 << 30
TLS_ROOM = 256 << 10
"""Bytes on either side of the thread pointer."""
CANARY_ROOM = 64


class BareTarget(GuestTarget):
    """One thread. Thread-local blocks are at fixed offsets from its pointer, in the order in which they are asked for."""

    def __init__(self, arch: str, cpu: str = "") -> None:
        super().__init__(arch, "", cpu)
        space, vcpu = self.space, self.machine.vcpu
        top = space.end - BELOW_TOP & -(1 << 16)
        space.mmap_base = top - 2 * STACK
        space.map_stack(top, STACK_START, STACK, PROT_READ | PROT_WRITE)
        at = space.map(0, 2 * TLS_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS)
        calls = self.machine.calls
        self._stack = top
        self._thread = at + TLS_ROOM
        self._blocks = StaticBlocks(arch, TLS_ROOM - CANARY_ROOM)
        if calls.tls_self:
            space.write(self._thread, pack("<QQQ", self._thread, 0, self._thread))
        vcpu.write_registers({**self.machine.process.abi.entry_registers, vcpu.arch.thread_pointer: self._thread})
        code = space.map(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS)
        space.write(code, calls.descriptor_code)
        space.protect(code, 4096, PROT_READ | PROT_EXEC)
        self._descriptor = code
        self.machine.prepare(top - 4096)

    def place_tls(self, loaded: Object) -> None:
        from miniload.linker.relocate import initial_tls

        self._blocks.place(loaded)
        data = initial_tls(loaded)
        self.space.write(self._thread + loaded.raw.tls_offset, data + bytes(loaded.raw.image.tls.size - len(data)))

    def tls_descriptor(self, definer: Object | None, offset: int) -> tuple[int, int]:
        if definer is None:
            return self._descriptor, -self._thread & (1 << 64) - 1  # the address of a weak variable that is not there is 0
        return self._descriptor, definer.raw.tls_offset + offset & (1 << 64) - 1

    def tls_address(self, definer: Object, offset: int) -> int:
        return self._thread + int(definer.raw.tls_offset) + offset

    def tls_get_addr(self, index: int) -> int:
        """__tls_get_addr."""
        module, offset = (int.from_bytes(self.space.read(index + at, 8), "little") for at in (0, 8))
        if not 0 < module <= len(self._blocks.modules):
            raise UnsupportedError("__tls_get_addr", "no such module", field="module", value=module)
        return self.tls_address(self._blocks.modules[module - 1], offset + get_linking(self.arch).dtp_bias) & (1 << 64) - 1

    def drop_tls(self, loaded: Object) -> None:
        pass

    def executable_stack(self, loaded: Object) -> None:
        if any(header.type == PT_GNU_STACK for header in loaded.program_headers()):
            vma = self.space.vmas.find(self._stack - 1)
            assert vma is not None
            self.space.protect(vma.start, vma.end - vma.start, PROT_READ | PROT_WRITE | PROT_EXEC)


class NoFiles(Search):
    """There are no libraries but what is loaded by its path, or from bytes."""

    def find(self, name: str, requester: Object | None, program: Object | None = None) -> str:
        if requester is None and os.path.exists(name):
            return os.path.abspath(name)
        raise NotFoundError(name, "is not looked for without a sysroot", field=requester.name if requester else None)


class Alone(Loader):
    """A loader whose objects need nobody: DT_NEEDED is not followed, since what comes from there is given."""

    def _add_dependencies(self, root: Object, new: list[Object]) -> None:
        pass

    def close(self, root: Object) -> None:
        """The process goes with its last library."""
        super().close(root)
        if not self.objects:
            self.target.close()  # type: ignore[attr-defined]


def bare_loader(arch: str, imports: Mapping[str, Any], cpu: str = "") -> Loader:
    """A loader for a new bare process. `imports`: by name a Python function (its arguments and result 64-bit numbers), a (CFUNCTYPE, function) pair, or
    an address."""
    target = BareTarget(arch, cpu)
    first = {name: _address(target, name, what) for name, what in imports.items()}
    standins = Standins(target)
    slots: dict[str, int] = {}

    def missing(_loaded: Object, wanted: str) -> int | None:
        name = wanted.partition("@")[0]
        if name not in slots:
            slots[name] = standins.address(name) or target.machine.add_slot(name, lambda: _refuse(target, name))
        return slots[name]

    loader = Alone(target, NoFiles(), first=first, missing=missing)
    target.loader = loader
    return loader


def _address(target: BareTarget, name: str, what: Any) -> int:
    if isinstance(what, int):
        return what
    prototype, function = what if isinstance(what, tuple) else (None, what)
    address: int = target.callback(function, prototype, name).address
    return address


def _refuse(target: BareTarget, name: str) -> NoReturn:
    caller = target.machine.function
    raise SymbolError(caller, f"has called {name}, which is defined nowhere", field=name)
