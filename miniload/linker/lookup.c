/* Looking symbols up, as glibc 2.42's elf/dl-lookup.c does: the first object of the scope that has a matching definition, weak or strong. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "linker.h"

enum { HIDDEN_VERSION = 0x8000, BASE_VERSION = 1, CHAIN_MAX = 64 /* longer ones are no linker's */ };

uint32_t linker_hash(const char *name)
{
    uint32_t hash = 5381;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        hash = hash * 33 + *c;
    return hash;
}

uint32_t sysv_hash(const char *name)
{
    uint32_t hash = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        hash = (hash << 4) + *c;
        hash ^= hash >> 24 & 0xF0;
    }
    return hash & 0x0FFFFFFF;
}

struct query {
    const char *name;
    const struct version *version; /* NULL: none is asked for */
    uint32_t flags, hash, sysv, sysv_known;
};

struct candidate { /* what one object has to offer to a query without a version: the default, or the only one that is not */
    const Elf64_Sym *sole;
    uint32_t count;
};

/* check_match() of dl-lookup.c, the part about versions. */
static bool version_fits(const struct object *object, const struct query *query, uint64_t index, const Elf64_Sym *symbol, struct candidate *candidate)
{
    const uint16_t *of = index < object->versions_room ? object->version_of : NULL;
    const struct version *wanted = query->version;
    if (wanted) {
        if (!of)
            return true; /* glibc asserts that the need does not name this very object, and accepts it */
        uint64_t number = of[index] & ~HIDDEN_VERSION;
        const struct version *has = number < object->version_count ? &object->versions[number] : NULL;
        if (has && has->name && has->hash == wanted->hash && !strcmp(has->name, wanted->name))
            return true;
        /* The base definition serves a need of a version that the object does not name, unless it is hidden (`wanted->defined`: an exact one is wanted). */
        return !wanted->defined && number <= BASE_VERSION && !(of[index] & HIDDEN_VERSION);
    }
    if (!of)
        return true;
    uint64_t number = of[index] & ~HIDDEN_VERSION;
    if (number < (query->flags & LOOKUP_DLSYM ? 2u : 3u))
        return true;
    if (!(of[index] & HIDDEN_VERSION)) {
        if (!candidate->count)
            candidate->sole = symbol;
        candidate->count++;
    }
    return false;
}

enum { TYPES_ALLOWED = 1 << STT_NOTYPE | 1 << STT_OBJECT | 1 << STT_FUNC | 1 << STT_COMMON | 1 << STT_TLS | 1 << STT_GNU_IFUNC };

static bool matches(const struct object *object, const struct query *query, uint64_t index, struct candidate *candidate)
{
    const Elf64_Sym *symbol = &object->symbols[index];
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    if (!symbol->st_value && symbol->st_shndx != SHN_ABS && type != STT_TLS)
        return false;
    if (symbol->st_shndx == SHN_UNDEF && query->flags & LOOKUP_SLOT)
        return false;
    if (!(TYPES_ALLOWED >> type & 1))
        return false;
    const char *name = object_string(object, symbol->st_name);
    return name && !strcmp(name, query->name) && version_fits(object, query, index, symbol, candidate);
}

/* Whether the object has no symbol of that hash, which its Bloom filter says nearly always when it has none. */
static inline bool surely_absent(const struct object *object, uint32_t hash)
{
    if (!object->bloom)
        return false;
    uint64_t word = object->bloom[hash / 64 & object->bloom_mask];
    return !(word >> (hash & 63) & word >> (hash >> object->bloom_shift & 63) & 1);
}

static const Elf64_Sym *search_gnu(const struct object *object, const struct query *query, struct candidate *candidate)
{
    uint32_t hash = query->hash;
    uint64_t index = object->buckets[hash % object->bucket_count];
    if (index < object->symbol_base)
        return NULL;
    for (; index < object->symbols_room && index - object->symbol_base < object->chains_room; index++) {
        uint32_t entry = object->chains[index - object->symbol_base];
        if (!((entry ^ hash) >> 1) && matches(object, query, index, candidate))
            return &object->symbols[index];
        if (entry & 1)
            break;
    }
    return NULL;
}

static const Elf64_Sym *search_sysv(const struct object *object, struct query *query, struct candidate *candidate)
{
    if (!query->sysv_known) {
        query->sysv = sysv_hash(query->name);
        query->sysv_known = 1;
    }
    uint64_t index = object->sysv_buckets[query->sysv % object->sysv_bucket_count];
    for (uint64_t steps = 0; index && index < object->sysv_chain_count && index < object->symbols_room && steps < object->sysv_chain_count; steps++) {
        if (matches(object, query, index, candidate))
            return &object->symbols[index];
        index = object->sysv_chains[index];
    }
    return NULL;
}

static const Elf64_Sym *search_all(const struct object *object, const struct query *query, struct candidate *candidate)
{
    for (uint64_t index = 1; index < object->symbol_count; index++)
        if (matches(object, query, index, candidate))
            return &object->symbols[index];
    return NULL;
}

static const Elf64_Sym *search_object(const struct object *object, struct query *query)
{
    struct candidate candidate = {0};
    if (!object->symbols || !object->strings)
        return NULL;
    const Elf64_Sym *symbol = object->buckets ? search_gnu(object, query, &candidate)
        : object->sysv_buckets                ? search_sysv(object, query, &candidate)
                                              : search_all(object, query, &candidate);
    if (!symbol && candidate.count == 1)
        symbol = candidate.sole;
    if (!symbol)
        return NULL;
    unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other), bind = ELF64_ST_BIND(symbol->st_info);
    if (visibility == STV_HIDDEN || visibility == STV_INTERNAL)
        return NULL;
    return bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE ? symbol : NULL;
}

static const struct name *search_names(const struct names *names, const struct query *query)
{
    for (uint32_t i = 0, at = query->hash; i < names->size; i++, at++) {
        const struct name *slot = &names->slots[at & (names->size - 1)];
        if (!slot->used)
            return NULL;
        if (slot->hash == query->hash && !strcmp(slot->name, query->name))
            return slot;
    }
    return NULL;
}

const struct name *names_find(const struct names *names, const char *name)
{
    struct query query = {.name = name, .hash = linker_hash(name)};
    return search_names(names, &query);
}

/* What a symbol of an object stands for. STT_TLS: its offset in the object's block. An absolute one does not move (glibc; musl adds the bias). */
static void describe(const struct object *object, const Elf64_Sym *symbol, struct found *out)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    bool fixed = symbol->st_shndx == SHN_ABS || type == STT_TLS;
    out->object = (struct object *)(uintptr_t)object;
    out->address = symbol->st_value + (fixed ? 0 : object->bias);
    out->symbol = (uint64_t)(symbol - object->symbols);
    out->type = type;
    out->bind = ELF64_ST_BIND(symbol->st_info);
    out->size = symbol->st_size;
}

/* The lowest bit of a hash is not in the hash tables' chains, so the filter does without. Two bits for each symbol, in one word. */
static uint64_t shortcut_bits(uint32_t hash)
{
    return 1ull << (hash >> 1 & 63) | 1ull << (hash >> 7 & 63);
}

static bool shortcut_has(const struct shortcut *shortcut, uint32_t hash)
{
    uint64_t bits = shortcut_bits(hash);
    return (shortcut->bits[hash >> 13 & shortcut->mask] & bits) == bits;
}

static void shortcut_add(struct shortcut *shortcut, uint32_t hash)
{
    shortcut->bits[hash >> 13 & shortcut->mask] |= shortcut_bits(hash);
}

/* A filter over the symbols of some objects, which most look-ups pass by: one test for all that a program has loaded. */
int linker_shortcut(const struct object *const *objects, uint32_t count, struct shortcut *out)
{
    uint64_t symbols = 0, words = 64;
    for (uint32_t i = 0; i < count; i++)
        symbols += objects[i]->symbol_count;
    while (words < symbols / 4 && words < 1 << 18)
        words *= 2;
    *out = (struct shortcut){.member = MEMBER_SHORTCUT, .skips = count, .bits = calloc(words, sizeof *out->bits), .mask = (uint32_t)words - 1};
    if (!out->bits)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const struct object *object = objects[i];
        uint64_t first = object->buckets ? object->symbol_base : 1;
        for (uint64_t s = first; s < object->symbol_count && object->symbols; s++) {
            const char *name = object->buckets ? NULL : object_string(object, object->symbols[s].st_name);
            if (object->buckets && s - first < object->chains_room)
                shortcut_add(out, object->chains[s - first]);
            else if (name)
                shortcut_add(out, linker_hash(name));
        }
    }
    return 0;
}

void linker_shortcut_free(struct shortcut *shortcut)
{
    free(shortcut->bits);
    shortcut->bits = NULL;
}

/* The one definition of a unique symbol, of which `symbol` is the first that was found: the one that something was bound to before, else one in an object that
 * was there before. */
static void settle(const struct scope *scope, struct query *query, const struct object **object, const Elf64_Sym **symbol)
{
    struct unique *unique = scope->members[scope->count - 1];
    if (unique->member != MEMBER_UNIQUE)
        return;
    const struct unique_symbol *known = unique_find(unique, query->name, query->hash);
    if (known) {
        *object = known->object;
        *symbol = &known->object->symbols[known->symbol];
        return;
    }
    /* Thread-local ones of other objects are not ours to place. */
    for (uint32_t i = 0; i < unique->resident_count && ELF64_ST_TYPE((*symbol)->st_info) != STT_TLS; i++) {
        const struct object *resident = unique->residents[i];
        const Elf64_Sym *other = surely_absent(resident, query->hash) ? NULL : search_object(resident, query);
        if (other && ELF64_ST_BIND(other->st_info) == STB_GNU_UNIQUE) {
            *object = resident;
            *symbol = other;
            break;
        }
    }
    unique_add(unique, query->hash, *object, (uint64_t)(*symbol - (*object)->symbols)); /* without memory it is found anew */
}

/* -- without a look at names */

static void names_note(struct names *names, uint32_t hash)
{
    names->filter[hash >> 13 & (NAMES_FILTER - 1)] |= shortcut_bits(hash);
}

/* Whether nothing of a scope in front of `object` has a symbol of that hash, whose lowest bit is not known. */
static bool none_before(const struct scope *scope, const struct object *object, uint32_t hash)
{
    uint64_t bits = shortcut_bits(hash);
    for (uint64_t i = 0; i < scope->count; i++) {
        const struct object *member = scope->members[i];
        if (member == object)
            return true;
        if (member->member == MEMBER_SHORTCUT && !shortcut_has(scope->members[i], hash)) {
            i += ((const struct shortcut *)scope->members[i])->skips;
        } else if (member->member == MEMBER_NAMES) {
            if ((((const struct names *)scope->members[i])->filter[hash >> 13 & (NAMES_FILTER - 1)] & bits) == bits)
                return false;
        } else if (member->member == MEMBER_OBJECT) {
            if (!surely_absent(member, hash & ~1u) || !surely_absent(member, hash | 1))
                return false;
        }
    }
    return false;
}

/* Whether it is plain to see that an object's reference to a symbol that it defines itself leads to this very definition: that no other comes into question, in
 * the object or in front of it. The hash is in the object's own table, so no name is read. Otherwise it has to be searched for. */
bool find_own(const struct scope *scope, const struct object *object, uint64_t index, struct found *out)
{
    const Elf64_Sym *symbol = &object->symbols[index];
    unsigned bind = ELF64_ST_BIND(symbol->st_info);
    uint64_t at = index - object->symbol_base;
    if (!object->buckets || at >= object->chains_room || symbol->st_shndx == SHN_UNDEF || !symbol->st_value || (bind != STB_GLOBAL && bind != STB_WEAK) ||
        ELF64_ST_VISIBILITY(symbol->st_other) != STV_DEFAULT || !(TYPES_ALLOWED >> ELF64_ST_TYPE(symbol->st_info) & 1))
        return false;
    if (object->version_of && (index >= object->versions_room || ((object->version_of[index] & ~HIDDEN_VERSION) > BASE_VERSION && !version_wanted(object, index))))
        return false;
    uint32_t hash = object->chains[at];
    for (uint64_t i = at; i-- && !(object->chains[i] & 1);)
        if (!((object->chains[i] ^ hash) >> 1) || at - i == CHAIN_MAX)
            return false;
    if (!none_before(scope, object, hash))
        return false;
    describe(object, symbol, out);
    return true;
}

bool find_symbol(const struct scope *scope, const char *name, const struct version *version, uint32_t flags, const struct object *skip, struct found *out)
{
    struct query query = {.name = name, .version = version, .flags = flags, .hash = linker_hash(name)};
    for (uint64_t i = 0; i < scope->count; i++) {
        const struct object *object = scope->members[i];
        if (object->member == MEMBER_SHORTCUT) {
            const struct shortcut *shortcut = scope->members[i];
            if (!shortcut_has(shortcut, query.hash))
                i += shortcut->skips;
        } else if (object->member == MEMBER_NAMES) {
            const struct name *slot = search_names(scope->members[i], &query);
            if (slot) {
                *out = (struct found){.address = slot->address, .type = STT_NOTYPE, .bind = STB_GLOBAL};
                return true;
            }
        } else if (object->member == MEMBER_OBJECT && object != skip && !surely_absent(object, query.hash)) {
            const Elf64_Sym *symbol = search_object(object, &query);
            if (symbol) {
                if (ELF64_ST_BIND(symbol->st_info) == STB_GNU_UNIQUE)
                    settle(scope, &query, &object, &symbol);
                describe(object, symbol, out);
                return true;
            }
        }
    }
    return false;
}

/* The symbol that dlsym, or with `version` dlvsym, finds. -ENOENT if there is none. */
int linker_lookup(const struct scope *scope, const char *name, const char *version, uint32_t flags, struct found *out)
{
    struct version exact = {.name = version, .hash = version ? sysv_hash(version) : 0, .defined = !(flags & LOOKUP_NEED)};
    return find_symbol(scope, name, version ? &exact : NULL, flags, NULL, out) ? 0 : -ENOENT;
}

/* The address of what dlsym finds where that is all there is to it: 0 if there is none, or it is thread-local, or a resolver has to be asked. */
uint64_t linker_address(const struct scope *scope, const char *name)
{
    struct found found;
    bool plain = find_symbol(scope, name, NULL, LOOKUP_DLSYM, NULL, &found) && found.type != STT_TLS && found.type != STT_GNU_IFUNC;
    return plain ? found.address : 0;
}

/* The symbol whose place holds a link address, as dladdr finds it: the nearest at or before it, of a size that reaches so far or unknown. */
int linker_symbol_at(const struct object *object, uint64_t address, struct found *out)
{
    const Elf64_Sym *best = NULL;
    for (uint64_t i = 1; object->symbols && i < object->symbol_count; i++) {
        const Elf64_Sym *symbol = &object->symbols[i];
        unsigned type = ELF64_ST_TYPE(symbol->st_info);
        if (type == STT_TLS || symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS || !object_string(object, symbol->st_name))
            continue;
        if (symbol->st_value > address || (symbol->st_size ? address - symbol->st_value >= symbol->st_size : address != symbol->st_value))
            continue;
        if (!best || best->st_value < symbol->st_value)
            best = symbol;
    }
    if (!best)
        return -ENOENT;
    describe(object, best, out);
    return 0;
}

/* A table of symbols that are no object's. The texts have to stay where they are. A name that stands twice means its first address. */
int linker_names(const char *const *texts, const uint64_t *addresses, uint64_t count, struct names *out)
{
    uint32_t size = 4;
    if (count > UINT32_MAX / 4)
        return -EINVAL;
    while (size < 2 * count)
        size *= 2;
    *out = (struct names){.member = MEMBER_NAMES, .size = size, .slots = calloc(size, sizeof *out->slots)};
    if (!out->slots)
        return -ENOMEM;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t hash = linker_hash(texts[i]), at = hash;
        while (out->slots[at & (size - 1)].used && strcmp(out->slots[at & (size - 1)].name, texts[i]) != 0)
            at++;
        struct name *slot = &out->slots[at & (size - 1)];
        if (!slot->used)
            *slot = (struct name){texts[i], addresses[i], hash, 1};
        names_note(out, hash);
    }
    return 0;
}

void linker_names_free(struct names *names)
{
    free(names->slots);
    names->slots = NULL;
    names->size = 0;
}
