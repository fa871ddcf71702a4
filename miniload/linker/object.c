/* An object that is mapped: what its dynamic section says (gABI chapter 5; GNU extensions as glibc 2.42 reads them), every table checked to lie inside it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "linker.h"
#include "trouble.h"

#ifndef DT_RELR
enum { DT_RELRSZ = 35, DT_RELR = 36, DT_RELRENT = 37 };
#endif
enum { VERSION_LIMIT = 0x8000, RELA_SIZE = 24 };

struct dynamic { /* the values of the tags that matter, and which are there */
    uint64_t value[DT_RELRENT + 1];
    uint64_t present;
    uint64_t gnu_hash, versym, verneed, verneed_count, verdef, verdef_count;
};

static bool has(const struct dynamic *dynamic, unsigned tag)
{
    return dynamic->present >> tag & 1;
}

/* What the tag points to, as a link address. In an object that ld.so has loaded, it has put real addresses there; not on every architecture, and not
 * in the vDSO. */
static uint64_t pointer(const struct object *object, bool absolute, uint64_t value)
{
    return absolute && object->bias && value >= object->bias + object->image.low && value < object->bias + object->image.high ? value - object->bias : value;
}

static bool is_pointer(uint64_t tag)
{
    static const uint64_t low = 1ull << DT_PLTGOT | 1ull << DT_HASH | 1ull << DT_STRTAB | 1ull << DT_SYMTAB | 1ull << DT_RELA | 1ull << DT_INIT |
        1ull << DT_FINI | 1ull << DT_REL | 1ull << DT_JMPREL | 1ull << DT_INIT_ARRAY | 1ull << DT_FINI_ARRAY | 1ull << DT_PREINIT_ARRAY | 1ull << DT_RELR;
    return tag <= DT_RELRENT && low >> tag & 1;
}

static int note_needed(struct object *object, uint64_t value, struct trouble *trouble)
{
    if (object->needed_count == MAX_NEEDED)
        return fail(trouble, FIELD_DT_NEEDED, 0, MAX_NEEDED, EINVAL);
    object->needed[object->needed_count++] = value < NO_STRING ? (uint32_t)value : NO_STRING;
    return 0;
}

static int read_dynamic(struct object *object, bool absolute, struct dynamic *out, struct trouble *trouble)
{
    const struct extent *extent = &object->image.dynamic;
    uint64_t room = image_room(object, extent->address), size = extent->size < room ? extent->size : room;
    if (!extent->present)
        return 0;
    if (!size || extent->address % 8)
        return fail(trouble, FIELD_PT_DYNAMIC, 0, extent->address, EINVAL);
    const Elf64_Dyn *entry = (const Elf64_Dyn *)(const void *)(object->memory + extent->address);
    for (uint64_t i = 0; i < size / sizeof *entry && entry[i].d_tag != DT_NULL; i++) {
        uint64_t tag = (uint64_t)entry[i].d_tag, value = entry[i].d_un.d_val, at = pointer(object, absolute, value);
        if (tag == DT_NEEDED) {
            int error = note_needed(object, value, trouble);
            if (error)
                return error;
        } else if (tag <= DT_RELRENT) {
            out->value[tag] = is_pointer(tag) ? at : value;
            out->present |= 1ull << tag;
        } else if (tag == DT_GNU_HASH) {
            out->gnu_hash = at;
        } else if (tag == DT_VERSYM) {
            out->versym = at;
        } else if (tag == DT_VERNEED) {
            out->verneed = at;
        } else if (tag == DT_VERNEEDNUM) {
            out->verneed_count = value;
        } else if (tag == DT_VERDEF) {
            out->verdef = at;
        } else if (tag == DT_VERDEFNUM) {
            out->verdef_count = value;
        } else if (tag == DT_FLAGS_1) {
            object->dynamic_flags_1 = value;
        } else if (tag == DT_FILTER) {
            object->filter = (uint32_t)value;
        }
    }
    return 0;
}

const char *object_string(const struct object *object, uint64_t offset)
{
    return offset < object->strings_size ? object->strings + offset : NULL;
}

static int read_strings(struct object *object, const struct dynamic *dynamic, struct trouble *trouble)
{
    if (!has(dynamic, DT_STRTAB))
        return 0;
    uint64_t at = dynamic->value[DT_STRTAB], size = dynamic->value[DT_STRSZ];
    const char *strings = (const char *)image_at(object, at, size ? size : 1, PF_R);
    if (!strings)
        return fail(trouble, FIELD_DT_STRTAB, 0, at, EINVAL);
    /* A table without a final NUL ends where its last string does, so that each string in it has an end. */
    while (size && strings[size - 1])
        size--;
    object->strings = strings;
    object->strings_size = size;
    return 0;
}

static int read_symbols(struct object *object, const struct dynamic *dynamic, struct trouble *trouble)
{
    if (!has(dynamic, DT_SYMTAB))
        return 0;
    uint64_t at = dynamic->value[DT_SYMTAB], room = image_room(object, at);
    if (has(dynamic, DT_SYMENT) && dynamic->value[DT_SYMENT] != sizeof(Elf64_Sym))
        return fail(trouble, FIELD_DT_SYMENT, 0, dynamic->value[DT_SYMENT], EINVAL);
    if (room < sizeof(Elf64_Sym) || at % 8)
        return fail(trouble, FIELD_DT_SYMTAB, 0, at, EINVAL);
    object->symbols = (const Elf64_Sym *)(const void *)(object->memory + at);
    object->symbols_room = room / sizeof(Elf64_Sym);
    /* Without a hash table nothing says how many there are; linkers put the strings behind them. */
    uint64_t strings = dynamic->value[DT_STRTAB];
    if (strings > at && (strings - at) / sizeof(Elf64_Sym) < object->symbols_room)
        object->symbols_room = (strings - at) / sizeof(Elf64_Sym);
    object->symbol_count = object->symbols_room;
    return 0;
}

static int read_sysv_hash(struct object *object, const struct dynamic *dynamic, struct trouble *trouble)
{
    if (!has(dynamic, DT_HASH))
        return 0;
    uint64_t at = dynamic->value[DT_HASH], room = image_room(object, at) / 4;
    const uint32_t *words = (const uint32_t *)(const void *)image_at(object, at, 8, PF_R);
    if (!words || at % 4 || room - 2 < words[0] || room - 2 - words[0] < words[1] || !words[0])
        return fail(trouble, FIELD_DT_HASH, 0, at, EINVAL);
    object->sysv_bucket_count = words[0];
    object->sysv_chain_count = words[1];
    object->sysv_buckets = words + 2;
    object->sysv_chains = words + 2 + words[0];
    if (words[1] < object->symbol_count)
        object->symbol_count = words[1];
    return 0;
}

/* One more than the highest symbol of the chains; 0 if there is none. */
static uint64_t gnu_symbol_count(const struct object *object)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < object->bucket_count; i++)
        if (object->buckets[i] > last)
            last = object->buckets[i];
    if (last < object->symbol_base)
        return object->symbol_base;
    for (uint64_t i = last - object->symbol_base; i < object->chains_room; i++)
        if (object->chains[i] & 1)
            return object->symbol_base + i + 1;
    return object->symbols_room;
}

static int read_gnu_hash(struct object *object, const struct dynamic *dynamic, struct trouble *trouble)
{
    uint64_t at = dynamic->gnu_hash, room = image_room(object, at) / 4;
    if (!at)
        return 0;
    const uint32_t *words = (const uint32_t *)(const void *)image_at(object, at, 16, PF_R);
    if (!words || at % 8 || !words[2] || words[2] & (words[2] - 1) || (room - 4) / 2 < words[2] || room - 4 - 2 * (uint64_t)words[2] < words[0] || !words[0])
        return fail(trouble, FIELD_DT_GNU_HASH, 0, at, EINVAL);
    object->bucket_count = words[0];
    object->symbol_base = words[1];
    object->bloom_mask = words[2] - 1;
    object->bloom_shift = words[3] & 31; /* of a 32-bit hash: what the machine makes of more, for ld.so, too */
    object->bloom = (const uint64_t *)(const void *)(words + 4);
    object->buckets = words + 4 + 2 * (size_t)words[2];
    object->chains = object->buckets + words[0];
    object->chains_room = room - 4 - 2 * (uint64_t)words[2] - words[0];
    return 0;
}

static bool keep_version(struct object *object, uint64_t index, struct version version)
{
    if (index >= object->version_count) {
        struct version *grown = realloc(object->versions, (index + 1) * sizeof *grown);
        if (!grown)
            return false;
        memset(grown + object->version_count, 0, (index + 1 - object->version_count) * sizeof *grown);
        object->versions = grown;
        object->version_count = index + 1;
    }
    if (!object->versions[index].name)
        object->versions[index] = version;
    return true;
}

static int read_definitions(struct object *object, const struct dynamic *dynamic, struct trouble *trouble)
{
    uint64_t at = dynamic->verdef;
    for (uint64_t i = 0; at && i < dynamic->verdef_count; i++) {
        const Elf64_Verdef *entry = (const Elf64_Verdef *)(const void *)image_at(object, at, sizeof *entry, PF_R);
        const Elf64_Verdaux *name = entry && at % 4 == 0 ? (const Elf64_Verdaux *)(const void *)image_at(object, at + entry->vd_aux, sizeof *name, PF_R) : NULL;
        if (!name || entry->vd_aux % 4 || !object_string(object, name->vda_name))
            return fail(trouble, FIELD_DT_VERDEF, (uint32_t)i, at, EINVAL);
        struct version version = {object_string(object, name->vda_name), entry->vd_hash, 1, 0, NULL};
        uint64_t index = entry->vd_ndx & (VERSION_LIMIT - 1);
        if (!keep_version(object, index, version))
            return -ENOMEM;
        if (!entry->vd_next)
            break;
        at += entry->vd_next;
    }
    return 0;
}

static int read_need(struct object *object, uint64_t at, const Elf64_Verneed *need, struct trouble *trouble)
{
    uint64_t place = at + need->vn_aux;
    const char *file = object_string(object, need->vn_file);
    for (unsigned i = 0; i < need->vn_cnt; i++) {
        const Elf64_Vernaux *entry = place % 4 ? NULL : (const Elf64_Vernaux *)(const void *)image_at(object, place, sizeof *entry, PF_R);
        if (!file || !entry || !object_string(object, entry->vna_name))
            return fail(trouble, FIELD_DT_VERNEED, i, place, EINVAL);
        struct version version = {object_string(object, entry->vna_name), entry->vna_hash, 0, (entry->vna_flags & VER_FLG_WEAK) != 0, file};
        if (!keep_version(object, entry->vna_other & (VERSION_LIMIT - 1), version))
            return -ENOMEM;
        if (!entry->vna_next)
            break;
        place += entry->vna_next;
    }
    return 0;
}

static int read_needs(struct object *object, const struct dynamic *dynamic, struct trouble *trouble)
{
    uint64_t at = dynamic->verneed;
    for (uint64_t i = 0; at && i < dynamic->verneed_count; i++) {
        const Elf64_Verneed *need = at % 4 ? NULL : (const Elf64_Verneed *)(const void *)image_at(object, at, sizeof *need, PF_R);
        if (!need)
            return fail(trouble, FIELD_DT_VERNEED, (uint32_t)i, at, EINVAL);
        int error = read_need(object, at, need, trouble);
        if (error)
            return error;
        if (!need->vn_next)
            break;
        at += need->vn_next;
    }
    return 0;
}

static int read_versions(struct object *object, const struct dynamic *dynamic, struct trouble *trouble)
{
    if (!dynamic->versym)
        return 0;
    object->versions_room = image_room(object, dynamic->versym) / 2;
    if (dynamic->versym % 2 || !object->versions_room)
        return fail(trouble, FIELD_DT_VERSYM, 0, dynamic->versym, EINVAL);
    object->version_of = (const uint16_t *)(const void *)(object->memory + dynamic->versym);
    object->versym_address = dynamic->versym;
    int error = read_definitions(object, dynamic, trouble);
    return error ? error : read_needs(object, dynamic, trouble);
}

/* A table of `tag` with its size in another; an empty one needs no place. */
static int table(const struct object *object, const struct dynamic *dynamic, unsigned tag, unsigned size_tag, uint64_t unit, uint32_t field, struct range *out,
                 struct trouble *trouble)
{
    uint64_t size = dynamic->value[size_tag], at = dynamic->value[tag];
    if (!has(dynamic, tag) || !size)
        return 0;
    if (size % unit || at % 8 || !image_at(object, at, size, PF_R))
        return fail(trouble, field, 0, at, EINVAL);
    *out = (struct range){at, size};
    return 0;
}

static int read_tables(struct object *object, const struct dynamic *dynamic, struct trouble *trouble)
{
    static const struct { unsigned tag, size_tag, unit, field; size_t place; } rows[] = {
        {DT_RELA, DT_RELASZ, RELA_SIZE, FIELD_DT_RELA, offsetof(struct object, rela)},
        {DT_JMPREL, DT_PLTRELSZ, RELA_SIZE, FIELD_DT_JMPREL, offsetof(struct object, plt)},
        {DT_RELR, DT_RELRSZ, 8, FIELD_DT_RELR, offsetof(struct object, relr)},
        {DT_INIT_ARRAY, DT_INIT_ARRAYSZ, 8, FIELD_DT_INIT_ARRAY, offsetof(struct object, init_array)},
        {DT_FINI_ARRAY, DT_FINI_ARRAYSZ, 8, FIELD_DT_FINI_ARRAY, offsetof(struct object, fini_array)},
        {DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ, 8, FIELD_DT_PREINIT_ARRAY, offsetof(struct object, preinit_array)},
    };
    if (has(dynamic, DT_REL) && dynamic->value[DT_RELSZ])
        return fail(trouble, FIELD_DT_REL, 0, dynamic->value[DT_REL], ENOEXEC);
    if (has(dynamic, DT_RELAENT) && dynamic->value[DT_RELAENT] != RELA_SIZE)
        return fail(trouble, FIELD_DT_RELAENT, 0, dynamic->value[DT_RELAENT], EINVAL);
    if (has(dynamic, DT_PLTREL) && dynamic->value[DT_PLTREL] != DT_RELA)
        return fail(trouble, FIELD_DT_PLTREL, 0, dynamic->value[DT_PLTREL], EINVAL);
    if (has(dynamic, DT_RELRENT) && dynamic->value[DT_RELRENT] != 8)
        return fail(trouble, FIELD_DT_RELRENT, 0, dynamic->value[DT_RELRENT], EINVAL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct range *out = (struct range *)(void *)((char *)object + rows[i].place);
        int error = table(object, dynamic, rows[i].tag, rows[i].size_tag, rows[i].unit, rows[i].field, out, trouble);
        if (error)
            return error;
    }
    /* DT_RELASZ of some linkers includes the slots that DT_JMPREL names again. */
    const struct range *plt = &object->plt;
    struct range *rela = &object->rela;
    if (plt->size && plt->address >= rela->address && plt->address - rela->address < rela->size && plt->address + plt->size == rela->address + rela->size)
        rela->size = plt->address - rela->address;
    return 0;
}

static uint32_t string_of(const struct dynamic *dynamic, unsigned tag)
{
    return has(dynamic, tag) && dynamic->value[tag] < NO_STRING ? (uint32_t)dynamic->value[tag] : NO_STRING;
}

static int read_rest(struct object *object, const struct dynamic *dynamic, struct trouble *trouble)
{
    object->soname = string_of(dynamic, DT_SONAME);
    object->rpath = string_of(dynamic, DT_RPATH);
    object->runpath = string_of(dynamic, DT_RUNPATH);
    object->init = has(dynamic, DT_INIT) ? dynamic->value[DT_INIT] : 0;
    object->fini = has(dynamic, DT_FINI) ? dynamic->value[DT_FINI] : 0;
    object->got_present = has(dynamic, DT_PLTGOT);
    object->got = dynamic->value[DT_PLTGOT];
    object->dynamic_flags = dynamic->value[DT_FLAGS];
    uint64_t flags = object->dynamic_flags;
    object->traits |= (has(dynamic, DT_SYMBOLIC) || flags & DF_SYMBOLIC ? SYMBOLIC : 0) | (has(dynamic, DT_TEXTREL) || flags & DF_TEXTREL ? TEXTREL : 0) |
        (has(dynamic, DT_BIND_NOW) || flags & DF_BIND_NOW || object->dynamic_flags_1 & DF_1_NOW ? BIND_NOW : 0) | (flags & DF_STATIC_TLS ? STATIC_TLS : 0) |
        (object->image.stack_flags & PF_X ? EXECUTABLE_STACK : 0);
    for (uint32_t i = 0; i < object->needed_count; i++)
        if (!object_string(object, object->needed[i]))
            return fail(trouble, FIELD_DT_NEEDED, i, object->needed[i], EINVAL);
    const uint32_t texts[] = {object->soname, object->rpath, object->runpath};
    for (size_t i = 0; i < 3; i++)
        if (texts[i] != NO_STRING && !object_string(object, texts[i]))
            return fail(trouble, FIELD_STRING, 0, texts[i], EINVAL);
    return 0;
}

/* Fills in what the dynamic section of a mapped object says; `memory`, `bias` and `image` are set. `absolute`: it is one that ld.so has loaded. To be
 * undone by linker_detach, also after an error. */
int linker_attach(struct object *object, uint32_t absolute, struct trouble *trouble)
{
    typedef int reader(struct object *, const struct dynamic *, struct trouble *);
    static reader *const readers[] = {read_strings, read_symbols, read_sysv_hash, read_gnu_hash};
    struct dynamic dynamic = {0};
    object->member = MEMBER_OBJECT;
    object->soname = object->rpath = object->runpath = object->filter = NO_STRING;
    int error = read_dynamic(object, absolute != 0, &dynamic, trouble);
    for (size_t i = 0; !error && i < sizeof readers / sizeof *readers; i++)
        error = readers[i](object, &dynamic, trouble);
    if (!error && object->buckets && !object->sysv_buckets) {
        uint64_t count = gnu_symbol_count(object);
        if (count < object->symbol_count)
            object->symbol_count = count;
    }
    if (!error)
        error = read_versions(object, &dynamic, trouble);
    if (!error) {
        int wrong = read_tables(object, &dynamic, trouble);
        error = absolute ? 0 : wrong; /* what ld.so has relocated is only looked at */
    }
    return error ? error : read_rest(object, &dynamic, trouble);
}

/* Its memory may go. What is asked of it afterwards finds nothing. */
void linker_detach(struct object *object)
{
    free(object->versions);
    object->versions = NULL;
    object->symbols = NULL;
    object->strings = NULL;
    object->version_of = NULL;
    object->bloom = NULL;
    object->buckets = object->sysv_buckets = NULL;
    object->version_count = object->strings_size = object->symbols_room = object->symbol_count = object->versions_room = 0;
    object->needed_count = 0;
}
