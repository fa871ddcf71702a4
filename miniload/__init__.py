"""miniload: loads and runs ELF programs the way the Linux kernel does, from Python.

    plan = miniload.plan("/bin/ls", ["ls", "-l"])     # what exec would do, as a value: print(plan)
    miniload.exec(plan)                               # do it in place of this process
    done = miniload.run("/bin/ls", ["ls", "-l"], capture_output=True)   # or in a child, as subprocess.run

Importing the package costs next to nothing: each function brings in what it needs.
"""

from __future__ import annotations

# Before the function of the same name is defined, or the first import of the package would take its place.
import miniload.plan  # noqa: F401
from miniload.errors import (
    ElfError,
    ExecError,
    LaunchError,
    MiniloadError,
    NotFoundError,
    UnsupportedError,
    UsageError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from subprocess import CompletedProcess, Popen
    from typing import Any, NoReturn

    from miniload.plan.model import LoadPlan

    Text = str | bytes
    Path = Text | os.PathLike[str] | os.PathLike[bytes]
    Environment = Mapping[str, str] | Mapping[bytes, bytes] | Sequence[Text]

    from miniload.linker.image import Readable
    from miniload.linker.library import Library

__version__ = "0.1.0"
__all__ = [
    "ElfError",
    "ExecError",
    "LaunchError",
    "MiniloadError",
    "NotFoundError",
    "UnsupportedError",
    "UsageError",
    "exec",
    "link",
    "load",
    "load_async",
    "plan",
    "popen",
    "run",
]


def plan(
    path: Path,
    argv: Sequence[Text] | None = None,
    env: Environment | None = None,
    *,
    interp: Path | None = None,
    auxv: Mapping[int, int] | None = None,
    randomize: bool = True,
    ignore_setid: bool = False,
) -> LoadPlan:
    """What execve(path, argv, env) would do, as a value: mappings, initial stack, auxv, entry point.

    `argv` includes argv[0] and defaults to [path]; `env` is a mapping, or a sequence of b"NAME=value", and defaults to this process's own.
    `interp` replaces the file that PT_INTERP names; `auxv` maps entry types to values that replace or add to the usual ones. `randomize=False` plans for no
    address randomisation. `ignore_setid` runs set-id files with the present credentials instead of refusing them.

    Nothing is mapped or executed. Raises ElfError, ExecError (NotFoundError) or UnsupportedError, with execve's errno.
    """
    import os

    from miniload.plan.build import build

    name = os.fsencode(path)
    arguments = [name] if argv is None else [os.fsencode(argument) for argument in argv]
    return build(
        name,
        arguments,
        _environment(env),
        interp=None if interp is None else os.fsencode(interp),
        auxv=auxv,
        randomize=randomize,
        ignore_setid=ignore_setid,
    )


def _environment(env: Environment | None) -> list[bytes]:
    import os

    if env is None:
        return [name + b"=" + value for name, value in os.environb.items()]
    if isinstance(env, (list, tuple)):
        return [os.fsencode(entry) for entry in env]
    mapping: Mapping[Any, Any] = env  # type: ignore[assignment]
    return [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in mapping.items()]


def exec(plan: LoadPlan) -> NoReturn:
    """Replaces this process by the planned program, as os.execve would. Returns only by raising LaunchError.

    As exec does: descriptors that are not inheritable are closed, caught signals reset, other threads gone. SIGPIPE and
    SIGXFSZ, which Python ignores, get their default back.
    """
    from miniload.native.launch import Launch

    with Launch(plan) as launch:
        launch.exec()


def popen(plan: LoadPlan, **options: Any) -> Popen[Any]:
    """Starts the planned program in a child process. `options` are subprocess.Popen's (pipes, cwd, pass_fds, preexec_fn, ...), but
    for those that the plan decides: args, executable, env, shell."""
    from miniload.native.run import popen

    return popen(plan, **options)


def run(path: Path, argv: Sequence[Text] | None = None, env: Environment | None = None, **options: Any) -> CompletedProcess[Any]:
    """Plans, runs the program in a child process and waits for it, as subprocess.run does: `options` are its options (input,
    capture_output, timeout, check, text, cwd, ...) and plan's."""
    from miniload.native.run import run

    return run(path, argv, env, **options)


def load(
    what: Readable,
    mode: int | None = None,
    name: str | None = None,
    *,
    arch: str | None = None,
    sysroot: str | os.PathLike[str] | None = None,
    interp: str | None = None,
    imports: Mapping[str, Any] | None = None,
    signatures: bool = False,
) -> Library:
    """Loads a shared object into this process, with all that it needs, as dlopen does: `load("libz.so.1").zlibVersion`.

    `what`: a name to search for, a path, an open descriptor or bytes. `mode`: RTLD_* of the os module; RTLD_NOW by default. Functions are called as those of
    ctypes.CDLL. Raises NotFoundError, ElfError, LinkError, OSError; nothing is left mapped then.

    `signatures`: functions get `argtypes` and `restype` from the file's debugging information, where it has some.

    `arch` (x86_64, aarch64, riscv64): into an emulated CPU instead. With a `sysroot`, a folder with that machine's C library, what is needed comes from
    there, and calls of the same sysroot load into the same emulated process. `interp`: the dynamic linker's path in there, if it has several; glibc's goes
    before musl's. Without sysroot the library is alone in a new one: what it imports is what
    `imports` says, by name a Python function, a (CFUNCTYPE, function) pair or an address, or a small stand-in for common functions of C; everything
    else raises when it is called.
    """
    global _load_here
    if arch is None and sysroot is None and imports is None and not signatures:
        if _load_here is None:
            from miniload.linker.api import load_here

            _load_here = load_here
        return _load_here(what, mode, name)
    import os

    from miniload.linker.library import Library

    if signatures:
        from miniload.linker.signatures import DescribedLibrary as Library
    if arch is None and sysroot is None and imports is None:
        from miniload.linker.api import native_loader

        loader = native_loader()
    else:
        from miniload.linker.guest.loader import guest_loader

        loader = guest_loader(arch, sysroot, interp, imports)
    return Library(loader, loader.load(what, os.RTLD_NOW if mode is None else mode, name))


_load_here: Callable[[Readable, int | None, str | None], Library] | None = None
"""api.load_here, once it has been asked for: an import costs as much as a tenth of a load, even of what is there."""


async def load_async(what: Any, mode: int | None = None, name: str | None = None) -> Library:
    """As `load`, without keeping the event loop waiting: files are read, several at once, and linked by its executor. `what` may also be an asynchronous
    iterator of the file's bytes, or have a coroutine for its `read(offset, length)`."""
    import os

    from miniload.linker.asynchronous import load_async

    return await load_async(what, os.RTLD_NOW if mode is None else mode, name)


def link(files: Sequence[str | os.PathLike[str] | bytes], *, members: Sequence[str] | None = None, needed: Sequence[str] = ()) -> bytes:
    """One shared object of object files and archives, to be handed to `load`: `load(link(["a.o", "libb.a"], needed=["libm.so.6"]))`.

    `files`: paths, or bytes. `members`: the names of the archives' members that are wanted; None for all. `needed`: what is to be loaded with it. Symbols that
    the files define are bound to these definitions. Raises ElfError, LinkError (two definitions, a relocation that cannot be) and OSError.
    """
    from miniload.linker.relocatable import link_files

    return link_files(files, members, needed)
