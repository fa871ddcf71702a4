"""The copy of the engine's library that loads faster (prelink.py), in the user's cache directory: where it is, and whether it may be used.

It belongs to one file of the `unicorn` package, the one with this device, inode, size and time of change, and is made once. What another user could have
written is not loaded: the directory and all above it have to belong to this user or to root. Wherever there is no copy and none can be made, the library
itself is loaded; so it is with MINILOAD_CACHE set to nothing.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import stat_result

VERSION = 1
"""Of what prelink.py makes."""
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def directory() -> str:
    """$MINILOAD_CACHE, $XDG_CACHE_HOME/miniload or ~/.cache/miniload, and `engine` in it; "" if there is none. A home that is not there is not made:
    users of services have such ones."""
    chosen, base, home = (os.environb.get(name, b"") for name in (b"MINILOAD_CACHE", b"XDG_CACHE_HOME", b"HOME"))
    if b"MINILOAD_CACHE" not in os.environb and (base or (home and os.access(home, os.F_OK))):
        chosen = (base or home + b"/.cache") + b"/miniload"
    return os.fsdecode(chosen + b"/engine") if chosen.startswith(b"/") else ""


def name_for(original: stat_result) -> str:
    """The copy's file name."""
    parts = VERSION, original.st_dev, original.st_ino, original.st_size, original.st_mtime_ns, original.st_ctime_ns
    return f"libunicorn-{'-'.join(format(part, 'x') for part in parts)}.so"


def is_safe(place: str) -> bool:
    """Whether nobody but this user and root can change what is in the directory, which is this user's."""
    own = os.geteuid()
    status = os.lstat(place)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != own or status.st_mode & OTHERS_MAY_WRITE:
        return False
    while place:
        place = place.rpartition("/")[0]
        status = os.stat(place or "/")
        if status.st_uid not in (own, 0) or (status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX):
            return False
    return True


def is_whole(path: str, size: int) -> bool:
    """Whether the copy is there: as large as what it was made of, this user's alone."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == size and status.st_uid == os.geteuid() and not status.st_mode & OTHERS_MAY_WRITE


def can_be_made(place: str) -> bool:
    """Whether a copy may be written to the directory, or it may be made."""
    if os.access(place, os.F_OK):
        return os.access(place, os.W_OK) and is_safe(place)
    while place and not os.access(place, os.F_OK):
        place = place.rpartition("/")[0]
    return os.access(place or "/", os.W_OK)


def copy_of(original: str) -> str:
    """The copy's path; it is made now if need be. "" if there is none."""
    place = directory()
    if not place:
        return ""
    try:
        status = os.stat(original)
        path = f"{place}/{name_for(status)}"
        if is_whole(path, status.st_size):
            return path if is_safe(place) else ""
        if can_be_made(place):
            from miniload.vcpu import prelink

            return prelink.make(original, status, place, path)
    except OSError:
        pass
    return ""
