"""The one exception tree. Every error names the file, the field or symbol, its value and the reason, and carries the errno
that Linux gives for it where Linux has one."""

from __future__ import annotations


class MiniloadError(Exception):
    """Base of everything that miniload raises on purpose.

    `file`, `field` and `value` say what was looked at, `reason` what is wrong with it, `remedy` what would help (both for a
    person). `errno` is what execve(2), open(2), ... give for it, or None. `status` is the command's exit status.
    """

    status = 125

    def __init__(
        self,
        file: str | bytes,
        reason: str,
        *,
        field: str | None = None,
        value: object = None,
        errno: int | None = None,
        remedy: str | None = None,
    ) -> None:
        self.file = file
        self.reason = reason
        self.field = field
        self.value = value
        self.errno = errno
        self.remedy = remedy
        super().__init__(file, reason)

    def __str__(self) -> str:
        what = "" if self.field is None else self.field
        if isinstance(self.value, int):
            what += f" {self.value:#x}"
        elif self.value is not None:
            what += f" {_text(self.value)!r}"
        parts = [part for part in (_text(self.file), what, self.reason) if part]
        return ": ".join(parts) + (f" ({self.remedy})" if self.remedy else "")


def _text(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


class ElfError(MiniloadError):
    """The bytes are not an ELF file that can be read: a field is malformed, out of bounds or inconsistent."""

    status = 126


class ExecError(MiniloadError):
    """The kernel would refuse to execute this program; `errno` is the kernel's answer."""

    status = 126


class NotFoundError(ExecError):
    """The program, or the interpreter that it names, does not exist."""

    status = 127


class UnsupportedError(MiniloadError):
    """The program is fine, but this machine or this miniload cannot run it."""

    status = 126


class LaunchError(MiniloadError):
    """The plan is fine, but carrying it out could not start."""


class LinkError(MiniloadError):
    """An object cannot be loaded, though its file is sound: what it needs is not there, or not right."""


class RelocationError(LinkError):
    """A relocation cannot be applied. `relocation`: its type's name; `symbol`: what it refers to, "" for nothing."""

    relocation = ""
    symbol = ""


class UnresolvedError(RelocationError):
    """Symbols that no object in scope defines. `symbols`: all of them, with the versions that are needed ("name@version")."""

    symbols: tuple[str, ...] = ()


class SymbolError(LinkError, AttributeError):
    """A symbol was looked up that is not there."""


class CallError(MiniloadError):
    """A call of a function in an emulated CPU has not come back. `function`: its name; `pc`: where the CPU was; `backtrace`: from there outwards, one
    "address object symbol+offset" for each function that can be told."""

    function = ""
    pc = 0
    backtrace: tuple[str, ...] = ()

    def __str__(self) -> str:
        return super().__str__() + "".join(f"\n  {line}" for line in self.backtrace)


class GuestFault(CallError):
    """The function did what would have killed a process. `signal`: by which signal; `address`: of the access that was refused, if it was one."""

    signal = 0
    address: int | None = None


class GuestExit(CallError):
    """The function has ended its process. `exit_status`: as exit(3) was told."""

    exit_status = 0


class BudgetError(CallError):
    """The function took longer, or more instructions, than it was given."""


class UsageError(MiniloadError):
    """The command line or the arguments of an API call make no sense."""
