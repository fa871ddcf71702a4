"""The LoadPlan and its parts: plain values that can be printed, compared and serialised (wire.py, explain.py)."""

from __future__ import annotations

from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from miniload.elf.segments import Segment
    from miniload.elf.source import Source

ABSOLUTE, TABLE, STRINGS, PROGRAM, INTERPRETER = range(5)
"""Base indices, the same in every plan (stub/plan.h, enum plan_base_index)."""
BASE_NAMES = ("absolute", "stack", "strings", "program", "interp")

PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4


class Address(Record):
    """`offset` from what is picked for `base` when the plan is carried out. For an image that is its load bias, so the offset
    is the file's own virtual address."""

    base: int
    offset: int


class Base(Record):
    """How an image's load bias is picked. kind: "fixed" (bias 0), "window" (randomised above `window`) or "anywhere".

    `[low, low + size)` are the image's pages, `anchor` is the page boundary next to the start of its first PT_LOAD, which is what gets aligned to `align`.
    """

    kind: str
    low: int
    size: int
    align: int
    anchor: int
    window: int = 0


class FileRef(Record):
    """A file that is mapped, and what it was when the plan was made: only that very file may be mapped later."""

    path: bytes
    device: int
    inode: int
    size: int
    mtime_ns: int

    @staticmethod
    def of(path: bytes, status: os.stat_result) -> FileRef:
        """The file at `path`, as it is now."""
        return FileRef(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def is_still(self, status: os.stat_result) -> bool:
        """Whether that is the status of the very file, unchanged."""
        return FileRef.of(self.path, status) == self


class Op(Record):
    """One step of mapping. kind: "reserve", "map_file", "map_anon", "zero" or "unmap". Sizes in bytes, `prot` as in mmap(2).

    `source` is for people: the program header that asked for it.
    """

    kind: str
    where: Address
    size: int
    prot: int = 0
    file: int = 0
    file_offset: int = 0
    source: str = ""


class Fixup(Record):
    """Addresses that are known only when the bases are. kind: "add" (to `count` words), "set", "forward", "random"
    (stub/plan.h, enum plan_fixup_kind). The value is address(value) minus the address of base `minus`."""

    kind: str
    where: Address
    value: Address
    count: int = 1
    minus: int = ABSOLUTE


class AuxEntry(Record):
    """One auxv entry. `value` is a number, an Address, or None: forwarded from the running kernel."""

    type: int
    value: int | Address | None


class Stack(Record):
    """The initial stack, composed whole. `strings` is its upper end: argv, env, AT_EXECFN, eight zero bytes. `table` starts at
    the stack pointer: argc, argv, envp, auxv, random bytes, platform. Words in it are relative until `fixups` are applied.

    `gap_limit`: exclusive bound of the random gap between the two. `executable`: PT_GNU_STACK asks for it.
    """

    argv: tuple[bytes, ...]
    env: tuple[bytes, ...]
    execfn: bytes
    auxv: tuple[AuxEntry, ...]
    auxv_offset: int
    strings: bytes
    table: bytes
    fixups: tuple[Fixup, ...]
    gap_limit: int
    executable: bool


class MemoryMap(Record):
    """What the kernel records of a process's memory (struct mm_struct): code and data bounds relative to the program, and the
    start of the heap: `brk`, plus `brk_gap` and a random part below `brk_span` where addresses are fully randomised."""

    start_code: int
    end_code: int
    start_data: int
    end_data: int
    brk: Address
    brk_gap: int
    brk_span: int


class LoadPlan(Record):
    """Everything that is to happen between now and the program's first instruction.

    `files[0]` is the program, `files[1]` its interpreter; `script` the chain of `#!` files that led to the program, outermost first.
    `bases` starts at index PROGRAM. `patches` are fixups of the program
    that are applied only where the exe link cannot be set (origin.py). `randomize` is randomize_va_space (0, 1, 2). `rnd_bits` that of mmap, in pages.
    """

    arch: str
    machine: int
    page_size: int
    script: tuple[bytes, ...]
    files: tuple[FileRef, ...]
    bases: tuple[Base, ...]
    ops: tuple[Op, ...]
    patches: tuple[Fixup, ...]
    stack: Stack
    memory: MemoryMap
    entry: Address
    comm: bytes
    randomize: int
    rnd_bits: int

    @property
    def program(self) -> bytes:
        """Path of the ELF file that is run."""
        return self.files[0].path

    def __str__(self) -> str:
        from miniload.plan.explain import explain

        return explain(self)


class Image(Record):
    """One parsed ELF file, as the planner wants it. `features` is the architecture's GNU property FEATURE_1_AND word."""

    source: Source
    ref: FileRef
    type: int
    entry: int
    phoff: int
    phnum: int
    segments: tuple[Segment, ...]
    features: int
