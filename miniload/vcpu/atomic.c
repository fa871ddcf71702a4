/* U9: atomic instructions that are atomic to other processes too. The engine translates for one CPU, so that it makes a load and a store of them; its translator can
 * do otherwise, if the flags that a block is translated with say CF_PARALLEL, but nothing in its interface or its record sets that (curr_cflags() of
 * 2.1.4 is always 0). So its call of the translator is led through here: calls of its own functions go through slots that the dynamic linker fills, and
 * a slot is memory. Where things are not as in 2.1.4, that is noticed and nothing is changed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "state.h"

#define CF_PARALLEL 0x00080000u
#define NO_CLUSTER 0xff000000u /* what the engine's flags are otherwise */

enum { NAME_MAX_SIZE = 48, SEARCHED = 256 };

/* The begin of struct TranslationBlock. */
struct block {
    uint64_t pc, base;
    uint32_t flags;
    uint16_t size, instructions;
    uint32_t translation_flags;
};

static _Thread_local struct vcpu *entered;

void *own_function(const struct vcpu *v, const char *name)
{
    char full[NAME_MAX_SIZE];
    snprintf(full, sizeof full, "%s_%s", name, v->arch.engine_suffix);
    return dlsym(api.library, full);
}

static bool find_functions(struct vcpu *v)
{
    struct atomics *a = &v->atomics;
    if (!a->begin)
        *(void **)&a->begin = own_function(v, "tcg_func_start");
    if (!a->translate)
        *(void **)&a->translate = own_function(v, "gen_intermediate_code");
    return a->begin && a->translate;
}

/* Where the translator's record has the flags: the one place near its begin that has the block's. */
static uint32_t *find_flags(uint8_t *record, uint32_t flags)
{
    uint32_t *found = NULL, *words = (uint32_t *)(void *)record;
    for (size_t i = 0; i < SEARCHED / sizeof *words; i++)
        if (words[i] == flags) {
            if (found)
                return NULL;
            found = &words[i];
        }
    return found;
}

/* tcg_func_start(): the translator's record is in use from here on. */
static void begin(void *record)
{
    struct vcpu *v = entered;
    v->atomics.record = record;
    v->atomics.begin(record);
}

/* gen_intermediate_code(): with other flags, of which nobody knows before or after, since blocks are looked for by them. */
static void translate(void *cpu, void *block, int most)
{
    struct vcpu *v = entered;
    struct atomics *a = &v->atomics;
    uint32_t *flags = &((struct block *)block)->translation_flags, *copy = NULL;
    if (a->wanted && a->record && (*flags & NO_CLUSTER) == NO_CLUSTER)
        copy = find_flags(a->record, *flags);
    if (!copy) {
        a->translate(cpu, block, most);
        return;
    }
    uint32_t before = *flags;
    *flags = *copy = before | CF_PARALLEL;
    a->translate(cpu, block, most);
    *flags = *copy = before;
    a->applied = true;
}

/* The slot through which the engine calls one of its functions, NULL if there is none. */
static uintptr_t *find_slot(const struct link_map *object, const char *name)
{
    const ElfW(Rela) *relocations = NULL;
    const ElfW(Sym) *symbols = NULL;
    const char *names = NULL;
    size_t size = 0;
    for (const ElfW(Dyn) *entry = object->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_JMPREL)
            relocations = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_PLTRELSZ)
            size = entry->d_un.d_val;
        else if (entry->d_tag == DT_SYMTAB)
            symbols = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_STRTAB)
            names = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_BIND_NOW || (entry->d_tag == DT_FLAGS && entry->d_un.d_val & DF_BIND_NOW))
            return NULL; /* the slots may be read-only */
    }
    if (!relocations || !symbols || !names)
        return NULL;
    for (size_t i = 0; i < size / sizeof *relocations; i++)
        if (!strcmp(names + symbols[ELF64_R_SYM(relocations[i].r_info)].st_name, name))
            return (uintptr_t *)(object->l_addr + relocations[i].r_offset);
    return NULL;
}

static int lead_here(const struct vcpu *v, const char *name, uintptr_t function)
{
    char full[NAME_MAX_SIZE];
    struct link_map *object = NULL;
    snprintf(full, sizeof full, "%s_%s", name, v->arch.engine_suffix);
    uintptr_t *slot = dlinfo(api.library, RTLD_DI_LINKMAP, &object) ? NULL : find_slot(object, full);
    if (!slot)
        return -ENOSYS;
    *slot = function;
    return 0;
}

/* The engine runs, or translates. */
int start_engine(struct vcpu *v, uint64_t pc)
{
    entered = v;
    find_functions(v);
    return api.emu_start(v->uc, pc, 0, 0, 0); /* U8, U12, U13: no end, no timeout, no count */
}

/* From now on, or no longer. -ENOSYS if it cannot be done. */
int vcpu_share_memory(struct vcpu *v, int on)
{
    if (v->atomics.wanted == !!on)
        return 0;
    if (!v->arch.engine_suffix[0] || !find_functions(v))
        return -ENOSYS;
    int error = lead_here(v, "tcg_func_start", (uintptr_t)begin);
    if (!error)
        error = lead_here(v, "gen_intermediate_code", (uintptr_t)translate);
    if (error)
        return error;
    v->atomics.mended = mend_engine(v) == 0;
    v->atomics.wanted = !!on;
    return api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TB_FLUSH)) ? -EIO : 0;
}

/* Whether code has been translated so, and all helpers for it are atomic. */
int vcpu_shares_memory(const struct vcpu *v)
{
    return v->atomics.applied && v->atomics.mended;
}
