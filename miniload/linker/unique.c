/* STB_GNU_UNIQUE: of such a symbol there is one definition in a set of objects, the one that was bound to first, whatever the scopes say (glibc
 * elf/dl-lookup.c, do_lookup_unique). An open hash table by name. */
#include <stdlib.h>
#include <string.h>

#include "linker.h"

static struct unique_symbol *slot_of(const struct unique *unique, const char *name, uint32_t hash)
{
    for (uint32_t at = hash;; at++) {
        struct unique_symbol *slot = &unique->slots[at & (unique->size - 1)];
        if (!slot->object || (slot->hash == hash && !strcmp(slot->name, name)))
            return slot;
    }
}

/* The entry of a name, NULL if there is none. */
const struct unique_symbol *unique_find(const struct unique *unique, const char *name, uint32_t hash)
{
    if (!unique->size)
        return NULL;
    const struct unique_symbol *slot = slot_of(unique, name, hash);
    return slot->object ? slot : NULL;
}

/* The table in a new array, without the entries of `but`. */
static bool rebuild(struct unique *unique, uint32_t size, const struct object *but)
{
    struct unique fresh = *unique;
    fresh.slots = calloc(size, sizeof *fresh.slots);
    if (!fresh.slots)
        return false;
    fresh.size = size;
    fresh.used = 0;
    for (uint32_t i = 0; i < unique->size; i++) {
        const struct unique_symbol *slot = &unique->slots[i];
        if (!slot->object || slot->object == but)
            continue;
        *slot_of(&fresh, slot->name, slot->hash) = *slot;
        fresh.used++;
    }
    free(unique->slots);
    *unique = fresh;
    return true;
}

/* Enters a definition; false without memory. The object must not go before it is forgotten: HAS_UNIQUE says so. */
bool unique_add(struct unique *unique, uint32_t hash, const struct object *object, uint64_t symbol)
{
    const char *name = object_string(object, object->symbols[symbol].st_name);
    if (!name || (unique->size <= 2 * (uint64_t)unique->used && !rebuild(unique, unique->size ? 2 * unique->size : 64, NULL)))
        return false;
    *slot_of(unique, name, hash) = (struct unique_symbol){object, name, (uint32_t)symbol, hash};
    unique->used++;
    ((struct object *)(uintptr_t)object)->traits |= HAS_UNIQUE;
    return true;
}

/* Takes an object's definitions out: its load has failed. Without memory they stay, so false says that the object has to stay, too. */
int linker_unique_forget(struct unique *unique, const struct object *object)
{
    return !unique->size || rebuild(unique, unique->size, object);
}

void linker_unique_free(struct unique *unique)
{
    free(unique->slots);
    unique->slots = NULL;
    unique->size = unique->used = 0;
}
