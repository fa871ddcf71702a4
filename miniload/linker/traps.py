"""Traps: what stands for functions that nothing defines, so that an object can be used as long as it does not call them."""

from __future__ import annotations

from ctypes import CFUNCTYPE, c_uint64, c_void_p, cast
from threading import local

from miniload.errors import UnresolvedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.linker.object import Object

TRAP = CFUNCTYPE(c_uint64)


class Traps:
    """For Loader's `missing`: every symbol that is defined nowhere gets a function of its own. A call of it from native code returns 0 there, and when
    the code that was called from Python returns, UnresolvedError is raised in its place, naming the first such symbol. An initialiser that runs into a trap
    ends the load with that error.

    No exception can pass through C code, which is why the code behind the call still runs. A symbol that is a variable is a function's code to whoever
    reads it.
    """

    def __init__(self) -> None:
        self._traps: dict[str, object] = {}
        self._called = local()

    def __call__(self, loaded: Object, name: str) -> int:
        """The address for a symbol that `loaded` refers to."""
        if name not in self._traps:
            self._traps[name] = TRAP(self._trap(name, loaded.name))
        return cast(self._traps[name], c_void_p).value or 0  # type: ignore[arg-type]

    def _trap(self, name: str, user: str) -> Callable[[], int]:
        def trap() -> int:
            if getattr(self._called, "error", None) is None:
                error = UnresolvedError(user, f"has called {name}, which is defined nowhere")
                error.symbols, error.symbol = (name,), name
                self._called.error = error
            return 0

        return trap

    def check(self, result: object = None, *_call: object) -> object:
        """Raises what this thread has run into. Also ctypes' `errcheck`: the result is passed on."""
        error = getattr(self._called, "error", None)
        if error is not None:
            self._called.error = None
            raise error
        return result
