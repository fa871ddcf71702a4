/* Lazy binding: a jump slot's symbol is looked up when it is first called through, as ld.so's _dl_fixup does. It needs no Python, only what Python has
 * prepared for it (linker/lazy.py). arch/<name>/lazy.S comes here from the PLT. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lazy_arch.h"
#include "linker.h"
#include "readers.h"

enum { NO_SYMBOL_STATUS = 127 };

extern void lazy_trampoline(void);
uint64_t lazy_bind(struct object *object, uint64_t index);
uint32_t lazy_state_size, lazy_state_mask; /* of the vector registers, for the trampoline */

static const struct lazy *lazy_of(const struct object *object)
{
    return __atomic_load_n(&object->lazy, __ATOMIC_SEQ_CST);
}

/* Ends the process as ld.so does (elf/dl-error-skeleton.c, fatal_error). */
static _Noreturn void give_up(const struct object *object, const char *what, uint32_t symbol)
{
    const char *name = symbol < object->symbols_room ? object_string(object, object->symbols[symbol].st_name) : NULL;
    const struct version *version = version_wanted(object, symbol);
    dprintf(STDERR_FILENO, "%s: symbol lookup error: %s: %s%s%s%s\n", program_invocation_name, lazy_of(object)->name, what, name ? name : "",
            version ? ", version " : "", version ? version->name : "");
    _exit(NO_SYMBOL_STATUS);
}

static void note_referred(const struct lazy *lazy, const struct object *definer)
{
    for (uint64_t i = 0; definer && i < lazy->scope->count; i++)
        if (lazy->scope->members[i] == definer)
            __atomic_store_n(&lazy->referred[i], 1, __ATOMIC_RELAXED);
}

/* Looks the symbol up. What it finds stays loaded: that this object refers to it is noted before the lists may be replaced. */
static int find(struct object *object, uint32_t symbol, struct found *found)
{
    unsigned side = readers_enter();
    const struct lazy *lazy = lazy_of(object);
    int state = resolve_symbol(object, lazy->scope, symbol, LOOKUP_SLOT, found);
    if (state > 0)
        note_referred(lazy, found->object);
    readers_leave(side);
    return state;
}

static uint64_t address_of(struct object *object, uint32_t symbol)
{
    const struct lazy *lazy = lazy_of(object);
    struct found found = {0};
    int state = find(object, symbol, &found);
    if (state < 0)
        give_up(object, "malformed symbol ", symbol);
    if (!state && lazy->missing) {
        int before = errno;
        found.address = lazy->missing(object, symbol);
        errno = before;
        state = found.address != 0;
    }
    if (!state && ELF64_ST_BIND(object->symbols[symbol].st_info) != STB_WEAK)
        give_up(object, "undefined symbol: ", symbol);
    if (!state || found.type != STT_GNU_IFUNC)
        return found.address;
    const uint64_t *a = lazy->resolver_arguments;
    return ((uint64_t(*)(uint64_t, uint64_t, uint64_t))(uintptr_t)found.address)(a[0], a[1], a[2]);
}

/* Where a call through slot `index` goes: the symbol's address, which is in the slot from now on. Several threads may do the same at once. */
uint64_t lazy_bind(struct object *object, uint64_t index)
{
    if (index >= object->plt.size / sizeof(Elf64_Rela))
        give_up(object, "no such slot in the PLT", UINT32_MAX);
    Elf64_Rela rela;
    memcpy(&rela, object->memory + object->plt.address + index * sizeof rela, sizeof rela);
    uint64_t type = ELF64_R_TYPE(rela.r_info), symbol = ELF64_R_SYM(rela.r_info);
    const struct kinds *kinds = lazy_of(object)->kinds;
    uint8_t *place = rela.r_offset % 8 ? NULL : image_at(object, rela.r_offset, 8, PF_W);
    if (type >= TYPES || kinds->operation[type] != OP_SLOT || symbol >= object->symbols_room || !place)
        give_up(object, "malformed slot in the PLT", UINT32_MAX);
    uint64_t value = address_of(object, (uint32_t)symbol) + (kinds->slot_addend ? (uint64_t)rela.r_addend : 0);
    __atomic_store_n((uint64_t *)(void *)place, value, __ATOMIC_RELEASE);
    return value;
}

/* Whether the object's calls can be bound lazily: its GOT is there, and the slots stay writable. The words before them may be in PT_GNU_RELRO. */
int linker_lazy_possible(const struct object *object, uint64_t page)
{
    const struct extent *relro = &object->image.relro;
    uint64_t slots = object->got + GOT_WORDS * sizeof(uint64_t), size = object->plt.size / sizeof(Elf64_Rela) * sizeof(uint64_t);
    if (!size || !object->got_present || object->got % 8 || !image_at(object, object->got, GOT_WORDS * sizeof(uint64_t) + size, PF_W))
        return 0;
    return !relro->present || slots + size <= (relro->address & -page) || slots >= ((relro->address + relro->size) & -page);
}

/* Has calls of the object come here; before it is relocated. */
void linker_lazy_start(struct object *object, const struct lazy *lazy)
{
    uint64_t *got = (uint64_t *)(void *)(object->memory + object->got);
    uint32_t size, mask;
    lazy_arch_state(&size, &mask);
    lazy_state_size = size; /* the same each time: another thread may be using them */
    lazy_state_mask = mask;
    linker_lazy_replace(object, lazy);
    got[GOT_OBJECT] = (uint64_t)(uintptr_t)object;
    got[GOT_TRAMPOLINE] = (uint64_t)(uintptr_t)lazy_trampoline;
}

/* Another scope from now on. The old record may be used until readers_wait has returned. */
void linker_lazy_replace(struct object *object, const struct lazy *lazy)
{
    __atomic_store_n(&object->lazy, lazy, __ATOMIC_SEQ_CST);
}
