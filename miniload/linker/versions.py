"""Symbol versions that an object needs of others (glibc 2.42 elf/dl-version.c)."""

from __future__ import annotations

from miniload.errors import LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.object import Object


def check_versions(loaded: Object) -> None:
    """LinkError, with ld.so's words, if something that the object needs has versions, but not one that it asks for. Weak needs may go without."""
    raw = loaded.raw
    if not raw.version_count:
        return
    needs = [need for need in (raw.versions[index] for index in range(raw.version_count)) if need.name and not need.defined and not need.weak and need.file]
    if not needs:
        return
    by_name: dict[str | None, Object] = {
        **{needed.soname: needed for needed in loaded.dependencies},
        **dict(zip(loaded.needed, loaded.dependencies, strict=False)),
    }
    for need in needs:
        needed = by_name.get(need.file.decode("utf-8", "surrogateescape"))
        if needed is None:
            continue
        defined = versions_of(needed)
        if defined and need.name not in defined:
            name = need.name.decode("utf-8", "replace")
            raise LinkError(needed.path or needed.name, f"version `{name}' not found (required by {loaded.path or loaded.name})")


def versions_of(loaded: Object) -> frozenset[bytes]:
    """The versions that an object defines."""
    if loaded.versions is None:
        raw = loaded.raw
        known = (raw.versions[index] for index in range(raw.version_count))
        loaded.versions = frozenset(version.name for version in known if version.defined and version.name)
    return loaded.versions
