"""Two dynamic linkers with one face, each run in a child process of its own: glibc's ld.so, which is the oracle, and ours."""

from __future__ import annotations

import ctypes
import os
import pickle
import subprocess
from ctypes import CFUNCTYPE, c_char_p, c_int, c_long, c_void_p
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from support import need

from miniload.errors import MiniloadError
from miniload.linker.api import make_native_loader
from miniload.linker.loader import Loader
from miniload.linker.native import native_target
from miniload.linker.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable

    from miniload.linker.object import Object

    Result = TypeVar("Result")

NOW, LAZY, GLOBAL, LOCAL = os.RTLD_NOW, os.RTLD_LAZY, os.RTLD_GLOBAL, os.RTLD_LOCAL
NOLOAD, NODELETE, DEEPBIND = os.RTLD_NOLOAD, os.RTLD_NODELETE, os.RTLD_DEEPBIND


class Linker:
    """What tests ask of both. `open` returns a handle, or the error's text; `base` is where an object starts."""

    ours = False

    def open(self, path: Path | str, mode: int = NOW) -> Any:
        """dlopen."""
        raise NotImplementedError

    def close(self, handle: Any) -> None:
        """dlclose."""
        raise NotImplementedError

    def address(self, handle: Any, name: str, version: str | None = None) -> int:
        """dlsym or dlvsym; 0 if there is none."""
        raise NotImplementedError

    def call(self, handle: Any, name: str, *arguments: int) -> int:
        """Calls a function of longs that returns an int."""
        address = self.address(handle, name)
        assert address, name
        result: int = CFUNCTYPE(c_int, *[c_long] * len(arguments))(address)(*arguments)
        return result

    def read(self, handle: Any, name: str) -> int:
        """A variable of type int."""
        return c_int.from_address(self.address(handle, name)).value

    def text(self, handle: Any, name: str) -> str:
        """A char array."""
        return ctypes.string_at(self.address(handle, name)).decode()


class Glibc(Linker):
    """dlfcn.h's functions of this process's C library."""

    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None)
        self.libc.dlopen.restype = self.libc.dlsym.restype = self.libc.dlvsym.restype = c_void_p
        self.libc.dlerror.restype = c_char_p

    def open(self, path: Path | str, mode: int = NOW) -> Any:
        handle = self.libc.dlopen(os.fsencode(path), mode)
        return handle or (self.libc.dlerror() or b"no error").decode()

    def close(self, handle: Any) -> None:
        assert self.libc.dlclose(c_void_p(handle)) == 0

    def address(self, handle: Any, name: str, version: str | None = None) -> int:
        if version is not None:
            return self.libc.dlvsym(c_void_p(handle), name.encode(), version.encode()) or 0
        return self.libc.dlsym(c_void_p(handle), name.encode()) or 0


class Ours(Linker):
    """A loader of ours, in this process."""

    ours = True

    def __init__(self, **options: Any) -> None:
        self.loader = Loader(native_target(), Search(), **options)

    def open(self, path: Path | str, mode: int = NOW) -> Any:
        try:
            return self.loader.load(os.fspath(path), mode)
        except (MiniloadError, OSError) as error:
            return str(error)

    def close(self, handle: Object) -> None:
        self.loader.close(handle)

    def address(self, handle: Object, name: str, version: str | None = None) -> int:
        try:
            return self.loader.address(handle, name, version)
        except AttributeError:
            return 0


class AsLoad(Ours):
    """One as miniload.load has, which does loads of the usual kind at once."""

    def __init__(self) -> None:
        self.loader = make_native_loader()


def in_child(work: Callable[[], Result]) -> Result:
    """What `work` returns in a child process, from which nothing comes back but that. AssertionError if it raises, or dies of a signal."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(receive)
            try:
                answer: tuple[str, object] = ("result", work())
            except BaseException as error:
                answer = ("error", f"{type(error).__name__}: {error}")
            with open(send, "wb") as pipe:
                pickle.dump(answer, pipe)
        finally:
            os._exit(0)
    os.close(send)
    with open(receive, "rb") as pipe:
        data = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0, f"the child ended with {status}"
    kind, value = pickle.loads(data)
    assert kind == "result", value
    result: Result = value
    return result


def both(scenario: Callable[[Linker], Result]) -> Result:
    """What the scenario returns with glibc's linker, after checking that it is the same with ours, step by step and at once."""
    expected = in_child(lambda: scenario(Glibc()))
    assert in_child(lambda: scenario(Ours())) == expected
    assert in_child(lambda: scenario(AsLoad())) == expected
    return expected


class Libraries:
    """Compiles shared objects into a folder, each found by the others through DT_RUNPATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str, source: str, *flags: str, needs: tuple[Path, ...] = (), runpath: bool = True, folder: Path | None = None) -> Path:
        """FOLDER/NAME with that soname, made of C (or, if the flags have -xc++, C++) by gcc. `needs`: what it is linked with."""
        compiler = "g++" if "-xc++" in flags else "gcc"
        need(compiler)
        folder = folder or self.folder
        folder.mkdir(exist_ok=True, parents=True)
        target, code = folder / name, folder / f"{name}.c"
        code.write_text(source)
        where = [f"-Wl,--enable-new-dtags,-rpath,{self.folder}"] if runpath else []
        soname = [] if any("-soname" in flag for flag in flags) else [f"-Wl,-soname,{name}"]
        linked = [] if not needs else ["-xnone", "-Wl,--no-as-needed", *map(str, needs)]
        command = [compiler, "-shared", "-fPIC", "-O1", "-g0", "-Wl,--hash-style=gnu", "-o", str(target), *soname, *where, *flags, str(code), *linked]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return target


def maps_of(path: Path) -> list[str]:
    """This process's mappings of a file."""
    return [line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(str(path))]
