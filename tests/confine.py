"""Restrictions of the kinds that miniload meets in the field: no capability, a seccomp filter, no executable memfd, W^X.

Each function is for a child process, between fork and exec, and holds for what is then exec'd. OSError where this machine does not
allow the restriction itself.
"""

from __future__ import annotations

import ctypes
import errno
import os
from dataclasses import dataclass
from struct import pack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_MM, PR_SET_MDWE = 24, 38, 22, 35, 65
CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE = 21, 40
SECCOMP_MODE_FILTER = 2
CLONE_NEWNS, CLONE_NEWPID, MS_REC, MS_PRIVATE = 0x00020000, 0x20000000, 0x4000, 1 << 18
MFD_EXEC = 0x10
# <linux/filter.h>, <linux/seccomp.h>, <linux/audit.h>
LOAD_WORD, JUMP_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000
NUMBER_AT, ARCH_AT, ARGUMENTS_AT = 0, 4, 16
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "riscv64": 0xC00000F3}
CALLS = {
    "x86_64": {"prctl": 157, "memfd_create": 319},
    "aarch64": {"prctl": 167, "memfd_create": 279},
    "riscv64": {"prctl": 167, "memfd_create": 279},
}
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _prctl(option: int, *arguments: int) -> None:
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _check(_libc.prctl(option, *values), f"prctl {option}")


def unshare(namespaces: int) -> None:
    """Namespaces of its own for this process."""
    _check(_libc.unshare(namespaces), "unshare")


@dataclass(frozen=True)
class Refusal:
    """A system call that is to fail with `error`; with `flag`, only if that bit is set in argument `argument`; with `value`, only if the
    argument is that."""

    call: str
    error: int
    argument: int = 0
    value: int | None = None
    flag: int | None = None

    def code(self, number: int) -> bytes:
        answer = pack("<HBBI", RETURN, 0, 0, FAIL | self.error)
        if self.value is None and self.flag is None:
            return pack("<HBBI", LOAD_WORD, 0, 0, NUMBER_AT) + pack("<HBBI", JUMP_EQUAL, 0, 1, number) + answer
        test = pack("<HBBI", JUMP_EQUAL, 0, 1, self.value) if self.flag is None else pack("<HBBI", JUMP_SET, 0, 1, self.flag)
        load = pack("<HBBI", LOAD_WORD, 0, 0, ARGUMENTS_AT + 8 * self.argument)  # the low half
        return pack("<HBBI", LOAD_WORD, 0, 0, NUMBER_AT) + pack("<HBBI", JUMP_EQUAL, 0, 3, number) + load + test + answer


def refuse(*refusals: Refusal) -> None:
    """A seccomp filter with which those system calls fail, as a container's policy does it."""
    machine = os.uname().machine
    code = pack("<HBBI", LOAD_WORD, 0, 0, ARCH_AT) + pack("<HBBI", JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]) + pack("<HBBI", RETURN, 0, 0, ALLOW)
    code += b"".join(refusal.code(CALLS[machine][refusal.call]) for refusal in refusals) + pack("<HBBI", RETURN, 0, 0, ALLOW)
    memory = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(pack("@HP", len(code) // 8, ctypes.addressof(memory)))
    try:
        _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program))
    except PermissionError:  # without CAP_SYS_ADMIN
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program))


def without_exe_link() -> None:
    """The exec'd program lacks the capabilities that setting /proc/self/exe asks for, root or not."""
    for capability in (CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE):
        _prctl(PR_CAPBSET_DROP, capability)
    if os.geteuid() == 0:
        return
    status = dict(line.split(":", 1) for line in _read("/proc/self/status").splitlines())
    if int(status["CapEff"], 16) & (1 << CAP_SYS_ADMIN | 1 << CAP_CHECKPOINT_RESTORE):
        raise OSError(errno.EPERM, "cannot give capabilities up")


def without_set_mm() -> None:
    """prctl(PR_SET_MM) is refused: what a hardened container does, and a kernel without CONFIG_CHECKPOINT_RESTORE, which says EINVAL."""
    refuse(Refusal("prctl", errno.EPERM, value=PR_SET_MM))


def without_memfd() -> None:
    """No memfd at all: an old kernel, or one built without it."""
    refuse(Refusal("memfd_create", errno.ENOSYS))


def without_executable_memfd() -> None:
    """A memfd can be made, but not an executable one."""
    refuse(Refusal("memfd_create", errno.EACCES, argument=1, flag=MFD_EXEC))


def with_memfd_noexec() -> None:
    """vm.memfd_noexec=2 in a pid namespace of its own, which the calling process waits for: what it forks goes on."""
    unshare(CLONE_NEWPID)
    pid = os.fork()
    if pid:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
    with open("/proc/sys/vm/memfd_noexec", "w") as setting:
        setting.write("2")


def without_descriptor_paths() -> None:
    """/proc/self/fd is empty, so that no descriptor can be exec'd by its path (ENOENT)."""
    _mount_over(f"/proc/{os.getpid()}/fd")


def with_forbidden_descriptor_paths() -> None:
    """/proc/self/fd/N is for all N a file that may not be executed (EACCES)."""
    folder = f"/proc/{os.getpid()}/fd"
    _mount_over(folder)
    for number in range(64):
        os.close(os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY, 0o600))


def without_proc() -> None:
    """/proc is empty."""
    _mount_over("/proc")


def _mount_over(folder: str) -> None:
    unshare(CLONE_NEWNS)
    _check(_libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None), "mount --make-rprivate")
    _check(_libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", ctypes.c_ulong(0), None), f"mount on {folder}")


def without_exec_gain() -> None:
    """Memory-deny-write-execute: nothing that was ever writable becomes executable (Linux 6.3)."""
    _prctl(PR_SET_MDWE, 1)


def _read(path: str | Path) -> str:
    with open(path) as file:
        return file.read()


def need(restriction: Callable[[], None]) -> None:
    """Skips the test, saying why, where the restriction cannot be had here."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            restriction()
            os.write(writable, b"ok")
        except OSError as error:
            os.write(writable, f"{error.strerror or error}".encode())
        finally:
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(pid, 0)
    if answer != "ok":
        pytest.skip(f"needs {restriction.__name__}: {answer}")
