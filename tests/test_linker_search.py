"""Where an object's file is found. Expected: which file ld.so takes, told by a function of it, or the `trying file` lines of LD_DEBUG=libs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from linkers import Libraries, Linker, Ours, both, in_child
from support import need

from miniload import arch as architectures
from miniload.errors import ElfError, NotFoundError
from miniload.linker.loader import Loader
from miniload.linker.native import native_target
from miniload.linker.search import Search

OLD, NEW = "-Wl,--disable-new-dtags", "-Wl,--enable-new-dtags"
HOST = architectures.host()
assert HOST is not None
LEVEL = (*Search().levels, "none")[0]


def which(name: str, number: int) -> str:
    """A library that says where it comes from."""
    return f"int {name}(void) {{ return {number}; }}"


def ours(path: Path, function: str, **options: object) -> int:
    """What the function says when our loader has found what the library needs."""

    def scenario() -> int:
        linker = Ours()
        linker.loader.search = Search(**options)  # type: ignore[arg-type]
        return linker.call(linker.loader.load(str(path)), function)

    return in_child(scenario)


def theirs(path: Path, function: str, environment: dict[str, str] | None = None, cwd: Path | None = None) -> int:
    """The same with ld.so: in a new process, as it reads the environment when it starts."""
    code = "import ctypes, sys; print(getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])())"
    command = [sys.executable, "-I", "-S", "-c", code, str(path), function]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}
    done = subprocess.run(command, env={**plain, **(environment or {})}, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


class Places:
    """One library in several folders, each with a number of its own, and others that need it."""

    def __init__(self, library: Libraries) -> None:
        self.library = library
        self.root = library.folder
        self.stub = library("libleaf.so", which("leaf", 0), folder=self.root / "stub")

    def leaf(self, place: str, number: int) -> Path:
        """The library in a folder."""
        return self.library("libleaf.so", which("leaf", number), folder=self.root / place, runpath=False)

    def user(self, name: str, *flags: str, needs: tuple[Path, ...] = ()) -> Path:
        """One that needs it, or others that do."""
        source = f"extern int leaf(void); int {name}(void) {{ return leaf(); }}" if not needs else f"int {name}_itself;"
        linking = ["-Wl,--allow-shlib-undefined"]
        return self.library(f"lib{name}.so", source, *flags, *linking, needs=needs or (self.stub,), runpath=False)


@pytest.fixture
def places(library: Libraries) -> Places:
    """Folders under a temporary one."""
    return Places(library)


@pytest.mark.feature(28)
@pytest.mark.parametrize("tags", [OLD, NEW])
def test_own_path(places: Places, tags: str) -> None:
    """DT_RPATH or DT_RUNPATH of what needs the library."""
    places.leaf("a", 1)
    user = places.user("user", tags, f"-Wl,-rpath,/nowhere:{places.root}/b:{places.root}/a")
    assert ours(user, "user") == theirs(user, "user") == 1


@pytest.mark.feature(28)
@pytest.mark.parametrize(("tags", "expected"), [(OLD, 1), (NEW, 2)])
def test_library_path(places: Places, tags: str, expected: int) -> None:
    """LD_LIBRARY_PATH comes after DT_RPATH and before DT_RUNPATH."""
    places.leaf("a", 1)
    places.leaf("b", 2)
    user = places.user("user", tags, f"-Wl,-rpath,{places.root}/a")
    environment = {"LD_LIBRARY_PATH": f"/nowhere:{places.root}/b"}
    assert ours(user, "user", environment=environment) == theirs(user, "user", environment) == expected


@pytest.mark.feature(28)
@pytest.mark.parametrize("text", ["{0}/b;{0}/a", "{0}/b/:{0}/a", "::{0}/a", "relative:{0}/a", "", "$ORIGIN:{0}/a", "{0}/$LIB:{0}/a", "{0}/${{PLATFORM}}:{0}/a"])
def test_forms_of_library_path(places: Places, text: str) -> None:
    """Semicolons, empty elements (the current directory), relative ones, tokens."""
    search = Search()
    places.leaf("a", 1)
    for number, place in enumerate(("b", "cwd", "cwd/relative", search.lib, search.platform or "none"), 2):
        places.leaf(place, number)
    user = places.user("user", NEW, f"-Wl,-rpath,{places.root}/a")
    environment = {"LD_LIBRARY_PATH": text.format(places.root)}
    expected = theirs(user, "user", environment, places.root / "cwd")

    def scenario() -> int:
        os.chdir(places.root / "cwd")
        linker = Ours()
        linker.loader.search = Search(environment=environment)
        return linker.call(linker.loader.load(str(user)), "user")

    assert in_child(scenario) == expected


@pytest.mark.feature(28)
@pytest.mark.parametrize("outer", [OLD, NEW])
@pytest.mark.parametrize("inner", ["none", OLD, NEW])
def test_inheritance(places: Places, outer: str, inner: str) -> None:
    """DT_RPATH serves what a library's dependencies need, DT_RUNPATH does not; and DT_RUNPATH of the one in the middle shuts out the DT_RPATHs of all."""
    places.leaf("a", 1)
    middle = places.user("middle", *([] if inner == "none" else [inner, "-Wl,-rpath,/nowhere"]))
    top = places.user("top", outer, f"-Wl,-rpath,{places.root}/a:{places.root}", needs=(middle,))

    def scenario(linker: Linker) -> int:
        handle = linker.open(top)
        return -1 if isinstance(handle, str) else linker.call(handle, "middle")

    expected = {(OLD, "none"): 1, (OLD, OLD): 1, (OLD, NEW): -1, (NEW, "none"): -1, (NEW, OLD): -1, (NEW, NEW): -1}
    assert both(scenario) == expected[outer, inner]


@pytest.mark.feature(28)
def test_runpath_overrules_rpath_of_the_same_file(places: Places) -> None:
    """With both, DT_RPATH is not looked at: here DT_RUNPATH is put in place of another tag."""
    places.leaf("a", 1)
    places.leaf("b", 2)
    user = places.user("user", OLD, f"-Wl,-rpath,{places.root}/a")
    data = bytearray(user.read_bytes())
    from elftools.elf.elffile import ELFFile

    with user.open("rb") as file:
        segment = next(segment for segment in ELFFile(file).iter_segments() if segment["p_type"] == "PT_DYNAMIC")
        entries = {tag.entry.d_tag: (segment["p_offset"] + 16 * index, tag.entry.d_val) for index, tag in enumerate(segment.iter_tags())}
    at, value = entries["DT_RELACOUNT"][0], entries["DT_RPATH"][1]
    data[at : at + 16] = (29).to_bytes(8, "little") + (value + len(f"{places.root}/a")).to_bytes(8, "little")
    user.write_bytes(data)

    def scenario(linker: Linker) -> bool:
        return isinstance(linker.open(user), str)

    assert both(scenario) is True


@pytest.mark.feature(28)
@pytest.mark.parametrize(
    "text", ["$ORIGIN/a", "${ORIGIN}/a", "$ORIGIN/../$LIB", "$ORIGINAL/a:$ORIGIN/b", "${LIB}x:$ORIGIN/b", "$ORIGIN/$PLATFORM", "$NOTHING:$ORIGIN/b"]
)
@pytest.mark.parametrize("tags", [OLD, NEW])
def test_tokens(places: Places, text: str, tags: str) -> None:
    """In DT_RPATH and DT_RUNPATH, relative to the library that has them."""
    search = Search()
    for number, place in enumerate(("a", "b", f"../{search.lib}", search.platform or "none"), 1):
        places.leaf(place, number)
    user = places.user("user", tags, f"-Wl,-rpath,{text}")

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(user), "user")

    assert both(scenario) > 0
    shutil.rmtree(places.root.parent / search.lib.partition("/")[0])


@pytest.mark.feature(28)
def test_tokens_in_a_needed_name(library: Libraries) -> None:
    """DT_NEEDED may have a path, with tokens."""
    inner = library("libinner.so", which("inner", 5), "-Wl,-soname,$ORIGIN/sub/libinner.so", folder=library.folder / "sub")
    user = library("libuser.so", "extern int inner(void); int user(void) { return inner(); }", needs=(inner,), runpath=False)

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(user), "user")

    assert both(scenario) == 5


@pytest.mark.feature(28)
def test_origin_is_where_the_name_leads(places: Places) -> None:
    """Opened by a symbolic link, a library's $ORIGIN is the link's directory, not the file's."""
    places.leaf("real/sub", 1)
    places.leaf("link/sub", 2)
    user = places.user("user", NEW, "-Wl,-rpath,$ORIGIN/sub")
    shutil.move(user, places.root / "real" / "libuser.so")
    (places.root / "link" / "libuser.so").symlink_to(places.root / "real" / "libuser.so")

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(places.root / "link" / "libuser.so"), "user")

    assert both(scenario) == 2


@pytest.mark.feature(28)
@pytest.mark.parametrize("wrong", ["aarch64", "32-bit", "a directory", "nothing"])
def test_files_that_are_passed_over(places: Places, wrong: str) -> None:
    """The search goes on behind a file of another architecture or class."""
    places.leaf("b", 2)
    first = places.leaf("a", 1)
    data = bytearray(first.read_bytes())
    if wrong == "aarch64":
        data[18:20] = (183).to_bytes(2, "little")
    elif wrong == "32-bit":
        data[4] = 1
    first.unlink()
    if wrong != "nothing":
        first.mkdir() if wrong == "a directory" else first.write_bytes(data)
    user = places.user("user", NEW, f"-Wl,-rpath,{places.root}/a:{places.root}/b")

    def scenario(linker: Linker) -> int:
        handle = linker.open(user)
        return -1 if isinstance(handle, str) else linker.call(handle, "user")

    assert both(scenario) == (-1 if wrong == "a directory" else 2)


@pytest.mark.feature(28)
def test_file_that_is_no_elf_file(places: Places) -> None:
    """Ends the search, as with ld.so ("invalid ELF header")."""
    places.leaf("b", 2)
    places.leaf("a", 1).write_bytes(b"no library" * 10)
    user = places.user("user", NEW, f"-Wl,-rpath,{places.root}/a:{places.root}/b")

    def scenario(linker: Linker) -> bool:
        return isinstance(linker.open(user), str)

    assert both(scenario) is True


@pytest.mark.feature(28)
def test_default_directories_and_cache() -> None:
    """Every library that ld.so.cache names, and some that only the default directories have: the same file as ld.so takes."""
    names = sorted({path.name for path in Path(f"/usr/{Search().lib}").glob("lib*.so.[0-9]") if path.is_file()})[:40]
    assert names
    search = Search()
    done = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, env={"PATH": "/sbin:/usr/sbin:/bin:/usr/bin"})
    listed = dict(re.findall(r"^\t(\S+) \(libc6,x86-64\) => (\S+)$", done.stdout, re.M)) if HOST.name == "x86_64" else {}
    for name in names:
        found = search.find(name, None)
        assert os.path.samefile(found, listed.get(name, found))
        assert name not in listed or found == listed[name]


@pytest.mark.feature(28)
def test_nodeflib(places: Places) -> None:
    """DF_1_NODEFLIB: neither the default directories nor what the cache has of them."""
    library = places.library
    stub = library("libexpat.so.1", "int XML_ParserCreate(void) { return 0; }", folder=places.root / "stub2")
    source = "extern int XML_ParserCreate(void); int user(void) { return 1; } void *keep = XML_ParserCreate;"
    user = library("libuser.so", source, "-Wl,-z,nodefaultlib", needs=(stub,), runpath=False)
    plain = library("libplain.so", source, needs=(stub,), runpath=False)
    search = Search()
    try:
        search.find("libexpat.so.1", None)
    except NotFoundError:
        pytest.skip("needs libexpat1 (see .ci/packages)")

    def scenario(linker: Linker) -> list[bool]:
        return [isinstance(linker.open(path), str) for path in (user, plain)]

    assert both(scenario) == [True, False]


@pytest.mark.feature(28)
def test_hwcaps_subdirectories(places: Places) -> None:
    """glibc-hwcaps/LEVEL below each directory comes first, the best level that the processor has."""
    places.leaf("a", 1)
    for number, level in enumerate(("x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v9"), 2):
        places.leaf(f"a/glibc-hwcaps/{level}", number)
    user = places.user("user", NEW, f"-Wl,-rpath,{places.root}/a")

    def scenario(linker: Linker) -> int:
        return linker.call(linker.open(user), "user")

    assert both(scenario) >= 1


@pytest.mark.feature(28)
def test_order_of_all(places: Places) -> None:
    """The files that ld.so tries for a name that is nowhere, in order, and ours, from the DT_RPATHs on."""
    user = places.user("user", OLD, f"-Wl,-rpath,{places.root}/a:$ORIGIN/b")
    environment = {"LD_LIBRARY_PATH": f"{places.root}/c;{places.root}/d"}
    for place in "abcd":
        (places.root / place).mkdir()
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(user)], env={**os.environ, **environment, "LD_DEBUG": "libs"}, capture_output=True, text=True
    )
    lines = [line.partition("trying file=")[2] for line in done.stderr.splitlines() if "trying file=" in line and line.endswith("/libleaf.so")]
    # Debian 12's glibc looks into subdirectories that later ones no longer know, and into all levels, there or not.
    expected = [line for line in lines if not re.search(r"/(tls|x86_64|avx512_1|haswell|xeon_phi)/|glibc-hwcaps", line)]

    def scenario() -> list[str]:
        linker = Ours()
        linker.loader.search = search = Search(environment=environment)
        linker.loader.load(str(places.stub))
        loaded = linker.loader.load(str(user))
        return [path for _, path in search.candidates("libleaf.so", loaded, native_target().existing()[0])]

    got = in_child(scenario)
    assert expected
    assert got == expected


@pytest.mark.feature(28, 50)
def test_error_says_what_was_tried(places: Places) -> None:
    """Each file, where it comes from, and what was wrong with it."""
    first = places.leaf("a", 1)
    data = bytearray(first.read_bytes())
    data[18:20] = (183).to_bytes(2, "little")
    first.write_bytes(data)
    user = places.user("user", NEW, f"-Wl,-rpath,{places.root}/a:{places.root}/b")

    def scenario() -> str:
        try:
            Ours().loader.load(str(user))
        except NotFoundError as error:
            return str(error)
        raise AssertionError

    message = in_child(scenario)
    assert "libleaf.so" in message
    assert f"{places.root}/a/libleaf.so (RUNPATH of {user}, for another architecture)" in message
    assert f"{places.root}/b/libleaf.so (RUNPATH of {user})" in message
    assert "a default directory" in message


@pytest.mark.feature(28)
@pytest.mark.parametrize(
    "text",
    [
        "INPUT(libreal.so)",
        "/* GNU ld script */\nOUTPUT_FORMAT(elf64-x86-64)\nGROUP ( {0}/libreal.so libnone.a AS_NEEDED ( {0}/libmore.so ) )",
        "INPUT(-lreal -lmore)",
    ],
)
def test_ld_scripts(library: Libraries, text: str) -> None:
    """A text file that stands for libraries, as gcc -l takes it (ld's manual, "Implicit Linker Scripts"); ld.so does not."""
    library("libreal.so", which("real", 4))
    library("libmore.so", which("more", 5))
    script = library.folder / "libscript.so"
    script.write_text(text.format(library.folder))

    def scenario() -> tuple[int, int]:
        linker = Ours()
        handle = linker.loader.load(str(script))
        more = linker.address(handle, "more")
        return linker.call(handle, "real"), bool(more)

    assert in_child(scenario) == (4, "-lmore" in text)


@pytest.mark.feature(28)
def test_text_that_is_no_script(library: Libraries) -> None:
    """And scripts that name nothing that is there, or themselves."""
    for text in ("INPUT", "INPUT(libnone.so)", "INPUT(libscript.so)", "a library", ""):
        script = library.folder / "libscript.so"
        script.write_text(text)
        with pytest.raises(ElfError):
            Loader(native_target(), Search()).load(str(script))


@pytest.mark.feature(28)
def test_sysroot(places: Places) -> None:
    """Absolute directories are those of the sysroot first, absolute symbolic links in it stay in it, and the default directories are its own."""
    root = places.root / "root"
    library = places.library
    made = library("libsysroot-test.so", which("f", 1), folder=root / "usr/lib")
    (root / "opt").mkdir(parents=True)
    (root / "opt/liblinked.so").symlink_to("/usr/lib/libsysroot-test.so")
    search = Search(sysroot=str(root), environment={"LD_LIBRARY_PATH": "/opt"})
    assert search.find("libsysroot-test.so", None) == str(made)
    assert os.path.samefile(search.find("liblinked.so", None), made)
    assert search.find("/usr/lib/libsysroot-test.so", None) == str(made)
    with pytest.raises(NotFoundError):
        search.find("libc.so.6", None)


@pytest.mark.feature(28)
def test_sysroot_of_another_architecture(places: Places) -> None:
    """Files for this machine are passed over."""
    root = places.root / "root"
    made = places.library("libforeign.so", which("f", 1), folder=root / "usr/lib")
    for arch in architectures.NAMES:
        search = Search(arch, sysroot=str(root))
        if arch == HOST.name:
            assert search.find("libforeign.so", None) == str(made)
        else:
            with pytest.raises(NotFoundError, match=f"for {arch}.*for another architecture"):
                search.find("libforeign.so", None)


@pytest.mark.feature(28)
def test_program_rpath(places: Places) -> None:
    """The program's DT_RPATH serves everything that is loaded without a DT_RUNPATH of its own."""
    places.leaf("a", 1)
    user, plain = places.user("user"), places.library("libplain.so", "int plain;", runpath=False)
    need("gcc")
    source = places.root / "main.c"
    source.write_text(
        '#include <dlfcn.h>\n#include <stdio.h>\nint main(int c, char **v) { void *h = dlopen(v[1], RTLD_NOW); int (*f)(void) = h ? dlsym(h, "user") : 0;'
        ' if (!f) return 99; printf("%d\\n", f()); return f(); }'
    )
    program = places.root / "main"
    subprocess.run(["gcc", str(source), "-o", str(program), OLD, f"-Wl,-rpath,{places.root}/a"], check=True)
    expected = subprocess.run([program, user], capture_output=True).returncode

    def scenario() -> str:
        linker = Ours()
        program_object = linker.open(program)
        requester = linker.open(plain)
        return linker.loader.search.find("libleaf.so", requester, program_object)

    assert expected == 1
    assert in_child(scenario) == f"{places.root}/a/libleaf.so"
