/* What a guest's unwinder, and whoever else asks which objects are there, is told of those that miniload has loaded. A shared object that needs no other; the
 * guest's dynamic linker loads it before libc, so that its definitions come first by the rules of ELF. It runs in any thread and at any time without a lock:
 * miniload changes the list from outside, while no guest code runs. */
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

enum { DL_SYMENT = 1, DL_LINKMAP = 2, STT_TLS = 6, SHN_ABS = 0xFFF1 };

struct link_map { /* its public part (link.h) */
    uint64_t address;
    const char *name;
    void *dynamic;
    struct link_map *next, *previous;
};

struct symbol { /* Elf64_Sym */
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, size;
};

struct resident { /* guest/residents.py writes it */
    struct resident *next;
    struct link_map map;
    const void *phdrs;
    uint64_t phdr_count, start, end, module;
    void *frames; /* .eh_frame_hdr; NULL: it has none */
    const struct symbol *symbols;
    uint64_t symbol_count;
    const char *strings;
    uint64_t strings_size;
};

struct phdr_info { /* struct dl_phdr_info */
    uint64_t address;
    const char *name;
    const void *phdrs;
    uint16_t phdr_count;
    uint64_t added, removed, module;
    void *block;
};

struct found_object { /* struct dl_find_object of glibc 2.35 */
    uint64_t flags;
    void *start, *end;
    struct link_map *map;
    void *frames;
    uint64_t reserved[7];
};

struct place { /* Dl_info */
    const char *file;
    void *base;
    const char *symbol;
    void *address;
};

typedef int visitor(struct phdr_info *, size_t, void *);

EXPORT struct {
    struct resident *first;
    uint64_t added, removed;
    int (*iterate)(visitor *, void *); /* libc's own, from here on; NULL where it has none */
    int (*find)(void *, struct found_object *);
    int (*describe)(const void *, struct place *);
    int (*describe_more)(const void *, struct place *, void **, int);
} miniload_residents;

#define ours miniload_residents

/* Finds libc's functions behind those of this object. */
EXPORT void miniload_start(void *(*dlsym)(void *, const char *))
{
    void *const next = (void *)-1; /* RTLD_NEXT */
    *(void **)&ours.iterate = dlsym(next, "dl_iterate_phdr");
    *(void **)&ours.find = dlsym(next, "_dl_find_object");
    *(void **)&ours.describe_more = dlsym(next, "dladdr1");
    *(void **)&ours.describe = dlsym(next, "dladdr");
}

static struct resident *resident_at(uint64_t address)
{
    struct resident *resident = ours.first;
    while (resident && address - resident->start >= resident->end - resident->start)
        resident = resident->next;
    return resident;
}

/* -- dl_iterate_phdr */

struct visit {
    visitor *function;
    void *user;
};

static int visit_other(struct phdr_info *info, size_t size, void *user)
{
    const struct visit *visit = user;
    info->added += ours.added;
    info->removed += ours.removed;
    return visit->function(info, size, visit->user);
}

struct block { /* of thread-local storage, and how often objects came and went */
    uint64_t module, added, removed;
    void *data;
};

static int note_block(struct phdr_info *info, size_t size, void *user)
{
    struct block *block = user;
    (void)size;
    block->added = info->added;
    block->removed = info->removed;
    if (!block->module || info->module != block->module)
        return !block->module;
    block->data = info->block;
    return 1;
}

EXPORT int dl_iterate_phdr(visitor *function, void *user)
{
    struct visit visit = {function, user};
    int result = ours.iterate ? ours.iterate(visit_other, &visit) : 0;
    for (const struct resident *resident = ours.first; !result && resident; resident = resident->next) {
        struct block block = {.module = resident->module};
        if (ours.iterate)
            ours.iterate(note_block, &block);
        struct phdr_info info = {resident->map.address, resident->map.name, resident->phdrs, (uint16_t)resident->phdr_count,
                                 block.added + ours.added, block.removed + ours.removed, resident->module, block.data};
        result = function(&info, sizeof info, user);
    }
    return result;
}

EXPORT int _dl_find_object(void *address, struct found_object *out)
{
    struct resident *resident = resident_at((uint64_t)address);
    if (!resident)
        return ours.find ? ours.find(address, out) : -1;
    if (!resident->frames)
        return -1;
    out->flags = 0;
    out->start = (void *)resident->start;
    out->end = (void *)resident->end;
    out->map = &resident->map;
    out->frames = resident->frames;
    return 0;
}

/* -- dladdr */

static const struct symbol *symbol_at(const struct resident *resident, uint64_t offset)
{
    const struct symbol *best = NULL;
    for (uint64_t i = 1; i < resident->symbol_count; i++) {
        const struct symbol *symbol = &resident->symbols[i];
        uint64_t beyond = offset - symbol->value;
        if (symbol->section && symbol->section != SHN_ABS && (symbol->info & 15) != STT_TLS && symbol->name < resident->strings_size && symbol->value <= offset &&
            (symbol->size ? beyond < symbol->size : !beyond) && (!best || best->value < symbol->value))
            best = symbol;
    }
    return best;
}

static void describe(struct resident *resident, uint64_t address, struct place *place, void **extra, int kind)
{
    const struct symbol *symbol = symbol_at(resident, address - resident->map.address);
    *place = (struct place){resident->map.name, (void *)resident->start, NULL, NULL};
    if (symbol) {
        place->symbol = resident->strings + symbol->name;
        place->address = (void *)(resident->map.address + symbol->value);
    }
    if (kind == DL_SYMENT)
        *extra = (void *)(uintptr_t)symbol;
    else if (kind == DL_LINKMAP)
        *extra = &resident->map;
}

EXPORT int dladdr(const void *address, struct place *place)
{
    struct resident *resident = resident_at((uint64_t)address);
    if (!resident)
        return ours.describe ? ours.describe(address, place) : 0;
    describe(resident, (uint64_t)address, place, NULL, 0);
    return 1;
}

EXPORT int dladdr1(const void *address, struct place *place, void **extra, int kind)
{
    struct resident *resident = resident_at((uint64_t)address);
    if (!resident)
        return ours.describe_more ? ours.describe_more(address, place, extra, kind) : 0;
    describe(resident, (uint64_t)address, place, extra, kind);
    return 1;
}
