"""Runs a plan in a child process, with subprocess's own options and results."""

from __future__ import annotations

import subprocess

import miniload
from miniload.errors import UsageError
from miniload.native.launch import Launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from miniload.plan.model import LoadPlan

PLAN_OPTIONS = ("interp", "auxv", "randomize", "ignore_setid")
DECIDED = ("args", "executable", "env", "shell")


def popen(plan: LoadPlan, **options: Any) -> subprocess.Popen[Any]:
    """See miniload.popen."""
    for name in DECIDED:
        if name in options:
            raise UsageError("", "decided by the plan, not an option", field=name)
    passed = tuple(options.pop("pass_fds", ()))
    with Launch(plan, inherit_executable=True) as launch:

        def begin() -> subprocess.Popen[Any]:
            fds = (*passed, *launch.inherit)
            return subprocess.Popen(launch.argv, executable=launch.executable, env=launch.env, pass_fds=fds, **options)

        return launch.start(begin)


def run(path: Any, argv: Any, env: Any, **options: Any) -> subprocess.CompletedProcess[Any]:
    """See miniload.run."""
    chosen = {name: options.pop(name) for name in PLAN_OPTIONS if name in options}
    plan = miniload.plan(path, argv, env, **chosen)
    payload, timeout, check = options.pop("input", None), options.pop("timeout", None), options.pop("check", False)
    if options.pop("capture_output", False):
        options.update(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if payload is not None:
        options["stdin"] = subprocess.PIPE
    with popen(plan, **options) as process:
        try:
            stdout, stderr = process.communicate(payload, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(plan.stack.argv, process.returncode, stdout, stderr)
    if check:
        done.check_returncode()
    return done
