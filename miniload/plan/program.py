"""Finds and opens what is to be run, as execve's path walk does: PATH, permissions, scripts, interpreters."""

from __future__ import annotations

import os
import stat
from errno import EACCES, ELOOP, ENOENT, ENOTDIR, ETXTBSY

from miniload.elf.source import FileSource
from miniload.errors import ExecError, NotFoundError, UnsupportedError, UsageError
from miniload.plan.host import process_status
from miniload.plan.model import FileRef
from miniload.plan.script import MAX_DEPTH, parse_script
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

DEFAULT_PATH = b"/bin:/usr/bin"
"""What execvp searches without PATH in the environment (glibc confstr(_CS_PATH))."""
S_ISXID = stat.S_ISUID | stat.S_ISGID
ST_NOEXEC, ST_NOSUID = 8, 2


class OpenFile:
    """An executable file that has passed open_exec()'s checks, open for reading. A context manager; `close` is idempotent."""

    def __init__(self, path: bytes, fd: int, ref: FileRef) -> None:
        self.path = path
        self.ref = ref
        self.fd = fd
        self.source = FileSource(fd, path, ref.size)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()


def search_path(name: bytes, path: bytes | None) -> bytes:
    """The file that execvp would run for `name`: itself if it has a slash, else the first executable one in `path`.

    NotFoundError ENOENT if there is none; ExecError EACCES if there is one that may not be executed.
    """
    if b"/" in name:
        return name
    denied = False
    for directory in (DEFAULT_PATH if path is None else path).split(b":"):
        candidate = os.path.join(directory, name) if name else b""
        try:
            status = os.stat(candidate)
        except OSError as error:
            denied = denied or error.errno == EACCES
            continue
        if stat.S_ISREG(status.st_mode) and os.access(candidate, os.X_OK, effective_ids=True):
            return candidate
        denied = True
    if denied:
        raise ExecError(name, "found in PATH, but permission denied", errno=EACCES)
    raise NotFoundError(name, "not found in PATH", errno=ENOENT)


def as_named(path: bytes) -> bytes:
    """Where a path leads when there is no sysroot: there."""
    return path


def open_exec(path: bytes, locate: Callable[[bytes], bytes] = as_named) -> OpenFile:
    """Opens a file as do_open_execat() would, with its checks and errno: a regular file (EACCES), executable (EACCES), not on a
    noexec mount (EACCES), not open for writing (ETXTBSY). The caller closes it.

    A file that may be executed but not read is refused (UnsupportedError). `locate` says where the path leads on this machine.
    """
    if b"\0" in path:
        raise UsageError(path, "embedded NUL byte")
    place = locate(path)
    try:
        status = os.stat(place)
    except OSError as error:
        raise _exec_error(path, error) from None
    if not stat.S_ISREG(status.st_mode):
        reason = "is a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise ExecError(path, reason, errno=EACCES)
    if not os.access(place, os.X_OK, effective_ids=True):
        raise ExecError(path, f"permission denied: not executable (mode {stat.S_IMODE(status.st_mode):04o})", errno=EACCES)
    try:
        # O_NONBLOCK: should the path have become a FIFO meanwhile, do not wait for a writer.
        fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except PermissionError:
        raise UnsupportedError(path, "may be executed but not read, and a loader has to read", errno=EACCES) from None
    except OSError as error:
        raise _exec_error(path, error) from None
    try:
        return _checked(path, place, fd)
    except BaseException:
        os.close(fd)
        raise


def _checked(path: bytes, place: bytes, fd: int) -> OpenFile:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise ExecError(path, "not a regular file", errno=EACCES)
    if os.fstatvfs(fd).f_flag & ST_NOEXEC:
        raise ExecError(path, "on a file system mounted noexec", errno=EACCES)
    if _open_for_writing(fd):
        raise ExecError(path, "text file busy: open for writing", errno=ETXTBSY)
    return OpenFile(path, fd, FileRef.of(place, status))


def _open_for_writing(fd: int) -> bool:
    """Whether deny_write_access() would fail. A read lease can be had only while nobody has the file open for writing; for
    files of other owners that needs CAP_LEASE, and then the question stays open."""
    from fcntl import F_SETLEASE, fcntl

    try:
        fcntl(fd, F_SETLEASE, 0)  # F_RDLCK
        fcntl(fd, F_SETLEASE, 2)  # F_UNLCK
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def refuse_setid(file: OpenFile) -> None:
    """UnsupportedError if executing the file would change the process's credentials, which only the kernel can do."""
    if _changes_credentials(file.fd, os.fstat(file.fd)) and not os.fstatvfs(file.fd).f_flag & ST_NOSUID:
        reason = "setuid, setgid or file capabilities: only the kernel can grant them"
        raise UnsupportedError(file.path, reason, remedy="--ignore-setid runs it without")


def _changes_credentials(fd: int, status: os.stat_result) -> bool:
    setuid = status.st_mode & stat.S_ISUID and status.st_uid != os.geteuid()
    setgid = status.st_mode & stat.S_ISGID and status.st_mode & stat.S_IXGRP and status.st_gid != os.getegid()
    # Under no_new_privs the kernel, too, runs set-id files with the present credentials.
    if (setuid or setgid) and process_status(b"NoNewPrivs") != b"1":
        return True
    if os.geteuid() == 0:
        return False
    try:
        return bool(os.getxattr(fd, "security.capability"))
    except OSError:
        return False


def _exec_error(path: bytes, error: OSError) -> ExecError:
    missing = error.errno in (ENOENT, ENOTDIR)
    reason = (error.strerror or str(error)).lower()
    return (NotFoundError if missing else ExecError)(path, reason, errno=error.errno)


class Resolved(Record):
    """The end of a chain of scripts: the file to load, and the arguments it gets. `scripts` are the `#!` files, outermost first."""

    file: OpenFile
    argv: tuple[bytes, ...]
    scripts: tuple[bytes, ...]


def follow_scripts(
    path: bytes,
    argv: Sequence[bytes],
    check_size: Callable[[tuple[bytes, ...]], None],
    *,
    ignore_setid: bool = False,
    locate: Callable[[bytes], bytes] = as_named,
) -> Resolved:
    """Opens `path` and, while it is a script, its interpreter, with argv changed as load_script() does: argv[0] gives way to the
    interpreter, its argument and the script's path. `check_size` is called with each argv, when the kernel would copy it.

    ExecError ELOOP past MAX_DEPTH interpreters; the kernel opens one more before it says so. Credentials are those of the last
    file: unless `ignore_setid`, refuse_setid() is called on it.
    """
    arguments = tuple(argv) or (b"",)
    scripts: list[bytes] = []
    file = open_exec(path, locate)
    try:
        check_size(arguments)
        while (line := parse_script(file.source.read(0, 256), file.path)) is not None:
            inserted = (line.interpreter,) if line.argument is None else (line.interpreter, line.argument)
            arguments = (*inserted, file.path, *arguments[1:])
            check_size(arguments)
            scripts.append(file.path)
            file.close()
            file = open_interpreter(line.interpreter, scripts[-1], "#!", "bad interpreter: ", locate)
            if len(scripts) > MAX_DEPTH:
                raise ExecError(path, f"more than {MAX_DEPTH} levels of #! interpreters", errno=ELOOP)
        if not ignore_setid:
            refuse_setid(file)
        return Resolved(file, arguments, tuple(scripts))
    except BaseException:
        file.close()
        raise


def open_interpreter(path: bytes, named_by: bytes, field: str, complaint: str = "", locate: Callable[[bytes], bytes] = as_named) -> OpenFile:
    """Opens the interpreter that the file `named_by` names in `field` ("#!" or PT_INTERP). To the kernel, which does not take the path
    from user space, "" is the current directory. Errors are open_exec()'s, told of the file and the field."""
    try:
        return open_exec(path or b".", locate)
    except ExecError as error:
        raise type(error)(named_by, complaint + error.reason, field=field, value=path, errno=error.errno) from None
