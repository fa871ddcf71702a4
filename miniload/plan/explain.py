"""A LoadPlan for people, and as JSON."""

from __future__ import annotations

from miniload.plan.auxv import name as auxv_name
from miniload.plan.model import ABSOLUTE, BASE_NAMES, PROGRAM, PROT_EXEC, PROT_READ, PROT_WRITE, STRINGS, TABLE, Address, Stack
from miniload.record import Record, fields_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from miniload.plan.model import AuxEntry, Base, LoadPlan, Op

SHOWN_STRINGS = 6
"""So many arguments and environment entries are written out, the rest is counted."""


def explain(plan: LoadPlan) -> str:
    """Mappings, stack, auxv, registers and kernel records, as text of several paragraphs without a final newline."""
    parts = [_heading(plan), _bases(plan), _mappings(plan), _stack(plan.stack), _auxv(plan.stack.auxv), _registers(plan), _records(plan)]
    return "\n\n".join(parts)


def to_dict(plan: LoadPlan) -> dict[str, Any]:
    """The plan as JSON-ready values: records become objects, addresses {"base": name, "offset": n}, bytes text with \\xNN escapes."""
    result = _jsonable(plan)
    assert isinstance(result, dict)
    return result


def _jsonable(value: object) -> object:
    if isinstance(value, Address):
        return {"base": BASE_NAMES[value.base], "offset": value.offset}
    if isinstance(value, Stack):
        return {**_jsonable_fields(value), "strings": value.strings.hex(), "table": value.table.hex()}
    if isinstance(value, Record):
        return _jsonable_fields(value)
    if isinstance(value, (tuple, list)):
        return [_jsonable(item) for item in value]
    if isinstance(value, bytes):
        return _text(value)
    return value


def _jsonable_fields(record: Record) -> dict[str, object]:
    return {name: _jsonable(field) for name, field in fields_of(record).items()}


def _heading(plan: LoadPlan) -> str:
    lines = [f"{_text(plan.program)}: {plan.arch} program, run as {_text(plan.comm)!r}"]
    lines += [f"script       {_text(script)}" for script in plan.script]
    for role, file in zip(("program", "interpreter"), plan.files, strict=False):
        lines.append(f"{role:12} {_text(file.path)} ({file.size} bytes)")
    return "\n".join(lines)


def _bases(plan: LoadPlan) -> str:
    rows = [(BASE_NAMES[index], _place(plan, base), f"{base.size:#x}") for index, base in enumerate(plan.bases, PROGRAM)]
    return _table("bases", ("base", "where", "size"), rows)


def _place(plan: LoadPlan, base: Base) -> str:
    align = f", aligned to {base.align:#x}" if base.align > plan.page_size else ""
    if base.kind == "fixed":
        return f"at {base.low:#x}, where the file says"
    if base.kind == "window":
        random = f" + random({plan.rnd_bits} bits) pages" if plan.randomize else ""
        return f"{base.window:#x}{random}{align}"
    return f"anywhere in the mmap area{align}"


def _mappings(plan: LoadPlan) -> str:
    return _table("mappings", ("address", "size", "prot", "from"), [_mapping(plan, op) for op in plan.ops])


def _mapping(plan: LoadPlan, op: Op) -> tuple[str, ...]:
    origin = {
        "reserve": "must be free",
        "unmap": "given back",
        "zero": "zeroed",
        "map_anon": "zeros",
        "map_file": f"{_text(plan.files[op.file].path)} +{op.file_offset:#x}",
    }[op.kind]
    prot = _prot(op.prot) if op.kind.startswith("map") else ""
    return _address(op.where), f"{op.size:#x}", prot, f"{origin}  ({op.source})" if op.source else origin


def _stack(stack: Stack) -> str:
    """From the highest address down, as pictures of stacks are drawn."""
    table_end = len(stack.table)
    top = len(stack.strings)
    rows = [
        (_address(Address(STRINGS, top)), "end of [stack]"),
        (_address(Address(STRINGS, top - 8)), "8 zero bytes"),
        (_address(Address(STRINGS, top - 9 - len(stack.execfn))), f"AT_EXECFN string {_text(stack.execfn)!r}"),
        *_strings("env", stack.env, sum(map(len, stack.argv)) + len(stack.argv)),
        *_strings("argv", stack.argv, 0),
        ("", f"random gap below {stack.gap_limit} bytes" if stack.gap_limit else "no gap"),
        (_address(Address(TABLE, table_end)), "platform string, 16 random bytes, padding"),
        (_address(Address(TABLE, stack.auxv_offset)), f"auxv: {len(stack.auxv)} entries and AT_NULL"),
        (_address(Address(TABLE, 8 * (2 + len(stack.argv)))), f"envp: {len(stack.env)} pointers and NULL"),
        (_address(Address(TABLE, 8)), f"argv: {len(stack.argv)} pointers and NULL"),
        (_address(Address(TABLE, 0)), f"argc: {len(stack.argv)}   <- stack pointer"),
    ]
    mode = "rwx" if stack.executable else "rw-"
    return _table(f"stack ({mode}, the kernel's own [stack])", ("address", "holds"), rows)


def _strings(kind: str, strings: tuple[bytes, ...], start: int) -> Iterable[tuple[str, str]]:
    rows, at = [], start
    for index, string in enumerate(strings):
        if index < SHOWN_STRINGS:
            rows.append((_address(Address(STRINGS, at)), f"{kind}[{index}] {_text(string[:80])!r}{'...' if len(string) > 80 else ''}"))
        at += len(string) + 1
    if len(strings) > SHOWN_STRINGS:
        rows.append(("", f"... {len(strings) - SHOWN_STRINGS} more of {kind}"))
    return reversed(rows)


def _auxv(entries: tuple[AuxEntry, ...]) -> str:
    rows = []
    for entry in entries:
        if entry.value is None:
            value = "forwarded from the kernel"
        elif isinstance(entry.value, Address):
            value = _address(entry.value)
        else:
            value = f"{entry.value:#x}"
        rows.append((str(entry.type), auxv_name(entry.type), value))
    return _table("auxv", ("type", "name", "value"), rows)


def _registers(plan: LoadPlan) -> str:
    from miniload import arch as architectures

    values = {"entry": _address(plan.entry), "sp": _address(Address(TABLE, 0))}
    rows = [(register, values[what]) for register, what in architectures.get(plan.arch).entry_registers.items()]
    return _table("registers at entry", ("register", "value"), [*rows, ("all others", "0, FP state initial")])


def _records(plan: LoadPlan) -> str:
    memory = plan.memory
    heap = _address(memory.brk)
    if plan.randomize == 2:
        heap += f" + {memory.brk_gap:#x} + random below {memory.brk_span:#x}"
    rows = [
        ("code", f"{_address(Address(PROGRAM, memory.start_code))} to {_address(Address(PROGRAM, memory.end_code))}"),
        ("data", f"{_address(Address(PROGRAM, memory.start_data))} to {_address(Address(PROGRAM, memory.end_data))}"),
        ("brk", heap),
        ("comm", _text(plan.comm)),
        ("exe", _text(plan.program)),
        ("cmdline, environ, auxv", "those on the stack"),
    ]
    return _table("told to the kernel", ("record", "value"), rows)


def _table(title: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    text = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([f"{title}:", *text])


def _address(address: Address) -> str:
    if address.base == ABSOLUTE:
        return f"{address.offset:#x}"
    return f"{BASE_NAMES[address.base]}+{address.offset:#x}"


def _prot(prot: int) -> str:
    return "".join(letter if prot & bit else "-" for letter, bit in (("r", PROT_READ), ("w", PROT_WRITE), ("x", PROT_EXEC)))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
