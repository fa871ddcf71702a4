"""How much of a fresh process image this process may ask the kernel for, found out without trying it."""

from __future__ import annotations

CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE = 21, 40


def exe_link_denied() -> str | None:
    """Why /proc/self/exe cannot be set, or None if it can: Linux 6.18 kernel/sys.c asks for CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN
    in the process's own user namespace, and for PR_SET_MM_MAP to exist."""
    with open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(b"CapEff:"):
                effective = int(line.split()[1], 16)
                if not effective & (1 << CAP_SYS_ADMIN | 1 << CAP_CHECKPOINT_RESTORE):
                    return "it needs CAP_CHECKPOINT_RESTORE"
    return mm_map_denied()


def mm_map_denied() -> str | None:
    """Why the kernel cannot be told of brk, cmdline, environ and auxv (PR_SET_MM_MAP), or None if it can."""
    from ctypes import CDLL, byref, c_uint, c_ulong, get_errno

    prctl = CDLL(None, use_errno=True).prctl
    size = c_uint()
    if prctl(35, c_ulong(15), byref(size), c_ulong(0), c_ulong(0)) == 0:  # PR_SET_MM, PR_SET_MM_MAP_SIZE
        return None
    import os

    return f"PR_SET_MM_MAP: {os.strerror(get_errno())}"
