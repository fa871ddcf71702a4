"""The guest's process: its memory, its files' names, what exec put there, and the loop that serves it."""

from __future__ import annotations

import os
from _thread import get_native_id
from fcntl import fcntl

from miniload.bundle import move_descriptor
from miniload.linux import arch as guest_arch
from miniload.linux import signals, threads, timers
from miniload.linux.dispatch import Dispatcher, pointer
from miniload.linux.execute import execute
from miniload.linux.limits import RLIMIT_NOFILE, Limits
from miniload.linux.paths import Paths
from miniload.linux.task import Task
from miniload.space.guest import GuestSpace
from miniload.space.hostmap import host_limit
from miniload.vcpu.core import opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.arch import Arch
    from miniload.linux.arch import GuestArch
    from miniload.linux.borrow import Borrowed
    from miniload.linux.deadlock import Watch
    from miniload.linux.signals import Action
    from miniload.linux.strace import Tracer
    from miniload.plan.model import LoadPlan
    from miniload.vcpu.core import Vcpu


PR_SET_NAME, PR_SET_MDWE = 15, 65
F_DUPFD_CLOEXEC = 1030
MOST_DESCRIPTORS, OWN_DESCRIPTORS = 1024, 16
"""The emulator keeps a few numbers for itself: the highest of the first thousand, which few programs get to."""


class Options:
    """What the command line says of the guest. `stack`: bytes of the main stack, 0 for RLIMIT_STACK. `trace`: a descriptor for --strace, or -1."""

    def __init__(self) -> None:
        self.sysroot = b""
        self.cpu = ""
        self.stack = 0
        self.trace = -1
        self.verbose = False
        self.aslr = True
        self.via_stub = False
        self.uname_release = ""
        self.report_deadlock = False
        self.embedded = False
        """Whether the guest is a part of a process that has other things to do, whose limits and signals stay as they are."""
        self.ignored: frozenset[int] = frozenset()
        """Signals that were ignored when the command was started."""


class Process:
    """What the kernel keeps of a process (struct task_struct, mm_struct, ...), and the vCPU that runs it."""

    def __init__(self, arch: Arch, options: Options, paths: Paths, vcpu: Vcpu | None = None) -> None:
        self.arch = arch
        self.options = options
        self.abi: GuestArch = guest_arch.load(arch.name)
        self.vcpu = vcpu or opened(arch.name, options.cpu)
        self.cpu_auxv = self.vcpu.arch.auxv_of(self.vcpu) if options.cpu else self.vcpu.arch.auxv
        """AT_HWCAP and its like, as the CPU model has them."""
        self.fresh = self.vcpu.save()
        """The registers of a new CPU, which exec goes back to."""
        self.space = GuestSpace(self.vcpu, arch.task_size)
        self.host_numbers = numbers_of(os.uname().machine)
        self._host_abi: GuestArch | None = None
        self.paths = paths
        self.trace: Tracer | None = None
        self.dispatcher = Dispatcher(self, numbers_of(arch.name), self.host_numbers)
        self.reported: set[str] = set()
        self.exe = b""
        """What /proc/self/exe points to: the host's path."""
        self.plan: LoadPlan | None = None
        self.strings: tuple[int, int, int] = (0, 0, 0)
        """Guest addresses: start of argv's strings, start of envp's, their end."""
        self.auxv: bytes = b""
        self.reserved = (1, 0)
        base = min(host_limit(RLIMIT_NOFILE)[0], MOST_DESCRIPTORS) - OWN_DESCRIPTORS
        self.reserve(base, base + OWN_DESCRIPTORS - 1)
        move_descriptor(self.keep)
        if options.trace >= 0:
            from miniload.linux.strace import Tracer

            options.trace = self.keep(options.trace)
            self.trace = Tracer(self, options.trace)
        self.deadlocks: Watch | None = None
        """With --report-deadlock."""
        self.watch_deadlocks()
        self._spare = -1
        self.borrowed: Borrowed | None = None
        """Of a vfork'ed child: the parent's memory, until exec or exit."""
        self.persona = 0
        self.wants_tracer = 0
        """The number of the process that asked to be traced since its last exec, in vain."""
        self.limits = Limits(options.stack)
        self.limits.apply(self.space)
        if not options.embedded:
            self.limits.keep_cores_small()
        self.space.execute_only, self.space.low_flag = self.abi.execute_only, self.abi.low_flag
        self.tasks: dict[int, Task] = {}
        self.place = threads.Place()
        """Where the first thread waits when it has ended."""
        self.trampoline = 0
        """Guest address of the return from signal handlers."""
        self.actions: dict[int, Action] = {}
        """What the guest does with signals, where that is not the default."""

    @property
    def host_abi(self) -> GuestArch:
        """The host's own structs and flags, as those of a guest are described."""
        if self._host_abi is None:
            self._host_abi = guest_arch.load(os.uname().machine)
        return self._host_abi

    def gettid(self) -> int:
        """This host thread's number, which is the guest's too."""
        return get_native_id()

    def is_reserved(self, fd: int) -> bool:
        """Whether the descriptor is the emulator's own."""
        return self.reserved[0] <= fd <= self.reserved[1]

    def reserve(self, low: int, high: int) -> None:
        """Descriptors from `low` to `high` are the emulator's own: to the guest they are closed."""
        self.reserved = (low, high)
        self.vcpu.reserve_fds(low, high)

    def close_on_exec(self) -> None:
        """Closes the guest's descriptors that are marked for it."""
        for name in os.listdir("/proc/self/fd"):
            fd = int(name)
            try:
                if not self.is_reserved(fd) and not os.get_inheritable(fd):
                    os.close(fd)
            except OSError:
                continue

    def take_spare(self) -> None:
        """Sets a descriptor aside, one of the emulator's own numbers."""
        if self._spare < 0:
            try:
                self._spare = self.keep(os.open(b"/", os.O_PATH | os.O_CLOEXEC))
            except OSError:
                return

    def free_spare(self) -> None:
        """Gives it back for what is to be opened now."""
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def watch_deadlocks(self) -> None:
        """Under --report-deadlock, in every process anew."""
        if self.options.report_deadlock:
            from miniload.linux.deadlock import Watch

            self.deadlocks = Watch(self)

    def keep(self, fd: int) -> int:
        """Moves a descriptor of the emulator's own out of the guest's way."""
        moved = fcntl(fd, F_DUPFD_CLOEXEC, self.reserved[0])
        os.close(fd)
        return moved

    def return_memory(self) -> None:
        """At exec and exit: what a vfork'ed child has borrowed."""
        if self.borrowed is not None:
            self.borrowed.give_back()
            self.borrowed = None

    def checked(self, fd: int) -> int:
        """The descriptor, or -1 if it is the emulator's own: EBADF to the guest."""
        return -1 if self.is_reserved(fd) else fd

    def after_fork(self, task: Task, shared: bool = False) -> None:
        """In the child: the one thread that is left has another number. `shared`: its memory is still its parent's (CLONE_VM)."""
        task.tid = self.gettid()
        self.tasks = {task.tid: task}
        self.place = threads.Place()
        self.vcpu.forked(task.core)
        task.keep_robust_list(0)
        self.watch_deadlocks()
        if not shared:
            self.space.after_fork()

    def before_host_exec(self) -> None:
        """Undoes what would outlive execve of a program of the host, or must happen before it."""
        self.return_memory()
        self.limits.give_to_host()
        if self.space.deny_write_exec:
            self.vcpu.host_call(self.host_numbers["prctl"], PR_SET_MDWE, self.space.deny_write_exec)

    def begin(self, task: Task, plan: LoadPlan) -> None:
        """What exec does after its point of no return."""
        if len(self.tasks) > 1:
            threads.end_others(task)
        self.return_memory()
        if task.robust_list:
            threads.release_mutexes(task)
            task.keep_robust_list(0)
        timers.delete_timers(task)
        signals.reset_for_exec(self)
        execute(self, plan)
        self.close_on_exec()
        self.name(plan.comm)
        task.clear_tid = 0
        task.alt_stack = (0, 2, 0)

    def name(self, comm: bytes) -> None:
        """What ps shows of the host process: the guest program's name, as exec sets it."""
        keep: list[object] = []
        self.vcpu.host_call(self.host_numbers["prctl"], PR_SET_NAME, pointer(comm[:15] + b"\0", keep))

    def report(self, message: str) -> None:
        """Under -v, one line on stderr, once for each message."""
        if self.options.verbose and message not in self.reported:
            self.reported.add(message)
            line = f"miniload: {os.fsdecode(self.exe)}: {message}\n"
            os.write(2, line.encode("utf-8", "backslashreplace"))


def numbers_of(name: str) -> dict[str, int]:
    """System call numbers of an architecture."""
    numbers: dict[str, int] = __import__(f"miniload.arch.{name}.syscalls", fromlist=["NUMBERS"]).NUMBERS
    return numbers
