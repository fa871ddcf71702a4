"""Loads of the usual kind, which are one call of the core: what they are, and that nothing is different with them. The oracle is ld.so, or the same loader
step by step; `both` compares all three."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from ctypes import c_void_p
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from inside_support import SOURCES, agree, library
from linkers import GLOBAL, NOW, AsLoad, Libraries, both, in_child, maps_of
from support import need

from miniload.linker.native import native_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from linkers import Linker

    from miniload.linker.object import Object

PLAIN = "int one(void) { return 1; }"


@pytest.fixture
def libraries(tmp_path: Path) -> Libraries:
    return Libraries(tmp_path)


def was_usual(path: Path | str, before: Callable[[AsLoad], object] = lambda _linker: None, mode: int = NOW) -> bool:
    """Whether a file is loaded at once, in a new process."""

    def scenario() -> bool:
        linker = AsLoad()
        before(linker)
        loaded: Object = linker.open(path, mode)
        assert linker.address(loaded, "one")
        return loaded.usual is not None

    return in_child(scenario)


@pytest.mark.feature(10)
def test_which_loads_are_usual(libraries: Libraries) -> None:
    """A path, RTLD_NOW, nothing in the global scope: and also with others loaded before, of its own or of ld.so's, and with what was loaded gone again. Not: a
    hook, RTLD_LAZY or RTLD_GLOBAL, thread-local storage, DT_SYMBOLIC, a dependency of its own, a name that the C library has."""
    plain, other, local = (
        libraries("libplain.so", PLAIN),
        libraries("libother.so", "int other;"),
        libraries("liblocal.so", "__thread int own = 1; int one(void) { return own; }"),
    )
    needs = libraries("libneeds.so", "int two(void) { return 2; }", needs=(plain,))  # finds one() there
    named = libraries("libnamed.so", PLAIN, "-Wl,-soname,libm.so.6")
    symbolic = libraries("libsymbolic.so", PLAIN, "-Wl,-Bsymbolic")
    assert was_usual(plain)
    assert was_usual(plain, lambda linker: linker.open(other))
    assert was_usual(plain, lambda linker: linker.open(local))
    assert was_usual(plain, lambda linker: linker.close(linker.open(needs)))
    assert was_usual(plain, lambda _linker: ctypes.CDLL(str(other)))
    assert not was_usual(plain, mode=os.RTLD_LAZY)
    assert not was_usual(plain, lambda linker: linker.open(other, NOW | GLOBAL))
    for unusual in (local, needs, symbolic):
        assert not was_usual(unusual)
    assert in_child(lambda: AsLoad().open(named).soname) == "libm.so.6"
    assert in_child(lambda: AsLoad().open(named).path != str(named))  # the process's own


@pytest.mark.feature(27, 38)
@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")], ids=["needed one first", "needing one first"])
def test_what_is_needed_later_stays(order: tuple[str, str], libraries: Libraries) -> None:
    """A library that was loaded for itself, and then found to be what another needs, stays as long as that."""
    base = libraries("libbase.so", "int counter; int count(void) { return ++counter; }")
    user = libraries("libuser.so", "extern int count(void); int use(void) { return count(); }", needs=(base,))

    def scenario(linker: Linker) -> list[object]:
        handles = {"first": linker.open(base), "second": linker.open(user)}
        seen: list[object] = [linker.call(handles["second"], "use")]
        for name in order:
            linker.close(handles[name])
            seen += [bool(maps_of(base)), bool(maps_of(user))]
        return seen

    middle = [True, True] if order[0] == "first" else [True, False]
    assert both(scenario) == [1, *middle, False, False]


@pytest.mark.feature(25, 38)
def test_what_becomes_global_later_stays_for_those_that_use_it(libraries: Libraries) -> None:
    """Opened twice, the second time with RTLD_GLOBAL; another is bound to it, which ends with the last of both."""
    one = libraries("libone.so", "int value(void) { return 1; }")
    user = libraries("libuser.so", "extern int value(void) __attribute__((weak)); int ask(void) { return value ? value() : -1; }")

    def scenario(linker: Linker) -> list[object]:
        handles = [linker.open(one), linker.open(one, NOW | GLOBAL)]
        using = linker.open(user)
        for handle in handles:
            linker.close(handle)
        seen: list[object] = [linker.call(using, "ask"), bool(maps_of(one))]
        linker.close(using)
        return [*seen, bool(maps_of(one)), linker.call(linker.open(user), "ask")]

    assert both(scenario) == [1, True, False, -1]


@pytest.mark.feature(21, 22)
def test_own_symbols_of_one_hash(libraries: Libraries) -> None:
    """References of an object to its own symbols: two whose names have the same GNU hash (ab, bA), one that differs in the lowest bit only (aa), and one that
    is called as a function of libc's, which comes first."""
    source = """
int ab = 1, bA = 2, aa = 3;
int *const pointers[] = {&ab, &bA, &aa};
char *getenv(const char *name) { return (char *)name; }
char *(*function)(const char *) = getenv;
int first(void) { return *pointers[0]; } int second(void) { return *pointers[1]; } int third(void) { return *pointers[2]; }
int is_own(void) { return function("no variable is called so") != 0; }
"""
    path = libraries("libhashes.so", source)

    def scenario(linker: Linker) -> list[object]:
        handle = linker.open(path)
        return [linker.call(handle, name) for name in ("first", "second", "third", "is_own")]

    assert both(scenario) == [1, 2, 3, 0]


@pytest.mark.feature(22)
def test_own_symbols_of_two_versions(libraries: Libraries, tmp_path: Path) -> None:
    """Two definitions of a name, each referred to by the object itself, lead to their own, as the version says."""
    script = tmp_path / "versions.map"
    script.write_text("OLD { global: number; };\nNEW { global: number; old; new; } OLD;\n")
    source = """
__asm__(".symver number_old, number@OLD, remove"); __asm__(".symver number_new, number@@NEW, remove");
int number_old(void) { return 1; } int number_new(void) { return 2; }
int (*table[2])(void) = {number_old, number_new};
int old(void) { return table[0](); } int new(void) { return table[1](); }
"""
    path = libraries("libversions.so", source, f"-Wl,--version-script={script}", "-fno-lto", "-fno-toplevel-reorder")

    def scenario(linker: Linker) -> list[object]:
        handle = linker.open(path)
        return [linker.call(handle, name) for name in ("old", "new", "number")]

    assert both(scenario) == [1, 2, 2]


@pytest.mark.feature(10, 52)
def test_names_that_end_early_are_refused(libraries: Libraries) -> None:
    """Not cut off, which would load another file. As ctypes.CDLL."""
    path = libraries("libplain.so", PLAIN)

    def outcome() -> list[str]:
        seen = []
        for load in (ctypes.CDLL, AsLoad().loader.load):
            try:
                load(f"{path}\0.so")  # type: ignore[operator]
            except Exception as error:
                seen.append(f"{type(error).__name__}: {error}")
        return seen

    assert in_child(outcome) == ["ValueError: embedded null byte"] * 2


@pytest.mark.feature(10, 38)
def test_what_is_closed_can_still_be_asked(libraries: Libraries) -> None:
    """What nobody has asked for before it was unloaded is no longer known; that is all."""
    path = libraries("libplain.so", PLAIN)

    def answers() -> list[object]:
        linker = AsLoad()
        loaded: Object = linker.open(path)
        linker.close(loaded)
        return [loaded.soname, loaded.needed, loaded.dependencies, loaded.find("one"), list(loaded.symbols()), loaded.symbol_at(loaded.start), loaded.path]

    assert in_child(answers) == [None, (), [], None, [], None, str(path)]


@pytest.mark.feature(26)
def test_what_ld_so_has_loaded_is_looked_at_anew_only_if_it_has_changed(libraries: Libraries) -> None:
    """Loaded and unloaded by ld.so: the same objects as before. Loaded: one more. Another file in its place: another object."""
    path, other = libraries("libplain.so", PLAIN), libraries("libother.so", "int other(void) { return 2; } int more = 3;")

    def seen() -> list[object]:
        target, libc = native_target(), ctypes.CDLL(None)
        before = target.existing()
        libc.dlclose(c_void_p(ctypes.CDLL(str(path))._handle))
        after = target.existing()
        handle = c_void_p(ctypes.CDLL(str(path))._handle)
        names = [loaded.soname for loaded in target.existing()]
        libc.dlclose(handle)
        os.replace(other, path)
        ctypes.CDLL(str(path))
        again = target.existing()[-1]
        return [after is before, names[len(before) :], again.find("one"), again.find("other") is not None]

    assert in_child(seen) == [True, ["libplain.so"], None, True]


@pytest.mark.feature(53)
def test_threads_that_load_at_once(tmp_path: Path) -> None:
    """Eight threads with libraries that need nothing but libc, and one that ld.so loads and unloads in between: each call gets its answer, nothing stays
    mapped."""
    need("gcc")
    nested = library(tmp_path, "nested.so", "int nested(void) { return 1; }\nint other;\n")
    source = f"""
#include <dlfcn.h>
static int made;
__attribute__((constructor)) static void begin(void) {{ made = 1000; void *other = dlopen("{nested}", RTLD_NOW); if (other) dlclose(other); }}
int exercise(int number) {{ Dl_info info; return dladdr((void *)exercise, &info) && info.dli_saddr == (void *)exercise ? made + number : -1; }}
"""
    paths = [str(library(tmp_path, f"part{number}.so", source, f"-DNUMBER={number}")) for number in range(4)]
    host = library(tmp_path, "host.so", "int host(void) { return 1; }\nint more;\n")
    command = [sys.executable, str(SOURCES / "thread_safety.py"), "2", "8", f"={host}", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout) == (0, "True [] []\n"), done.stderr


@pytest.mark.feature(36)
def test_a_constructor_that_loads_the_same_way(tmp_path: Path) -> None:
    """dlopen in a constructor and dlclose in a destructor, of a library that is open by then, and of one that is not."""
    library(tmp_path, "nested.so", "int nested(void) { return 7; }\nint other;\n")
    source = f"""
#include <dlfcn.h>
static void *other; static int answer;
__attribute__((constructor)) static void begin(void) {{
    other = dlopen("{tmp_path}/nested.so", RTLD_NOW);
    answer = other ? ((int (*)(void))dlsym(other, "nested"))() : -1;
}}
__attribute__((destructor)) static void end(void) {{ dlclose(other); }}
int get(void) {{ return answer; }}
"""
    library(tmp_path, "outer.so", source)
    text = """
for before in (False, True):
    nested = load("nested.so") if before else None
    library = load("outer.so")
    print(library.get(), mapped("nested.so"))
    close(library)
    print(mapped("outer.so"), mapped("nested.so"))
    if nested:
        close(nested)
        print(mapped("nested.so"))
"""
    assert agree(tmp_path, text) == "7 True\nFalse False\n7 True\nFalse True\nFalse\n"
