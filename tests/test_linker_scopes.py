"""Which definition a reference is bound to: dlopen's flags, global and local scopes, dependencies, identity. Expected: what glibc's ld.so does, in a child."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from linkers import DEEPBIND, GLOBAL, LAZY, LOCAL, NODELETE, NOLOAD, NOW, Libraries, Linker, both, maps_of

if TYPE_CHECKING:
    from pathlib import Path


def value(number: int) -> str:
    """A library that defines value() and asks for it through its own reference, too."""
    return f"int value(void) {{ return {number}; }} int asked{number}(void) {{ return value(); }}"


USER = "int value(void) __attribute__((weak)); int ask(void) { return value ? value() : -1; }"


@pytest.mark.feature(41)
@pytest.mark.parametrize("mode", [NOW, LAZY, NOW | GLOBAL, LAZY | LOCAL, NOW | DEEPBIND, NOW | NODELETE])
def test_modes(library: Libraries, mode: int) -> None:
    """Every mode loads a library whose reference is bound to its own definition."""
    path = library("libone.so", value(1))

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(path, mode), "asked1")

    assert both(scenario) == 1


@pytest.mark.feature(25)
def test_local_symbols_are_not_seen_by_others(library: Libraries) -> None:
    """RTLD_LOCAL keeps definitions from libraries that are loaded later."""
    one, user = library("libone.so", value(1)), library("libuser.so", USER)

    def scenario(linker: Linker) -> int:
        linker.open(one, NOW | LOCAL)
        return linker.call(linker.open(user), "ask")

    assert both(scenario) == -1


@pytest.mark.feature(25)
def test_global_symbols_are(library: Libraries) -> None:
    """RTLD_GLOBAL puts them into the global scope."""
    one, user = library("libone.so", value(1)), library("libuser.so", USER)

    def scenario(linker: Linker) -> int:
        linker.open(one, NOW | GLOBAL)
        return linker.call(linker.open(user), "ask")

    assert both(scenario) == 1


@pytest.mark.feature(25)
def test_promotion(library: Libraries) -> None:
    """A local library that is opened again with RTLD_GLOBAL, be it with RTLD_NOLOAD, becomes global."""
    one, user = library("libone.so", value(1)), library("libuser.so", USER)

    def scenario(linker: Linker) -> int:
        linker.open(one, NOW | LOCAL)
        linker.open(one, NOW | NOLOAD | GLOBAL)
        return linker.call(linker.open(user), "ask")

    assert both(scenario) == 1


@pytest.mark.feature(25)
def test_promotion_takes_dependencies_along(library: Libraries) -> None:
    """What a global library needs is global, too."""
    one, user = library("libone.so", value(1)), library("libuser.so", USER)
    outer = library("libouter.so", "int outer;", needs=(one,))

    def scenario(linker: Linker) -> int:
        linker.open(outer, NOW | GLOBAL)
        return linker.call(linker.open(user), "ask")

    assert both(scenario) == 1


@pytest.mark.feature(25)
def test_global_scope_comes_before_the_library_itself(library: Libraries) -> None:
    """A definition that is global already is preferred to a library's own."""
    one, two = library("libone.so", value(1)), library("libtwo.so", value(2))

    def scenario(linker: Linker) -> tuple[int, int]:
        linker.open(one, NOW | GLOBAL)
        handle = linker.open(two)
        return linker.call(handle, "asked2"), linker.call(handle, "value")

    assert both(scenario) == (1, 2)


@pytest.mark.feature(25, 41)
def test_deepbind(library: Libraries) -> None:
    """RTLD_DEEPBIND turns that round."""
    one, two = library("libone.so", value(1)), library("libtwo.so", value(2))

    def scenario(linker: Linker) -> int:
        linker.open(one, NOW | GLOBAL)
        return linker.call(linker.open(two, NOW | DEEPBIND), "asked2")

    assert both(scenario) == 2


@pytest.mark.feature(25, 41)
def test_deepbind_covers_dependencies(library: Libraries) -> None:
    """What a library opened so needs finds the definitions of that load first."""
    one, two = library("libone.so", value(1)), library("libtwo.so", value(2))
    outer = library("libouter.so", "int outer;", needs=(two,))

    def scenario(linker: Linker) -> int:
        linker.open(one, NOW | GLOBAL)
        return linker.call(linker.open(outer, NOW | DEEPBIND), "asked2")

    assert both(scenario) == 2


@pytest.mark.feature(25, 41)
def test_deepbind_and_what_is_global(library: Libraries) -> None:
    """Behind a library's own scope the global one is complete: a symbol of a library opened with RTLD_GLOBAL, and those of the C library."""
    one = library("libone.so", value(1))
    user = library("libuser.so", USER + 'extern int atoi(const char *); int number(void) { return atoi("12"); }')

    def scenario(linker: Linker) -> tuple[int, int]:
        linker.open(one, NOW | GLOBAL)
        handle = linker.open(user, NOW | DEEPBIND)
        return linker.call(handle, "ask"), linker.call(handle, "number")

    assert both(scenario) == (1, 12)


@pytest.mark.feature(25)
def test_symbols_are_looked_up_breadth_first(library: Libraries) -> None:
    """A definition in a direct dependency comes before one deeper down, wherever the deeper one hangs."""
    deep = library("libdeep.so", value(3))
    first = library("libfirst.so", "int first;", needs=(deep,))
    second = library("libsecond.so", value(2))
    outer = library("libouter.so", USER, needs=(first, second))

    def scenario(linker: Linker) -> tuple[int, int]:
        handle = linker.open(outer)
        return linker.call(handle, "ask"), linker.call(handle, "value")

    assert both(scenario) == (2, 2)


@pytest.mark.feature(25)
def test_root_of_the_load_comes_before_a_dependency(library: Libraries) -> None:
    """A dependency's own reference is bound to the definition of what was opened."""
    inner = library("libone.so", value(1))
    outer = library("libtwo.so", value(2), needs=(inner,))

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(outer), "asked1")

    assert both(scenario) == 2


@pytest.mark.feature(24)
@pytest.mark.parametrize("flag", ["-Wl,-Bsymbolic", "-Wl,-Bsymbolic,--disable-new-dtags"])
def test_symbolic(library: Libraries, flag: str) -> None:
    """DT_SYMBOLIC: the library itself first. The variable's address in data is a dynamic relocation still."""
    source = "int shared = %d; int *place = &shared; int seen(void) { return *place; }"
    one = library("libone.so", source % 1)
    two = library("libtwo.so", source.replace("seen", "seen2").replace("place", "place2") % 2, flag)

    def scenario(linker: Linker) -> int:
        linker.open(one, NOW | GLOBAL)
        return linker.call(linker.open(two), "seen2")

    assert both(scenario) == 2


@pytest.mark.feature(41)
def test_noload_of_what_is_not_loaded(library: Libraries) -> None:
    """RTLD_NOLOAD loads nothing: there is no handle, and no mapping."""
    path = library("libone.so", value(1))

    def scenario(linker: Linker) -> tuple[bool, list[str]]:
        return isinstance(linker.open(path, NOW | NOLOAD), str), maps_of(path)

    assert both(scenario) == (True, [])


@pytest.mark.feature(41)
def test_noload_finds_what_is_loaded(library: Libraries) -> None:
    """And counts: the library stays until both are closed."""
    path = library("libone.so", value(1))

    def scenario(linker: Linker) -> tuple[bool, bool, bool]:
        handle = linker.open(path)
        again = linker.open(path, NOW | NOLOAD)
        linker.close(handle)
        stays = bool(maps_of(path))
        linker.close(again)
        return handle == again, stays, bool(maps_of(path))

    assert both(scenario) == (True, True, False)


@pytest.mark.feature(38, 41)
def test_nodelete(library: Libraries) -> None:
    """RTLD_NODELETE, also given later, keeps a library, and its variables' values."""
    path = library("libone.so", "int counter = 5;")

    def scenario(linker: Linker) -> tuple[bool, int]:
        handle = linker.open(path)
        linker.open(path, NOW | NOLOAD | NODELETE)
        linker.close(handle)
        linker.close(handle)
        return bool(maps_of(path)), linker.read(linker.open(path), "counter")

    assert both(scenario) == (True, 5)


@pytest.mark.feature(38)
def test_nodelete_in_the_file(library: Libraries) -> None:
    """DF_1_NODELETE, here of a dependency: that stays, and what needs it goes."""
    inner = library("libone.so", value(1), "-Wl,-z,nodelete")
    outer = library("libouter.so", "int outer;", needs=(inner,))

    def scenario(linker: Linker) -> tuple[bool, bool]:
        linker.close(linker.open(outer))
        return bool(maps_of(inner)), bool(maps_of(outer))

    assert both(scenario) == (True, False)


@pytest.mark.feature(27)
def test_one_file_is_loaded_once(library: Libraries, tmp_path: Path) -> None:
    """Whatever the name: another path, a symbolic link, a hard link."""
    path = library("libone.so", "int counter;")
    (tmp_path / "soft.so").symlink_to(path)
    os.link(path, tmp_path / "hard.so")

    def scenario(linker: Linker) -> list[bool]:
        first = linker.open(path)
        return [linker.open(other) == first for other in (tmp_path / "soft.so", tmp_path / "hard.so", f"{tmp_path}/../{tmp_path.name}/libone.so")]

    assert both(scenario) == [True, True, True]


@pytest.mark.feature(27)
def test_copy_of_a_file_is_another_library(library: Libraries, tmp_path: Path) -> None:
    """By its path, though the soname is the same."""
    path = library("libone.so", "int counter;")
    shutil.copy(path, tmp_path / "copy.so")

    def scenario(linker: Linker) -> bool:
        return linker.open(path) == linker.open(tmp_path / "copy.so")

    assert both(scenario) is False


@pytest.mark.feature(27)
def test_soname_is_a_name(library: Libraries, tmp_path: Path) -> None:
    """A library that is loaded from a file of any name serves a need of its soname, though no file of that name can be found."""
    path = library("libone.so", value(1))
    outer = library("libouter.so", "extern int value(void); int outer(void) { return value(); }", needs=(path,), runpath=False)
    path.rename(tmp_path / "other-name.so")

    def scenario(linker: Linker) -> tuple[bool, int]:
        first = linker.open(tmp_path / "other-name.so")
        handle = linker.open(outer)
        return linker.open("libone.so") == first, linker.call(handle, "outer")

    assert both(scenario) == (True, 1)


@pytest.mark.feature(27)
def test_cycle(library: Libraries) -> None:
    """Two libraries that need each other, each bound to the other's function; both go when the one that was opened does."""
    stub = library("libtwo.so", "int two(void) { return 0; }")
    one = library("libone.so", "extern int two(void); int one(void) { return 1; } int ask(void) { return two() * 10; }", needs=(stub,))
    two = library("libtwo.so", "extern int one(void); int two(void) { return one() + 1; }", needs=(one,))

    def scenario(linker: Linker) -> tuple[int, bool, bool]:
        handle = linker.open(one)
        answer = linker.call(handle, "ask")
        linker.close(handle)
        return answer, bool(maps_of(one)), bool(maps_of(two))

    assert both(scenario) == (20, False, False)


@pytest.mark.feature(27)
def test_library_that_needs_itself(library: Libraries) -> None:
    """A cycle of one."""
    stub = library("libone.so", value(1), folder=library.folder / "stub")
    path = library("libone.so", value(1), needs=(stub,))

    def scenario(linker: Linker) -> tuple[int, bool]:
        handle = linker.open(path)
        answer = linker.call(handle, "asked1")
        linker.close(handle)
        return answer, bool(maps_of(path))

    assert both(scenario) == (1, False)


@pytest.mark.feature(27, 38)
def test_diamond(library: Libraries) -> None:
    """What two libraries need is loaded once, and stays as long as one of them."""
    base = library("libbase.so", "int counter; int count(void) { return ++counter; }")
    left = library("libleft.so", "extern int count(void); int left(void) { return count(); }", needs=(base,))
    right = library("libright.so", "extern int count(void); int right(void) { return count(); }", needs=(base,))

    def scenario(linker: Linker) -> list[int]:
        first, second = linker.open(left), linker.open(right)
        seen = [linker.call(first, "left"), linker.call(second, "right")]
        linker.close(first)
        seen += [linker.call(second, "right"), bool(maps_of(base)), bool(maps_of(left))]
        linker.close(second)
        return [*seen, bool(maps_of(base))]

    assert both(scenario) == [1, 2, 3, True, False, False]


@pytest.mark.feature(25, 38)
def test_bound_library_stays(library: Libraries) -> None:
    """A library that another one's reference was bound to through the global scope stays as long as that one (dl-lookup.c, add_dependency)."""
    one, user = library("libone.so", value(1)), library("libuser.so", USER)

    def scenario(linker: Linker) -> tuple[int, bool]:
        first = linker.open(one, NOW | GLOBAL)
        second = linker.open(user)
        linker.close(first)
        answer = linker.call(second, "ask")
        linker.close(second)
        return answer, bool(maps_of(one))

    assert both(scenario) == (1, False)


@pytest.mark.feature(25)
def test_closed_library_is_no_longer_global(library: Libraries) -> None:
    """What is unloaded leaves the global scope."""
    one, user = library("libone.so", value(1)), library("libuser.so", USER)

    def scenario(linker: Linker) -> int:
        linker.close(linker.open(one, NOW | GLOBAL))
        return linker.call(linker.open(user), "ask")

    assert both(scenario) == -1
