"""Loaded code that calls dlopen(3) and its family. The oracle is ld.so, which loads the same library beside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from inside_support import THEIRS, agree, library, script
from support import need

pytestmark = pytest.mark.feature(42)
TEXT = "text = ctypes.create_string_buffer(8192)\nlibrary = load('libinside.so')\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that asks, one that it needs with a function of the same name, and others to be opened."""
    need("gcc")
    folder = tmp_path_factory.mktemp("inside")
    library(folder, "libnext.so", "int which(void) { return 2; }\nint unused;\n")
    library(folder, "libother.so", "int answer(void) { return 77; }\nint unused;\n")
    library(folder, "libbroken.so", "int gone(void);\nint answer(void) { return gone(); }\n", "-Wl,-z,now")
    nested = """
#include <dlfcn.h>
static void *handle;
static int seen;
__attribute__((constructor)) static void begin(void) { handle = dlopen(OTHER, RTLD_NOW); seen = handle ? ((int (*)(void))dlsym(handle, "answer"))() : -1; }
__attribute__((destructor)) static void end(void) { if (handle) dlclose(handle); }
int answer(void) { return seen + 1; }
"""
    library(folder, "libnested.so", nested, f'-DOTHER="{folder}/libother.so"')
    library(folder, "libinside.so", "inside.c", "-ldl", needs=["libnext.so"])
    (folder / "not_elf.so").write_text("hello")
    return folder


def test_a_library_opens_another_one(folder: Path) -> None:
    """dlopen, dlsym and dlclose: the function is called, and nothing stays mapped."""
    text = f"{TEXT}print(library.open_other(os.fsencode(FOLDER + '/libother.so'), os.RTLD_NOW), mapped('libother.so'))\nclose(library)\n"
    text += "print(mapped('libinside.so'))"
    assert agree(folder, text) == "77 False\nFalse\n"


def test_what_it_opens_is_ours(folder: Path) -> None:
    """The object is in the loader's list, and what is open twice is closed twice."""
    text = f"""{TEXT}
library.keep_other.restype = ctypes.c_void_p
path = os.fsencode(FOLDER + "/libother.so")
handles = [library.keep_other(path, os.RTLD_NOW) for _ in range(2)]
print(handles[0] == handles[1], [os.path.basename(loaded.name) for loaded in library.loader.objects])
print(library.close_other(ctypes.c_void_p(handles[0])), mapped("libother.so"), library.close_other(ctypes.c_void_p(handles[0])), mapped("libother.so"))
"""
    assert script(folder, text) == (
        0,
        "True ['libnext.so', 'libinside.so', 'libother.so']\n0 True 0 False\n".replace("'libnext.so', 'libinside.so'", "'libinside.so', 'libnext.so'"),
        "",
    )


@pytest.mark.feature(53)
def test_a_constructor_opens_another_one(folder: Path) -> None:
    """dlopen in a constructor and dlclose in a destructor, in a library that a library opens."""
    text = f"{TEXT}print(library.open_other(os.fsencode(FOLDER + '/libnested.so'), os.RTLD_NOW), mapped('libnested.so'), mapped('libother.so'))"
    assert agree(folder, text) == "78 False False\n"


@pytest.mark.parametrize("name", ["libc.so.6", "libm.so.6", "libpthread.so.0"])
def test_the_c_library_is_the_processs_own(name: str, folder: Path) -> None:
    """What is in the process already comes from ld.so, by its name, and with its handle."""
    text = f"""{TEXT}
library.keep_other.restype = ctypes.c_void_p
handle = library.keep_other({name.encode()!r}, os.RTLD_NOW)
print(handle == ctypes.CDLL({name!r})._handle, library.close_other(ctypes.c_void_p(handle)))
"""
    assert agree(folder, text) == "True 0\n"


@pytest.mark.parametrize("kind", range(5), ids=["dlopen", "dlsym", "dlvsym", "RTLD_DEFAULT", "RTLD_NEXT"])
def test_errors_have_the_words_of_ld_so(kind: int, folder: Path) -> None:
    """The result is NULL, dlerror says why, and the second time nothing."""
    for name in ("/no/such/file.so", str(folder / "not_elf.so"), str(folder / "libbroken.so"), "libnowhere.so.9")[: 4 if kind == 0 else 1]:
        text = f"{TEXT}print(library.error_of({kind}, {name.encode()!r}, text))\nprint(text.value.decode())"
        ours, theirs = script(folder, text), script(folder, text, THEIRS)
        if kind == 4:  # the definition of what it needs is there
            assert ours == theirs == (0, "2\n(none)\n", "")
            continue
        assert ours == theirs
        assert ours[1].startswith("3\n")


@pytest.mark.parametrize("function", ["names", "details", "find_objects"])
def test_addresses_and_handles_tell_what_ld_so_tells(function: str, folder: Path) -> None:
    """dladdr; dladdr1 and dlinfo; _dl_find_object."""
    if function == "find_objects":
        import ctypes

        assert hasattr(ctypes.CDLL(None), "_dl_find_object"), "glibc 2.35 or newer, see .ci/packages"
    answer = agree(folder, f"{TEXT}library.{function}(text)\nprint(text.value.decode())")
    assert "libinside.so" in answer


def test_program_headers_of_all_objects(folder: Path) -> None:
    """dl_iterate_phdr: ours and the host's, once each; a callback ends it; the counters count."""
    assert agree(folder, f"{TEXT}library.iterate(os.fsencode(FOLDER + '/libother.so'), text)\nprint(text.value.decode())") == "0 1 1 1 1 42 1 1 1\n"


@pytest.mark.feature(25)
def test_default_and_next(folder: Path) -> None:
    """RTLD_DEFAULT finds libc's, its own, and what has become global since; RTLD_NEXT the one behind; the dl* functions are found as they are bound."""
    text = f"{TEXT}library.look_up(text)\nprint(text.value.decode())\nload('libother.so', os.RTLD_GLOBAL | os.RTLD_NOW)\n"
    text += "library.look_up(text)\nprint(text.value.decode())"
    assert agree(folder, text) == "1 1 0 2 0 1\n1 1 1 2 0 1\n"


@pytest.mark.feature(42, 53)
def test_threads_of_the_library_use_them(folder: Path) -> None:
    """Threads that Python has not made open, look up and close libraries, while Python does the same."""
    source = """
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <link.h>
static int nothing(struct dl_phdr_info *info, size_t size, void *user) { (void)size; *(long *)user += info->dlpi_phnum; return 0; }
static void *work(void *user)
{
    intptr_t right = 0;
    for (int i = 0; i < 50; i++) {
        Dl_info info;
        long headers = 0;
        void *handle = dlopen(user, RTLD_NOW | RTLD_LOCAL);
        int (*answer)(void) = handle ? (int (*)(void))dlsym(handle, "answer") : 0;
        right += answer && answer() == 77 && dladdr((void *)answer, &info) && info.dli_saddr == (void *)answer && !dl_iterate_phdr(nothing, &headers)
            && headers > 10;
        if (handle)
            dlclose(handle);
    }
    return (void *)right;
}
static pthread_t all[4];
int begin(char *path) { int bad = 0; for (int i = 0; i < 4; i++) bad |= pthread_create(&all[i], 0, work, path); return bad; }
int end(void) { intptr_t sum = 0; for (int i = 0; i < 4; i++) { void *r; pthread_join(all[i], &r); sum += (intptr_t)r; } return (int)sum; }
"""
    library(folder, "libthreads.so", source, "-pthread")
    text = """
path = ctypes.create_string_buffer(os.fsencode(FOLDER + "/libother.so"))
library = load("libthreads.so")
library.begin(path)
for _ in range(50):
    other = load("libother.so")
    assert other.answer() == 77
    close(other)
print(library.end(), mapped("libother.so"))
"""
    assert agree(folder, text) == "200 False\n"


def test_after_fork_the_child_goes_on(folder: Path) -> None:
    """A child of fork opens and closes libraries as its parent did."""
    text = f"""{TEXT}
path = os.fsencode(FOLDER + "/libother.so")
child = os.fork()
if not child:
    os._exit(library.open_other(path, os.RTLD_NOW))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), library.open_other(path, os.RTLD_NOW))
"""
    assert agree(folder, text) == "77 77\n"


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="needs Linux")
def test_at_the_end_of_the_process_destructors_may_still_ask(folder: Path) -> None:
    """A destructor that runs when the interpreter is gone calls dladdr and dlopen."""
    source = """
#include <dlfcn.h>
#include <stdio.h>
__attribute__((destructor)) static void end(void)
{
    Dl_info info;
    void *handle = dlopen("libm.so.6", RTLD_NOW);
    printf("%d %d\\n", dladdr((void *)end, &info), handle && dlsym(handle, "cos"));
    fflush(stdout);
}
int one(void) { return 1; }
"""
    library(folder, "libend.so", source, "-ldl")
    assert agree(folder, "print(load('libend.so').one(), flush=True)") == "1\n1 1\n"
