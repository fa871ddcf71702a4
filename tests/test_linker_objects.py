"""Object files and archives: the same sources, made shared objects by the system's linker and loaded by ld.so, are what they are compared with."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest
from linker_unicorn import call, run_program
from support import ROOT, ZIG_CC, need

import miniload
from miniload.errors import ElfError, LinkError, RelocationError, UnresolvedError

pytestmark = pytest.mark.feature(11)
SOURCES = ROOT / "tests" / "linker"
PLAIN = ("get_constructed", "bump", "bump", "inside_value", "thread_sum", "thread_sum", "common_bump", "alignment", "code_alignment", "has_nowhere")


def compile_object(source: Path, output: Path, *flags: str, compiler: str = "gcc") -> Path:
    """An object file."""
    need(compiler)
    subprocess.run([compiler, "-c", str(source), "-o", str(output), *flags], check=True)
    return output


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def answers(library: object) -> list[object]:
    """What object_all.c's functions say, one after the other."""
    get = lambda name: getattr(library, name)  # noqa: E731
    get("name_of").restype = ctypes.c_char_p
    found: list[object] = [get(name)() for name in PLAIN]
    found += [get("operate")(number, -5) for number in range(3)]
    found += [get("choose")(number) for number in range(-1, 8)]
    return [*found, get("name_of")(1), get("length")(b"four")]


@pytest.mark.parametrize(
    "flags",
    [
        ("-fPIC", "-O2"),
        ("-fPIC", "-O0"),
        ("-fPIC", "-O2", "-fcommon"),
        ("-fPIC", "-O2", "-fno-plt"),
        ("-fPIC", "-O2", "-mtls-dialect=gnu2"),
        ("-fPIC", "-O2", "-ftls-model=initial-exec"),
        ("-fPIC", "-O2", "-ftls-model=local-dynamic"),
        ("-fPIC", "-O2", "-ffunction-sections", "-fdata-sections"),
        ("-fPIC", "-O2", "-mcmodel=large"),
        ("-fPIE", "-O2"),
        ("-fno-pic", "-O2", "-fcommon"),
        ("-fno-pic", "-O0", "-mcmodel=large"),
    ],
    ids=" ".join,
)
def test_an_object_file_does_what_its_shared_object_does(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """The oracle is `gcc -shared -fPIC` of the same source, loaded by ld.so."""
    shared = tmp_path / "all.so"
    subprocess.run(["gcc", "-shared", "-fPIC", str(SOURCES / "object_all.c"), "-o", str(shared)], check=True)
    expected = answers(ctypes.CDLL(str(shared)))
    with miniload.load(str(compile_object(SOURCES / "object_all.c", tmp_path / "all.o", *flags))) as library:
        assert answers(library) == expected


def test_clangs_object_file_does_the_same(tmp_path: Path) -> None:
    """zig's clang makes other relocations of the same source."""
    shared, made = tmp_path / "all.so", tmp_path / "all.o"
    subprocess.run(["gcc", "-shared", "-fPIC", str(SOURCES / "object_all.c"), "-o", str(shared)], check=True)
    command = [*ZIG_CC, "-target", "x86_64-linux-gnu", "-fno-sanitize=all", "-c", str(SOURCES / "object_all.c"), "-o", str(made), "-O2", "-fPIC"]
    subprocess.run(command, check=True)
    with miniload.load(str(made)) as library:
        assert answers(library) == answers(ctypes.CDLL(str(shared)))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[int, int]:
    """Arguments and results of object_alone.c's run(), each in a process of its own."""
    need("gcc")
    native = tmp_path_factory.mktemp("alone") / "alone.so"
    subprocess.run(["gcc", "-shared", "-fPIC", str(SOURCES / "object_alone.c"), "-o", str(native)], check=True)
    script = f"import ctypes, sys; print(ctypes.CDLL({str(native)!r}).run(int(sys.argv[1])))"
    return {number: int(subprocess.run([sys.executable, "-c", script, str(number)], capture_output=True, check=True).stdout) for number in (0, 5, 12345)}


ALONE = {
    "x86_64": (("-fno-pic",), ("-fno-pic", "-mcmodel=large"), ("-fPIC", "-ftls-model=initial-exec")),
    "aarch64": (("-fno-pic",), ("-fno-pic", "-mcmodel=large"), ("-fPIC", "-ftls-model=initial-exec")),
    "riscv64": (("-fno-pic", "-mcmodel=medlow"), ("-fno-pic", "-mcmodel=medany"), ("-fPIC", "-ftls-model=initial-exec")),
}


@pytest.mark.parametrize(("arch", "flags"), [(arch, flags) for arch, rows in ALONE.items() for flags in rows], ids=str)
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_code_that_is_not_position_independent_runs(tmp_path: Path, alone: dict[int, int], arch: str, flags: tuple[str, ...], level: str) -> None:
    """Absolute addresses and fixed TLS offsets, in memory that Unicorn runs; the oracle is this machine's own build of the source."""
    made = tmp_path / "alone.o"
    flags = flags if "-ftls-model=initial-exec" in flags else (*flags, "-ftls-model=local-exec")
    target = [*ZIG_CC, "-target", f"{arch}-freestanding-none", "-mcpu=baseline", "-fno-sanitize=all"]
    subprocess.run([*target, "-c", str(SOURCES / "object_alone.c"), "-o", str(made), level, *flags], check=True)
    for number, expected in alone.items():
        assert call(made.read_bytes(), arch, "run", number) == expected


def test_an_archive_is_all_its_members(tmp_path: Path) -> None:
    """Each calls the other; names longer than 15 characters are in the archive's own table."""
    need("gcc", "ar")
    one = write(tmp_path / "one.c", "int shared; int two(int); int one(int x) { shared++; return x > 9 ? x : two(x + 1); }")
    two = write(
        tmp_path / "a_member_with_a_long_name.c", "int shared; int one(int); int two(int x) { shared += 10; return one(x); } int total(void) { return shared; }"
    )
    files = [str(compile_object(source, source.with_suffix(".o"), "-O2", "-fPIC", "-fcommon")) for source in (one, two)]
    archive = tmp_path / "libboth.a"
    subprocess.run(["ar", "rcs", str(archive), *files], check=True)
    with miniload.load(str(archive)) as library:
        assert (library.one(7), library.total()) == (10, 34)


def test_members_of_an_archive_by_name(tmp_path: Path) -> None:
    """Only those that are asked for; what is not there is an error that names it."""
    need("gcc", "ar")
    files = []
    for name in ("first", "second", "third"):
        source = write(tmp_path / f"{name}.c", f'int {name}(void) {{ return sizeof "{name}"; }}')
        files.append(str(compile_object(source, source.with_suffix(".o"), "-fPIC")))
    archive = tmp_path / "libthree.a"
    subprocess.run(["ar", "rcs", str(archive), *files], check=True)
    with miniload.load(miniload.link([archive], members=["third.o", "first.o"]), name="some") as library:
        assert (library.first(), library.third()) == (6, 6)
        with pytest.raises(AttributeError):
            _ = library.second
    with pytest.raises(ElfError) as caught:
        miniload.link([archive], members=["fourth.o"])
    assert caught.value.value == "fourth.o"


def test_a_weak_definition_gives_way(tmp_path: Path) -> None:
    """gABI, "Symbol Table": a strong one overrules it, wherever it stands."""
    weak = compile_object(
        write(tmp_path / "weak.c", "__attribute__((weak)) int pick(void) { return 1; } int ask(void) { return pick(); }"), tmp_path / "w.o", "-fPIC"
    )
    strong = compile_object(write(tmp_path / "strong.c", "int pick(void) { return 2; }"), tmp_path / "s.o", "-fPIC")
    for files in ([weak, strong], [strong, weak]):
        with miniload.load(miniload.link(files), name="both") as library:
            assert (library.ask(), library.pick()) == (2, 2)


def test_two_definitions_are_an_error(tmp_path: Path) -> None:
    """As ld says "multiple definition"."""
    files = [compile_object(write(tmp_path / f"{name}.c", "int twin(void) { return 1; }"), tmp_path / f"{name}.o", "-fPIC") for name in ("a", "b")]
    with pytest.raises(LinkError) as caught:
        miniload.link(files)
    assert caught.value.value == "twin"
    assert str(files[0]) in caught.value.reason


def test_constructors_run_by_priority_and_destructors_backwards(tmp_path: Path) -> None:
    """What gcc documents for constructor(priority), and gABI for the order of arrays."""
    body = "".join(
        f"__attribute__((constructor{order})) static void up{number}(void) {{ order = order * 10 + {number}; }}"
        f"__attribute__((destructor{order})) static void down{number}(void) {{ *out = *out * 10 + {number}; }}"
        for number, order in ((3, ""), (2, "(202)"), (1, "(101)"))
    )
    source = write(
        tmp_path / "order.c", f"int order; static int sink, *out = &sink; {body} void tell(int *where) {{ out = where; }} int get(void) {{ return order; }}"
    )
    seen = ctypes.c_int(0)
    with miniload.load(str(compile_object(source, tmp_path / "order.o", "-fPIC"))) as library:
        assert library.get() == 123
        library.tell(ctypes.byref(seen))
    assert seen.value == 321


def test_static_objects_of_cxx_are_made_and_destroyed(tmp_path: Path) -> None:
    """Destructors are registered for __dso_handle, and closing calls them, the last made first."""
    source = write(
        tmp_path / "noisy.cc",
        """static int sink, *out = &sink;
        struct Noisy { int id; Noisy(int id) : id(id) {} ~Noisy() { *out = *out * 10 + id; } };
        static Noisy one(1), two(2);
        extern "C" void tell(int *where) { out = where; }
        extern "C" int late() { static Noisy three(3); return three.id + one.id + two.id; }""",
    )
    made = compile_object(source, tmp_path / "noisy.o", "-fPIC", "-O1", compiler="g++")
    seen = ctypes.c_int(0)
    with miniload.load(miniload.link([made], needed=["libstdc++.so.6"]), name="noisy") as library:
        library.tell(ctypes.byref(seen))
        assert library.late() == 6
    assert seen.value == 321


def test_copies_of_inline_functions_are_one(tmp_path: Path) -> None:
    """COMDAT groups: both files bring the function and its static variable."""
    header = "inline int &shared() { static int value; return value; } "
    one = write(tmp_path / "one.cc", header + 'extern "C" int one() { return ++shared(); }')
    two = write(tmp_path / "two.cc", header + 'extern "C" int two() { return shared() += 10; }')
    files = [compile_object(source, source.with_suffix(".o"), "-fPIC", "-O0", compiler="g++") for source in (one, two)]
    with miniload.load(miniload.link(files, needed=["libstdc++.so.6"]), name="copies") as library:
        assert (library.one(), library.two(), library.one()) == (1, 11, 12)


def test_an_ifunc_in_an_object_file_is_resolved(tmp_path: Path) -> None:
    """Called directly, through a pointer, and looked up."""
    text = """static int fast(int x) { return x + 100; }
    static int (*pick(void))(int) { return fast; }
    int chosen(int) __attribute__((ifunc("pick")));
    int (*pointer)(int) = chosen;
    int direct(int x) { return chosen(x); } int indirect(int x) { return pointer(x); }"""
    with miniload.load(str(compile_object(write(tmp_path / "i.c", text), tmp_path / "i.o", "-fPIC", "-O1"))) as library:
        assert (library.direct(1), library.indirect(2), library.chosen(3)) == (101, 102, 103)


def test_sections_by_name_have_a_beginning_and_an_end(tmp_path: Path) -> None:
    """ld's __start_ and __stop_ symbols for sections whose names are C identifiers."""
    text = """#define ROW(n) __attribute__((section("rows"), used)) static const int row##n = n;
    ROW(1) ROW(20) ROW(300)
    extern const int __start_rows[], __stop_rows[];
    int sum(void) { int s = 0; for (const int *p = __start_rows; p < __stop_rows; p++) s += *p; return s; }"""
    with miniload.load(str(compile_object(write(tmp_path / "s.c", text), tmp_path / "s.o", "-fPIC", "-O1"))) as library:
        assert library.sum() == 321


def test_data_of_another_object_out_of_reach_is_an_error_that_says_so(tmp_path: Path) -> None:
    """Code that is not position-independent reaches 2 GiB; libc is farther away from the low addresses that it is loaded at."""
    text = "extern int optind; int get(int *a) { static int low; return a == &low ? 0 : optind; }"
    made = compile_object(write(tmp_path / "far.c", text), tmp_path / "far.o", "-fno-pic", "-O1")
    with pytest.raises(RelocationError) as caught:
        miniload.load(str(made))
    assert caught.value.symbol.startswith("optind")
    assert "-fPIC" in str(caught.value)


def test_unresolved_symbols_are_all_named(tmp_path: Path) -> None:
    """As for shared objects."""
    made = compile_object(
        write(tmp_path / "u.c", "int no_such_a(void), no_such_b(void); int f(void) { return no_such_a() + no_such_b(); }"), tmp_path / "u.o", "-fPIC"
    )
    with pytest.raises(UnresolvedError) as caught:
        miniload.load(str(made))
    assert sorted(caught.value.symbols) == ["no_such_a", "no_such_b"]


def test_two_copies_of_low_code_are_loaded_at_once(tmp_path: Path) -> None:
    """32-bit absolute addresses: each wants a place of its own in the low 2 GiB."""
    made = compile_object(
        write(tmp_path / "low.c", "static int n; int *where(void) { return &n; } int next(void) { return ++n; }"), tmp_path / "low.o", "-fno-pic", "-O1"
    )
    with miniload.load(miniload.link([made]), name="one") as one, miniload.load(miniload.link([made]), name="two") as two:
        one.where.restype = two.where.restype = ctypes.c_void_p
        assert one.where() < 1 << 31 > two.where() != one.where()
        assert [one.next(), one.next(), two.next()] == [1, 2, 1]


def test_nothing_of_a_closed_object_file_stays_mapped(tmp_path: Path) -> None:
    """Its address is in no line of /proc/self/maps."""
    library = miniload.load(str(compile_object(SOURCES / "object_all.c", tmp_path / "all.o", "-fPIC", "-O2")))
    start, end = library.loaded.start, library.loaded.end
    library.close()
    spans = [tuple(int(word, 16) for word in line.split()[0].split("-")) for line in Path("/proc/self/maps").read_text().splitlines()]
    assert not [span for span in spans if span[0] < end and span[1] > start]


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "riscv64"])
def test_rare_relocations_reach_what_lld_has_them_reach(tmp_path: Path, arch: str) -> None:
    """Hand-written code, run from both linkers' results by Unicorn."""
    made, theirs = tmp_path / "rare.o", tmp_path / "rare"
    target = [*ZIG_CC, "-target", f"{arch}-freestanding-none", "-mcpu=baseline"]
    subprocess.run([*target, "-c", str(SOURCES / f"object_rare_{arch}.S"), "-o", str(made)], check=True)
    subprocess.run([*target, "-nostdlib", "-static", "-Wl,-e,rare", str(made), "-o", str(theirs)], check=True)
    for number in range(4):
        assert call(made.read_bytes(), arch, "rare", number) == run_program(theirs, arch, number)
