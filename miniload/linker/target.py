"""Where objects are loaded: memory, and, unless it is memory only, something that runs code in it."""

from __future__ import annotations

from errno import ENOSYS

from miniload.errors import UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from ctypes import Array, _CData, c_uint64
    from typing import Any, Protocol, TypeVar

    from miniload.linker.object import Object
    from miniload.linker.scope import Shortcut
    from miniload.space import AddressSpace

    Kind = TypeVar("Kind", bound=_CData)

    class Target(Protocol):
        """`arch`: the architecture's name. `native`: whether its addresses are this process's own. `initializer_arguments`: what initialisers are
        called with. Memory that this process can reach directly is told by the space's `host_pointer(address, size)`, if it has that method; without,
        loading works on a copy that is written back."""

        native: bool

        @property
        def arch(self) -> str: ...

        @property
        def space(self) -> AddressSpace: ...

        @property
        def resolver_words(self) -> Array[c_uint64]:
            """resolver_arguments as the core takes them, three words, where the target is native."""

        @property
        def initializer_arguments(self) -> tuple[int, int, int]: ...

        def function(self, address: int, name: str) -> Any:
            """The function at an address, to be called from Python: with `argtypes`, `restype` and `errcheck` as ctypes has them."""

        def call(self, address: int, *arguments: int) -> int:
            """Calls a function with integer arguments, by the architecture's calling convention. UnsupportedError if there is nothing to run it."""

        def initialize(self, loaded: Object) -> None:
            """Calls the object's initialisers: DT_INIT, then those of DT_INIT_ARRAY."""

        def finalize(self, loaded: Object) -> None:
            """Calls its finalisers: those of DT_FINI_ARRAY backwards, then DT_FINI."""

        def named(self, name: str) -> Object | None:
            """The object with that DT_SONAME, or of a file so called, that is there already."""

        def resolver_arguments(self) -> tuple[int, ...]:
            """What IFUNC resolvers are called with."""

        def existing(self) -> Sequence[Object]:
            """The objects that are in the address space already, put there by its own dynamic linker, in its order. What the methods below say is true of the
            time of the latest call."""

        def shared(self) -> Sequence[Object]:
            """Those of them that are the global scope."""

        def shortcut(self) -> Shortcut | None:
            """For scopes that begin with them, if there is one."""

        def bring(self, name: str) -> Object | None:
            """Has the address space's own dynamic linker load an object of the C library's family. None if it cannot."""

        def tls_address(self, definer: Object, offset: int) -> int:
            """Where the present thread's copy of a thread-local variable is."""

        def place_tls(self, loaded: Object) -> None:
            """Gives an object's thread-local segment a module number and, where it asks for that, a fixed offset: sets `tls_module`, `tls_offset`,
            `tls_state` of `loaded.raw`. UnsupportedError if that cannot be."""

        def tls_descriptor(self, definer: Object | None, offset: int) -> tuple[int, int]:
            """The two words of a TLS descriptor for a variable at `offset` of the definer's block; without definer, of a weak one that is not there."""

        def drop_tls(self, loaded: Object) -> None:
            """The object goes."""

        def held_address(self, candidate: object) -> int:
            """The address that a Python object stands for: a function or a pointer of this target's. 0 for anything else."""

        def variable(self, address: int, kind: type[Kind]) -> Kind:
            """The variable of a ctypes type that is there: its value is read and written at its place."""

        def executable_stack(self, loaded: Object) -> None:
            """The object asks for executable stacks, or says nothing of them: does what the address space's own dynamic linker does then. UnsupportedError if
            that refuses it."""


class MemoryTarget:
    """A target that runs nothing: for looking at what a loaded object is like, and for memory that somebody else will run."""

    native = False

    def __init__(self, arch: str, space: AddressSpace) -> None:
        self.arch = arch
        self.space = space

    def function(self, address: int, name: str) -> Any:
        raise UnsupportedError("", "needs to run code, and this target runs none", field=name, value=address, errno=ENOSYS)

    def call(self, address: int, *_arguments: int) -> int:
        raise UnsupportedError("", "needs to run code, and this target runs none", field="address", value=address, errno=ENOSYS)

    @property
    def resolver_words(self) -> Array[c_uint64]:
        raise NotImplementedError

    def initialize(self, loaded: Object) -> None:
        if loaded.raw.init or loaded.raw.init_array.size:
            self.call(loaded.bias + loaded.raw.init)

    def finalize(self, loaded: Object) -> None:
        pass

    def named(self, _name: str) -> Object | None:
        return None

    def resolver_arguments(self) -> tuple[int, ...]:
        return ()

    def existing(self) -> Sequence[Object]:
        return ()

    def shared(self) -> Sequence[Object]:
        return ()

    def shortcut(self) -> Shortcut | None:
        return None

    def bring(self, _name: str) -> Object | None:
        return None

    initializer_arguments = (0, 0, 0)

    def tls_address(self, definer: Object, offset: int) -> int:
        raise UnsupportedError(definer.name, "thread-local variables need a target that runs code", field="offset", value=offset, errno=ENOSYS)

    def place_tls(self, loaded: Object) -> None:
        """Modules are counted, as a program's dynamic linker would; a fixed offset nobody can know here."""
        self._modules = getattr(self, "_modules", 0) + 1
        loaded.raw.tls_module, loaded.raw.tls_state = self._modules, 1

    def tls_descriptor(self, _definer: Object | None, offset: int) -> tuple[int, int]:
        raise UnsupportedError("", "TLS descriptors need a target that runs code", field="offset", value=offset, errno=ENOSYS)

    def drop_tls(self, loaded: Object) -> None:
        pass

    def held_address(self, _candidate: object) -> int:
        return 0

    def variable(self, address: int, _kind: type[Kind]) -> Kind:
        raise UnsupportedError("", "has no variables that are read at their place", field="address", value=address, errno=ENOSYS)

    def executable_stack(self, loaded: Object) -> None:
        """There is no stack."""
