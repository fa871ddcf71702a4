"""From a function's frame to its caller's: by the call frame information in the guest's memory (.eh_frame: DWARF 5, 6.4; LSB 5, "Exception Frames"), or by
frame pointers. Nothing of it is trusted."""

from __future__ import annotations

from bisect import bisect_right

from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from miniload.linux.arch import Frames

    Read = Callable[[int, int], bytes]
    Table = Callable[[int], tuple[int, int]]
    """For an address the start of the function there, and the address of its FDE. Unwinding, OSError."""

WORD = (1 << 64) - 1
HEADER, ENTRY = 12, 8
USUAL_TABLE = 0x3B
"""Encoding of the search table that all linkers make: from the header, signed, four bytes."""
SIZES = {2: (2, False), 3: (4, False), 4: (8, False), 0: (8, False), 0xA: (2, True), 0xB: (4, True), 0xC: (8, True)}
LIMIT = 1 << 16
"""Bytes of one entry, at most."""
DEEPEST = 64
"""Calls of a thread that are told."""


class Unwinding(Exception):
    """There is no such information, or it is not understood."""


class Cursor:
    """Reads numbers out of an entry. `address`: where its first byte is."""

    def __init__(self, data: bytes, address: int) -> None:
        self.data = data
        self.address = address
        self.at = 0

    def number(self, size: int, signed: bool = False) -> int:
        """A number of so many bytes."""
        end = self.at + size
        if end > len(self.data):
            raise Unwinding("an entry ends early")
        found = int.from_bytes(self.data[self.at : end], "little", signed=signed)
        self.at = end
        return found

    def uleb(self) -> int:
        """ULEB128."""
        found = shift = 0
        while True:
            byte = self.number(1)
            found |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return found

    def sleb(self) -> int:
        """SLEB128."""
        start = self.at
        found = self.uleb()
        bits = 7 * (self.at - start)
        return found - (found >> bits - 1 << bits)

    def encoded(self, encoding: int) -> int:
        """A pointer in an encoding of LSB's; of bases only the place itself."""
        place, form = self.address + self.at, encoding & 15
        if form in (1, 9):
            found = self.uleb() if form == 1 else self.sleb()
        elif form in SIZES:
            found = self.number(*SIZES[form])
        else:
            raise Unwinding("a pointer's encoding is unknown")
        if encoding & 0x70 not in (0, 0x10):
            raise Unwinding("a pointer's base is unknown")
        return (found + (place if encoding & 0x70 else 0)) & WORD


class Common(Record):
    """A CIE."""

    code_factor: int
    data_factor: int
    return_register: int
    encoding: int
    augmented: bool
    instructions: bytes


class Rules:
    """A row of the table: the CFA is `register` + `offset`; how to get each register's value at the call: ("offset" from the CFA, n), ("value" CFA + n),
    ("register", n), ("same",) or ("unknown",)."""

    def __init__(self) -> None:
        self.register = self.offset = -1
        self.of: dict[int, tuple[str, int]] = {}

    def copy(self) -> Rules:
        """Another one."""
        new = Rules()
        new.register, new.offset, new.of = self.register, self.offset, dict(self.of)
        return new


def walk(frames: Frames, values: dict[str, int], table_at: Callable[[int], Table | None], is_code: Callable[[int], bool], read: Read) -> Iterator[int]:
    """The program counter, and where each caller goes on. `values`: the general registers and "pc". `table_at(address)`: the table of the object there.
    `is_code(address)`: whether code can be there. Each caller is found as call frame information says, or, where there is none, as frame pointers and the
    register with the return address do."""
    numbers = {name: number for number, name in enumerate(frames.registers)}
    registers = {number: values[name] for name, number in numbers.items() if name}
    stack, pc = numbers[frames.stack], values["pc"]
    yield pc
    for depth in range(DEEPEST - 1):
        sp, before = registers.get(stack, 0), pc
        inside = pc - (depth > 0)  # a return address is behind the call, which may be the last instruction of its function
        caller = dict(registers)
        try:
            table = table_at(inside)
            if table is None:
                raise Unwinding("no object")
            pc = step(table, caller, inside, stack, read)
            if (pc, caller[stack]) == (before, sp):
                raise Unwinding("a function that calls itself for ever")
        except (Unwinding, OSError):
            found = by_frame_pointer(frames, numbers, registers, depth == 0, read)
            if found is None:
                return
            caller, pc = found
        if not is_code(pc) or (depth and caller.get(stack, 0) <= sp):  # the stack goes one way
            return
        registers = caller
        yield pc


def by_frame_pointer(frames: Frames, numbers: dict[str, int], registers: dict[int, int], first: bool, read: Read) -> tuple[dict[int, int], int] | None:
    """The psABI's chain of frame records. The innermost function may have none yet, and is left by its return address, if that has a register."""
    pointer = numbers[frames.pointer]
    record = None
    try:
        at = registers[pointer]
        record = {**registers, numbers[frames.stack]: at, pointer: word(at + frames.previous, read)}, word(at + frames.saved, read)
    except (OSError, KeyError):
        pass
    link = registers.get(numbers[frames.link]) if first and frames.link else None
    if link and (record is None or record[1] != link):
        return registers, link
    return record


def word(address: int, read: Read) -> int:
    """Eight bytes."""
    return int.from_bytes(read(address & WORD, 8), "little")


def step(table: Table, registers: dict[int, int], inside: int, stack_register: int, read: Read) -> int:
    """The caller's registers in place of those of a function that `inside` is in, and where it goes on there. Unwinding, OSError."""
    start, entry = table(inside)
    common, cursor = read_entry(entry, read)[:2]
    rules = run(common, cursor, start, inside)
    if rules.register not in registers:
        raise Unwinding("the frame's address is not known")
    cfa = registers[rules.register] + rules.offset & WORD
    before = dict(registers)
    for number, (how, value) in rules.of.items():
        if how == "offset":
            registers[number] = word(cfa + value, read)
        elif how == "value":
            registers[number] = cfa + value & WORD
        elif how == "register":
            registers[number] = before.get(value, 0)
        elif how == "unknown":
            registers.pop(number, None)
    registers[stack_register] = cfa
    back = registers.get(common.return_register)
    if back is None:
        raise Unwinding("the outermost function")
    return back


def search_table(header: int, size: int, read: Read) -> Table:
    """That of an object with .eh_frame_hdr: searched by halves."""

    def find(address: int) -> tuple[int, int]:
        if size < HEADER:
            raise Unwinding("no table of frames")
        head = read(header, HEADER)
        if head[0] != 1 or head[2] != 3 or head[3] != USUAL_TABLE:
            raise Unwinding("a table of another kind")
        low, high = 0, min(int.from_bytes(head[8:12], "little"), (size - HEADER) // ENTRY)

        def row(index: int) -> tuple[int, int]:
            data = read(header + HEADER + ENTRY * index, ENTRY)
            return header + int.from_bytes(data[:4], "little", signed=True), header + int.from_bytes(data[4:], "little", signed=True)

        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if row(middle)[0] <= address else (low, middle)
        if not high or row(low)[0] > address:
            raise Unwinding("no frame")
        return row(low)

    return find


def section_table(start: int, size: int, read: Read) -> Table:
    """That of an object that has only .eh_frame, as static programs may: read through once."""
    entries: list[tuple[int, int, int]] = []
    at = start
    try:
        while at < start + size:
            length = int.from_bytes(read(at, 4), "little")
            if not length:
                break
            if int.from_bytes(read(at + 4, 4), "little"):
                _, _, begin, extent = read_entry(at, read)
                entries.append((begin, begin + extent, at))
            at += 4 + length
    except (Unwinding, OSError):
        pass  # what is known by then is used
    entries.sort()

    def find(address: int) -> tuple[int, int]:
        index = bisect_right(entries, (address, WORD + 1, 0)) - 1
        if index < 0 or address >= entries[index][1]:
            raise Unwinding("no frame")
        return entries[index][0], entries[index][2]

    return find


def read_record(address: int, read: Read) -> Cursor:
    """The contents of a CIE or FDE."""
    size = int.from_bytes(read(address, 4), "little")
    if not 4 <= size <= LIMIT:
        raise Unwinding("an entry of no sensible size")
    return Cursor(read(address + 4, size), address + 4)


def read_entry(address: int, read: Read) -> tuple[Common, Cursor, int, int]:
    """The CIE of an FDE, the FDE, from where its instructions begin, the function's start and its size."""
    cursor = read_record(address, read)
    common = read_common(cursor.address - cursor.number(4), read)
    start, size = cursor.encoded(common.encoding), cursor.encoded(common.encoding & 15)
    if common.augmented:
        cursor.at += cursor.uleb()
    return common, cursor, start, size


def read_common(address: int, read: Read) -> Common:
    """A CIE."""
    cursor = read_record(address, read)
    if cursor.number(4) or cursor.number(1) not in (1, 3):
        raise Unwinding("no CIE")
    version = cursor.data[4]
    end = cursor.data.find(b"\0", cursor.at)
    augmentation = cursor.data[cursor.at : end]
    cursor.at = end + 1
    code, data = cursor.uleb(), cursor.sleb()
    register = cursor.number(1) if version == 1 else cursor.uleb()
    encoding = 0
    if augmentation[:1] == b"z":
        rest = cursor.uleb() + cursor.at
        for letter in augmentation[1:].decode("latin-1"):
            if letter == "R":
                encoding = cursor.number(1)
            elif letter == "P":
                cursor.encoded(cursor.number(1) & 15)
            elif letter == "L":
                cursor.number(1)
            elif letter not in "SB":
                break
        cursor.at = rest
    return Common(code, data, register, encoding, augmentation[:1] == b"z", cursor.data[cursor.at :])


def run(common: Common, cursor: Cursor, start: int, address: int) -> Rules:
    """The row for an address: both programs executed up to it."""
    rules = Rules()
    execute(Cursor(common.instructions, 0), common, rules, Rules(), start, WORD)
    return execute(cursor, common, rules, rules.copy(), start, address)


def execute(cursor: Cursor, common: Common, rules: Rules, initial: Rules, at: int, address: int) -> Rules:
    """A program of call frame instructions."""
    kept: list[Rules] = []
    while cursor.at < len(cursor.data):
        operation = cursor.number(1)
        kind, low = operation & 0xC0, operation & 0x3F
        if kind == 0x40 or operation in (1, 2, 3, 4):
            at = cursor.encoded(common.encoding) if operation == 1 else at + common.code_factor * (low if kind else cursor.number(1 << operation - 2))
            if at > address:
                break
        elif kind == 0x80:
            rules.of[low] = ("offset", cursor.uleb() * common.data_factor)
        elif kind == 0xC0:
            restore(rules, initial, low)
        elif operation == 0x0A:
            kept.append(rules.copy())
        elif operation == 0x0B:
            if not kept:
                raise Unwinding("nothing is kept")
            old = kept.pop()
            rules.register, rules.offset, rules.of = old.register, old.offset, old.of
        else:
            simple(operation, cursor, common, rules, initial)
    return rules


def restore(rules: Rules, initial: Rules, register: int) -> None:
    """As the CIE has it."""
    if register in initial.of:
        rules.of[register] = initial.of[register]
    else:
        rules.of.pop(register, None)


def simple(operation: int, cursor: Cursor, common: Common, rules: Rules, initial: Rules) -> None:
    """Instructions that change one rule."""
    if operation in (0, 0x2D):  # nop, and the one that signs return addresses, which the emulated CPU does not
        return
    if operation == 0x2E:
        cursor.uleb()
    elif operation == 0x0C or operation == 0x12:
        rules.register = cursor.uleb()
        rules.offset = cursor.uleb() if operation == 0x0C else cursor.sleb() * common.data_factor
    elif operation == 0x0D:
        rules.register = cursor.uleb()
    elif operation in (0x0E, 0x13):
        rules.offset = cursor.uleb() if operation == 0x0E else cursor.sleb() * common.data_factor
    elif operation in (5, 0x11, 0x14, 0x15):
        register = cursor.uleb()
        offset = (cursor.uleb() if operation in (5, 0x14) else cursor.sleb()) * common.data_factor
        rules.of[register] = ("offset" if operation in (5, 0x11) else "value", offset)
    elif operation == 6:
        restore(rules, initial, cursor.uleb())
    elif operation == 7:
        rules.of[cursor.uleb()] = ("unknown", 0)
    elif operation == 8:
        rules.of.pop(cursor.uleb(), None)
    elif operation == 9:
        register = cursor.uleb()
        rules.of[register] = ("register", cursor.uleb())
    else:
        raise Unwinding("an expression, or an unknown instruction")
