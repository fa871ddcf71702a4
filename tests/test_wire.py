"""The binary contract between Python and the stub: stub/plan.h, as a compiler lays it out, against miniload/plan/wire.py.

The header's own text is the list of what is compared, so a field or an enumerator that is added there and forgotten in wire.py fails here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from struct import Struct, calcsize, unpack_from
from typing import TYPE_CHECKING

import pytest
from elfbuilder import PT_GNU_STACK, Phdr, R, W, X, data_segment, standard_elf, standard_pie
from support import ROOT, ZIG_CC, compile_c

import miniload
from miniload import arch as architectures
from miniload.plan import model, wire
from miniload.record import replace

if TYPE_CHECKING:
    from pathlib import Path

    from miniload.plan.model import Address, LoadPlan

HEADER = ROOT / "stub" / "plan.h"
PYTHON = {"plan_base": wire.BASE, "plan_file": wire.FILE, "plan_op": wire.OP, "plan_fixup": wire.FIXUP, "plan_header": wire.HEADER}
FIRST = 3
"""plan_base_index: BASE_PROGRAM."""


@dataclass(frozen=True)
class Field:
    """A scalar field: `name` with dots for nested structures."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Layout:
    """What the compiler says of plan.h."""

    sizes: dict[str, int]
    fields: dict[str, tuple[Field, ...]]
    enums: dict[str, int]

    def read(self, data: bytes, struct: str, name: str, at: int = 0) -> int:
        """A field of the structure at `at`, by the compiler's offset and size."""
        field = next(field for field in self.fields[struct] if field.name == name)
        signed = name in ("fd", "mtime_ns")
        return int.from_bytes(data[at + field.offset :][: field.size], "little", signed=signed)

    def elements(self, data: bytes, array: str, struct: str) -> list[dict[str, int]]:
        """The elements of one of the header's arrays."""
        start, count = (self.read(data, "plan_header", f"{array}.{part}") for part in ("offset", "count"))
        size = self.sizes[struct]
        return [{f.name: self.read(data, struct, f.name, start + size * n) for f in self.fields[struct]} for n in range(count)]

    def bytes_of(self, data: bytes, array: str) -> bytes:
        start, count = (self.read(data, "plan_header", f"{array}.{part}") for part in ("offset", "count"))
        return data[start : start + count]


def without_comments() -> str:
    return re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)


def declared_structs() -> dict[str, list[tuple[str, str]]]:
    """Structure name to (type, field) pairs, in order."""
    structs: dict[str, list[tuple[str, str]]] = {}
    for name, body in re.findall(r"struct (\w+) \{(.*?)\};", without_comments(), re.DOTALL):
        structs[name] = [
            (kind.removeprefix("struct ").strip(), field.split("[")[0].strip())
            for kind, names in re.findall(r"((?:struct )?\w+)\s+([^;]+);", body)
            for field in names.split(",")
        ]
    return structs


def declared_enums() -> list[str]:
    return [name for body in re.findall(r"enum \w+ \{(.*?)\};", without_comments(), re.DOTALL) for name in re.findall(r"(\w+) =", body)]


def leaves(structs: dict[str, list[tuple[str, str]]], name: str) -> list[str]:
    """The scalar fields of a structure, nested ones with dots."""
    found = []
    for kind, field in structs[name]:
        found += [f"{field}.{inner}" for inner in leaves(structs, kind)] if kind in structs else [field]
    return found


def printing_program() -> str:
    structs = declared_structs()
    lines = ["#include <stddef.h>", "#include <stdio.h>", f'#include "{HEADER}"', "int main(void)", "{"]
    for name in structs:
        lines.append(f'printf("size {name} - %zu 0\\n", sizeof(struct {name}));')
        for field in leaves(structs, name):
            member = f"((struct {name} *)0)->{field}"
            lines.append(f'printf("field {name} {field} %zu %zu\\n", offsetof(struct {name}, {field}), sizeof({member}));')
    lines += [f'printf("enum - {name} %d 0\\n", (int){name});' for name in declared_enums()]
    return "\n".join([*lines, "return 0;", "}", ""])


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    directory = tmp_path_factory.mktemp("wire")
    source = directory / "layout.c"
    source.write_text(printing_program())
    compiler = next(([name] for name in ("gcc", "cc", "clang") if shutil.which(name)), ZIG_CC)
    try:
        program = compile_c(source, directory / "layout", compiler=compiler)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no C compiler: {error}")
    rows = [line.split() for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()]
    structs = declared_structs()
    return Layout(
        sizes={row[1]: int(row[3]) for row in rows if row[0] == "size"},
        fields={name: tuple(Field(row[2], int(row[3]), int(row[4])) for row in rows if row[:2] == ["field", name]) for name in structs},
        enums={row[2]: int(row[3]) for row in rows if row[0] == "enum"},
    )


def items(struct: Struct) -> list[tuple[int, int]]:
    """(offset, size) of each value that a Struct packs; padding bytes are none."""
    found, at = [], 0
    for count, code in re.findall(r"(\d*)([a-zA-Z])", struct.format.lstrip("<")):
        if code in "sx":
            size = int(count or 1)
            found += [(at, size)] if code == "s" else []
            at += size
            continue
        size = calcsize(f"<{code}")
        for _ in range(int(count or 1)):
            found.append((at, size))
            at += size
    return found


def test_header_was_understood(layout: Layout) -> None:
    """The parsing above sees what a person sees."""
    assert set(PYTHON) | {"plan_address", "plan_array", "plan_mm"} == set(layout.sizes)
    assert [field.name for field in layout.fields["plan_op"]][:5] == ["kind", "prot", "where.base", "where.reserved", "where.offset"]
    assert "mm.brk.offset" in [field.name for field in layout.fields["plan_header"]]
    assert len(layout.enums) > 20


@pytest.mark.parametrize("name", PYTHON)
def test_size(name: str, layout: Layout) -> None:
    assert PYTHON[name].size == layout.sizes[name]


@pytest.mark.parametrize("name", PYTHON)
def test_every_field_is_packed_at_its_place(name: str, layout: Layout) -> None:
    """Each C field that is not `reserved` is one value of the Struct, with the same offset and size, and the other way round."""
    theirs = {(field.offset, field.size) for field in layout.fields[name]}
    meant = {(field.offset, field.size) for field in layout.fields[name] if field.name.rpartition(".")[2] != "reserved"}
    ours = set(items(PYTHON[name]))
    assert meant <= ours <= theirs


@pytest.mark.parametrize("name", PYTHON)
def test_no_hidden_padding(name: str, layout: Layout) -> None:
    """All bytes belong to a field: nothing is left to a compiler's taste."""
    assert sum(field.size for field in layout.fields[name]) == layout.sizes[name]


@pytest.mark.parametrize("name", architectures.NAMES)
def test_layout_is_the_same_on_every_architecture(name: str, layout: Layout, tmp_path: Path) -> None:
    """The plan is written by the same code for all of them."""
    checks = [f'_Static_assert(sizeof(struct {struct}) == {size}, "");' for struct, size in layout.sizes.items()]
    checks += [
        f'_Static_assert(offsetof(struct {struct}, {field.name}) == {field.offset}, "");' for struct, fields in layout.fields.items() for field in fields
    ]
    source = tmp_path / "check.c"
    source.write_text("\n".join(["#include <stddef.h>", f'#include "{HEADER}"', *checks, ""]))
    compiler = [*ZIG_CC, "-target", architectures.get(name).stub_target]
    if subprocess.run([*ZIG_CC, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("needs the ziglang package")
    compile_c(source, tmp_path / "check.o", "-c", compiler=compiler)


KINDS = [("BASE_KIND_", wire.BASE_KINDS), ("OP_", wire.OP_KINDS), ("FIXUP_", wire.FIXUP_KINDS)]


@pytest.mark.parametrize(("prefix", "kinds"), KINDS, ids=[row[0] for row in KINDS])
def test_kinds(prefix: str, kinds: dict[str, int], layout: Layout) -> None:
    theirs = {name.removeprefix(prefix).lower(): value for name, value in layout.enums.items() if name.startswith(prefix)}
    theirs.pop("reserved_index", None)
    assert kinds == theirs


def test_flags(layout: Layout) -> None:
    ours = {"PLAN_REPORT": wire.REPORT, "PLAN_STACK_EXEC": wire.STACK_EXEC, "PLAN_KEEP_STACK": wire.KEEP_STACK}
    assert ours == {name: value for name, value in layout.enums.items() if name.startswith("PLAN_") and not name.startswith("PLAN_MAX")}


def test_base_indices(layout: Layout) -> None:
    ours = {
        "BASE_ABSOLUTE": model.ABSOLUTE,
        "BASE_TABLE": model.TABLE,
        "BASE_STRINGS": model.STRINGS,
        "BASE_PROGRAM": model.PROGRAM,
        "BASE_INTERPRETER": model.INTERPRETER,
    }
    assert ours == {name: layout.enums[name] for name in ours}
    assert len(model.BASE_NAMES) == len(ours) <= layout.enums["PLAN_MAX_BASES"]


def test_magic() -> None:
    found = re.search(r'#define PLAN_MAGIC "(.*)"', HEADER.read_text())
    assert found is not None
    assert found[1].encode() == wire.MAGIC


# encode(), parsed back with nothing but the compiler's offsets.


@pytest.fixture
def plan(tmp_path: Path) -> LoadPlan:
    """A plan with every kind of base, op and fixup: a program with gaps, bss and an executable stack, its interpreter, an auxv override."""
    interpreter = standard_elf().with_phdrs(data_segment(0x10000000, memsz=64)).write(tmp_path / "interp")
    elf = standard_pie().with_content(0x2000, bytes(0x1000)).with_phdrs(data_segment(0x40010, offset=0x2010, filesz=0x100, memsz=0x5000))
    elf = elf.with_phdrs(Phdr(PT_GNU_STACK, R | W | X, 0, 0)).with_interp(bytes(interpreter))
    return miniload.plan(elf.write(tmp_path / "program"), [b"zero", b"", b"\xff"], [b"A=1", b"B="], auxv={0x7777: 5})


def at(address: Address) -> tuple[int, int]:
    return address.base, address.offset


def test_encoded_header(plan: LoadPlan, layout: Layout) -> None:
    data = wire.encode(plan, [7, 8])
    value = {field.name: layout.read(data, "plan_header", field.name) for field in layout.fields["plan_header"]}
    assert data[:8] == wire.MAGIC
    assert value["size"] == len(data)
    assert (value["machine"], value["randomize"], value["rnd_bits"]) == (plan.machine, plan.randomize, plan.rnd_bits)
    assert value["flags"] == wire.STACK_EXEC
    assert value["gap_limit"] == plan.stack.gap_limit
    assert (value["entry.base"], value["entry.offset"]) == at(plan.entry)
    assert data[value["name"] :].split(b"\0")[0] == plan.stack.execfn
    comm = next(field for field in layout.fields["plan_header"] if field.name == "comm")
    assert data[comm.offset :][: comm.size] == plan.comm.ljust(16, b"\0")


def test_encoded_memory_map(plan: LoadPlan, layout: Layout) -> None:
    data = wire.encode(plan, [7, 8])
    value = {field.name: layout.read(data, "plan_header", field.name) for field in layout.fields["plan_header"]}
    memory = plan.memory
    for name in ("start_code", "end_code", "start_data", "end_data", "brk_gap", "brk_span"):
        assert value[f"mm.{name}"] == getattr(memory, name)
    assert (value["mm.brk.base"], value["mm.brk.offset"]) == at(memory.brk)
    assert value["mm.arg_end"] == len(b"zero\0\0\xff\0")
    assert value["mm.env_end"] == len(b"zero\0\0\xff\0A=1\0B=\0")
    assert (value["mm.auxv"], value["mm.auxv_size"]) == (plan.stack.auxv_offset, 16 * (len(plan.stack.auxv) + 1))


def test_encoded_bases(plan: LoadPlan, layout: Layout) -> None:
    """Three that need no values, then the plan's."""
    elements = layout.elements(wire.encode(plan, [7, 8]), "bases", "plan_base")
    assert all(not any(element.values()) for element in elements[:FIRST])
    assert len(elements) == FIRST + len(plan.bases)
    for element, base in zip(elements[FIRST:], plan.bases, strict=True):
        assert element["kind"] == layout.enums[f"BASE_KIND_{base.kind.upper()}"]
        assert {name: element[name] for name in ("window", "low", "size", "align", "anchor")} == {
            name: getattr(base, name) for name in ("window", "low", "size", "align", "anchor")
        }


@pytest.mark.parametrize("fds", [[7, 8], None], ids=["descriptors", "paths"])
def test_encoded_files(fds: list[int] | None, plan: LoadPlan, layout: Layout) -> None:
    data = wire.encode(plan, fds)
    elements = layout.elements(data, "files", "plan_file")
    assert len(elements) == len(plan.files)
    for element, file, fd in zip(elements, plan.files, fds or [-1, -1], strict=True):
        assert element["fd"] == fd
        assert data[element["path"] :].split(b"\0")[0] == file.path
        assert [element[name] for name in ("device", "inode", "size", "mtime_ns")] == [file.device, file.inode, file.size, file.mtime_ns]


def test_encoded_ops(plan: LoadPlan, layout: Layout) -> None:
    elements = layout.elements(wire.encode(plan, [7, 8]), "ops", "plan_op")
    assert len(elements) == len(plan.ops)
    assert {op.kind for op in plan.ops} == set(wire.OP_KINDS)
    for element, op in zip(elements, plan.ops, strict=True):
        assert element["kind"] == layout.enums[f"OP_{op.kind.upper()}"]
        assert (element["where.base"], element["where.offset"]) == at(op.where)
        assert (element["size"], element["prot"], element["file"], element["file_offset"]) == (op.size, op.prot, op.file, op.file_offset)


def test_encoded_fixups(plan: LoadPlan, layout: Layout) -> None:
    elements = layout.elements(wire.encode(plan, [7, 8]), "fixups", "plan_fixup")
    assert len(elements) == len(plan.stack.fixups)
    for element, fixup in zip(elements, plan.stack.fixups, strict=True):
        assert element["kind"] == layout.enums[f"FIXUP_{fixup.kind.upper()}"]
        assert (element["where.base"], element["where.offset"]) == at(fixup.where)
        assert (element["value.base"], element["value.offset"]) == at(fixup.value)
        assert (element["count"], element["minus"]) == (fixup.count, fixup.minus)


def test_encoded_patches(plan: LoadPlan, layout: Layout) -> None:
    patch = model.Fixup("set", model.Address(model.PROGRAM, 0x1234), model.Address(model.TABLE, (1 << 64) - 8), minus=model.PROGRAM)
    elements = layout.elements(wire.encode(replace(plan, patches=(patch,)), [7, 8]), "patches", "plan_fixup")
    assert [(e["kind"], e["where.offset"], e["value.offset"], e["minus"]) for e in elements] == [(2, 0x1234, (1 << 64) - 8, model.PROGRAM)]


def test_encoded_stack(plan: LoadPlan, layout: Layout) -> None:
    data = wire.encode(plan, [7, 8])
    assert layout.bytes_of(data, "strings") == plan.stack.strings
    assert layout.bytes_of(data, "table") == plan.stack.table


@pytest.mark.parametrize("report", [False, True])
def test_encoded_flags(report: bool, plan: LoadPlan, layout: Layout) -> None:
    stack = replace(plan.stack, executable=False)
    data = wire.encode(replace(plan, stack=stack), [7, 8], report=report)
    assert layout.read(data, "plan_header", "flags") == (layout.enums["PLAN_REPORT"] if report else 0)


def test_kept_stack_edits_the_kernels_auxv(plan: LoadPlan, layout: Layout) -> None:
    """A packed plan brings no strings and no table, but one edit for each entry that is about the program."""
    data = wire.encode(plan, keep_stack=True)
    assert layout.read(data, "plan_header", "flags") & layout.enums["PLAN_KEEP_STACK"]
    assert layout.bytes_of(data, "strings") == layout.bytes_of(data, "table") == b""
    edits = {element["count"]: (element["value.base"], element["value.offset"]) for element in layout.elements(data, "fixups", "plan_fixup")}
    at_phdr, at_entry, at_base, at_random, at_execfn = 3, 9, 7, 25, 31
    assert edits[at_entry] == (model.PROGRAM, 0)
    assert edits[at_base] == (model.INTERPRETER, 0)
    assert edits[at_phdr][0] == model.PROGRAM
    assert edits[0x7777] == (model.ABSOLUTE, 5)
    assert at_random not in edits
    assert at_execfn not in edits


def test_pieces_are_aligned(plan: LoadPlan, layout: Layout) -> None:
    """The stub reads every array in place."""
    data = wire.encode(plan, [7, 8])
    for array in ("bases", "files", "ops", "fixups", "patches", "strings", "table"):
        assert layout.read(data, "plan_header", f"{array}.offset") % 8 == 0


def test_largest_plan_fits_the_stubs_limits(plan: LoadPlan, layout: Layout) -> None:
    data = wire.encode(plan, [7, 8])
    assert layout.read(data, "plan_header", "bases.count") <= layout.enums["PLAN_MAX_BASES"]
    assert layout.read(data, "plan_header", "files.count") <= layout.enums["PLAN_MAX_FILES"]
    assert len(plan.stack.auxv) < layout.enums["PLAN_MAX_AUXV"]


def test_items_helper() -> None:
    """The reading of format strings above, on one that shows all its cases."""
    assert items(Struct("<8sQI4x2H3s")) == [(0, 8), (8, 8), (16, 4), (24, 2), (26, 2), (28, 3)]
    assert unpack_from("<H", b"\1\2\3\4", 2) == (0x0403,)
