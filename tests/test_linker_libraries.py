"""Real libraries, loaded, used and unloaded. Expected: the same calls' results with ctypes.CDLL's ld.so in a child beside."""

from __future__ import annotations

import ctypes
import shutil
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_ulong, c_void_p, create_string_buffer, string_at
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from linkers import Libraries, Linker, Ours, both, in_child

from miniload.errors import NotFoundError
from miniload.linker.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = {
    "libz.so.1": "zlib1g",
    "libcrypto.so.3": "libssl3",
    "libsqlite3.so.0": "libsqlite3-0",
    "libpython3.11.so.1.0": "libpython3.11",
    "libstdc++.so.6": "libstdc++6",
    "libLLVM-14.so.1": "libllvm14",
}


class Used:
    """A library, and its functions by name with their types."""

    def __init__(self, linker: Linker, name: str) -> None:
        self.linker = linker
        self.handle = linker.open(name)
        assert not isinstance(self.handle, str), self.handle

    def __call__(self, name: str, result: Any, *types: Any) -> Callable[..., Any]:
        address = self.linker.address(self.handle, name)
        assert address, name
        return CFUNCTYPE(result, *types)(address)

    def close(self) -> None:
        """dlclose."""
        self.linker.close(self.handle)


def wanted(name: str) -> str:
    """The library's name, if it is there."""
    try:
        Search().find(name, None)
    except NotFoundError:
        pytest.skip(f"needs {PACKAGES[name]} (see .ci/packages)")
    return name


def mapped(name: str) -> int:
    """How many mappings of a file of that name the process has."""
    stem = "/" + name.partition(".so")[0]
    return sum(stem in line for line in Path("/proc/self/maps").read_text().splitlines())


def use_libz(used: Used) -> object:
    """Compresses and expands, with checksums."""
    data = bytes(range(256)) * 500
    packed, size = create_string_buffer(200_000), c_ulong(200_000)
    assert used("compress2", c_int, c_char_p, POINTER(c_ulong), c_char_p, c_ulong, c_int)(packed, byref(size), data, len(data), 9) == 0
    plain, room = create_string_buffer(200_000), c_ulong(200_000)
    assert used("uncompress", c_int, c_char_p, POINTER(c_ulong), c_char_p, c_ulong)(plain, byref(room), packed.raw[: size.value], size.value) == 0
    assert plain.raw[: room.value] == data
    return packed.raw[: size.value], used("crc32", c_ulong, c_ulong, c_char_p, c_uint)(0, data, len(data)), used("zlibVersion", c_char_p)()


def use_libcrypto(used: Used) -> object:
    """Digests with all that the library picks for the processor, and a key from a password."""
    results = []
    for name in (b"SHA256", b"SHA512", b"MD5", b"BLAKE2b512", b"SHA3-256"):
        context = used("EVP_MD_CTX_new", c_void_p)()
        kind = used("EVP_get_digestbyname", c_void_p, c_char_p)(name)
        assert used("EVP_DigestInit_ex", c_int, c_void_p, c_void_p, c_void_p)(context, kind, None) == 1
        assert used("EVP_DigestUpdate", c_int, c_void_p, c_char_p, c_size_t)(context, b"abc" * 10_000, 30_000) == 1
        out, length = create_string_buffer(64), c_uint()
        assert used("EVP_DigestFinal_ex", c_int, c_void_p, c_char_p, POINTER(c_uint))(context, out, byref(length)) == 1
        used("EVP_MD_CTX_free", None, c_void_p)(context)
        results.append(out.raw[: length.value])
    key = create_string_buffer(32)
    derive = used("PKCS5_PBKDF2_HMAC", c_int, c_char_p, c_int, c_char_p, c_int, c_int, c_void_p, c_int, c_char_p)
    assert derive(b"secret", 6, b"salt", 4, 1000, used("EVP_sha256", c_void_p)(), 32, key) == 1
    return results, key.raw


def use_sqlite(used: Used) -> object:
    """A database in memory, with a callback for the rows."""
    database, rows = c_void_p(), []
    assert used("sqlite3_open", c_int, c_char_p, POINTER(c_void_p))(b":memory:", byref(database)) == 0

    def row(_data: int, count: int, values: Any, _names: Any) -> int:
        rows.append([values[index] for index in range(count)])
        return 0

    callback = CFUNCTYPE(c_int, c_void_p, c_int, POINTER(c_char_p), POINTER(c_char_p))
    statement = (
        b"create table t(a, b); insert into t values (1, 'x'), (2, 'y'), (3, null); select sum(a), group_concat(b), sqrt(16.0), printf('%.3f', 2.0/3) from t"
    )
    execute = used("sqlite3_exec", c_int, c_void_p, c_char_p, callback, c_void_p, c_void_p)
    code = execute(database, statement, callback(row), None, None)
    assert used("sqlite3_close", c_int, c_void_p)(database) == 0
    return code, rows, used("sqlite3_libversion", c_char_p)()


def use_libpython(used: Used) -> object:
    """What needs no interpreter: versions, conversions."""
    text = used("PyOS_snprintf", c_int, c_char_p, c_size_t, c_char_p)
    out = create_string_buffer(100)
    text(out, 100, b"plain text")
    return (
        used("Py_GetVersion", c_char_p)().split()[0],
        used("Py_GetPlatform", c_char_p)(),
        out.value,
        used("PyOS_strtoul", c_ulong, c_char_p, c_void_p, c_int)(b"7f", None, 16),
    )


def use_stdcxx(used: Used) -> object:
    """Demangling, and memory of operator new."""
    status = c_int()
    demangle = used("__cxa_demangle", c_void_p, c_char_p, c_void_p, c_void_p, POINTER(c_int))
    name = demangle(b"_ZNSt6vectorIiSaIiEE9push_backERKi", None, None, byref(status))
    text = string_at(name)
    block = used("_Znwm", c_void_p, c_size_t)(1000)
    used("_ZdlPv", None, c_void_p)(block)
    return text, status.value


def use_llvm(used: Used) -> object:
    """A module with a function, printed, and the names of targets."""
    context = used("LLVMContextCreate", c_void_p)()
    module = used("LLVMModuleCreateWithNameInContext", c_void_p, c_char_p, c_void_p)(b"made", context)
    number = used("LLVMInt32TypeInContext", c_void_p, c_void_p)(context)
    kind = used("LLVMFunctionType", c_void_p, c_void_p, c_void_p, c_uint, c_int)(number, None, 0, 0)
    function = used("LLVMAddFunction", c_void_p, c_void_p, c_char_p, c_void_p)(module, b"seven", kind)
    block = used("LLVMAppendBasicBlockInContext", c_void_p, c_void_p, c_void_p, c_char_p)(context, function, b"entry")
    builder = used("LLVMCreateBuilderInContext", c_void_p, c_void_p)(context)
    used("LLVMPositionBuilderAtEnd", None, c_void_p, c_void_p)(builder, block)
    used("LLVMBuildRet", c_void_p, c_void_p, c_void_p)(builder, used("LLVMConstInt", c_void_p, c_void_p, ctypes.c_ulonglong, c_int)(number, 7, 0))
    text = string_at(used("LLVMPrintModuleToString", c_void_p, c_void_p)(module))
    used("LLVMDisposeBuilder", None, c_void_p)(builder)
    used("LLVMDisposeModule", None, c_void_p)(module)
    used("LLVMContextDispose", None, c_void_p)(context)
    return text


USES = {
    "libz.so.1": use_libz,
    "libcrypto.so.3": use_libcrypto,
    "libsqlite3.so.0": use_sqlite,
    "libpython3.11.so.1.0": use_libpython,
    "libstdc++.so.6": use_stdcxx,
    "libLLVM-14.so.1": use_llvm,
}


@pytest.mark.feature(16, 17, 23)
@pytest.mark.parametrize("name", USES)
def test_library(name: str) -> None:
    """Loaded by its name with all that it needs, used, closed."""

    def scenario(linker: Linker) -> object:
        used = Used(linker, wanted(name))
        result = USES[name](used)
        used.close()
        return result

    assert both(scenario)


@pytest.mark.feature(38)
def test_library_is_gone_afterwards(tmp_path: Path) -> None:
    """Unless it keeps itself (libcrypto), or has unique symbols (C++ libraries). A copy of the file, since this process may have the library."""
    name = str(tmp_path / "sqlite-copy.so")
    shutil.copy(Search().find(wanted("libsqlite3.so.0"), None), name)

    def scenario(linker: Linker) -> tuple[bool, bool]:
        used = Used(linker, name)
        there = mapped("sqlite-copy.so")
        used.close()
        return there > 0, mapped("sqlite-copy.so") > 0

    assert both(scenario) == (True, False)


@pytest.mark.feature(38)
@pytest.mark.parametrize("name", USES)
def test_library_again(name: str) -> None:
    """Three times in one process, and by another loader beside."""

    def scenario() -> bool:
        linker, other = Ours(), Ours()
        results = []
        for _ in range(3):
            used, beside = Used(linker, wanted(name)), Used(other, name)
            results += [USES[name](used), USES[name](beside)]
            used.close()
            beside.close()
        return all(result == results[0] for result in results)

    assert in_child(scenario)


CXX = r"""
#include <iostream>
#include <sstream>
#include <string>
#include <vector>
#include <map>
struct Noted { std::string text; Noted() : text("constructed") {} ~Noted() {} };
static Noted noted;
static std::map<std::string, std::vector<int>> table{{"a", {1, 2, 3}}, {"b", {4}}};
inline int &counter() { static int value = 0; return ++value; }
extern "C" int ask(char *out) {
  std::ostringstream stream;
  stream << noted.text << ' ' << table["a"].size() << ' ' << table["b"][0] << ' ' << 1.5 << ' ' << counter();
  return (int)stream.str().copy(out, 200);
}
"""


@pytest.mark.feature(24, 33)
def test_cxx(library: Libraries) -> None:
    """Constructors, containers, streams, a unique local static of an inline function."""
    path = library("libcxx.so", CXX, "-xc++", "-std=c++17")

    def scenario(linker: Linker) -> list[bytes]:
        handle = linker.open(path)
        ask = CFUNCTYPE(c_int, c_char_p)(linker.address(handle, "ask"))
        outs = []
        for _ in range(2):
            out = create_string_buffer(256)
            ask(out)
            outs.append(out.value)
        linker.close(handle)
        return outs

    assert both(scenario) == [b"constructed 3 4 1.5 1", b"constructed 3 4 1.5 2"]
