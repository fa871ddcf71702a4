"""In which order objects are looked at: breadth first for scopes, dependencies first for initialisers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from miniload.linker.object import Object


def closure(root: Object) -> list[Object]:
    """The object and all that it needs, breadth first."""
    order = {root: None}
    queue = [root]
    for loaded in queue:
        for needed in loaded.dependencies:
            if needed not in order:
                order[needed] = None
                queue.append(needed)
    return list(order)


def dependencies_first(members: list[Object]) -> list[Object]:
    """The objects of a closure, each after what it needs, the first of them last. Cycles are broken where glibc breaks them: from the last member on, depth
    first (elf/dl-sort-maps.c, _dl_sort_maps_dfs)."""
    if len(members) < 2:
        return members
    order: list[Object] = []
    seen: set[Object] = set()
    for start in reversed(members):
        if start in seen:
            continue
        seen.add(start)
        stack: list[tuple[Object, Iterator[Object]]] = [(start, iter(start.dependencies))]
        while stack:
            loaded, waiting = stack[-1]
            needed = next((needed for needed in waiting if needed not in seen), None)
            if needed is None:
                order.append(loaded)
                stack.pop()
            else:
                seen.add(needed)
                stack.append((needed, iter(needed.dependencies)))
    if order[-1] is not members[0]:
        order.remove(members[0])
        order.append(members[0])
    return order


def root_of(loaded: Object) -> Object:
    """The object whose load has brought this one."""
    while loaded.needed_by is not None:
        loaded = loaded.needed_by
    return loaded
