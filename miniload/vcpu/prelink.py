"""Makes a copy of the engine's library that the dynamic linker has next to nothing to do for.

libunicorn refers 30,000 times to symbols that it defines itself, and each time ld.so looks the name up: 1.5 ms of every start. In the copy these references
say where the symbol is: in the table of relocations as R_*_RELATIVE, with a place for each entry as before, and in the slots of functions that are bound
when they are first called, where instead of the way to the dynamic linker there is the function. Tables keep their sizes and places, and all names stay,
so that whoever looks for a symbol or a slot finds it.
"""

from __future__ import annotations

import os
import time
from struct import Struct, pack_into
from struct import error as StructError

from miniload import arch as architectures
from miniload.elf.dynamic import file_offset, parse_dynamic
from miniload.elf.header import ET_DYN, parse_header
from miniload.elf.segments import parse_segments
from miniload.elf.source import BytesSource
from miniload.errors import MiniloadError
from miniload.linker.arch import ADDRESS, RELATIVE, SLOT, SYMBOL, get_linking
from miniload.vcpu.cache import is_safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import stat_result

    from miniload.elf.dynamic import Dynamic
    from miniload.elf.segments import Segment
    from miniload.linker.arch import Linking

DT_SYMTAB, DT_RELA, DT_RELASZ, DT_PLTRELSZ, DT_JMPREL, DT_RELACOUNT = 6, 7, 8, 2, 23, 0x6FFFFFF9
STT_TLS, STT_GNU_IFUNC = 6, 10
SHN_UNDEF, SHN_LORESERVE = 0, 0xFF00
RELA, SYM = Struct("<QQq"), Struct("<IBBHQQ")
ADDRESS_MASK = (1 << 64) - 1
ST_NOEXEC = 8
KEPT = 4
"""Copies, of 24 MB each: as many as there are environments with the `unicorn` package that are in use by turns."""
STALE = 60
"""Seconds after which an unfinished copy is somebody's who has died."""


class Image:
    """A shared object's bytes, to be changed, and what has to be known of them. MiniloadError, KeyError or IndexError if they are not one."""

    def __init__(self, data: bytearray, linking: Linking) -> None:
        source = BytesSource(bytes(data[:65536]), b"libunicorn")
        header = parse_header(source)
        if header.type != ET_DYN or header.machine != linking.machine:
            raise MiniloadError(source.name, "not a shared object for this machine")
        self.data = data
        self.linking = linking
        self.segments: tuple[Segment, ...] = parse_segments(source, header)
        dynamic = parse_dynamic(BytesSource(bytes(data), source.name), self.segments)
        if dynamic is None:
            raise MiniloadError(source.name, "no dynamic section")
        self.dynamic: Dynamic = dynamic
        self.symbols = self.at(self.value(DT_SYMTAB))

    def value(self, tag: int) -> int:
        """What the dynamic section has under the tag."""
        found = self.dynamic.value(tag)
        if found is None:
            raise KeyError(tag)
        return found

    def at(self, address: int) -> int:
        """Where in the file that address is."""
        found = file_offset(self.segments, address)
        if found is None:
            raise IndexError(address)
        return found

    def defined(self, number: int) -> int | None:
        """The address of what the symbol stands for, if that is here and a plain address."""
        _, info, other, section, value, _ = SYM.unpack_from(self.data, self.symbols + SYM.size * number)
        if section == SHN_UNDEF or section >= SHN_LORESERVE or info & 15 in (STT_TLS, STT_GNU_IFUNC) or other & self.linking.special_call:
            return None
        return int(value)

    def relocations(self, table: int, size: int, passed: int = 0) -> tuple[int, list[tuple[int, int, int]]]:
        """Entries of a table: place, type and symbol, addend. Without the first ones, as many as `passed`. And where in the file they begin."""
        start, whole = self.at(self.value(table)), self.value(size) // RELA.size * RELA.size
        begin, end = start + RELA.size * passed, start + whole
        if not start <= begin <= end <= len(self.data):
            raise IndexError(start)
        return begin, list(RELA.iter_unpack(self.data[begin:end]))


def prelink(data: bytearray, linking: Linking) -> None:
    """Changes a library so. MiniloadError, KeyError, IndexError or struct.error if it is not as expected."""
    image = Image(data, linking)
    bind_data(image)
    bind_functions(image)


def bind_data(image: Image) -> None:
    """References to symbols of its own become relative ones, behind those that are relative already, which come first: so ld.so wants it."""
    operations = {kind: relocation.operation for kind, relocation in image.linking.relocations.items()}
    relative = next(kind for kind, operation in operations.items() if operation == RELATIVE)
    counted = next(entry for entry in image.dynamic.entries if entry.tag == DT_RELACOUNT)
    start, entries = image.relocations(DT_RELA, DT_RELASZ, counted.value)
    bound, rest = [], []
    for entry in entries:
        place, info, addend = entry
        operation = operations.get(info & 0xFFFFFFFF)
        value = image.defined(info >> 32) if operation in (SYMBOL, ADDRESS) else None
        if value is None:
            rest.append(entry)
        else:
            bound.append((place, relative, value + addend if operation == SYMBOL else value))
    for index, entry in enumerate(bound + rest):
        RELA.pack_into(image.data, start + RELA.size * index, *entry)
    pack_into("<Q", image.data, image.at(counted.vaddr), counted.value + len(bound))


def bind_functions(image: Image) -> None:
    """Slots of its own functions hold these: ld.so adds the load bias to whatever is in a slot that is bound lazily (elf_machine_lazy_rel())."""
    operations = image.linking.relocations
    _, entries = image.relocations(DT_JMPREL, DT_PLTRELSZ)
    for place, info, _addend in entries:
        relocation = operations.get(info & 0xFFFFFFFF)
        value = image.defined(info >> 32) if relocation and relocation.operation == SLOT else None
        if value is not None:
            pack_into("<Q", image.data, image.at(place), value & ADDRESS_MASK)


def make(original: str, status: stat_result, place: str, path: str) -> str:
    """Makes the copy at `path` in the directory `place`. "" if it cannot be done. OSError."""
    os.makedirs(place, mode=0o700, exist_ok=True)
    if not is_safe(place) or os.statvfs(place).f_flag & ST_NOEXEC:
        return ""
    native = architectures.host()
    unfinished = f"{path}.new"
    if native is None or not begin(unfinished):
        return ""
    try:
        write(unfinished, original, status, get_linking(native.name))
        os.rename(unfinished, path)
    except (MiniloadError, LookupError, StopIteration, ValueError, MemoryError, StructError):
        os.unlink(unfinished)  # not a library that we know
        return ""
    except BaseException:
        os.unlink(unfinished)
        raise
    forget(place, path)
    return path


def forget(place: str, path: str) -> None:
    """Removes the oldest copies, whose libraries may be no more. Who has one loaded keeps it."""
    others = [entry for entry in os.scandir(place) if entry.name.startswith("libunicorn-") and entry.path != path]
    others.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns)
    for entry in others[: max(len(others) - KEPT + 1, 0)]:
        os.unlink(entry.path)


def begin(unfinished: str) -> bool:
    """Takes the making upon this process. False if another one is at it."""
    for _ in range(2):
        try:
            os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            return True
        except FileExistsError:
            try:
                if time.time() - os.lstat(unfinished).st_mtime < STALE:
                    return False
                os.unlink(unfinished)
            except FileNotFoundError:
                continue
    return False


def write(unfinished: str, original: str, status: stat_result, linking: Linking) -> None:
    """The changed library, all of it, in the file; ValueError if the library is not what it was. OSError, also for want of room."""
    fd = os.open(unfinished, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.posix_fallocate(fd, 0, status.st_size)  # before anything is done for nothing
        with open(original, "rb", buffering=0) as source:
            data = bytearray(source.readall())
            after = os.fstat(source.fileno())
        if len(data) != status.st_size or (after.st_ino, after.st_mtime_ns) != (status.st_ino, status.st_mtime_ns):
            raise ValueError("replaced meanwhile")
        prelink(data, linking)
        done = 0
        while done < len(data):
            done += os.write(fd, memoryview(data)[done:])
        os.fsync(fd)
    finally:
        os.close(fd)
