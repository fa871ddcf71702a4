"""The ctypes face of the linker core: linker.h's structures under the same names, and its functions."""

from __future__ import annotations

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int64, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from functools import cache

from miniload.errors import MiniloadError
from miniload.linker.arch import Linking, get_linking

MAX_SEGMENTS, MAX_NEEDED, TYPES, NO_STRING = 32, 256, 1100, 0xFFFFFFFF
STEP_FILE, STEP_ZERO, STEP_PROTECT, STEP_CLEAR = 1, 2, 3, 4
STEPS_MAX = 6 * MAX_SEGMENTS
SYMBOLIC, TEXTREL, BIND_NOW, STATIC_TLS, HAS_UNIQUE, EXECUTABLE_STACK, FROM_FILE = 1, 2, 4, 8, 32, 64, 1024
MEMBER_UNIQUE = 16
RELOCATE_LAZY = 1
LOOKUP_SLOT, LOOKUP_DLSYM, LOOKUP_NEED = 1, 2, 4
LEFT_UNRESOLVED, LEFT_IFUNC, LEFT_TLSDESC, LEFT_UNKNOWN, LEFT_TLS = 1, 2, 3, 4, 5
STT_TLS, STT_GNU_IFUNC, STB_WEAK = 6, 10, 2


class Trouble(Structure):
    _fields_ = (("field", c_uint32), ("index", c_uint32), ("value", c_uint64))


class Extent(Structure):
    _fields_ = (
        ("address", c_uint64), ("size", c_uint64), ("file_size", c_uint64), ("align", c_uint64), ("offset", c_uint64),
        ("flags", c_uint32), ("present", c_uint32),
    )  # fmt: skip


class CSegment(Structure):
    _fields_ = (
        ("address", c_uint64), ("size", c_uint64), ("file_size", c_uint64), ("offset", c_uint64), ("align", c_uint64), ("flags", c_uint32), ("index", c_uint32),
    )  # fmt: skip


class CImage(Structure):
    _fields_ = (
        ("type", c_uint32), ("machine", c_uint32), ("flags", c_uint32), ("phdr_count", c_uint32), ("segment_count", c_uint32), ("stack_flags", c_uint32),
        ("entry", c_uint64), ("phdr_offset", c_uint64), ("low", c_uint64), ("high", c_uint64), ("align", c_uint64),
        ("dynamic", Extent), ("tls", Extent), ("relro", Extent), ("eh_frame", Extent), ("interpreter", Extent), ("property", Extent), ("phdr", Extent),
        ("segments", CSegment * MAX_SEGMENTS),
    )  # fmt: skip


class CVersion(Structure):
    _fields_ = (("name", c_char_p), ("hash", c_uint32), ("defined", c_uint16), ("weak", c_uint16), ("file", c_char_p))


class Range(Structure):
    _fields_ = (("address", c_uint64), ("size", c_uint64))


class CObject(Structure):
    _fields_ = (
        ("member", c_uint32), ("traits", c_uint32), ("bloom", c_uint64), ("bloom_mask", c_uint32), ("bloom_shift", c_uint32),
        ("buckets", c_uint64), ("chains", c_uint64), ("bucket_count", c_uint32), ("symbol_base", c_uint32), ("chains_room", c_uint64),
        ("symbols", c_uint64), ("symbols_room", c_uint64), ("strings", c_uint64), ("strings_size", c_uint64),
        ("version_of", c_uint64), ("versions_room", c_uint64), ("versions", POINTER(CVersion)), ("version_count", c_uint64), ("symbol_count", c_uint64),
        ("sysv_buckets", c_uint64), ("sysv_chains", c_uint64), ("sysv_bucket_count", c_uint32), ("sysv_chain_count", c_uint32),
        ("memory", c_uint64), ("bias", c_uint64), ("image", CImage),
        ("rela", Range), ("plt", Range), ("relr", Range), ("init_array", Range), ("fini_array", Range), ("preinit_array", Range),
        ("init", c_uint64), ("fini", c_uint64), ("got", c_uint64), ("got_present", c_uint64),
        ("dynamic_flags", c_uint64), ("dynamic_flags_1", c_uint64), ("versym_address", c_uint64),
        ("soname", c_uint32), ("rpath", c_uint32), ("runpath", c_uint32), ("filter", c_uint32), ("needed_count", c_uint32), ("got_rela", c_uint32),
        ("needed", c_uint32 * MAX_NEEDED),
        ("tls_module", c_uint64), ("tls_offset", c_int64), ("tls_state", c_uint32), ("touched", c_uint32),
        ("destructors", c_uint32), ("unused", c_uint32), ("lazy", c_void_p), ("device", c_uint64), ("inode", c_uint64),
        ("handle", c_uint64),
    )  # fmt: skip


class CNames(Structure):
    _fields_ = (("member", c_uint32), ("size", c_uint32), ("slots", c_void_p), ("filter", c_uint64 * 8))


class CShortcut(Structure):
    _fields_ = (("member", c_uint32), ("skips", c_uint32), ("bits", c_void_p), ("mask", c_uint32), ("unused", c_uint32))


class CUnique(Structure):
    _fields_ = (
        ("member", c_uint32), ("size", c_uint32), ("used", c_uint32), ("resident_count", c_uint32), ("slots", c_void_p), ("residents", POINTER(c_uint64)),
    )  # fmt: skip


class CKinds(Structure):
    _fields_ = (
        ("dtp_bias", c_int64), ("slot_addend", c_uint32), ("relative", c_uint32), ("special_call", c_uint32), ("unused", c_uint32),
        ("operation", c_uint8 * TYPES),
    )  # fmt: skip


class Pending(Structure):
    _fields_ = (
        ("place", c_uint64), ("addend", c_int64), ("value", c_uint64),
        ("type", c_uint32), ("symbol", c_uint32), ("operation", c_uint32), ("reason", c_uint32), ("definer", c_void_p),
    )  # fmt: skip


class Outcome(Structure):
    _fields_ = (
        ("pending", POINTER(Pending)), ("pending_count", c_uint64), ("pending_room", c_uint64), ("applied", c_uint64), ("looked_up", c_uint64),
        ("trouble", Trouble), ("unique", c_uint32), ("unused", c_uint32),
    )  # fmt: skip


class CUsual(Structure):
    _fields_ = (
        ("kinds", c_void_p), ("there", c_void_p), ("page", c_uint64), ("counters", c_uint64), ("arguments", c_uint64 * 3),
        ("before", c_uint64), ("after", c_uint64), ("members", c_void_p), ("machine", c_uint32), ("unused", c_uint32),
    )  # fmt: skip


class CSeen(Structure):
    """An object that ld.so has loaded."""

    _fields_ = (("base", c_uint64), ("phdrs", c_uint64), ("count", c_uint64), ("module", c_uint64), ("signature", c_uint64), ("name", ctypes.c_char * 4096))


class Step(Structure):
    _fields_ = (("kind", c_uint32), ("protection", c_uint32), ("address", c_uint64), ("size", c_uint64), ("offset", c_uint64))


class Found(Structure):
    _fields_ = (("object", c_void_p), ("address", c_uint64), ("symbol", c_uint64), ("type", c_uint32), ("bind", c_uint32), ("size", c_uint64))


class CSymbol(Structure):
    """Elf64_Sym."""

    _fields_ = (("name", c_uint32), ("info", c_uint8), ("other", c_uint8), ("section", c_uint16), ("value", c_uint64), ("size", c_uint64))


class CLazy(Structure):
    _fields_ = (
        ("scope", c_void_p), ("kinds", c_void_p), ("referred", c_void_p), ("name", c_char_p), ("missing", c_void_p), ("resolver_arguments", c_uint64 * 3),
    )  # fmt: skip


class CDlCalls(Structure):
    _fields_ = (("open", c_void_p), ("close", c_void_p), ("symbol", c_void_p))


BINDING_HOOK = CFUNCTYPE(c_uint64, POINTER(CObject), c_uint32, c_char_p, c_uint64, c_uint32)


def library_path() -> str:
    """Where the build has put the core."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.path.join(here, "_built", f"linker-{os.uname().machine}.so")


def _load() -> ctypes.PyDLL:
    path = library_path()
    try:
        return ctypes.PyDLL(path)  # the interpreter's lock is kept: none of these calls waits, and letting go costs more than most of them
    except OSError as error:
        raise MiniloadError(path, f"cannot be loaded: {error}", remedy="make stub") from None


LIBRARY = _load()
parse, parse_mapped, attach, detach = LIBRARY.linker_parse, LIBRARY.linker_parse_mapped, LIBRARY.linker_attach, LIBRARY.linker_detach
make_names, free_names, lookup, symbol_at = LIBRARY.linker_names, LIBRARY.linker_names_free, LIBRARY.linker_lookup, LIBRARY.linker_symbol_at
uses_raw = LIBRARY.linker_uses
make_shortcut, free_shortcut = LIBRARY.linker_shortcut, LIBRARY.linker_shortcut_free
make_shortcut.argtypes = (c_void_p, c_uint32, c_void_p)
free_shortcut.argtypes = (c_void_p,)
free_shortcut.restype = None
relocate, apply, free_outcome = LIBRARY.linker_relocate, LIBRARY.linker_apply, LIBRARY.linker_outcome_free
parse.argtypes = (c_char_p, c_char_p, c_uint64, c_uint64, c_void_p, c_void_p)
parse_mapped.argtypes = (c_char_p, c_uint64, c_uint64, c_void_p, c_void_p)
attach.argtypes = (c_void_p, c_uint32, c_void_p)
detach.argtypes = free_names.argtypes = free_outcome.argtypes = (c_void_p,)
detach.restype = free_names.restype = free_outcome.restype = None
make_names.argtypes = (c_void_p, c_void_p, c_uint64, c_void_p)
lookup.argtypes = (c_void_p, c_char_p, c_char_p, c_uint32, c_void_p)
symbol_at.argtypes = (c_void_p, c_uint64, c_void_p)
relocate.argtypes = (c_void_p, c_void_p, c_void_p, c_uint32, c_void_p, c_void_p)
check_header, plan, maps_whole = LIBRARY.linker_check_header, LIBRARY.linker_plan, LIBRARY.linker_maps_whole
check_header.argtypes = (c_char_p, c_uint64, c_uint64, c_void_p)
plan.argtypes = (c_void_p, c_uint64, c_uint32, c_void_p)
maps_whole.argtypes = (c_void_p, c_uint64)
map_here, open_here, close_here, protect_here = LIBRARY.linker_map_here, LIBRARY.linker_open_here, LIBRARY.linker_close_here, LIBRARY.linker_protect_here
map_here.argtypes = (c_void_p, ctypes.c_int, c_uint64, c_void_p)
open_here.argtypes = (c_char_p, c_uint32, c_uint64, c_void_p, c_void_p)
close_here.argtypes = (c_void_p,)
protect_here.argtypes = (c_void_p, c_uint64)
relocate_here = LIBRARY.linker_relocate_here
relocate_here.argtypes = (c_void_p, c_void_p, c_void_p, c_uint32, c_uint64, c_void_p, c_void_p)
load_here = LIBRARY.linker_load_here
load_here.argtypes = (c_char_p, c_void_p, c_void_p)
WAITING = ctypes.CDLL(library_path())  # what these call may wait
unload_here = WAITING.linker_unload_here
unload_here.argtypes, unload_here.restype = (c_void_p,), None
initialize_here, finalize_here = WAITING.linker_initialize_here, WAITING.linker_finalize_here
initialize_here.argtypes = (c_void_p, c_void_p)
finalize_here.argtypes = (c_void_p,)
initialize_here.restype = finalize_here.restype = None
plain_address = LIBRARY.linker_address
plain_address.argtypes = (c_void_p, c_char_p)
plain_address.restype = c_uint64
missing_version = LIBRARY.linker_missing_version
missing_version.argtypes = (c_void_p, c_void_p, c_uint32, c_void_p)
missing_version.restype = c_int64
list_objects = LIBRARY.linker_list
list_objects.argtypes = (c_void_p, c_uint32, c_void_p)
list_objects.restype = c_uint32
counters, signature = LIBRARY.linker_counters, LIBRARY.linker_signature
counters.restype = signature.restype = c_uint64
unique_forget, unique_free = LIBRARY.linker_unique_forget, LIBRARY.linker_unique_free
unique_forget.argtypes = (c_void_p, c_void_p)
unique_free.argtypes, unique_free.restype = (c_void_p,), None
lazy_possible, lazy_start, lazy_replace = LIBRARY.linker_lazy_possible, LIBRARY.linker_lazy_start, LIBRARY.linker_lazy_replace
lazy_possible.argtypes = (c_void_p, c_uint64)
lazy_start.argtypes = lazy_replace.argtypes = (c_void_p, c_void_p)
lazy_start.restype = lazy_replace.restype = None
readers_wait = LIBRARY.linker_readers_wait
readers_wait.restype = None
resident_add, resident_remove, forked = LIBRARY.linker_resident_add, WAITING.linker_resident_remove, LIBRARY.linker_forked
resident_add.argtypes = (c_void_p, c_char_p)
resident_add.restype = c_void_p
redirect = LIBRARY.linker_redirect
redirect.argtypes = (c_void_p, c_void_p, c_char_p, c_uint64, c_uint64)
unwinder = LIBRARY.linker_unwinder
unwinder.argtypes = (c_void_p, c_void_p)
unwinder.restype = None
resident_remove.argtypes = (c_void_p,)
resident_remove.restype = forked.restype = None
frames = LIBRARY.linker_frames
frames.argtypes = (c_void_p, c_void_p)
debug_list = LIBRARY.linker_debug_list
debug_list.restype = None
debug_add, debug_remove = LIBRARY.linker_debug_add, LIBRARY.linker_debug_remove
debug_add.argtypes = (c_char_p, c_uint64, c_void_p)
debug_remove.argtypes = (c_void_p,)
debug_remove.restype = None
frames.restype = c_uint64
dl_calls, dl_error, dl_function = LIBRARY.linker_dl_calls, LIBRARY.linker_dl_error, LIBRARY.linker_dl_function
dl_calls.argtypes = (c_void_p,)
dl_error.argtypes = dl_function.argtypes = (c_char_p,)
dl_calls.restype = dl_error.restype = None
dl_function.restype = c_uint64
os.register_at_fork(after_in_child=forked)
uses_raw.argtypes = (c_void_p, c_void_p, c_uint32)
apply.argtypes = (c_void_p, c_void_p, c_void_p, c_uint64)


@cache
def kinds_of(name: str) -> tuple[Linking, CKinds]:
    """An architecture's linking facts, and the core's table of its relocations."""
    linking = get_linking(name)
    kinds = CKinds(linking.dtp_bias, linking.slot_addend, 0, linking.special_call)
    for number, relocation in linking.relocations.items():
        kinds.operation[number] = relocation.operation
        if relocation.name.endswith("_RELATIVE") and "AUTH" not in relocation.name:
            kinds.relative = number
    return linking, kinds


def uses(where: int, operation: int, arch: str) -> bool:
    """Whether an object has a relocation that stores that."""
    return bool(uses_raw(where, ctypes.byref(kinds_of(arch)[1]), operation))
