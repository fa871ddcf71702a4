/* Calls of the engine's own functions that are led through the core. Its interface leaves some things to be wished for (atomic.c, attention.c) that its translator
 * could do; calls between its functions go through slots that the dynamic linker fills, and a slot is memory. Where things are not as in 2.1.4, that is noticed
 * and nothing is changed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>

#include "state.h"

enum { NAME_MAX_SIZE = 48 };

static _Thread_local struct vcpu *entered;

struct vcpu *entered_vcpu(void)
{
    return entered;
}

/* The engine runs, or translates. */
int start_engine(struct vcpu *v, uint64_t pc)
{
    entered = v;
    return api.emu_start(v->uc, pc, 0, 0, 0); /* U8, U12, U13: no end, no timeout, no count */
}

void *own_function(const struct vcpu *v, const char *name)
{
    char full[NAME_MAX_SIZE];
    snprintf(full, sizeof full, "%s_%s", name, v->arch.engine_suffix);
    return v->arch.engine_suffix[0] ? dlsym(api.library, full) : NULL;
}

/* Every vCPU has them, since what is led here is led here for all of its architecture. */
void find_translator(struct vcpu *v)
{
    struct translator *t = &v->translator;
    *(void **)&t->begin = own_function(v, "tcg_func_start");
    *(void **)&t->translate = own_function(v, "gen_intermediate_code");
    *(void **)&t->call = own_function(v, "tcg_gen_callN");
}

/* The slot through which the object calls the function of its own at that address, NULL if there is none. */
static uintptr_t *find_slot(const struct link_map *object, uintptr_t function)
{
    const uint64_t value = function - object->l_addr;
    const ElfW(Rela) *relocations = NULL;
    const ElfW(Sym) *symbols = NULL;
    size_t size = 0;
    for (const ElfW(Dyn) *entry = object->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_JMPREL)
            relocations = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_PLTRELSZ)
            size = entry->d_un.d_val;
        else if (entry->d_tag == DT_SYMTAB)
            symbols = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_BIND_NOW || (entry->d_tag == DT_FLAGS && entry->d_un.d_val & DF_BIND_NOW))
            return NULL; /* the slots may be read-only */
    }
    if (!relocations || !symbols)
        return NULL;
    for (size_t i = 0; i < size / sizeof *relocations; i++)
        if (symbols[ELF64_R_SYM(relocations[i].r_info)].st_value == value)
            return (uintptr_t *)(object->l_addr + relocations[i].r_offset);
    return NULL;
}

int lead_here(void *original, uintptr_t function)
{
    struct link_map *object = NULL;
    uintptr_t *slot = original && !dlinfo(api.library, RTLD_DI_LINKMAP, &object) ? find_slot(object, (uintptr_t)original) : NULL;
    if (!slot)
        return -ENOSYS;
    *slot = function;
    return 0;
}

/* tcg_func_start(): the translator's record is in use from here on, and empty. */
static void begin(void *record)
{
    struct translator *t = &entered->translator;
    t->record = record;
    t->at_start = true;
    t->begin(record);
}

int lead_translation(const struct vcpu *v)
{
    return lead_here((void *)(uintptr_t)v->translator.begin, (uintptr_t)begin);
}
