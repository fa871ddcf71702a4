"""Starts a program: the first one, and by execve every later one, in the same host process."""

from __future__ import annotations

import os
from _thread import get_native_id
from errno import ENOEXEC

from miniload import arch as architectures
from miniload.errors import MiniloadError, NotFoundError
from miniload.linux import procfs, signals, threads
from miniload.linux.execute import guest_arch, guest_facts
from miniload.linux.paths import AT_FDCWD, Paths
from miniload.linux.process import Process
from miniload.linux.task import Task
from miniload.plan.build import build
from miniload.plan.host import read_host
from miniload.plan.machine import machine_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from miniload.arch import Arch
    from miniload.linux.handover import Given
    from miniload.linux.process import Options
    from miniload.plan.model import LoadPlan


def plan_for(arch: Arch, paths: Paths, path: bytes, argv: Sequence[bytes], env: Sequence[bytes], **options: object) -> LoadPlan:
    """The plan of a guest program; `options` are build()'s."""
    native = architectures.host() or arch
    facts = guest_facts(arch, read_host(native))
    try:
        return build(path, argv, env, arch=guest_arch(arch), host=facts, locate=paths.host, **options)  # type: ignore[arg-type]
    except NotFoundError as error:
        if error.field == "PT_INTERP":
            error.remedy = "give a sysroot with -L"
        raise


def exec_in_place(task: Task, path: bytes, argv: list[bytes], env: list[bytes]) -> int | None:
    """execve(2): a program for the emulated machine replaces the present one, one for the host's own by the host's execve."""
    process = task.process
    path = procfs.target(process, AT_FDCWD, path) or path
    try:
        machine = machine_of(path, process.paths.host)
        if machine != process.arch.machine and machine in architectures.BY_MACHINE:
            return exec_other(process, machine, path, argv, env)
        plan = plan_for(process.arch, process.paths, path, argv, env, randomize=process.options.aslr, ignore_setid=True)
    except MiniloadError as error:
        return -(error.errno or ENOEXEC)
    if task.tid != os.getpid():
        from miniload.linux import handover

        handover.give(task, plan)
    process.begin(task, plan)
    return None


def exec_other(process: Process, machine: int, path: bytes, argv: list[bytes], env: list[bytes]) -> int:
    """A program of another architecture: the host's own, or one for another emulated machine."""
    native = architectures.host()
    if native is not None and native.machine == machine:
        process.before_host_exec()
        try:
            os.execve(process.paths.host(path), argv, {entry.partition(b"=")[0]: entry.partition(b"=")[2] for entry in env})
        except OSError as error:
            return -(error.errno or ENOEXEC)
    return -ENOEXEC


def run(arch: Arch, options: Options, path: bytes, argv: Sequence[bytes], env: Sequence[bytes], **plan_options: object) -> NoReturn:
    """Runs a guest program in this process, which ends as the program does.

    MiniloadError as for a native run, before anything of the program has happened.
    """
    paths = Paths(options.sysroot)
    plan = plan_for(arch, paths, path, argv, env, **plan_options)
    process = Process(guest_arch(arch), options, paths)
    task = Task(process)
    process.tasks[task.tid] = task
    process.vcpu.take_turn(task.core)
    process.actions = signals.inherited_actions(process, options.ignored)
    begin(process, task, plan, options.via_stub)
    live(task)
    raise AssertionError("the first thread never ends before the process")


def begin(process: Process, task: Task, plan: LoadPlan, via_stub: bool) -> None:
    """The plan carried out in guest memory, or by the stub: then it is stub and plan in one file that the guest begins with."""
    if not via_stub:
        process.begin(task, plan)
        return
    from miniload.native.launch import Launch

    launch = Launch(plan)  # whose descriptors go as they would at a real exec: the stub has use for some
    for fd in launch.inherit:
        os.set_inheritable(fd, True)
    env = [name + b"=" + value for name, value in launch.env.items()]
    process.begin(task, plan_for(process.arch, process.paths, launch.executable, launch.argv, env, randomize=process.options.aslr))


def live(task: Task) -> None:
    """A host thread's life: to the end of the guest's thread, or of the process. The first one stays, since others may go on and exec."""
    given = None
    while True:
        try:
            serve(task, given)
        except threads.Ended:
            threads.leave(task)
        if get_native_id() != os.getpid():
            return
        given = task.process.place.wait()
        task = given.task


def serve(task: Task, given: Given | None = None) -> NoReturn:
    """Runs the guest to its end, and this process with it. `given`: the first thread begins anew with what another one has left to it."""
    from miniload.linux import loop

    try:
        if given is not None:
            from miniload.linux import handover

            handover.take_over(given)
        loop.run(task)
    except loop.Exited as ended:
        if task.process.trace is not None:
            task.process.trace.ended(ended.status, ended.signal)
        task.process.return_memory()
        for other in list(task.process.tasks.values()):
            threads.release_memory(other)
        end(ended.status, ended.signal)
    except threads.Ended:
        raise
    except Exception as error:
        complain(task, error)
    os._exit(MiniloadError.status)


def complain(task: Task, error: Exception) -> None:
    """An error of the emulator's own: one line on stderr, and where it happened."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "?"
    call = task.process.dispatcher.name(task.last_number)
    line = f"miniload: {os.fsdecode(task.process.exe)}: internal error in {call} ({place}): {type(error).__name__}: {error}"
    try:
        os.write(2, line.replace("\n", " ").encode("utf-8", "backslashreplace") + b"\n")
    except OSError:
        return  # the guest has closed it


def end(status: int, signal: int) -> NoReturn:
    """Ends this process as the guest ended: by exit status, or by that very signal."""
    if signal:
        from miniload.linux.death import die_of

        die_of(signal)
    os._exit(status)
