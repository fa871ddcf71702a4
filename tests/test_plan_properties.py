"""Properties of plans for random input: the initial stack, the mappings, the bases; and the stack of real processes.

The stack is composed, given its addresses as the stub does it, and read as a libc would read it. The mappings are carried out in a
simulated memory and compared with a simulation, byte by byte, of the kernel's elf_load().
"""

from __future__ import annotations

import os
import random
from struct import pack_into, unpack_from
from typing import TYPE_CHECKING, NamedTuple

import pytest
from elfbuilder import host_arch, standard_elf
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from observe import AT_EXECFN, Process, stopped
from support import MINILOAD

from miniload import arch as architectures
from miniload.elf.segments import PT_LOAD, Segment
from miniload.elf.source import BytesSource
from miniload.errors import ElfError
from miniload.plan import layout
from miniload.plan.host import HostFacts
from miniload.plan.level import mm_map_denied
from miniload.plan.model import PROGRAM, STRINGS, TABLE, Address, FileRef, Image, Stack
from miniload.plan.stack import compose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AT_NULL, AT_IGNORE, AT_PLATFORM, AT_RANDOM = 0, 1, 15, 25
START_STACK, ARG_START, ARG_END, ENV_START, ENV_END = 28, 48, 49, 50, 51
MASK = (1 << 64) - 1
SETTINGS = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


# The initial stack.


class Read(NamedTuple):
    """A stack as a program's start-up code reads it, following the pointers."""

    argv: list[bytes]
    env: list[bytes]
    auxv: list[tuple[int, int]]
    argv_at: list[int]
    env_at: list[int]


def read_stack(sp: int, word: Callable[[int], int], string: Callable[[int], bytes]) -> Read:
    """argc, argv, NULL, envp, NULL, auxv, AT_NULL."""
    argc, at = word(sp), sp + 8
    argv_at = [word(at + 8 * index) for index in range(argc)]
    at += 8 * argc
    assert word(at) == 0
    at += 8
    env_at = []
    while pointer := word(at):
        env_at.append(pointer)
        at += 8
    at += 8
    auxv = []
    while kind := word(at):
        auxv.append((kind, word(at + 8)))
        at += 16
    return Read([string(p) for p in argv_at], [string(p) for p in env_at], auxv, argv_at, env_at)


class Memory:
    """The top of a simulated address space, into which a Stack is put as the stub does it (stub/stack.c)."""

    top = 0x7FFF_FFFF_F000
    bias = {PROGRAM: 0x5555_5555_4000, 4: 0x7F00_0000_0000, 0: 0}  # noqa: RUF012
    random = bytes(range(16))

    def __init__(self, stack: Stack, gap: int, kernel: dict[int, int]) -> None:
        strings = self.top - len(stack.strings)
        self.sp = ((strings - gap) & ~15) - len(stack.table)
        self.data = bytearray(self.top - self.sp)
        self.data[-len(stack.strings) :] = stack.strings
        self.data[: len(stack.table)] = stack.table
        bias = {**self.bias, TABLE: self.sp, STRINGS: strings}
        for fixup in stack.fixups:
            where = bias[fixup.where.base] + fixup.where.offset - self.sp
            value = bias[fixup.value.base] + fixup.value.offset - bias[fixup.minus]
            if fixup.kind == "add":
                for index in range(fixup.count):
                    (old,) = unpack_from("<Q", self.data, where + 8 * index)
                    pack_into("<Q", self.data, where + 8 * index, old + value & MASK)
            elif fixup.kind == "random":
                self.data[where : where + 16] = self.random
            elif fixup.kind == "forward":
                (kind,) = unpack_from("<Q", self.data, where)
                pack_into("<QQ", self.data, where, kind if kind in kernel else AT_IGNORE, kernel.get(kind, 0))
            else:
                raise AssertionError(fixup.kind)

    def word(self, address: int) -> int:
        value: int = unpack_from("<Q", self.data, address - self.sp)[0]
        return value

    def string(self, address: int) -> bytes:
        return bytes(self.data[address - self.sp :].split(b"\0", 1)[0])

    def read(self) -> Read:
        return read_stack(self.sp, self.word, self.string)


def strings(count: int, seed: int, longest: int) -> tuple[bytes, ...]:
    """Random bytes without NUL; a quarter of them empty or a single byte."""
    source = random.Random(seed)
    lengths = (source.choice((0, 1, source.randrange(longest + 1), source.randrange(longest + 1))) for _ in range(count))
    return tuple(bytes(source.randrange(1, 256) for _ in range(length)) for length in lengths)


counts = st.one_of(st.integers(0, 8), st.integers(0, 300), st.sampled_from([0, 1, 2, 4999, 5000]))
string_lists = st.builds(strings, counts, st.integers(0, 1 << 32), st.sampled_from([3, 40]))
small_lists = st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"\0", b"")), max_size=8).map(tuple)
hosts = st.builds(
    HostFacts,
    page_size=st.sampled_from([4096, 16384, 65536]),
    auxv=st.just(()),
    platform=st.sampled_from([None, b"x86_64", b"aarch64", b""]),
    base_platform=st.sampled_from([None, b"base"]),
    argument_limit=st.just(1 << 30),
    string_limit=st.just(1 << 30),
    randomize=st.just(2),
    rnd_bits=st.just(28),
)
values = st.one_of(st.none(), st.integers(0, MASK), st.builds(Address, st.sampled_from([PROGRAM, 4]), st.integers(0, 1 << 40)))
vectors = st.dictionaries(st.one_of(st.integers(2, 60), st.just(0x7777)), values, max_size=30).map(
    lambda found: {**found, AT_RANDOM: None, AT_EXECFN: None, AT_PLATFORM: None}
)
gaps = st.integers(0, 8191)


@SETTINGS
@given(argv=st.one_of(string_lists, small_lists), env=st.one_of(string_lists, small_lists), host=hosts, vector=vectors, gap=gaps)
def test_stack_can_be_read_back(argv: tuple[bytes, ...], env: tuple[bytes, ...], host: HostFacts, vector: dict[int, int | Address | None], gap: int) -> None:
    """Every string is found by following its pointer, in order, and contiguous; sp is aligned; the vector is complete."""
    stack = compose(argv, env, b"/bin/program", vector, 8192, False, host)
    kernel = {kind: 0x1000 + kind for kind in vector if kind % 2}
    memory = Memory(stack, gap, kernel)
    found = memory.read()
    assert memory.sp % 16 == 0
    assert (tuple(found.argv), tuple(found.env)) == (argv, env)

    places = [*found.argv_at, *found.env_at]
    ends = [place + len(text) + 1 for place, text in zip(places, (*argv, *env), strict=True)]
    assert places[1:] == ends[:-1], "each string starts where the one before it ends"

    found_auxv = dict(found.auxv)
    execfn = found_auxv[AT_EXECFN]
    assert memory.string(execfn) == b"/bin/program"
    assert execfn + len(b"/bin/program\0") + 8 == memory.top, "the path and eight zero bytes end the stack"
    assert memory.data[-8:] == bytes(8)
    if places:
        assert ends[-1] == execfn
    assert bytes(memory.data[found_auxv[AT_RANDOM] - memory.sp :][:16]) == memory.random
    if host.platform is not None:
        assert memory.string(found_auxv[AT_PLATFORM]) == host.platform


@SETTINGS
@given(vector=vectors, host=hosts)
def test_vector_is_as_given(vector: dict[int, int | Address | None], host: HostFacts) -> None:
    """Numbers as they are, addresses with their base's added, None as the kernel has it, and what it has not is AT_IGNORE; in order."""
    stack = compose((b"x",), (), b"x", vector, 0, False, replace_platforms(host), b"")
    kernel = {kind: 0x1000 + kind for kind in vector if kind % 2}
    memory = Memory(stack, 0, kernel)
    expected = []
    for kind, value in vector.items():
        if isinstance(value, Address):
            expected.append((kind, memory.bias[value.base] + value.offset))
        elif value is not None:
            expected.append((kind, value))
        else:
            expected.append((kind, kernel[kind]) if kind in kernel else (AT_IGNORE, 0))
    pointers = (AT_RANDOM, AT_EXECFN, AT_PLATFORM, 24)
    found = memory.read().auxv
    assert [pair for pair, kind in zip(found, vector, strict=True) if kind not in pointers] == [
        pair for pair, kind in zip(expected, vector, strict=True) if kind not in pointers
    ]


def replace_platforms(host: HostFacts) -> HostFacts:
    from miniload.record import replace

    return replace(host, platform=b"platform", base_platform=b"base")


# Mappings, with pages of 16 bytes, so that every byte can be looked at.

SMALL = 16
UNMAPPED = None


class Bytes(dict[int, tuple[object, int]]):
    """Simulated memory: address -> (where the byte comes from, protection). Zero is "zero", file bytes are ("file", offset)."""

    def map(self, start: int, size: int, what: Callable[[int], object], protection: int) -> None:
        for address in range(start, start + size):
            self[address] = (what(address), protection)


def kernel_load(segments: Sequence[Segment]) -> Bytes:
    """elf_load() of Linux 6.18 for each segment in turn, at bias 0, as C does it."""
    memory = Bytes()
    for segment in segments:
        protection = layout.protection(segment.flags)
        offset_in_page = segment.vaddr % SMALL
        start = segment.vaddr - offset_in_page
        if segment.filesz:
            size = -(-(segment.filesz + offset_in_page) // SMALL) * SMALL
            first = segment.offset - offset_in_page
            memory.map(start, size, lambda address, start=start, first=first: ("file", first + address - start), protection)  # type: ignore[misc]
            zero_start = start + offset_in_page + segment.filesz
            if segment.memsz > segment.filesz and protection & 2:  # padzero()
                for address in range(zero_start, -(-zero_start // SMALL) * SMALL):
                    memory[address] = ("zero", protection)
        else:
            zero_start = start
        zero_end = start + offset_in_page + segment.memsz
        if segment.memsz > segment.filesz:  # vm_brk_flags()
            zero_start, zero_end = -(-zero_start // SMALL) * SMALL, -(-zero_end // SMALL) * SMALL
            memory.map(zero_start, zero_end - zero_start, lambda _: "zero", 3 | protection & 4)
    return memory


def carried_out(subject: Image, segments: tuple[Segment, ...], has_interpreter: bool) -> Bytes:
    """The plan's ops in simulated memory, the reservation included: what stays reserved shows as "reserved"."""
    arch = architectures.get("x86_64")
    base = layout.choose_base(subject, segments, PROGRAM, arch, SMALL, has_interpreter)
    memory = Bytes()
    if base.kind != "fixed":
        memory.map(base.low, base.size, lambda _: "reserved", 0)
    for op in layout.image_ops(subject, segments, base, PROGRAM, arch, SMALL, has_interpreter):
        at = op.where.offset
        if op.kind == "reserve":
            memory.map(at, op.size, lambda _: "reserved", 0)
        elif op.kind == "unmap":
            for address in range(at, at + op.size):
                del memory[address]
        elif op.kind == "map_file":
            memory.map(at, op.size, lambda address, op=op, at=at: ("file", op.file_offset + address - at), op.prot)  # type: ignore[misc]
        elif op.kind == "map_anon":
            memory.map(at, op.size, lambda _: "zero", op.prot)
        else:
            for address in range(at, at + op.size):
                assert memory[address][1] & 2, "zeroing memory that is not writable"
                memory[address] = ("zero", memory[address][1])
    return memory


@st.composite
def loads(draw: st.DrawFn) -> tuple[Segment, ...]:
    """One to six PT_LOADs, in any order, overlapping or not, some without file or memory."""
    found = []
    for index in range(draw(st.integers(1, 6))):
        vaddr = draw(st.integers(0, 40 * SMALL))
        offset = draw(st.integers(1, 8)) * SMALL + vaddr % SMALL
        filesz = draw(st.one_of(st.just(0), st.integers(0, 5 * SMALL)))
        memsz = filesz + draw(st.one_of(st.just(0), st.integers(0, 5 * SMALL)))
        found.append(Segment(index, PT_LOAD, draw(st.integers(0, 7)), offset, vaddr, filesz, memsz, draw(st.sampled_from([0, 1, SMALL, 3]))))
    return tuple(found)


@settings(SETTINGS, max_examples=2000)
@given(segments=loads(), kind=st.sampled_from([2, 3]), has_interpreter=st.booleans())
def test_ops_make_the_kernels_memory(segments: tuple[Segment, ...], kind: int, has_interpreter: bool) -> None:
    """Byte by byte the same contents and protection, and nothing reserved is left over."""
    assume(any(segment.memsz for segment in segments))
    subject = Image(BytesSource(bytes(1 << 12)), FileRef(b"x", 0, 0, 1 << 12, 0), kind, 0, 0, len(segments), segments, 0)
    assert carried_out(subject, segments, has_interpreter) == kernel_load(segments)


# Bases.


@st.composite
def aligned_loads(draw: st.DrawFn) -> tuple[int, tuple[Segment, ...]]:
    page = draw(st.sampled_from([4096, 16384, 65536]))
    found = []
    for index in range(draw(st.integers(1, 5))):
        vaddr = draw(st.integers(0, 1 << 34))
        align = draw(st.one_of(st.sampled_from([0, 1, 3, page, 1 << 16, 1 << 21, 1 << 30]), st.integers(0, MASK)))
        found.append(Segment(index, PT_LOAD, 4, vaddr % page, vaddr, 0, draw(st.integers(0, 1 << 24)), align))
    return page, tuple(found)


@SETTINGS
@given(chosen=aligned_loads(), arch=st.sampled_from(architectures.NAMES), has_interpreter=st.booleans(), shift=st.integers(0, 1 << 28))
def test_base_holds_the_image(chosen: tuple[int, tuple[Segment, ...]], arch: str, has_interpreter: bool, shift: int) -> None:
    """Wherever the stub puts it: the bias is whole pages, the reservation covers every segment, p_align is kept."""
    page, segments = chosen
    subject = Image(BytesSource(b""), FileRef(b"x", 0, 0, 0, 0), 3, 0, 0, len(segments), segments, 0)
    facts = architectures.get(arch)
    try:
        base = layout.choose_base(subject, segments, PROGRAM, facts, page, has_interpreter)
    except ElfError:
        aligns = [segment.align for segment in segments]
        assert not any(segment.memsz for segment in segments) or max(aligns) + (1 << 35) > facts.task_size
        return
    start = (base.window or 0x7F00_0000_0000) + shift * page & -base.align  # stub/image.c: reserve_window, reserve_anywhere
    bias = start - base.anchor
    assert base.align % page == base.size % page == base.low % page == bias % page == 0
    assert start % base.align == 0
    for segment in segments:
        if segment.align and not segment.align & segment.align - 1:
            assert start % max(segment.align, page) == 0
        if segment.memsz:
            assert base.low <= segment.vaddr
            assert segment.vaddr + segment.memsz <= base.low + base.size
    if segments[0].vaddr % page == 0:
        assert base.anchor == segments[0].vaddr


# Real processes: the whole stack, from sp to the end of the mapping, under execve and under miniload.


def dump(process: Process) -> dict[str, object]:
    """What can be compared of a real stack: strings, order, contiguity, and distances."""
    sp = process.stat(START_STACK)
    end = next(line.end for line in process.maps() if line.start <= sp < line.end)
    data = process.read(sp, end - sp)

    def word(address: int) -> int:
        value: int = unpack_from("@N", data, address - sp)[0]
        return value

    def string(address: int) -> bytes:
        return data[address - sp : data.index(b"\0", address - sp)]

    found = read_stack(sp, word, string)
    aux = dict(found.auxv)
    first = found.argv_at[0]
    after_table = max(aux[AT_RANDOM] + 16, aux[AT_PLATFORM] + len(string(aux[AT_PLATFORM])) + 1 if AT_PLATFORM in aux else 0)
    assert aux[AT_RANDOM] != 0
    return {
        "sp % 16": sp % 16,
        "argv": found.argv,
        "env": found.env,
        "argv places": [place - first for place in found.argv_at],
        "env places": [place - first for place in found.env_at],
        "execfn": string(aux[AT_EXECFN]),
        "execfn place": aux[AT_EXECFN] - end,
        "end": data[-8:],
        "auxv types": [kind for kind, _ in found.auxv],
        "random place": aux[AT_RANDOM] - sp,
        "platform": string(aux[AT_PLATFORM]) if AT_PLATFORM in aux else None,
        "platform place": aux.get(AT_PLATFORM, sp) - sp,
        "gap is zero": not any(data[after_table - sp : first - sp]),
        "gap below limit": first - after_table < host_arch().stack_gap + 16,
        "records": [process.stat(number) - first for number in (ARG_START, ARG_END, ENV_START, ENV_END)],
    }


def cases() -> list[tuple[list[bytes], dict[bytes, bytes]]]:
    """A handful of random argument lists and environments, and the corner cases."""
    found: list[tuple[list[bytes], dict[bytes, bytes]]] = [
        ([], {}),
        ([b""], {}),
        ([b"", b"", b""], {b"A": b""}),
        ([bytes(range(1, 256))], {b"\xff": b"\xfe"}),
        ([b"x" * 100000], {b"Y": b"y" * 100000}),
        ([b"a"] * 5000, {b"v%d" % number: b"" for number in range(5000)}),
    ]
    for seed in range(6):
        arguments = list(strings(random.Random(seed).randrange(400), seed, 60))
        env = {b"N%d" % number: text for number, text in enumerate(strings(random.Random(seed).randrange(300), seed + 100, 60))}
        found.append((arguments, env))
    return found


@pytest.mark.skipif(mm_map_denied() is not None, reason=f"the kernel cannot be told where the stack is: {mm_map_denied()}")
@pytest.mark.parametrize("number", range(len(cases())))
def test_real_stack_is_the_kernels(number: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    arguments, environment = cases()[number]
    path = standard_elf().write(tmp_path_factory.mktemp("stack") / "program")
    dumps = []
    for command in ([path], [*MINILOAD, path]):
        with stopped([*command, *arguments], env=environment) as process:
            dumps.append(dump(process))
    assert dumps[0]["argv"] == [os.fsencode(path), *arguments]
    assert dumps[1] == dumps[0]
