"""How much of a fresh process image the kernel grants this process, found out without trying it. The stub finds out for real."""

from __future__ import annotations

import os

from miniload.plan.host import process_status
from miniload.record import Record

CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE = 21, 40
PR_SET_MM, PR_SET_MM_MAP_SIZE = 35, 15


class Level(Record):
    """`name`: "plain" (mappings, stack, registers), "full" (and what the kernel records of them) or "full+exe" (and the exe link).
    `reason`: why not more, "" for the highest."""

    name: str
    reason: str


def expected_level() -> Level:
    """The level that a plan carried out by this process should reach."""
    denied = mm_map_denied()
    if denied:
        return Level("plain", denied)
    denied = exe_link_denied()
    if denied:
        return Level("full", denied)
    return Level("full+exe", "")


def exe_link_denied() -> str | None:
    """Why /proc/self/exe cannot be set, or None if it can: Linux 6.18 kernel/sys.c asks for CAP_CHECKPOINT_RESTORE or
    CAP_SYS_ADMIN in the process's own user namespace, and for PR_SET_MM_MAP to exist."""
    effective = int(process_status(b"CapEff") or b"0", 16)
    if not effective & (1 << CAP_SYS_ADMIN | 1 << CAP_CHECKPOINT_RESTORE):
        return "setting /proc/self/exe needs CAP_CHECKPOINT_RESTORE"
    return mm_map_denied()


def mm_map_denied() -> str | None:
    """Why the kernel cannot be told of brk, cmdline, environ and auxv, or None if it can (CONFIG_CHECKPOINT_RESTORE)."""
    from ctypes import CDLL, byref, c_uint, c_ulong, get_errno

    prctl = CDLL(None, use_errno=True).prctl
    size = c_uint()
    if prctl(PR_SET_MM, c_ulong(PR_SET_MM_MAP_SIZE), byref(size), c_ulong(0), c_ulong(0)) == 0:
        return None
    return f"PR_SET_MM_MAP: {os.strerror(get_errno())}"
