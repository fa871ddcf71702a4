"""The C library's own objects: a process has one set of them, put there by its own dynamic linker, and a second would fight with it over threads, the heap and
thread-local storage. So they are bound where they are and never loaded here."""

from __future__ import annotations

GLIBC = ("libc", "libm", "libpthread", "libdl", "librt", "libutil", "libresolv", "libanl", "libnsl", "libmvec", "libthread_db", "libBrokenLocale")
UNWINDER = ("libgcc_s",)
"""The unwinder keeps the list of what can be unwound, so there is one of it, too."""


def in_family(soname: str) -> bool:
    """Whether an object of that name belongs to the C library (glibc, musl) or is the unwinder."""
    stem = soname.partition(".so")[0]
    return stem in GLIBC or stem in UNWINDER or soname.startswith(("ld-linux", "ld-musl", "ld64.so", "libc.musl", "linux-vdso", "linux-gate"))
