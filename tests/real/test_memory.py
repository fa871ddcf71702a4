"""Stack, heap and address space, as far as real programs use them. Expected: what the program gets from the kernel's exec."""

from __future__ import annotations

import re
import resource
import signal
from typing import TYPE_CHECKING, Any

import pytest
from compare import same, same_output

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., Path]

MIB = 1 << 20
LINKINGS = pytest.mark.parametrize("flags", [[], ["-static", "-no-pie"], ["-static-pie"]], ids=["dynamic", "static", "static_pie"])


def stack_limit(size: int) -> Callable[[], None]:
    """For a child: that many bytes of stack."""
    return lambda: resource.setrlimit(resource.RLIMIT_STACK, (size, size))


@pytest.mark.parametrize("size", [1 * MIB, 8 * MIB, 64 * MIB, resource.RLIM_INFINITY], ids=["1", "8", "64", "unlimited"])
def test_stack_size_that_libc_reports(build: Build, size: int) -> None:
    """pthread_getattr_np() looks for the stack in /proc/self/maps: the same size, to the page, whatever the limit."""
    stdout = same_output([build("stack_size.c")], preexec_fn=stack_limit(size), normal=_rounded)
    assert stdout.endswith(b" guard 0 inside 1\n")


def _rounded(text: bytes) -> bytes:
    """The size goes up to the page of the initial stack pointer, which is random by some pages; an unlimited one goes down to the next
    mapping, which is random by more."""
    return re.sub(rb"(?<=size )\d+", lambda size: b"%d" % min(round(int(size[0]) / MIB), 1024), text)


@LINKINGS
def test_deep_recursion(build: Build, flags: list[str]) -> None:
    """7.9 MiB of an 8 MiB stack can be used."""
    assert same([build("recurse.c", "-O0", *flags), str(7900)], preexec_fn=stack_limit(8 * MIB)) == (0, b"returned\n", b"")


@LINKINGS
def test_stack_overflow(build: Build, flags: list[str]) -> None:
    """More than 8 MiB end in SIGSEGV."""
    assert same([build("recurse.c", "-O0", *flags), str(8300)], preexec_fn=stack_limit(8 * MIB)) == (-signal.SIGSEGV, b"", b"")


def test_stack_overflow_handled(build: Build) -> None:
    """Overflow is a fault at the stack's end (SEGV_MAPERR), which a handler on an alternate stack gets."""
    assert same([build("alternate_stack.c", "-O0")], preexec_fn=stack_limit(8 * MIB)) == (3, b"signal 11 code 1 depth 8 MiB\n", b"")


def test_contexts(build: Build) -> None:
    """makecontext, swapcontext."""
    assert same_output([build("contexts.c")]).endswith(b"coroutine 1 turn 2\nmain again\n")


def test_jump_out_of_a_handler(build: Build) -> None:
    """sigsetjmp, siglongjmp."""
    assert same_output([build("long_jump.c", "-O0")]) == b"caught 11\ncaught 11\ncaught 11\n"


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [("gcc", []), ("gcc", ["-no-pie"]), ("gcc", ["-static", "-no-pie"]), ("gcc", ["-static-pie"])],
    ids=["pie", "non_pie", "static", "static_pie"],
)
def test_heap(build: Build, compiler: str, flags: list[str]) -> None:
    """sbrk(64 MiB) gives contiguous memory in the mapping called [heap], and takes it back."""
    assert same_output([build("heap.c", *flags, compiler=compiler)]) == b"contiguous 1 in heap 1 value 5 shrunk 1\n"


def test_heap_under_a_data_limit(build: Build) -> None:
    """RLIMIT_DATA counts from the program's own heap."""
    limit: dict[str, Any] = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_DATA, (32 * MIB, 32 * MIB))}
    assert same([build("heap.c")], **limit) == (1, b"sbrk failed\n", b"")


@pytest.mark.parametrize("flags", [[], ["-static-pie"], ["-static", "-no-pie", "-Wl,-Ttext-segment=0x3000000"]], ids=["pie", "static_pie", "static"])
def test_low_addresses_are_free(build: Build, flags: list[str]) -> None:
    """A program can have the addresses that Python or the stub might have used."""
    stdout = same_output([build("low_memory.c", *flags)])
    assert b"0x400000 ours\n" in stdout


@pytest.mark.parametrize("size", [100, 200, 400])
def test_address_space_limit(build: Build, size: int) -> None:
    """`ulimit -v`: the program can use as much of it as it can directly."""
    limit: dict[str, Any] = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (size * MIB, size * MIB))}
    blocks = int(same_output([build("memory_limit.c")], **limit).split()[0])
    assert 0 < blocks < 100


@pytest.mark.parametrize("page_size", ["0x10000", "0x200000"])
def test_alignment_beyond_a_page(build: Build, page_size: str, tmp_path: Path) -> None:
    """An image whose segments ask for 64 KiB or 2 MiB lies at a multiple of that."""
    for flags in ([], ["-static-pie"]):
        program = build("loaded_objects.c", f"-Wl,-z,max-page-size={page_size}", *flags)
        same_output([program], cwd=tmp_path)
        stdout = same_output([build("image_address.c", f"-Wl,-z,max-page-size={page_size}", *flags), page_size])
        assert stdout == b"offset 0\n"
