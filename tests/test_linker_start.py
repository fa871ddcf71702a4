"""Initialisers, finalisers, unloading, copies. Expected: what glibc's ld.so does in a child beside."""

from __future__ import annotations

import os
import subprocess
import sys
from ctypes import c_int
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from linkers import NOW, Libraries, Linker, Ours, both, in_child, maps_of

from miniload.errors import MiniloadError
from miniload.linker.hooks import Hooks

if TYPE_CHECKING:
    from miniload.linker.object import Object

LOG = "char log_text[256]; void note(char c) { char *p = log_text; while (*p) p++; *p = c; }"
NOTING = """
extern void note(char);
__attribute__((constructor)) static void up(void) { note('%c'); }
__attribute__((destructor)) static void down(void) { note('%c'); }
"""


def noting(library: Libraries, letter: str, *needs: Path) -> Path:
    """A library that notes its letter when it starts, and the small one when it ends."""
    return library(f"lib{letter.lower()}.so", NOTING % (letter, letter.lower()), needs=needs)


def log_of(linker: Linker, log: Path, *paths: Path) -> str:
    """What was noted while libraries were opened, in order, and closed, in the same order."""
    keeper = linker.open(log, NOW | os.RTLD_GLOBAL)
    handles = [linker.open(path) for path in paths]
    for handle in handles:
        linker.close(handle)
    return linker.text(keeper, "log_text")


@pytest.mark.feature(33)
def test_initialisers_of_dependencies_first(library: Libraries) -> None:
    """A chain, started from its end."""
    log = library("liblog.so", LOG)
    last = noting(library, "C", log)
    first = noting(library, "A", noting(library, "B", last))
    assert both(lambda linker: log_of(linker, log, first)) == "CBAabc"


@pytest.mark.feature(33, 34)
def test_order_among_siblings(library: Libraries) -> None:
    """Of two that do not need each other, the later one is started first; ended in reverse."""
    log = library("liblog.so", LOG)
    root = noting(library, "A", noting(library, "B", log), noting(library, "C", log), noting(library, "D", log))
    assert both(lambda linker: log_of(linker, log, root)) == "DCBAabcd"


@pytest.mark.feature(33, 34)
def test_order_in_a_lattice(library: Libraries) -> None:
    """What is needed in several places, near and deep."""
    log = library("liblog.so", LOG)
    deep = noting(library, "D", log)
    left = noting(library, "B", noting(library, "E", deep))
    root = noting(library, "A", deep, left, noting(library, "C", left))
    both(lambda linker: log_of(linker, log, root))


@pytest.mark.feature(33)
def test_order_in_a_cycle(library: Libraries) -> None:
    """What was opened is started last."""
    log = library("liblog.so", LOG)
    stub = library("libb.so", "int b;", folder=library.folder / "stub")
    first = noting(library, "A", stub, log)
    noting(library, "B", first, log)

    def scenario(linker: Linker) -> str:
        keeper = linker.open(log, NOW | os.RTLD_GLOBAL)
        linker.open(first)
        return linker.text(keeper, "log_text")

    assert both(scenario) == "BA"


@pytest.mark.feature(34)
def test_each_library_ends_when_nothing_needs_it(library: Libraries) -> None:
    """Two that share a dependency, closed one after the other."""
    log = library("liblog.so", LOG)
    base = noting(library, "C", log)
    assert both(lambda linker: log_of(linker, log, noting(library, "A", base), noting(library, "B", base))) == "CABabc"


ALL_KINDS = (
    NOTING % ("2", "8")
    + """
__attribute__((constructor(101))) static void early(void) { note('1'); }
__attribute__((destructor(101))) static void late(void) { note('9'); }
__attribute__((constructor(65000))) static void up2(void) { note('3'); }
void my_init(void) { note('0'); }
void my_fini(void) { note('f'); }
"""
)


@pytest.mark.feature(33, 34)
def test_init_and_arrays(library: Libraries) -> None:
    """DT_INIT before DT_INIT_ARRAY; DT_FINI_ARRAY backwards, then DT_FINI."""
    log = library("liblog.so", LOG)
    path = library("libkinds.so", ALL_KINDS, "-Wl,-init,my_init,-fini,my_fini", needs=(log,))
    noted = both(lambda linker: log_of(linker, log, path))
    assert (noted[0], noted[-1], sorted(noted)) == ("0", "f", sorted("012389f"))


ARGUMENTS = """
#include <stdlib.h>
#include <string.h>
extern char **environ;
int count; char first[256]; int ends, same_environment, again;
__attribute__((constructor)) static void up(int argc, char **argv, char **envp) {
  count = argc; strncpy(first, argv[0], 255); ends = argv[argc] == NULL; same_environment = envp == environ;
}
"""


@pytest.mark.feature(33)
def test_arguments_of_initialisers(library: Libraries) -> None:
    """argc, argv and envp of the process."""
    path = library("libargs.so", ARGUMENTS)

    def scenario(linker: Linker) -> tuple[int, str, int, int]:
        handle = linker.open(path)
        return linker.read(handle, "count"), linker.text(handle, "first"), linker.read(handle, "ends"), linker.read(handle, "same_environment")

    count, first, ends, _same = both(scenario)
    assert count > 0
    assert first
    assert ends


@pytest.mark.feature(33)
def test_empty_entries_of_arrays(library: Libraries) -> None:
    """0 and -1 in place of an initialiser are passed over by ours; glibc's link editor puts none there, and its ld.so calls what stands there."""
    entries = "{0, (void *)up, (void *)-1L, (void *)up}"
    source = f'int started; static void up(void) {{ started++; }} __attribute__((section(".init_array"), used)) static void *entries[] = {entries};'
    path = library("libentries.so", source)

    def scenario() -> int:
        linker = Ours()
        return linker.read(linker.open(path), "started")

    assert in_child(scenario) == 2


class Failing(Hooks):
    """Fails at the initialisers of one library."""

    def __init__(self, name: str) -> None:
        self.name = name

    def before_init(self, loaded: Object, functions: list[int]) -> list[int]:
        if loaded.name.endswith(self.name):
            raise ValueError(loaded.name)
        return functions


@pytest.mark.feature(33, 51)
def test_failing_initialiser(library: Libraries) -> None:
    """The load is undone: what had been started is ended, all is unmapped, and the next attempt starts afresh."""
    log = library("liblog.so", LOG)
    inner = noting(library, "B", log)
    outer = noting(library, "A", inner)

    def scenario() -> tuple[str, list[bool], list[int]]:
        linker = Ours(hooks=Failing("liba.so"))
        keeper = linker.loader.load(str(log), NOW | os.RTLD_GLOBAL)
        with pytest.raises(ValueError, match=r"liba\.so"):
            linker.loader.load(str(outer))
        return linker.text(keeper, "log_text"), [bool(maps_of(path)) for path in (inner, outer)], [len(linker.loader.objects)]

    assert in_child(scenario) == ("Bb", [False, False], [1])


@pytest.mark.feature(53)
def test_constructor_that_opens_a_library(library: Libraries) -> None:
    """A load from within an initialiser, here through a callback: the new library is started at once."""
    log = library("liblog.so", LOG)
    late = noting(library, "L", log)
    outer = library(
        "libouter.so",
        "extern void note(char), load_more(void); __attribute__((constructor)) static void up(void) { note('['); load_more(); note(']'); }",
        needs=(log,),
    )

    def scenario() -> str:
        def load_more() -> None:
            linker.open(late)

        linker = Ours(first={"load_more": load_more})
        keeper = linker.open(log, NOW | os.RTLD_GLOBAL)
        linker.open(outer)
        return linker.text(keeper, "log_text")

    assert in_child(scenario) == "[L]"


@pytest.mark.feature(38)
def test_reference_counts(library: Libraries) -> None:
    """As many closes as opens, then the mappings are gone and one close more is an error."""
    path = library("libone.so", "int counter;")

    def scenario(linker: Linker) -> list[bool]:
        handles = [linker.open(path) for _ in range(3)]
        there = []
        for handle in handles:
            linker.close(handle)
            there.append(bool(maps_of(path)))
        return there

    assert both(scenario) == [True, True, False]


@pytest.mark.feature(38)
def test_closing_too_often(library: Libraries) -> None:
    """An error of its own kind."""
    path = library("libone.so", "int counter;")

    def scenario() -> bool:
        linker = Ours()
        handle = linker.open(path)
        linker.close(handle)
        try:
            linker.close(handle)
        except MiniloadError:
            return True
        return False

    assert in_child(scenario)


@pytest.mark.feature(38)
def test_unloading_leaves_no_mapping(library: Libraries) -> None:
    """The process's maps afterwards are those from before: bss, gaps and alignment slack have gone, too."""
    path = library("libbig.so", "char bss[5000000]; int data[3000] = {1}; int *pointer = data;", "-Wl,-z,max-page-size=0x200000")

    def scenario() -> tuple[list[str], bool]:
        linker = Ours()
        linker.close(linker.open(path))
        before = Path("/proc/self/maps").read_text().splitlines()
        linker.close(linker.open(path))
        after = Path("/proc/self/maps").read_text().splitlines()
        heap = [line for line in set(before) ^ set(after) if "[heap]" not in line and len(line.split()) > 5]
        return heap, bool(maps_of(path))

    assert in_child(scenario) == ([], False)


@pytest.mark.feature(38)
def test_new_load_starts_afresh(library: Libraries) -> None:
    """Variables have their initial values again."""
    path = library("libone.so", "int counter = 5; int bump(void) { return ++counter; }")

    def scenario(linker: Linker) -> list[int]:
        seen = []
        for _ in range(2):
            handle = linker.open(path)
            seen += [linker.call(handle, "bump"), linker.call(handle, "bump")]
            linker.close(handle)
        return seen

    assert both(scenario) == [6, 7, 6, 7]


@pytest.mark.feature(39)
def test_copies(library: Libraries) -> None:
    """Two loaders have a copy of a library each: other addresses, other variables, also of what it needs. In glibc this is dlmopen(LM_ID_NEWLM)."""
    base = library("libbase.so", "int counter; int count(void) { return ++counter; }")
    path = library("libone.so", "extern int count(void); int ask(void) { return count(); }", needs=(base,))

    def scenario() -> tuple[list[int], bool, int]:
        one, two = Ours(), Ours()
        first, second = one.open(path), two.open(path)
        values = [one.call(first, "ask"), one.call(first, "ask"), two.call(second, "ask")]
        one.close(first)
        values.append(two.call(second, "ask"))
        return values, first.start != second.start, two.read(second, "counter")

    assert in_child(scenario) == ([1, 2, 1, 2], True, 2)


@pytest.mark.feature(39)
def test_bytes_are_always_a_new_copy(library: Libraries) -> None:
    """In one loader, too."""
    data = library("libone.so", "int counter = 3;").read_bytes()

    def scenario() -> tuple[bool, int]:
        linker = Ours()
        one, two = linker.loader.load(data), linker.loader.load(data)
        c_int.from_address(linker.address(one, "counter")).value = 9
        return one is not two, linker.read(two, "counter")

    assert in_child(scenario) == (True, 3)


@pytest.mark.feature(39)
def test_c_library_is_not_copied(library: Libraries) -> None:
    """By name, by path, and as a dependency, in any loader: always the process's own."""
    path = library("libone.so", "#include <stdlib.h>\nvoid *ask(void) { return malloc(1); }")

    def scenario() -> tuple[int, bool]:
        linker = Ours()
        libc = linker.open("libc.so.6")
        copied = library.folder / "another-name.so"
        copied.write_bytes(Path(libc.path).read_bytes())
        before = len({line.split()[0] for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith("/libc.so.6")})
        by_path = linker.open(libc.path)
        linker.open(path)
        after = len({line.split()[0] for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith("/libc.so.6")})
        return after - before, libc is by_path is linker.open(copied)

    assert in_child(scenario) == (0, True)


@pytest.mark.feature(53)
def test_threads(library: Libraries) -> None:
    """Eight threads open, call and close the same libraries, and each one of its own: one copy at a time, started once each time, and none is left."""
    shared = library("libshared.so", "int started; __attribute__((constructor)) static void up(void) { started++; } int ask(void) { return started; }")
    own = [library(f"libown{number}.so", f"extern int ask(void); int own(void) {{ return ask() * 100 + {number}; }}", needs=(shared,)) for number in range(8)]

    def scenario() -> tuple[set[int], list[bool]]:
        from threading import Thread

        linker = Ours()
        wrong: list[object] = []
        answers: set[int] = set()

        def work(number: int) -> None:
            for _ in range(40):
                first, second = linker.open(shared), linker.open(own[number])
                if isinstance(first, str) or isinstance(second, str):
                    wrong.append((first, second))
                    return
                answers.add(linker.call(first, "ask") * 1000 + linker.call(second, "own") - number)
                linker.close(first)
                linker.close(second)

        threads = [Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong, wrong[0]
        return answers, [bool(maps_of(path)) for path in (shared, *own)]

    assert in_child(scenario) == ({1100}, [False] * 9)


WRITING = """
#include <unistd.h>
static void say(const char *text) { if (write(1, text, 1)) {} }
__attribute__((constructor)) static void up(void) { say("%s"); }
__attribute__((destructor)) static void down(void) { say("%s"); }
"""
AT_EXIT = {
    "miniload": "import miniload, sys; opened = [miniload.load(path) for path in sys.argv[1:]]; opened[0].close()",
    "ctypes": "import ctypes, sys, _ctypes; opened = [ctypes.CDLL(path) for path in sys.argv[1:]]; _ctypes.dlclose(opened[0]._handle)",
}


@pytest.mark.feature(34)
@pytest.mark.parametrize("way", ["", "; sys.exit(0)", "; import os; os._exit(0)"])
def test_finalisers_when_the_process_ends(library: Libraries, way: str) -> None:
    """Of what is still loaded, in reverse order, once; none at _exit(2). The same script with ctypes says the same. (Between libraries that do not need
    each other glibc keeps the order of initialisation only since 2.39.)"""
    base = library("libb.so", WRITING % ("B", "b"))
    middle = library("libc1.so", WRITING % ("C", "c"), needs=(base,))
    paths = [library("liba.so", WRITING % ("A", "a")), library("libd.so", WRITING % ("D", "d"), needs=(middle,))]
    said = {}
    for name, code in AT_EXIT.items():
        done = subprocess.run([sys.executable, "-c", code + way, *paths], capture_output=True)
        assert done.returncode == 0, done.stderr
        said[name] = done.stdout
    assert said["miniload"] == said["ctypes"] == (b"ABCDa" if "_exit" in way else b"ABCDadcb")
