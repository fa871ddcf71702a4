"""exec by a thread that is not the first: the first one's host thread, whose number is the process's, goes on in its place (fs/exec.c, de_thread()).

A host thread cannot take another number. So the thread that execs leaves to the first one what belongs to it, and ends; the first has ended as a guest
thread by then and only waits for that.
"""

from __future__ import annotations

import os
from errno import ESRCH
from time import sleep

from miniload.linux import signals, threads
from miniload.linux.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.process import Process
    from miniload.plan.model import LoadPlan

EVERYTHING = (1 << 64) - 1
KCMP_FILES, KCMP_FS = 2, 3
OF_THREADS = (b"Uid:", b"Gid:", b"Groups:", b"Cap", b"NoNewPrivs:", b"Seccomp")
"""Lines of /proc/self/task/TID/status about what each thread has of its own and cannot give away."""
PATIENCE_MS = 200


class Given:
    """What goes over: the guest's thread, its signals, its place in the scheduler."""

    def __init__(self, task: Task, plan: LoadPlan) -> None:
        process = task.process
        self.plan = plan
        self.former = task.tid
        self.affinity = os.sched_getaffinity(0)
        self.nice = os.getpriority(os.PRIO_PROCESS, 0)
        self.mask = task.host_mask(signals.SIG_SETMASK, EVERYTHING)
        self.pending = signals.take_private(task)
        self.task = Task(process)
        self.task.tid = os.getpid()


def give(task: Task, plan: LoadPlan) -> None:
    """From a thread that is not the first: by Ended, unless it cannot be done: then exec goes on here, under the number that the thread has."""
    process = task.process
    threads.end_others(task)
    for _ in range(PATIENCE_MS):
        if process.place.waits:
            break
        sleep(0.001)
    if not process.place.waits or not is_alike(task):
        process.report("exec by a thread that keeps its number: it has descriptors or credentials of its own, or the first one does not end")
        return
    task.ended = True
    process.place.give(Given(task, plan))
    raise threads.Ended


def is_alike(task: Task) -> bool:
    """Whether the two host threads differ in nothing that the one could not leave to the other."""
    call, first = task.process.host_numbers["kcmp"], os.getpid()
    if any(task.process.vcpu.host_call(call, first, task.tid, kind, 0, 0) > 0 for kind in (KCMP_FILES, KCMP_FS)):
        return False
    return own_lines(task.tid) == own_lines(first)


def own_lines(tid: int) -> list[bytes]:
    """What the kernel says of a thread's credentials."""
    try:
        with open(f"/proc/self/task/{tid}/status", "rb") as file:
            return [line for line in file if line.startswith(OF_THREADS)]
    except OSError:
        return []


def take_over(given: Given) -> Task:
    """In the first host thread: execs in place of the other, which is gone by then."""
    task = given.task
    process = task.process
    process.vcpu.take_turn(task.core)
    process.tasks = {task.tid: task}
    wait_for_end(process, given.former)
    signals.take_private(task)  # of the thread that was the first
    if os.sched_getaffinity(0) != given.affinity:
        os.sched_setaffinity(0, given.affinity)
    if os.getpriority(os.PRIO_PROCESS, 0) != given.nice:
        task.host_call(process.host_numbers["setpriority"], os.PRIO_PROCESS, 0, given.nice)
    process.begin(task, given.plan)
    for info in given.pending:
        signals.requeue(task, info, task.tid)
    signals.set_mask(task, given.mask)
    return task


def wait_for_end(process: Process, tid: int) -> None:
    """Until a host thread that is about to end is gone: /proc shows it, and it counts."""
    for _ in range(PATIENCE_MS * 10):
        if process.vcpu.host_call(process.host_numbers["tgkill"], os.getpid(), tid, 0) == -ESRCH:
            return
        sleep(0.0001)
