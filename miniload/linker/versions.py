"""The versions that an object asks for, and those that what it needs defines (glibc 2.42 elf/dl-version.c)."""

from __future__ import annotations

from array import array
from ctypes import byref, c_uint32

from miniload.errors import LinkError
from miniload.linker import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.object import Object


def check_versions(loaded: Object) -> None:
    """LinkError, with ld.so's words, if something that the object needs has versions, but not one that it asks for. Weak needs may go without."""
    if not loaded.raw.version_count:
        return
    dependencies = array("Q", [needed.where for needed in loaded.dependencies])
    which = c_uint32()
    index = core.missing_version(loaded.where, dependencies.buffer_info()[0], len(dependencies), byref(which))
    if index >= 0:
        name = loaded.raw.versions[index].name.decode("utf-8", "replace")
        needed = loaded.dependencies[which.value]
        raise LinkError(needed.path or needed.name, f"version `{name}' not found (required by {loaded.path or loaded.name})")
