"""Symbols of the caller's own, first and last; preloading; symbols that are defined nowhere."""

from __future__ import annotations

import ctypes
import os
import subprocess
from ctypes import c_char_p, c_double, c_int, c_void_p

import pytest
from linkers import Libraries, Ours, in_child

from miniload.errors import NotFoundError, UnresolvedError, UsageError
from miniload.linker.library import Library
from miniload.linker.traps import Traps

USER = "extern int number(int); int ask(int x) { return number(x) + 1; }"
ALLOCATING = "#include <stdlib.h>\n#include <string.h>\nlong ask(long n) { char *p = malloc(n); memset(p, 3, n); long s = p[0] + p[n - 1]; free(p); return s; }"


@pytest.mark.feature(26)
def test_address_first(library: Libraries) -> None:
    """A dict of addresses: `first` takes the place of a library's own definition, `last` does not."""
    path = library("libuser.so", USER + "int number(int x) { return x * 2; }")
    other = library("libother.so", "int number(int x) { return x * 100; }")

    def scenario() -> list[int]:
        plain = Ours()
        address = plain.address(plain.open(other), "number")
        linkers = [plain, Ours(first={"number": address}), Ours(last={"number": address})]
        return [linker.call(linker.open(path), "ask", 3) for linker in linkers]

    assert in_child(scenario) == [7, 301, 7]


@pytest.mark.feature(26)
def test_python_function_last(library: Libraries) -> None:
    """What nothing else defines is found there."""
    path = library("libuser.so", USER)

    def scenario() -> int:
        linker = Ours(last={"number": lambda x: x * 5})
        return linker.call(linker.open(path), "ask", 3)

    assert in_child(scenario) == 16


@pytest.mark.feature(26)
def test_malloc_is_replaced(library: Libraries) -> None:
    """By a Python function that counts and passes on; the process's own malloc stays what it is."""
    path = library("liballoc.so", ALLOCATING)

    def scenario() -> tuple[int, list[int], int]:
        libc = ctypes.CDLL(None)
        libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = c_void_p, (ctypes.c_size_t,), (c_void_p,)
        sizes: list[int] = []
        freed: list[int] = []

        def malloc(size: int) -> int:
            sizes.append(size)
            address: int = libc.malloc(size)
            return address

        def free(address: int) -> None:
            freed.append(address)
            libc.free(address)

        linker = Ours(first={"malloc": malloc, "free": free})
        return linker.call(linker.open(path), "ask", 100_000), sizes, len(freed)

    assert in_child(scenario) == (6, [100_000], 1)


@pytest.mark.feature(26)
def test_callbacks_live_as_long_as_the_loader(library: Libraries) -> None:
    """Nobody else keeps them."""
    path = library("libuser.so", USER)

    def scenario() -> list[int]:
        import gc

        linker = Ours(first={"number": lambda x: x})
        handle = linker.open(path)
        gc.collect()
        return [linker.call(handle, "ask", number) for number in range(100)]

    assert in_child(scenario) == list(range(1, 101))


@pytest.mark.feature(26)
def test_annotated_callback(library: Libraries) -> None:
    """ctypes types in the annotations are those of the C function."""
    path = library("libuser.so", 'extern double mix(double, const char *, int); int ask(void) { return (int)(mix(1.5, "four", -2) * 10); }')

    def mix(x: c_double, text: c_char_p, n: c_int) -> c_double:  # type: ignore[empty-body]
        return x + len(text) + n  # type: ignore[operator,arg-type,return-value]

    def scenario() -> int:
        linker = Ours(first={"mix": mix})
        return linker.call(linker.open(path), "ask")

    assert in_child(scenario) == 35


@pytest.mark.feature(26)
def test_ctypes_callback(library: Libraries) -> None:
    """A C function made with CFUNCTYPE is taken as it is."""
    path = library("libuser.so", USER)

    def scenario() -> int:
        linker = Ours(first={"number": ctypes.CFUNCTYPE(c_int, c_int)(lambda x: -x)})
        return linker.call(linker.open(path), "ask", 3)

    assert in_child(scenario) == -2


@pytest.mark.feature(26)
def test_function_of_any_number_of_arguments() -> None:
    """Has no C function."""
    with pytest.raises(UsageError, match="positional"):
        Ours(first={"number": lambda *_arguments: 0})


@pytest.mark.feature(45)
def test_preload(library: Libraries) -> None:
    """A preloaded library's definition comes before that of one that is needed; it may ask for the next one. ld.so's answer is LD_PRELOAD's."""
    number = library("libnumber.so", "int number(int x) { return x; }")
    user = library("libuser.so", USER, needs=(number,))
    source = '#define _GNU_SOURCE\n#include <dlfcn.h>\nint number(int x) { return x * 10; } void *next(void) { return dlsym(RTLD_NEXT, "number"); }'
    preloaded = library("libpre.so", source)
    main = library.folder / "main.c"
    main.write_text("extern int ask(int); int main(void) { return ask(4); }")
    program = library.folder / "main"
    subprocess.run(["gcc", "-o", str(program), str(main), str(user), f"-Wl,-rpath,{library.folder}"], check=True)
    expected = subprocess.run([program], env={**os.environ, "LD_PRELOAD": str(preloaded)}).returncode

    def scenario() -> int:
        linker = Ours(preload=[str(preloaded)])
        return linker.call(linker.open(user), "ask", 4)

    assert in_child(scenario) == expected == 41


@pytest.mark.feature(45)
def test_preload_by_names_and_in_order(library: Libraries) -> None:
    """The first of two wins, and what a preloaded library needs is loaded, too."""
    one = library("libone.so", "int number(int x) { return 1; }")
    two = library("libtwo.so", "int number(int x) { return 2; } int extra(void) { return 9; }", needs=(one,))
    user = library("libuser.so", USER)

    def scenario() -> list[int]:
        answers = []
        for order in ((one, two), (two, one)):
            linker = Ours(preload=[str(path) for path in order])
            answers.append(linker.call(linker.open(user), "ask", 0))
        return answers

    assert in_child(scenario) == [2, 3]


@pytest.mark.feature(45)
def test_preload_of_what_is_not_there(library: Libraries) -> None:
    """An error at each load, where ld.so warns and goes on: a list that was given here is meant."""
    user = library("libuser.so", USER + "int number(int x) { return 0; }")

    def scenario() -> list[bool]:
        linker = Ours(preload=["libnowhere-at-all.so"])
        failed = []
        for _ in range(2):
            try:
                linker.loader.load(str(user))
            except NotFoundError as error:
                failed.append("libnowhere-at-all" in str(error))
        return [*failed, not linker.loader.objects]

    assert in_child(scenario) == [True, True, True]


LACKING = "extern int alpha(void), beta(void); extern int gamma_v; int (*p)(void) = beta; int ask(int x) { return x ? alpha() + p() + gamma_v : 7; }"


@pytest.mark.feature(50)
def test_all_unresolved_symbols_are_named(library: Libraries) -> None:
    """Of every object of the load, also of those that are not relocated yet; weak ones do not count."""
    inner = library("libinner.so", "extern int delta(void); int inner(void) { return delta(); }")
    path = library("libuser.so", LACKING + "__attribute__((weak)) extern int omega(void); int w(void) { return omega ? omega() : 0; }", needs=(inner,))

    def scenario() -> tuple[tuple[str, ...], str, str]:
        linker = Ours()
        try:
            linker.loader.load(str(path))
        except UnresolvedError as error:
            return tuple(sorted(error.symbols)), str(error), str(error.file)
        raise AssertionError

    symbols, message, file = in_child(scenario)
    assert symbols == ("alpha", "beta", "delta", "gamma_v")
    assert all(name in message for name in symbols)
    assert file == str(inner)


@pytest.mark.feature(50)
def test_unresolved_symbol_with_its_version(library: Libraries) -> None:
    """A version that the library has, but not for that name."""
    (library.folder / "stub.map").write_text("V1 { global: way; other; };")
    (library.folder / "real.map").write_text("V1 { global: other; local: *; };")
    stub = library("libway.so", "int way(void) { return 1; } int other;", f"-Wl,--version-script,{library.folder}/stub.map", folder=library.folder / "stub")
    path = library("libuser.so", "extern int way(void); int ask(void) { return way(); }", needs=(stub,))
    library("libway.so", "int way(void) { return 1; } int other;", f"-Wl,--version-script,{library.folder}/real.map")

    def scenario() -> tuple[str, ...]:
        try:
            Ours().loader.load(str(path))
        except UnresolvedError as error:
            return error.symbols
        raise AssertionError

    assert in_child(scenario) == ("way@V1",)


@pytest.mark.feature(50)
def test_missing_gives_addresses(library: Libraries) -> None:
    """A function that is asked for each symbol that is defined nowhere, once; None leaves it an error."""
    path = library("libuser.so", USER + "extern int rest(void); int more(void) { return rest(); }")
    other = library("libother.so", "int number(int x) { return x * 100; }")

    def scenario() -> tuple[list[str], tuple[str, ...], int]:
        plain = Ours()
        address, asked = plain.address(plain.open(other), "number"), []

        def missing(_loaded: object, name: str) -> int | None:
            asked.append(name)
            return address if name == "number" else None

        try:
            Ours(missing=missing).loader.load(str(path))
        except UnresolvedError as error:
            symbols = error.symbols
        linker = Ours(missing=lambda _loaded, _name: address)
        return sorted(asked), symbols, linker.call(linker.open(path), "ask", 2)

    assert in_child(scenario) == (["number", "rest"], ("rest",), 201)


@pytest.mark.feature(50)
def test_trap(library: Libraries) -> None:
    """The library works as long as it does not call what is missing; a call that does raises, naming the symbol; the next one works again."""
    path = library("libuser.so", "extern int alpha(void), beta(void); int ask(int x) { return x == 1 ? alpha() : x == 2 ? beta() : 7; }")

    def scenario() -> list[object]:
        linker = Ours(missing=Traps())
        user = Library(linker.loader, linker.loader.load(str(path)))
        seen: list[object] = []
        for argument in (0, 1, 2, 0):
            try:
                seen.append(user.ask(argument))
            except UnresolvedError as error:
                seen.append((error.symbol, "defined nowhere" in str(error)))
        return seen

    assert in_child(scenario) == [7, ("alpha", True), ("beta", True), 7]


@pytest.mark.feature(50)
def test_trap_in_an_initialiser(library: Libraries) -> None:
    """Ends the load, and nothing stays."""
    path = library("libuser.so", "extern int alpha(void); __attribute__((constructor)) static void up(void) { alpha(); }")

    def scenario() -> tuple[str, int]:
        linker = Ours(missing=Traps())
        try:
            linker.loader.load(str(path))
        except UnresolvedError as error:
            return error.symbol, len(linker.loader.objects)
        raise AssertionError

    assert in_child(scenario) == ("alpha", 0)
