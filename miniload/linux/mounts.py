"""mount(2): both paths through the sysroot."""

from __future__ import annotations

from miniload.linux.dispatch import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task


def mount(task: Task, source: int, target: int, kind: int, flags: int, data: int) -> int:
    """mount(2)."""
    space, paths = task.process.space, task.process.paths
    keep: list[object] = []
    places = [pointer(paths.host(space.read_string(path)) + b"\0", keep) if path else 0 for path in (source, target)]
    name = pointer(space.read_string(kind) + b"\0", keep) if kind else 0
    return task.host("mount", *places, name, flags, space.host(data, 1))
