"""From a path and arguments to a LoadPlan: the order of execve's own steps, each rule in its own module."""

from __future__ import annotations

import os
from errno import EINVAL, EIO

from miniload import arch as architectures
from miniload.elf.header import SIZE as HEADER_SIZE
from miniload.elf.segments import PF_X, PT_GNU_STACK, parse_interpreter
from miniload.errors import ElfError, UnsupportedError, UsageError
from miniload.plan import layout
from miniload.plan.accept import accept_interpreter, accept_program, check_loads
from miniload.plan.auxv import vector
from miniload.plan.host import read_host
from miniload.plan.model import INTERPRETER, PROGRAM, Address, LoadPlan
from miniload.plan.origin import origin_fixups, origin_strings, refuse_unpatchable
from miniload.plan.program import OpenFile, as_named, follow_scripts, open_interpreter
from miniload.plan.stack import check_limits, compose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from miniload.arch import Arch
    from miniload.plan.host import HostFacts
    from miniload.plan.model import Image
    from miniload.plan.origin import OriginString

COMM_SIZE = 15


def build(
    path: bytes,
    argv: Sequence[bytes],
    env: Sequence[bytes],
    *,
    interp: bytes | None = None,
    auxv: Mapping[int, int] | None = None,
    randomize: bool = True,
    ignore_setid: bool = False,
    arch: Arch | None = None,
    host: HostFacts | None = None,
    locate: Callable[[bytes], bytes] = as_named,
) -> LoadPlan:
    """The plan of execve(path, argv, env). `arch` and `host` default to this machine's; `locate` says where paths lead (a sysroot).

    Raises ElfError, ExecError or UnsupportedError, each with execve's errno; errors come in execve's order: the file, the size of
    the arguments, the scripts, the ELF header, the interpreter.
    """
    arch = arch or architectures.host()
    if arch is None:
        raise UnsupportedError(path, "this machine's architecture is not supported", value=os.uname().machine)
    host = host or read_host(arch)
    argv, env = tuple(argv) or (b"",), tuple(env)
    _refuse_embedded_nul(path, argv, env)
    counted = len(argv), len(env)
    resolved = follow_scripts(path, argv, lambda current: check_limits(path, current, env, counted, host), ignore_setid=ignore_setid, locate=locate)
    with resolved.file as file:
        image = accept_program(file.source, file.ref, arch)
        named = parse_interpreter(file.source, image.segments)
        if interp is not None and named is None:
            raise UsageError(path, "the program names no interpreter that could be replaced", field="--interp", value=interp)
        if named is None:
            return _plan(path, resolved.argv, env, resolved.scripts, image, None, auxv or {}, randomize, arch, host)
        with _open_elf_interpreter(file, named if interp is None else interp, locate) as loader:
            interpreter = accept_interpreter(loader.source, loader.ref, arch)
            return _plan(path, resolved.argv, env, resolved.scripts, image, interpreter, auxv or {}, randomize, arch, host)


def _refuse_embedded_nul(path: bytes, argv: tuple[bytes, ...], env: tuple[bytes, ...]) -> None:
    for kind, strings in (("argument", argv), ("environment entry", env)):
        for string in strings:
            if b"\0" in string:
                raise UsageError(path, "embedded NUL byte", field=kind, value=string[:80])


def _open_elf_interpreter(program: OpenFile, path: bytes, locate: Callable[[bytes], bytes]) -> OpenFile:
    file = open_interpreter(path, program.path, "PT_INTERP", locate=locate)
    if file.ref.size < HEADER_SIZE:
        file.close()
        raise ElfError(path, "shorter than an ELF header", field="size", value=file.ref.size, errno=EIO)
    return file


def _plan(
    path: bytes,
    argv: tuple[bytes, ...],
    env: tuple[bytes, ...],
    scripts: tuple[bytes, ...],
    program: Image,
    interpreter: Image | None,
    overrides: Mapping[int, int],
    randomize: bool,
    arch: Arch,
    host: HostFacts,
) -> LoadPlan:
    page = host.page_size
    images = [program] if interpreter is None else [program, interpreter]
    dynamic = interpreter is not None
    bases, ops, loads_of_program = [], [], check_loads(program, arch, page)
    for index, image in enumerate(images, PROGRAM):
        loads = loads_of_program if index == PROGRAM else check_loads(image, arch, page)
        base = layout.choose_base(image, loads, index, arch, page, dynamic)
        bases.append(base)
        ops += layout.image_ops(image, loads, base, index, arch, page, dynamic)
        if base.kind == "fixed" and image is images[-1] and image.entry >= arch.task_size:
            raise ElfError(image.source.name, "beyond the end of user space", field="e_entry", value=image.entry, errno=EINVAL)

    patchable = _patchable_strings(program)
    extra = b"".join(found.expanded + b"\0" for found in patchable)

    bias: int | Address = Address(INTERPRETER, 0) if dynamic else 0
    entries = vector(program, bias, layout.phdr_address(program), host, overrides)
    gap = arch.stack_gap if randomize and host.randomize else 0
    stack = compose(argv, env, path, entries, gap, _wants_executable_stack(program), host, extra)
    return LoadPlan(
        arch=arch.name,
        machine=arch.machine,
        page_size=page,
        script=scripts,
        files=tuple(image.ref for image in images),
        bases=tuple(bases),
        ops=tuple(ops),
        patches=origin_fixups(patchable, len(stack.table) - len(extra)),
        stack=stack,
        memory=layout.memory_map(program, loads_of_program, arch, page, dynamic),
        entry=Address(PROGRAM, program.entry) if interpreter is None else Address(INTERPRETER, interpreter.entry),
        comm=path.rpartition(b"/")[2][:COMM_SIZE],
        randomize=host.randomize if randomize else 0,
        rnd_bits=host.rnd_bits,
    )


def _patchable_strings(program: Image) -> tuple[OriginString, ...]:
    """The dynamic strings to patch should the exe link not be set. UnsupportedError if one cannot be, and the link cannot either."""
    strings = origin_strings(program)
    if any(not found.writable for found in strings):
        from miniload.plan.level import exe_link_denied

        if exe_link_denied():
            refuse_unpatchable(program, strings)
    return tuple(found for found in strings if found.writable)


def _wants_executable_stack(program: Image) -> bool:
    """The last PT_GNU_STACK with PF_X. Without one the stack is not executable, on all three architectures (exec.md G5)."""
    wanted = False
    for segment in program.segments:
        if segment.type == PT_GNU_STACK:
            wanted = bool(segment.flags & PF_X)
    return wanted
