"""One system call on its way through --strace: the guest memory behind its arguments, and how arguments of each kind are printed."""

from __future__ import annotations

from os import major, minor

from miniload.linux import strace_structs as structs
from miniload.linux.dispatch import number
from miniload.linux.symbolic import has, ioctl, octal, symbol
from miniload.linux.symbolic import number as hexadecimal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from miniload.linux.strace_structs import Decoder
    from miniload.linux.symbolic import Own
    from miniload.linux.table import Argument
    from miniload.linux.task import Task

    Printer = Callable[["Call"], Iterator[list[str]]]

SHOWN = 32
"""Bytes of a string, elements of an array: strace's own limits."""
PATH_MAX = 4096
PAGE = 4096
MOST_STRINGS = 4096
"""Of an environment that are counted."""
AT_FDCWD = -100
XATTR_SIZE_MAX = 65536
SETXATTR = frozenset(("setxattr", "lsetxattr", "fsetxattr"))
SIZE_ASKED = frozenset(("listxattr", "llistxattr", "flistxattr"))
"""Calls that store nothing if there is no room, and say how much it takes."""
SIGSET_SIZE = 8
SOCKADDR_MAX = 128
"""struct sockaddr_storage."""


class Call:
    """A call's arguments as text. `result` is -errno for an error, and 0 until the call has returned; `note` follows the result in brackets."""

    def __init__(self, task: Task, name: str, args: Sequence[int], own: Own) -> None:
        self.task = task
        self.name = name
        self.args = args
        self.own = own
        self.result = 0
        self.note = ""
        self.shown_result = ""
        """Instead of the plain number."""

    # -- numbers

    def signed(self, index: int) -> int:
        """An argument of 32 bits, signed."""
        return number("int", self.args[index])

    def unsigned(self, index: int) -> int:
        """An argument of 32 bits, unsigned."""
        return self.args[index] & 0xFFFFFFFF

    def symbol(self, kind: str, value: int) -> str:
        """A number's name, with the architecture's own values."""
        return symbol(kind, value, self.own)

    # -- memory

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the guest. OSError where there are none."""
        return self.task.process.space.read(address, size)

    def word(self, address: int) -> int:
        """64 bits."""
        return int.from_bytes(self.read(address, 8), "little")

    def data(self, address: int, size: int, force_hex: bool = False) -> str:
        """Bytes in quotes, the first of them; the address if they cannot be read."""
        if not address or size < 0:
            return pointer(address)
        try:
            data = self.read(address, min(size, SHOWN))
        except (OSError, ValueError, OverflowError):
            return pointer(address)
        return structs.quoted(data, force_hex) + ("..." if size > SHOWN else "")

    def string(self, address: int, limit: int = PATH_MAX) -> str:
        """Characters in quotes up to the NUL, at most `limit`; the address if they cannot be read."""
        if not address:
            return "NULL"
        found = b""
        try:
            while len(found) <= limit and b"\0" not in found:
                place = address + len(found)
                found += self.read(place, min(PAGE - place % PAGE, limit + 1 - len(found)))
        except (OSError, ValueError, OverflowError):
            if b"\0" not in found:
                return pointer(address)
        text, ends, _ = found.partition(b"\0")
        return structs.quoted(text) if ends else structs.quoted(text[:limit]) + "..."

    def struct(self, kind: str, address: int, count: int | None = None) -> str:
        """A struct, or an array of them; the address if it cannot be read."""
        decoder = structs.DECODERS.get(kind)
        if not address or decoder is None or (count is not None and count < 0):
            return pointer(address)
        try:
            return self.one(decoder, address) if count is None else self.array(decoder, address, count)
        except (OSError, ValueError, OverflowError):
            return pointer(address)

    def one(self, decoder: Decoder, address: int) -> str:
        """A struct. OSError if it cannot be read."""
        process = self.task.process
        return decoder.show(process, self.read(address, decoder.size(process)))

    def array(self, decoder: Decoder, address: int, count: int) -> str:
        """Some structs. OSError if the first cannot be read; where a later one cannot there is its address."""
        shown: list[str] = []
        size = decoder.size(self.task.process)
        for index in range(min(count, SHOWN)):
            try:
                shown.append(self.one(decoder, address + size * index).removeprefix("[").removesuffix("]"))
            except OSError:
                if not index:
                    raise
                return f"[{', '.join(shown)}, ... /* {address + size * index:#x} */]"
        return f"[{', '.join(shown)}{', ...' if count > SHOWN else ''}]"

    def sockaddr(self, address: int, length: int) -> str:
        """A sockaddr of that length; its address if it cannot be read."""
        if not address or length < 2:
            return pointer(address)
        try:
            return structs.sockaddr(self.read(address, min(length, SOCKADDR_MAX)))
        except (OSError, ValueError):
            return pointer(address)

    def sigset(self, address: int, size: int) -> str:
        """A set of signals; its address if the kernel would not take it."""
        return self.struct("sigset", address) if size == SIGSET_SIZE else pointer(address)

    def vectors(self, address: int, count: int, left: int = -1, plain: bool = False) -> str:
        """An iovec array; `left` bytes of what it describes are there, all if that is negative. `plain`: of another process, addresses alone."""
        if not address or address + 16 * count >= 1 << 64:
            return pointer(address)
        shown: list[str] = []
        for index in range(min(count, SHOWN)):
            try:
                base, size = self.word(address + 16 * index), self.word(address + 16 * index + 8)
            except OSError:
                if not index:
                    return pointer(address)
                return f"[{', '.join(shown)}, ... /* {address + 16 * index:#x} */]"
            there = size if left < 0 else min(size, left)
            if left > 0:
                left -= there
            shown.append(f"{{iov_base={pointer(base) if plain else self.data(base, there)}, iov_len={size}}}")
        return f"[{', '.join(shown)}{', ...' if count > SHOWN else ''}]"

    def strings(self, address: int) -> str:
        """argv."""
        found: list[str] = []
        try:
            while place := self.word(address + 8 * len(found)):
                if len(found) == SHOWN:
                    return f"[{', '.join(found)}, ...]"
                found.append(self.string(place, SHOWN))
        except (OSError, ValueError, OverflowError):
            return f"[{', '.join(found)}, ... /* {address + 8 * len(found):#x} */]" if found else pointer(address)
        return f"[{', '.join(found)}]"

    def variables(self, address: int) -> str:
        """envp: how many there are."""
        count, state = 0, ""
        try:
            while count < MOST_STRINGS and self.word(address + 8 * count):
                count += 1
        except (OSError, ValueError, OverflowError):
            if not count:
                return pointer(address)
            state = ", unterminated"
        return f"{address:#x} /* {count} var{'' if count == 1 else 's'}{state} */"

    # -- arguments by kind

    def count(self, arguments: tuple[Argument, ...], argument: Argument) -> int | None:
        """The (N) of an argument; None if it has none."""
        if argument.count is None:
            return None
        return -argument.count if argument.count < 0 else number(arguments[argument.count].kind, self.args[argument.count])

    def before(self, arguments: tuple[Argument, ...], index: int) -> str | None:
        """An argument that is known before the call; None if it is only afterwards."""
        argument, value = arguments[index], self.args[index]
        kind = argument.kind
        if kind in ("out", "iovout"):
            return None
        if kind in ("in", "io", "inout"):
            return self.pointed(arguments, argument, value)
        if kind == "iovin":
            return self.vectors(value, self.args[argument.count or 0])
        if kind == "iovplace":
            return self.vectors(value, self.args[argument.count or 0], plain=True)
        if kind in ("path", "lpath", "apath", "str"):
            return self.string(value)
        if kind == "text":
            return self.string(value, SHOWN)
        if kind == "argv":
            return self.strings(value)
        if kind == "envp":
            return self.variables(value)
        return self.plain(kind, value)

    def plain(self, kind: str, value: int) -> str:
        """A number."""
        if kind in ("hex", "ptr"):
            return pointer(value)
        if kind == "number":
            return hexadecimal(value)
        if kind == "bits":
            return hexadecimal(value & 0xFFFFFFFF)
        if kind == "key":
            return hexadecimal(value & 0xFFFFFFFF) if value & 0xFFFFFFFF else "IPC_PRIVATE"
        if kind == "id":
            return str(number("uint", value)) if number("int", value) != -1 else "-1"
        if kind == "dirfd":
            return "AT_FDCWD" if number(kind, value) == AT_FDCWD else str(number(kind, value))
        if kind == "mode":
            return octal(value)
        if kind == "device":
            return f"makedev({hexadecimal(major(value & 0xFFFFFFFF))}, {hexadecimal(minor(value & 0xFFFFFFFF))})"
        if kind == "ioctl":
            return ioctl(value)
        return self.symbol(kind, value) if has(kind) else str(number(kind, value))

    def after(self, arguments: tuple[Argument, ...], index: int, before: str | None) -> str:
        """What the call has stored; `before`: what was there."""
        argument, value = arguments[index], self.args[index]
        if argument.kind == "inout":
            now = self.pointed(arguments, argument, value) if self.result >= 0 else before
            return f"{before} => {now}" if now != before else str(now)
        if before is not None:
            return before
        if argument.kind == "iovout":
            return self.vectors(value, self.args[argument.count or 0], self.result, plain=self.result < 0)
        if self.result < 0 or not value:
            return pointer(value)
        if not argument.struct:
            room = self.count(arguments, argument) or 0
            if not room and self.name in SIZE_ASKED:
                return pointer(value)
            return self.data(value, min(room, self.result))
        if argument.struct == "string":
            return self.string(value)
        return self.pointed(arguments, argument, value)

    def pointed(self, arguments: tuple[Argument, ...], argument: Argument, value: int) -> str:
        """A struct, an array of them, or bytes."""
        count = self.count(arguments, argument)
        if argument.struct == "sigset":
            return self.sigset(value, next((self.args[i] for i, other in enumerate(arguments) if other.name == "size"), SIGSET_SIZE))
        if not argument.struct:
            too_large = self.name in SETXATTR and (count or 0) > XATTR_SIZE_MAX
            return pointer(value) if too_large else self.data(value, count or 0)
        if argument.struct == "sockaddr":
            return self.sockaddr(value, count or 0)
        return self.struct(argument.struct, value, count)


def pointer(address: int) -> str:
    """An address."""
    return f"{address:#x}" if address else "NULL"
