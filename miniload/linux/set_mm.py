"""prctl(PR_SET_MM): what a process may tell the kernel of its own memory (kernel/sys.c, prctl_set_mm() and prctl_set_mm_map())."""

from __future__ import annotations

import os
from errno import EACCES, EBUSY, EINVAL
from stat import S_ISREG
from struct import pack, unpack

from miniload.linux.execute import Memory
from miniload.plan.model import ABSOLUTE, Address, FileRef
from miniload.record import replace
from miniload.space.guest import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linux.task import Task

PR_SET_MM_MAP, PR_SET_MM_MAP_SIZE = 14, 15
MAP_SIZE = 104
"""sizeof(struct prctl_mm_map): thirteen words, the last of which is two numbers of 32 bits."""
AUXV_LIMIT = 16 * 51
"""sizeof(mm->saved_auxv) is of this order on all architectures."""
NO_FD = 0xFFFFFFFF


def set_mm(task: Task, option: int, address: int, size: int) -> int:
    """prctl(PR_SET_MM, option, address, size). Single fields need CAP_SYS_RESOURCE, and nobody sets them nowadays: EINVAL."""
    space = task.process.space
    if option == PR_SET_MM_MAP_SIZE:
        space.write(address, pack("<I", MAP_SIZE))
        return 0
    if option != PR_SET_MM_MAP or size != MAP_SIZE:
        raise error(EINVAL)
    return set_map(task, space.read(address, MAP_SIZE))


def set_map(task: Task, data: bytes) -> int:
    """Checks all and changes all, or nothing."""
    process = task.process
    words = unpack("<12QII", data)
    start_brk, brk, arg_start, arg_end, env_start, env_end, auxv, auxv_size, exe_fd = words[4], words[5], *words[7:14]
    addresses = (*words[:7], arg_start, arg_end, env_start, env_end)
    if any(not process.space.min_address <= place < process.space.end for place in addresses):
        raise error(EINVAL)
    if words[0] >= words[1] or any(low > high for low, high in ((words[2], words[3]), (start_brk, brk), (arg_start, arg_end), (env_start, env_end))):
        raise error(EINVAL)
    if auxv_size > AUXV_LIMIT or (auxv_size and not auxv):
        raise error(EINVAL)
    vector = process.space.read(auxv, auxv_size) if auxv_size else process.auxv
    if exe_fd != NO_FD:
        set_exe(task, exe_fd)
    if process.plan is not None:
        process.plan = replace(process.plan, memory=Memory(words[0], words[1], words[2], words[3], Address(ABSOLUTE, start_brk), 0, 0, words[6]))
    process.space.brk_start, process.space.brk = start_brk, brk
    process.strings = (arg_start, env_start, env_end)
    process.auxv = vector
    return 0


def set_exe(task: Task, fd: int) -> None:
    """prctl_set_mm_exe_file() and replace_mm_exe_file(): EACCES unless it is an executable file, EBUSY while anything of the present one is
    mapped."""
    process = task.process
    fd = process.checked(fd if fd < 1 << 31 else -1)
    place = b"/proc/self/fd/%d" % fd
    status = os.fstat(fd)
    if not S_ISREG(status.st_mode) or not os.access(place, os.X_OK):
        raise error(EACCES)
    plan = process.plan
    if plan is None:
        raise error(EBUSY)
    present = plan.files[0]
    if any((vma.device, vma.inode) == (present.device, present.inode) for vma in process.space.vmas if vma.inode):
        raise error(EBUSY)
    process.exe = os.readlink(place)
    file = FileRef.of(process.exe, status)
    process.plan = replace(plan, files=(file, *plan.files[1:]))
