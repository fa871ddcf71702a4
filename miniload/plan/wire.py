"""A LoadPlan as the bytes that the stub reads: the Python side of stub/plan.h."""

from __future__ import annotations

from struct import Struct

from miniload.plan.model import ABSOLUTE, STRINGS, TABLE, Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from miniload.plan.model import Base, FileRef, Fixup, LoadPlan, Op

MAGIC = b"MLPLAN01"
REPORT, STACK_EXEC, KEEP_STACK = 1, 2, 4
BASE_KINDS = {"fixed": 1, "window": 2, "anywhere": 3}
OP_KINDS = {"reserve": 5, "map_file": 1, "map_anon": 2, "zero": 3, "unmap": 4}
FIXUP_KINDS = {"add": 1, "set": 2, "forward": 3, "random": 4, "auxv": 5}

# One Struct per C structure, padding spelled out; tests/test_wire.py compares their sizes and offsets with the compiler's.
BASE = Struct("<I4xQQQQQ")
FILE = Struct("<iIQQQq")
OP = Struct("<III4xQQQI4x")
FIXUP = Struct("<III4xQI4xQI4x")
HEADER = Struct("<8sQIIII" + "II" * 7 + "IIII" + "I4xQ" + "QQQQ" + "I4xQ" + "QQQQQQ" + "16s")


def encode(
    plan: LoadPlan,
    fds: Sequence[int] | None = None,
    *,
    close: Sequence[int] = (),
    spare: bytes = b"",
    report: bool = False,
    keep_stack: bool = False,
) -> bytes:
    """The plan for the stub. `fds` are the inherited descriptors of plan.files; without them the stub opens the paths. `close` are
    others that it is to close. `spare` is the path of another file with the stub in it, b"" for none.

    `keep_stack`: argv and env are those that the stub itself is started with, and only the auxv entries that describe the
    program are changed.
    """
    flags = REPORT * report | STACK_EXEC * plan.stack.executable | KEEP_STACK * keep_stack
    fixups = _kept_auxv(plan) if keep_stack else list(map(_fixup, plan.stack.fixups))
    strings, table, patches = (b"", b"", ()) if keep_stack else (plan.stack.strings, plan.stack.table, plan.patches)
    body = _Body(HEADER.size)
    bases = body.add(b"".join([bytes(BASE.size) * 3, *map(_base, plan.bases)]), 3 + len(plan.bases))
    paths = [body.add(file.path + b"\0", 1)[0] for file in plan.files]
    files = [_file(file, fd, path) for file, fd, path in zip(plan.files, fds or [-1] * len(paths), paths, strict=True)]
    files += [FILE.pack(fd, 0, 0, 0, 0, 0) for fd in close]
    arrays = [
        *bases,
        *body.add(b"".join(files), len(files)),
        *body.add(b"".join(map(_op, plan.ops)), len(plan.ops)),
        *body.add(b"".join(fixups), len(fixups)),
        *body.add(b"".join(map(_fixup, patches)), len(patches)),
        *body.add(strings, len(strings)),
        *body.add(table, len(table)),
    ]
    name = body.add(plan.stack.execfn + b"\0", 1)[0]
    spare_path = body.add(spare + b"\0", 1)[0] if spare else 0
    memory, stack = plan.memory, plan.stack
    arg_end = sum(map(len, stack.argv)) + len(stack.argv)
    env_end = arg_end + sum(map(len, stack.env)) + len(stack.env)
    header = HEADER.pack(
        MAGIC, HEADER.size + len(body.data), plan.machine, flags, plan.randomize, plan.rnd_bits,
        *arrays,
        stack.gap_limit, 0, name, spare_path,  # exe_file is always the program
        plan.entry.base, plan.entry.offset,
        memory.start_code, memory.end_code, memory.start_data, memory.end_data,
        memory.brk.base, memory.brk.offset,
        memory.brk_gap, memory.brk_span, arg_end, env_end, stack.auxv_offset, 16 * (len(stack.auxv) + 1),
        plan.comm,
    )  # fmt: skip
    return header + bytes(body.data)


class _Body:
    """What follows the header: 8-aligned pieces, each remembered by its offset from the plan's start."""

    def __init__(self, start: int) -> None:
        self.data = bytearray()
        self.start = start

    def add(self, piece: bytes, count: int) -> tuple[int, int]:
        offset = self.start + len(self.data)
        self.data += piece
        self.data += bytes(-len(self.data) % 8)
        return offset, count


def _base(base: Base) -> bytes:
    return BASE.pack(BASE_KINDS[base.kind], base.window, base.low, base.size, base.align, base.anchor)


def _file(file: FileRef, fd: int, path: int) -> bytes:
    return FILE.pack(fd, path, file.device, file.inode, file.size, file.mtime_ns)


def _op(op: Op) -> bytes:
    return OP.pack(OP_KINDS[op.kind], op.prot, op.where.base, op.where.offset, op.size, op.file_offset, op.file)


def _fixup(fixup: Fixup) -> bytes:
    where, value = fixup.where, fixup.value
    kind = FIXUP_KINDS[fixup.kind]
    return FIXUP.pack(kind, fixup.count, where.base, where.offset, value.base, value.offset, fixup.minus)


def _kept_auxv(plan: LoadPlan) -> list[bytes]:
    """Edits of the kernel's own vector: the entries that neither are forwarded nor point into the stack."""
    edits = []
    for entry in plan.stack.auxv:
        value = Address(ABSOLUTE, entry.value) if isinstance(entry.value, int) else entry.value
        if value is not None and value.base not in (TABLE, STRINGS):
            edits.append(FIXUP.pack(FIXUP_KINDS["auxv"], entry.type, 0, 0, value.base, value.offset, 0))
    return edits
