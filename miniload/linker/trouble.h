/* What errors are about: the numbers behind linker/troubles.py's names, in the same order. */
#ifndef MINILOAD_TROUBLE_H
#define MINILOAD_TROUBLE_H

#include "linker.h"

enum field {
    FIELD_NONE, FIELD_E_PHNUM, FIELD_P_TYPE, FIELD_P_OFFSET, FIELD_P_VADDR, FIELD_P_FILESZ, FIELD_P_MEMSZ, FIELD_P_ALIGN, FIELD_PT_TLS, FIELD_PT_DYNAMIC,
    FIELD_DT_STRTAB, FIELD_DT_STRSZ, FIELD_DT_SYMTAB, FIELD_DT_SYMENT, FIELD_DT_HASH, FIELD_DT_GNU_HASH, FIELD_DT_VERSYM, FIELD_DT_VERNEED, FIELD_DT_VERDEF,
    FIELD_DT_RELA, FIELD_DT_RELAENT, FIELD_DT_JMPREL, FIELD_DT_PLTREL, FIELD_DT_RELR, FIELD_DT_RELRENT, FIELD_DT_INIT_ARRAY, FIELD_DT_FINI_ARRAY,
    FIELD_DT_PREINIT_ARRAY, FIELD_DT_NEEDED, FIELD_STRING, FIELD_R_OFFSET, FIELD_R_SYM, FIELD_R_TYPE, FIELD_OVERFLOW, FIELD_DT_REL, FIELD_DT_PLTGOT, FIELD_DT_INIT, FIELD_DT_FINI
};

static inline int fail(struct trouble *trouble, uint32_t field, uint32_t index, uint64_t value, int code)
{
    *trouble = (struct trouble){field, index, value};
    return -code;
}

#endif
