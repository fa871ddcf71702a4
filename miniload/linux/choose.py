"""From the command's options to a guest: architecture, CPU model, sysroot."""

from __future__ import annotations

import os

from miniload import arch as architectures
from miniload.linux.process import Options as GuestOptions
from miniload.linux.signals import ignored_by_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.arch import Arch
    from miniload.cli import Options


def list_cpus() -> str:
    """What --cpu takes, a line for each architecture."""
    lines = []
    for name in architectures.NAMES:
        vcpu = __import__(f"miniload.arch.{name}.vcpu", fromlist=["VCPU"]).VCPU
        lines.append(f"{name}: {', '.join(getattr(vcpu, 'models', {}))}\n")
    return "".join(lines)


def default_sysroot(arch: Arch) -> bytes:
    """/usr/<triplet>, where Debian's cross packages put a C library, if it is there."""
    place = b"/usr/" + arch.triplet.encode()
    native = architectures.host()
    return place if native is not arch and os.access(place + b"/", os.F_OK) else b""


def guest_options(options: Options, arch: Arch) -> GuestOptions:
    """What of the command's options is the guest's."""
    guest = GuestOptions()
    guest.sysroot = default_sysroot(arch) if options.sysroot is None else options.sysroot
    guest.cpu = options.cpu
    guest.stack = options.stack
    guest.verbose = options.verbose
    guest.aslr = options.aslr
    guest.via_stub = options.via_stub
    guest.report_deadlock = options.report_deadlock
    guest.uname_release = options.uname
    if options.strace is not None:
        guest.trace = trace_descriptor(options.strace)
    return guest


def trace_descriptor(path: bytes) -> int:
    """Where --strace writes: stderr, or a file."""
    if not path:
        return os.dup(2)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o666)


def emulate(options: Options, machine: int, program: bytes, env: list[bytes], launched: str | None) -> int:
    """Runs the program and ends with it, or explains."""
    from miniload.linux import exec

    arch = architectures.get(architectures.BY_MACHINE[machine])
    guest = guest_options(options, arch)
    argv0 = options.command[0] if options.argv0 is None else options.argv0
    argv = [argv0, *options.command[1:]]
    chosen = {"interp": options.interp, "auxv": options.auxv, "randomize": options.aslr, "ignore_setid": options.ignore_setid}
    if options.explain or options.pack is not None:
        from miniload.linux.paths import Paths

        plan = exec.plan_for(arch, Paths(guest.sysroot), program, argv, env, **chosen)
        return show(plan, options)
    guest.ignored = ignored_by_host(launched)
    return exec.run(arch, guest, program, argv, env, **chosen)


def show(plan: object, options: Options) -> int:
    """--explain and --pack of a foreign program."""
    if options.pack is not None:
        from miniload.native.pack import pack

        pack(plan, options.pack)  # type: ignore[arg-type]
        return 0
    from miniload.cli import explain

    return explain(plan, options.json)  # type: ignore[arg-type]
