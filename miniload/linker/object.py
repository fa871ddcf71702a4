"""An object in an address space: what its dynamic section says, its symbols, its memory."""

from __future__ import annotations

import ctypes
import os
from ctypes import addressof, byref, string_at
from errno import EAGAIN, EFAULT, ENOENT
from functools import cached_property
from weakref import finalize

from miniload.errors import UnsupportedError
from miniload.linker import core
from miniload.linker.core import CObject, CSymbol, Found
from miniload.linker.described import Described
from miniload.linker.mapping import PROTECTIONS, map_image
from miniload.linker.troubles import trouble
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from miniload.linker.image import Image
    from miniload.linker.lazy import Lazy
    from miniload.linker.registrar import Registrar
    from miniload.linker.scope import Scope
    from miniload.linker.target import Target
    from miniload.linker.usual import Usual

PF_R, PF_W = 4, 2
DF_1_NODELETE = 8
TYPES = {0: "NOTYPE", 1: "OBJECT", 2: "FUNC", 5: "COMMON", 6: "TLS", 10: "GNU_IFUNC"}
BINDS = {0: "LOCAL", 1: "GLOBAL", 2: "WEAK", 10: "GNU_UNIQUE"}
VISIBILITIES = ("DEFAULT", "INTERNAL", "HIDDEN", "PROTECTED")


class Symbol(Record):
    """One entry of the dynamic symbol table. `address` is the target's, or for thread-local ones the offset in their block; 0 if undefined. `version` without
    "@@" is the default one or a need, with `hidden` one that only an exact request finds."""

    name: str
    address: int
    size: int
    type: str
    bind: str
    visibility: str
    defined: bool
    version: str | None
    hidden: bool


class Object(Described):
    """A mapped object. `raw`: the core's record of it. `target`: where it is. `user`: whatever its
    user keeps with it.

    `name` as it was asked for, or found; `path` the file, None if it is none.
    """

    path: str | None = None
    needed_by: Object | None = None
    """The object that has brought this one; None for one that was asked for itself."""
    relocated = started = False
    user: object = None
    scope: Scope | None = None
    """What it was relocated against."""
    search_scope: Scope | None = None
    """What is looked through for its user."""
    refers: Collection[Object] = ()
    """Other objects that it was bound to."""
    lazy: Lazy | None = None
    """How its calls are bound when they are first made."""
    registered: Sequence[Registrar] = ()
    """Who has been told of it."""
    usual: Usual | None = None
    """What it was loaded by, if that was done in one go."""
    _copy: bytearray | None = None
    let_go: Callable[[], object] | None = None
    _view: object = None

    def __init__(self, name: str, target: Target, raw: CObject) -> None:
        self.name = name
        self.target = target
        self.raw = raw
        self.where = addressof(raw)

    def __repr__(self) -> str:
        return f"<Object {self.name} at {self.start:#x}>"

    # -- what is made when it is asked for, as most of it never is

    @cached_property
    def bias(self) -> int:
        """What is added to its link addresses; negative where these are higher than where it is."""
        bias: int = self.raw.bias
        return bias - (bias >> 63 << 64)

    @cached_property
    def start(self) -> int:
        """The first address of it."""
        return self.bias + int(self.raw.image.low)

    @cached_property
    def end(self) -> int:
        """The address behind it."""
        return self.bias + int(self.raw.image.high)

    @cached_property
    def soname(self) -> str | None:
        """DT_SONAME."""
        return self.text(self.raw.soname)

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """DT_NEEDED."""
        raw = self.raw
        return tuple([self.text(offset) or "" for offset in raw.needed[: raw.needed_count]])

    @cached_property
    def dependencies(self) -> list[Object]:
        """What it needs, in order, as far as it is loaded."""
        return self.usual.needed_by(self) if self.usual else []

    @cached_property
    def local(self) -> Sequence[Object]:
        """What was loaded with it, in the order in which it is looked through."""
        return [self, *dict.fromkeys(self.dependencies)] if self.usual else ()

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of its file; None if it is none."""
        raw = self.raw
        return (raw.device, raw.inode) if raw.inode else None

    @identity.setter
    def identity(self, identity: tuple[int, int] | None) -> None:
        self.raw.device, self.raw.inode = identity or (0, 0)

    @property
    def stays(self) -> bool:
        """Whether it is not to be unloaded: it says so, it has the one definition of a unique symbol (dl-lookup.c, do_lookup_unique), or, for the present,
        threads have yet to call destructors of it."""
        raw = self.raw
        return bool(raw.dynamic_flags_1 & DF_1_NODELETE or (raw.traits & core.HAS_UNIQUE and self.started) or raw.destructors)

    # -- memory

    @property
    def memory(self) -> int:
        """This process's address of link address 0."""
        address: int = self.raw.memory
        return address

    def text(self, offset: int) -> str | None:
        """A string of the dynamic string table; None for none."""
        raw = self.raw
        if offset == core.NO_STRING or offset >= raw.strings_size:
            return None
        return string_at(raw.strings + offset).decode("utf-8", "surrogateescape")

    @property
    def runpath(self) -> str | None:
        """DT_RUNPATH."""
        return self.text(self.raw.runpath)

    @property
    def rpath(self) -> str | None:
        """DT_RPATH; None where DT_RUNPATH is there, which overrules it."""
        return None if self.raw.runpath != core.NO_STRING else self.text(self.raw.rpath)

    def words(self, table: core.Range) -> list[int]:
        """An array of addresses in the image, such as DT_INIT_ARRAY, as it is now."""
        if not table.size:
            return []
        return list((ctypes.c_uint64 * (table.size // 8)).from_address(self.raw.memory + table.address)) if self._copy is None else self._words(table)

    def _words(self, table: core.Range) -> list[int]:
        data = self.target.space.read(self.bias + table.address, table.size)
        return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]

    # -- symbols

    def symbols(self) -> Iterator[Symbol]:
        """The dynamic symbols, but for the empty first."""
        table = (CSymbol * self.raw.symbol_count).from_address(self.raw.symbols) if self.raw.symbol_count and self.raw.symbols else ()
        for index in range(1, len(table)):
            entry = table[index]
            kind, defined = entry.info & 15, entry.section != 0
            value = entry.value + (0 if entry.section == 0xFFF1 or kind == core.STT_TLS else self.bias)
            version, hidden = self._version(index)
            yield Symbol(
                self.text(entry.name) or "", value if defined else 0, entry.size, TYPES.get(kind, str(kind)), BINDS.get(entry.info >> 4, str(entry.info >> 4)),
                VISIBILITIES[entry.other & 3], defined, version, hidden,
            )  # fmt: skip

    def symbol_name(self, index: int) -> str:
        """The name of a symbol, with its version if it has one; empty for one that is not there."""
        if not self.raw.symbols or index >= self.raw.symbols_room:
            return ""
        name = self.text(CSymbol.from_address(self.raw.symbols + 24 * index).name) or ""
        version, _ = self._version(index)
        return f"{name}@{version}" if version else name

    def _version(self, index: int) -> tuple[str | None, bool]:
        if not self.raw.version_of or index >= self.raw.versions_room:
            return None, False
        number = ctypes.c_uint16.from_address(self.raw.version_of + 2 * index).value
        known = 1 < number & 0x7FFF < self.raw.version_count
        name = self.raw.versions[number & 0x7FFF].name if known else None
        return None if name is None else name.decode("utf-8", "replace"), bool(number & 0x8000)

    def find(self, name: str, version: str | None = None) -> Found | None:
        """The definition of a symbol in this very object, as dlsym, or with a version dlvsym, finds it."""
        words, found = (ctypes.c_uint64 * 3)(1, 0, self.where), Found()
        words[1] = addressof(words) + 16
        code = core.lookup(words, name.encode("utf-8", "surrogateescape"), version.encode() if version else None, core.LOOKUP_DLSYM, byref(found))
        return None if code == -ENOENT else found

    def symbol_at(self, address: int) -> tuple[str, int] | None:
        """Name and address of the symbol whose place holds `address`, as dladdr finds it."""
        found = Found()
        if not self.start <= address < self.end or core.symbol_at(self.where, address - self.bias, byref(found)):
            return None
        return self.symbol_name(found.symbol).partition("@")[0], found.address

    # -- the linker's business

    def refresh(self) -> None:
        """Reads the image anew where the linker works on a copy."""
        if self._copy is not None:
            _read_copy(self, self._copy)

    def store(self) -> None:
        """Writes what has been relocated to where it belongs, where the linker works on a copy."""
        if self._copy is None:
            return
        for segment in self.raw.image.segments[: self.raw.image.segment_count]:
            if segment.flags & PF_W:
                at = segment.address - self.raw.image.low
                self.target.space.poke(self.bias + segment.address, bytes(self._copy[at : at + segment.size]))

    def hold(self, fd: int) -> None:
        """Keeps the file open: of one that is not mapped, and has been removed, the inode would be another file's soon, which would be taken for it."""
        self.let_go = finalize(self, os.close, os.dup(fd))

    def release(self) -> None:
        """Frees the core's part. The object is of no use afterwards."""
        core.detach(self.where)


def map_object(image: Image, target: Target, address: int = 0) -> Object:
    """Maps an image, at the address that it asks for if that is free (nearly all ask for none), and reads its dynamic section. ElfError, OSError; nothing
    is left mapped then."""
    if image.arch != target.arch:
        raise UnsupportedError(image.name, f"the file is for {image.arch}, and this is to be loaded for {target.arch}", field="e_machine")
    bias = map_image(image, target.space, address or image.raw.low)
    raw = CObject(bias=bias, image=image.raw, traits=core.FROM_FILE if image.fd >= 0 else 0)
    loaded = Object(image.name, target, raw)
    loaded.identity = image.identity
    if image.identity is not None and (image.fd < 0 or not getattr(target.space, "maps_files", False)):
        loaded.hold(image.file)
    try:
        _find_memory(loaded)
        attach(loaded, False)
    except BaseException:
        loaded.release()
        target.space.unmap(loaded.start, loaded.end - loaded.start)
        raise
    return loaded


def open_object(path: str, target: Target) -> Object | None:
    """The same of a file for this very process, in one call of the core. None if it has to be done step by step."""
    if "\0" in path:
        return None
    raw, wrong = CObject(), core.Trouble()
    machine = core.kinds_of(target.arch)[0].machine
    code = core.open_here(path.encode("utf-8", "surrogateescape"), machine, target.space.page_size, byref(raw), byref(wrong))
    if code == -EAGAIN:
        return None
    if code and not wrong.field:
        raise OSError(-code, os.strerror(-code), path)
    if code:
        raise trouble(path, code, wrong.field, wrong.index, wrong.value)
    return Object(path, target, raw)


def attach(loaded: Object, absolute: bool) -> None:
    """Reads the dynamic section. `absolute`: of an object that another dynamic linker has loaded."""
    wrong = core.Trouble()
    code = core.attach(loaded.where, absolute, byref(wrong))
    if code:
        raise trouble(loaded.name, code, wrong.field, wrong.index, wrong.value)
    _ = loaded.soname, loaded.needed  # as long as its memory is sure to be there


def _find_memory(loaded: Object) -> None:
    """Where this process can reach the object's memory: itself, or a copy."""
    size, pointer = loaded.end - loaded.start, getattr(loaded.target.space, "host_pointer", None)
    host = pointer(loaded.start, size) if pointer else None
    if host is None:
        loaded._copy = copy = bytearray(size)
        view = (ctypes.c_char * size).from_buffer(copy)
        loaded._view = view
        host = addressof(view)
        _read_copy(loaded, copy)
    loaded.raw.memory = host - loaded.raw.image.low & (1 << 64) - 1


def _read_copy(loaded: Object, copy: bytearray) -> None:
    for segment in loaded.raw.image.segments[: loaded.raw.image.segment_count]:
        if segment.flags & (PF_R | PF_W):
            at = segment.address - loaded.raw.image.low
            data = loaded.target.space.read(loaded.bias + segment.address, segment.size)
            if len(data) != segment.size:
                raise OSError(EFAULT, "a segment cannot be read back", loaded.name)
            copy[at : at + segment.size] = data


def unmap_object(loaded: Object) -> None:
    """Takes an object out of memory."""
    if loaded.let_go is not None:
        loaded.let_go()
    if loaded.target.native:
        core.close_here(loaded.where)
        return
    loaded.release()
    loaded.target.space.unmap(loaded.start, loaded.end - loaded.start)


def protect_relro(loaded: Object) -> None:
    """PT_GNU_RELRO: read-only from now on. Start and end rounded down to pages, as glibc and musl do."""
    if loaded.target.native:
        core.protect_here(loaded.where, loaded.target.space.page_size)
        return
    relro, page = loaded.raw.image.relro, loaded.target.space.page_size
    if not relro.present or not relro.size:
        return
    start, end = loaded.bias + relro.address & -page, loaded.bias + relro.address + relro.size & -page
    if loaded.start <= start < end <= loaded.end:
        loaded.target.space.protect(start, end - start, PROTECTIONS[PF_R])
