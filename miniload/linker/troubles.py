"""What the core's errors are about."""

from __future__ import annotations

from errno import ENOMEM

from miniload.errors import ElfError, MiniloadError

FIELDS = (
    "", "e_phnum", "p_type", "p_offset", "p_vaddr", "p_filesz", "p_memsz", "p_align", "PT_TLS", "PT_DYNAMIC",
    "DT_STRTAB", "DT_STRSZ", "DT_SYMTAB", "DT_SYMENT", "DT_HASH", "DT_GNU_HASH", "DT_VERSYM", "DT_VERNEED", "DT_VERDEF",
    "DT_RELA", "DT_RELAENT", "DT_JMPREL", "DT_PLTREL", "DT_RELR", "DT_RELRENT", "DT_INIT_ARRAY", "DT_FINI_ARRAY",
    "DT_PREINIT_ARRAY", "DT_NEEDED", "st_name", "r_offset", "r_sym", "r_type", "relocation", "DT_REL", "DT_PLTGOT", "DT_INIT", "DT_FINI",
    "e_ident", "e_type", "e_phentsize", "e_phoff",
)  # fmt: skip
"""By number, as in trouble.h."""

REASONS = {
    "e_phnum": "there is nothing to load, or too much",
    "e_ident": "not a 64-bit little-endian ELF file",
    "e_type": "only shared objects and position-independent programs can be loaded",
    "e_phentsize": "must be 56",
    "e_phoff": "the program headers lie outside the file",
    "p_type": "too many segments",
    "p_offset": "the segment lies outside the file",
    "p_vaddr": "segments are out of order, overlap, or are not where the file's pages can be mapped",
    "p_filesz": "larger than p_memsz",
    "p_memsz": "larger than any address space",
    "p_align": "not a power of two",
    "PT_TLS": "the thread-local segment is malformed",
    "DT_REL": "relocations without addends are not for this architecture",
    "DT_RELAENT": "must be 24",
    "DT_SYMENT": "must be 24",
    "DT_RELRENT": "must be 8",
    "DT_PLTREL": "must be DT_RELA",
    "DT_NEEDED": "the name lies outside the string table, or there are too many",
    "st_name": "lies outside the string table",
    "r_offset": "the place is not in a writable segment",
    "r_sym": "no such symbol",
    "relocation": "the value does not fit into 32 bits",
}


def trouble(name: str, code: int, field: int, index: int, value: int) -> MiniloadError:
    """The error for what the core returned."""
    if code == -ENOMEM:
        return MiniloadError(name, "out of memory", errno=ENOMEM)
    what = FIELDS[field] if field < len(FIELDS) else ""
    where = f"phdr {index} {what}" if what.startswith("p_") else what
    return ElfError(name, REASONS.get(what, "lies outside the image, or is malformed"), field=where or None, value=value, errno=-code)
