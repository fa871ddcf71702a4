"""$ORIGIN in RPATH, RUNPATH and DT_NEEDED, at every level: where /proc/self/exe cannot be set, libc would look in the wrong place.

The expected values come from the same program run by execve, under the same restriction.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import confine
import pytest
from support import MINILOAD, clean_environment, compile_c, need, outcome

from miniload.plan.level import exe_link_denied

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIBRARY = "int answer(void) { return 42; }\n"
PROGRAM = r"""
#include <stdio.h>
#include <unistd.h>
int answer(void);
int main(int argc, char **argv)
{
    printf("%d\n", answer());
    fflush(stdout);
    return argc > 1 ? execv(argv[1], argv + 1) : 0;
}
"""
OPENING = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        puts(dlopen(argv[i], RTLD_NOW) ? "opened" : dlerror());
    return 0;
}
"""
VARIANTS = {
    "runpath": ("libans.so", "-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/../lib"),
    "rpath": ("libans.so", "-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN/../lib"),
    "braces": ("libans.so", "-Wl,-rpath,${ORIGIN}/../lib"),
    "several": ("libans.so", "-Wl,-rpath,/nonexistent:$ORIGIN/nothing:$ORIGIN/../lib"),
    "needed": ("$ORIGIN/../lib/libans.so",),
}
"""The library's name as the program's DT_NEEDED has it, and the linker's options."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with bin/<variant>, lib/libans.so, and symbolic links to both the folder and a program."""
    need("gcc")
    folder = tmp_path_factory.mktemp("origin")
    for name in ("bin", "lib", "links"):
        (folder / name).mkdir()
    (folder / "answer.c").write_text(LIBRARY)
    (folder / "program.c").write_text(PROGRAM)
    (folder / "opening.c").write_text(OPENING)
    for variant, (soname, *flags) in VARIANTS.items():
        library = compile_c(folder / "answer.c", folder / "lib" / "libans.so", "-shared", "-fPIC", f"-Wl,-soname,{soname}")
        compile_c(folder / "program.c", folder / "bin" / variant, str(library), *flags)
    compile_c(folder / "opening.c", folder / "bin" / "opening", "-Wl,-rpath,$ORIGIN/../lib")
    (folder / "links" / "runpath").symlink_to("../bin/runpath")
    (folder / "linked-bin").symlink_to("bin")
    return folder


def at_the_highest_level() -> None:
    """No restriction."""


@pytest.fixture(params=["full+exe", "full", "plain"])
def level(request: pytest.FixtureRequest) -> Callable[[], None]:
    """The restriction, for the child, that makes miniload reach just that level."""
    restrictions = {"full+exe": at_the_highest_level, "full": confine.without_exe_link, "plain": confine.without_set_mm}
    if request.param == "full+exe" and exe_link_denied():
        pytest.skip(f"needs level full+exe: {exe_link_denied()}")
    restriction = restrictions[request.param]
    confine.need(restriction)
    return restriction


def assert_same(command: list[str], level: Callable[[], None], cwd: Path, expected: bytes) -> None:
    """Run directly and through miniload, the command gives the same; and that is a success."""
    environment = clean_environment(B="2", A="1")
    directly = outcome(command, preexec_fn=level, cwd=cwd, env=environment)
    assert (directly[0], directly[1][: len(expected)]) == (0, expected)
    assert outcome([*MINILOAD, *command], preexec_fn=level, cwd=cwd, env=environment) == directly


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_dynamic_entry(installed: Path, level: Callable[[], None], variant: str) -> None:
    """RUNPATH, RPATH, both spellings, lists, and a DT_NEEDED."""
    assert_same([str(installed / "bin" / variant)], level, installed, b"42\n")


def test_from_another_directory(installed: Path, level: Callable[[], None]) -> None:
    """The program's place counts, not the working directory."""
    assert_same([str(installed / "bin" / "runpath")], level, installed / "links", b"42\n")


@pytest.mark.parametrize(("path", "cwd"), [("./runpath", "bin"), ("bin/runpath", "."), ("../bin/../bin/runpath", "lib")])
def test_by_relative_path(installed: Path, level: Callable[[], None], path: str, cwd: str) -> None:
    """However the program is named."""
    assert_same([path], level, installed / cwd, b"42\n")


@pytest.mark.parametrize("path", ["links/runpath", "linked-bin/runpath"])
def test_through_a_symbolic_link(installed: Path, level: Callable[[], None], path: str) -> None:
    """The file's own place counts, not the link's."""
    assert_same([str(installed / path)], level, installed, b"42\n")


def test_found_in_path(installed: Path, level: Callable[[], None]) -> None:
    """By name alone, in a directory of PATH that is relative."""
    environment = {"PATH": "bin:/usr/bin"}
    directly = outcome(["env", "runpath"], preexec_fn=level, cwd=installed, env=environment)
    assert directly == (0, b"42\n", b"")
    assert outcome([*MINILOAD, "runpath"], preexec_fn=level, cwd=installed, env=environment) == directly


def test_children_see_an_unchanged_environment(installed: Path, level: Callable[[], None]) -> None:
    """No LD_LIBRARY_PATH, nothing: the program executes env."""
    assert_same([str(installed / "bin" / "runpath"), "/usr/bin/env"], level, installed, b"42\nPATH=")


def test_through_a_script(installed: Path, level: Callable[[], None]) -> None:
    """The program is a script's interpreter; it gets echo as its argument, and after that the script's path."""
    script = installed / "script"
    script.write_text(f"#!{installed / 'bin' / 'runpath'} /bin/echo\n")
    script.chmod(0o755)
    assert_same([str(script)], level, installed, b"42\n" + os.fsencode(script))


def test_library_opened_later(installed: Path, level: Callable[[], None]) -> None:
    """dlopen() by a plain name searches the program's RUNPATH again."""
    assert_same([str(installed / "bin" / "opening"), "libans.so"], level, installed, b"opened\n")


def test_origin_in_dlopen(installed: Path) -> None:
    """dlopen("$ORIGIN/...") reads /proc/self/exe when it is called: it needs the exe link."""
    if exe_link_denied():
        pytest.skip(f"needs level full+exe: {exe_link_denied()}")
    assert_same([str(installed / "bin" / "opening"), "$ORIGIN/../lib/libans.so"], at_the_highest_level, installed, b"opened\n")


@pytest.mark.xfail(strict=True, reason="without the exe link, $ORIGIN in a string that the program makes up at run time cannot be foreseen")
def test_origin_in_dlopen_without_exe_link(installed: Path) -> None:
    """A limit of the levels below full+exe, written down in ARCHITECTURE.md."""
    confine.need(confine.without_exe_link)
    assert_same([str(installed / "bin" / "opening"), "$ORIGIN/../lib/libans.so"], confine.without_exe_link, installed, b"opened\n")
