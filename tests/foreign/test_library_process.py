"""A foreign library with its own C library, in an emulated process: what that library does for it, and how a call ends that does not return."""

from __future__ import annotations

import ctypes
import math
import os
import random
import signal
import threading
from ctypes import CFUNCTYPE, c_char_p, c_double, c_int, c_long, c_void_p
from typing import TYPE_CHECKING

import pytest

import miniload
from miniload.errors import BudgetError, GuestExit, GuestFault, NotFoundError, SymbolError, UnresolvedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from foreign.libraries import Libraries
    from miniload.linker.library import Library


@pytest.fixture(scope="module")
def library(machine: str, root: Path, libraries: Libraries) -> Library:
    """tests/linker/guest_process.c with the sysroot's C library."""
    return miniload.load(libraries(machine, "guest_process.c"), arch=machine, sysroot=root)


@pytest.fixture(scope="module")
def calls(machine: str, root: Path, libraries: Libraries) -> Library:
    """tests/linker/guest_calls.c in the same process."""
    return miniload.load(libraries(machine, "guest_calls.c"), arch=machine, sysroot=root)


@pytest.mark.feature(12, 13)
def test_printf_and_the_heap(library: Library) -> None:
    """asprintf() in the guest; Python's own formatting is the oracle."""
    compose = library["compose"]
    compose.restype = c_void_p
    text = compose(b"%05d %.4f", 42, c_double(2.0 / 3))
    assert library.target.string(text) == b"%05d %.4f" % (42, 2.0 / 3)
    library["free"](text)


@pytest.mark.feature(29, 32)
def test_threads_have_blocks_of_their_own(library: Library) -> None:
    """The source: the new thread's copy is 5 + 7, and the caller's stays 100."""
    function = library["in_thread"]
    function.restype = c_long
    assert function(7) == 12 * 1000 + 100
    assert function(8) == 13 * 1000 + 100


def test_the_process_is_set_up(library: Library) -> None:
    """pthread_self() is somebody, and errno is the failed call's: EBADF is 9."""
    assert library["self_is_stable"]() == 1
    assert library["fails"]() == 9


@pytest.mark.feature(42)
def test_dlopen_and_dlsym_in_the_guest(library: Library) -> None:
    """sqrt() of the guest's libm, which IEEE 754 has correctly rounded everywhere."""
    function = library["through_dlsym"]
    function.restype, function.argtypes = c_double, (c_double,)
    assert function(2.0) == math.sqrt(2.0)


@pytest.mark.feature(42)
def test_the_guest_sees_what_is_loaded(machine: str, root: Path, libraries: Libraries) -> None:
    """dl_iterate_phdr() and dladdr(), in the first thread and in another: as ld.so, through ctypes, has it for the same source. Objects that come and go are
    counted up, by which an unwinder knows that what it has remembered may be outdated."""
    path = libraries(machine, "guest_listing.c", "-funwind-tables")
    ours, theirs = miniload.load(path, arch=machine, sysroot=root), libraries.native("guest_listing.c")
    for name in ("listed", "listed_in_thread", "stopped"):
        assert (name, ours[name]()) == (name, theirs[name]())
    assert ours["listed"]() == 111
    for name in ("name_of_listed", "name_in_libc"):
        functions = ours[name], theirs[name]
        for function in functions:
            function.restype = c_char_p
        assert functions[0]() == functions[1]()
    file, changes = ours["file_of_listed"], ours["changes"]
    file.restype = c_char_p
    assert file() == os.fsencode(path)
    before = changes()
    miniload.load(path.read_bytes(), arch=machine, sysroot=root).close()
    assert changes() >= before + 2


def test_fork_in_the_guest(library: Library) -> None:
    """A child that exits with 9: waitpid's status is 9 << 8."""
    assert library["child"](9) == 9 << 8


def test_a_jump_over_a_callback(library: Library) -> None:
    """longjmp() from a guest's function that Python has called back: setjmp's second return gives 77."""
    leap = library["leap"]
    leap.argtypes = (CFUNCTYPE(None),)
    assert leap(lambda: library["land"]()) == 77
    assert library["fails"]() == 9


@pytest.mark.parametrize("status", [0, 3])
def test_exit_is_an_exception(library: Library, status: int) -> None:
    """exit(3) of a library would end Python; here it says with what, and where."""
    with pytest.raises(GuestExit) as caught:
        library["leave"](status)
    assert caught.value.exit_status == status
    assert caught.value.function == "leave"
    assert " leave+" in caught.value.backtrace[0]
    assert library["fails"]() == 9


def test_after_the_c_librarys_own_exit_there_is_a_new_process(machine: str, libraries: Libraries, root: Path) -> None:
    """_exit() cannot be taken over; what is loaded afterwards works, in another process."""
    first = miniload.load("libc.so.6", arch=machine, sysroot=root)
    with pytest.raises(GuestExit) as caught:
        first["_exit"](4)
    assert caught.value.exit_status == 4
    second = miniload.load(libraries(machine, "guest_process.c"), arch=machine, sysroot=root)
    assert second.target is not first.target
    assert second["fails"]() == 9


def test_abort_is_an_exception(library: Library) -> None:
    """By SIGABRT; the signal mask that raise() had changed is as before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with pytest.raises(GuestFault) as caught:
        library["stop"]()
    assert caught.value.signal == signal.SIGABRT
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_fault_names_function_and_place(calls: Library) -> None:
    """outer() calls inner() calls read_at(), which reads from address 16."""
    with pytest.raises(GuestFault) as caught:
        calls["outer"](16)
    error = caught.value
    assert (error.function, error.signal, error.address) == ("outer", signal.SIGSEGV, 16)
    assert calls.address("read_at") <= error.pc < calls.address("read_at") + 64
    assert [line.split()[-1].partition("+")[0] for line in error.backtrace[:3]] == ["read_at", "inner", "outer"]
    assert calls["trivial"](1, 2) == 3


def test_frame_information_that_is_nonsense(calls: Library) -> None:
    """Each time 40 of its bytes are others (a seeded choice): the fault is told all the same, with as many callers as can be found."""
    chosen, image = random.Random(5), calls.loaded.raw.image
    at = image.eh_frame.address  # of the table; what it is about lies behind it, at the end of the segment
    segment = next(segment for segment in image.segments if segment.address <= at < segment.address + segment.size)
    space, start = calls.target.space, calls.loaded.bias + at
    before = space.read(start, segment.address + segment.size - at)
    try:
        for _ in range(60):
            data = bytearray(before)
            for _ in range(40):
                data[chosen.randrange(len(data))] = chosen.randrange(256)
            space.poke(start, bytes(data))
            with pytest.raises(GuestFault) as caught:
                calls["outer"](16)
            assert " read_at+" in caught.value.backtrace[0]
    finally:
        space.poke(start, before)


@pytest.mark.feature(26)
def test_a_callback_whose_arguments_point_nowhere(calls: Library) -> None:
    """apply() gives 3, which is no string's address: a fault of the guest's, and not of Python's function."""
    apply = calls["apply"]
    apply.argtypes = (CFUNCTYPE(c_int, c_char_p, c_int), c_int, c_int)
    with pytest.raises(GuestFault, match="whose arguments cannot be read"):
        apply(lambda text, number: 0, 3, 4)


def test_an_unknown_instruction_is_a_fault(calls: Library) -> None:
    """__builtin_trap(): SIGILL, or SIGTRAP where the compiler takes a breakpoint for it."""
    with pytest.raises(GuestFault) as caught:
        calls["trap"]()
    assert caught.value.signal in (signal.SIGILL, signal.SIGTRAP)


def test_a_stack_overflow_is_a_fault(calls: Library) -> None:
    """deep(n) takes more than 256 bytes a level; 8 MB are enough for 1000 levels and not for a million."""
    assert calls["deep"](1000) == sum((n % 256 ^ 128) - 128 for n in range(1001))
    with pytest.raises(GuestFault) as caught:
        calls["deep"](10**6)
    assert caught.value.signal == signal.SIGSEGV
    assert calls["trivial"](1, 2) == 3


def test_instructions_run_out(calls: Library) -> None:
    """forever() needs more than any number of them; trivial() needs few."""
    with calls.target.limits(instructions=5000):
        assert calls["trivial"](1, 2) == 3
        with pytest.raises(BudgetError) as caught:
            calls["forever"]()
    assert caught.value.function == "forever"
    assert calls["trivial"](1, 2) == 3


@pytest.mark.parametrize("name", ["forever", "wait_for_input"])
def test_time_runs_out(calls: Library, library: Library, name: str) -> None:
    """Of a loop, and of a call that waits in the host: read() of an empty pipe."""
    where = calls if name == "forever" else library
    with pytest.raises(BudgetError) as caught, where.target.limits(seconds=0.05):
        where[name]()
    assert caught.value.function == name
    with where.target.limits(seconds=60):
        assert calls["trivial"](1, 2) == 3


@pytest.mark.feature(53)
def test_threads_of_python_take_turns(calls: Library) -> None:
    """Eight threads that call the guest at once: fold() through a callback gives each what it gives one alone."""
    fold = calls["fold"]
    fold.restype, fold.argtypes = ctypes.c_int64, (CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64), ctypes.c_int64)
    alone = [fold(lambda a, b: a % 100 + b, n) for n in range(8)]
    found: dict[int, int] = {}

    def run(n: int) -> None:
        found[n] = fold(lambda a, b: a % 100 + b, n)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[n] for n in range(8)] == alone


@pytest.mark.feature(38)
def test_unloading(machine: str, root: Path, libraries: Libraries) -> None:
    """After close() nothing of the library is mapped in the guest."""
    path = libraries(machine, "guest_calls.c", "-DCOPY")
    with miniload.load(path, arch=machine, sysroot=root) as library:
        start, space = library.loaded.start, library.target.space
        assert space.read(start, 4) == b"\x7fELF"
    with pytest.raises(OSError, match="Bad address"):
        space.read(start, 4)


@pytest.mark.feature(39)
def test_two_copies(machine: str, root: Path, libraries: Libraries) -> None:
    """Bytes are a new object each time, with variables of its own, thread-local ones too."""
    data = libraries(machine, "guest_calls.c").read_bytes()
    first, second = (miniload.load(data, arch=machine, sysroot=root) for _ in range(2))
    assert first.loaded.start != second.loaded.start
    assert (first["count"](1), first["count"](1), second["count"](1)) == (41, 42, 41)


def test_what_is_undefined_is_named(machine: str, root: Path, libraries: Libraries) -> None:
    """The source imports not_there; with a C library nothing stands in for it."""
    with pytest.raises(UnresolvedError) as caught:
        miniload.load(libraries(machine, "guest_calls.c", "-DIMPORTS"), arch=machine, sysroot=root)
    assert caught.value.symbols == ("not_there",)


def test_wrong_arguments(tmp_path: Path) -> None:
    """No such architecture, no folder, no C library in it, no such library."""
    with pytest.raises(UsageError, match="arch"):
        miniload.load("libz.so.1", arch="pdp11", sysroot="/")
    with pytest.raises(UsageError, match="no directory"):
        miniload.load("libz.so.1", arch="aarch64", sysroot=tmp_path / "none")
    with pytest.raises(NotFoundError, match="no C library"):
        miniload.load("libz.so.1", arch="riscv64", sysroot=tmp_path)
    with pytest.raises(NotFoundError, match="without a sysroot"):
        miniload.load("libz.so.1", arch="riscv64")


@pytest.mark.feature(12, 29)
def test_musl(arch: str, libraries: Libraries, sysroots: Callable[[str], Path]) -> None:
    """The same with the sysroot's musl, set up by its own dynamic linker: heap and printf, threads, errno, fork, what is thread-local, and
    dl_iterate_phdr."""
    interpreter = f"/lib/ld-musl-{arch}.so.1"

    def load(source: str) -> Library:
        return miniload.load(libraries(arch, source, libc="linux-musl"), arch=arch, sysroot=sysroots(arch), interp=interpreter)

    library, calls = load("guest_process.c"), load("guest_calls.c")
    compose, in_thread = library["compose"], library["in_thread"]
    compose.restype, in_thread.restype = c_char_p, c_long
    assert compose(b"%05d %.4f", 42, c_double(0.125)) == b"00042 0.1250"
    assert in_thread(7) == 12 * 1000 + 100
    assert (library["fails"](), library["child"](9)) == (9, 9 << 8)
    assert calls["count"](2) == 42
    assert load("guest_listing.c")["listed_in_thread"]() // 10 == 11  # musl 1.2 gives RISC-V's block with 0x800 added, as __tls_get_addr does
    with pytest.raises(GuestExit):
        library["leave"](1)


# -- without a C library


@pytest.fixture(scope="module")
def importing(machine: str, libraries: Libraries) -> Path:
    """guest_calls.c with a function that calls not_there()."""
    return libraries(machine, "guest_calls.c", "-DIMPORTS")


def test_a_missing_function_is_named_when_it_is_called(machine: str, importing: Path) -> None:
    """Not before: the rest works."""
    library = miniload.load(importing, arch=machine)
    assert library["trivial"](1, 2) == 3
    with pytest.raises(SymbolError, match="needs: not_there: has called not_there, which is defined nowhere"):
        library["needs"](1)
    assert library["trivial"](1, 2) == 3


@pytest.mark.feature(26)
def test_imports_are_python_functions(machine: str, importing: Path) -> None:
    """By name: as 64-bit numbers, or with a prototype."""
    library = miniload.load(importing, arch=machine, imports={"not_there": lambda a: a * 10})
    assert library["needs"](4) == 41
    library = miniload.load(importing, arch=machine, imports={"not_there": (CFUNCTYPE(c_int, c_int), lambda a: -a)})
    assert library["needs"](-4) == 5


def test_stand_ins_for_a_c_library(machine: str, libraries: Libraries) -> None:
    """The heap, strings and qsort, by what the C standard says of them."""
    library = miniload.load(libraries(machine, "guest_imports.c", "-fno-builtin"), arch=machine)
    function = library["sorted_letters"]
    function.restype = c_char_p
    assert function(b"hello, world") == bytes(sorted(b"hello, world"))
    assert library["heap"](100) == 0
    assert library["strings"]() == 0
    with pytest.raises(GuestExit) as caught:
        library["leave"](5)
    assert caught.value.exit_status == 5


@pytest.mark.parametrize("size", [400, 20, 1])
def test_formats_are_printfs(machine: str, libraries: Libraries, size: int) -> None:
    """snprintf() of this machine's C library, through ctypes, has the same arguments in the same source."""
    library, native = miniload.load(libraries(machine, "guest_imports.c", "-fno-builtin"), arch=machine), libraries.native("guest_imports.c")
    texts = []
    for where in (library, native):
        room = ctypes.create_string_buffer(400)
        texts.append((where["formats"](room, size), room.value))
    assert texts[0] == texts[1]
    assert texts[0][1][:3] == b"-7|"[: size - 1]


def test_guests_do_not_share_memory(machine: str, importing: Path) -> None:
    """Two bare guests of one machine."""
    first, second = miniload.load(importing, arch=machine), miniload.load(importing, arch=machine)
    assert (first["count"](5), second["count"](1)) == (45, 41)
    assert os.getpid() > 0
