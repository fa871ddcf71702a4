/* dlopen(3) and its family in an emulated process: they know the objects that miniload has loaded into it, and leave the rest to libc's. A shared object that needs no
 * other; the guest's dynamic linker loads it before libc, so that dl_iterate_phdr, _dl_find_object and dladdr come first by the rules of ELF, for the guest's own
 * unwinder, too. The other functions are only for what miniload loads, which is bound to them.
 *
 * What only looks runs in any thread and at any time without a lock: miniload changes the list from outside, while no guest code runs. What loads or needs scopes is
 * Python's, which only the process's first thread can call (guest/machine.py); to others the dynamic linker's own objects are all that there is to be opened. */
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

enum { DI_LMID = 1, DI_LINKMAP = 2, DI_ORIGIN = 6, DI_TLS_MODID = 9, DI_TLS_DATA = 10, DI_PHDR = 11, DL_SYMENT = 1, DL_LINKMAP = 2, STT_TLS = 6, SHN_ABS = 0xFFF1, STT_GNU_IFUNC = 10, ERROR_ROOM = 1024 };

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

struct calls { /* of Python's: guest/residents.py */
    void *(*open)(const char *name, int mode, uint64_t caller);
    int (*close)(void *handle);
    void *(*symbol)(void *handle, const char *name, const char *version, uint64_t caller);
};

EXPORT struct {
    struct resident *first;
    uint64_t added, removed;
    uint64_t thread; /* the thread pointer of the process's first one */
    struct calls python;
    uint64_t failed;        /* the error below is what dlerror says next */
    char error[ERROR_ROOM];
    /* libc's own, from here on; NULL where it has none. The order of the first eight is guest/residents.py's. */
    int (*iterate)(visitor *, void *);
    void *(*open)(const char *, int);
    void *(*symbol)(void *, const char *);
    void *(*version)(void *, const char *, const char *);
    void *(*open_in)(long, const char *, int);
    int (*close)(void *);
    char *(*error_text)(void);
    int (*tell)(void *, int, void *);
    int (*find)(void *, struct found_object *);
    int (*describe)(const void *, struct place *);
    int (*describe_more)(const void *, struct place *, void **, int);
} miniload_residents;

#define ours miniload_residents

/* Finds libc's functions behind those of this object. */
EXPORT void miniload_start(void *(*dlsym)(void *, const char *))
{
    void *const next = (void *)-1; /* RTLD_NEXT */
    ours.symbol = dlsym;
    *(void **)&ours.iterate = dlsym(next, "dl_iterate_phdr");
    *(void **)&ours.open = dlsym(next, "dlopen");
    *(void **)&ours.version = dlsym(next, "dlvsym");
    *(void **)&ours.open_in = dlsym(next, "dlmopen");
    *(void **)&ours.close = dlsym(next, "dlclose");
    *(void **)&ours.error_text = dlsym(next, "dlerror");
    *(void **)&ours.tell = dlsym(next, "dlinfo");
    *(void **)&ours.find = dlsym(next, "_dl_find_object");
    *(void **)&ours.describe_more = dlsym(next, "dladdr1");
    *(void **)&ours.describe = dlsym(next, "dladdr");
    ours.thread = (uint64_t)__builtin_thread_pointer();
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

/* This thread's block of the object, if it has one already: it is that of the object which the dynamic linker has for it (linker/tls.py). */
static struct block block_of(const struct resident *resident)
{
    struct block block = {.module = resident->module};
    if (ours.iterate)
        ours.iterate(note_block, &block);
    return block;
}

EXPORT int dl_iterate_phdr(visitor *function, void *user)
{
    struct visit visit = {function, user};
    int result = ours.iterate ? ours.iterate(visit_other, &visit) : 0;
    for (const struct resident *resident = ours.first; !result && resident; resident = resident->next) {
        struct block block = block_of(resident);
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

/* -- dlopen, dlsym, dlerror, dlinfo */

static int in_first_thread(void)
{
    return ours.python.open && (uint64_t)__builtin_thread_pointer() == ours.thread;
}

/* Each call forgets the error of the one before, ours and libc's. */
static void forget_error(void)
{
    if (in_first_thread())
        ours.failed = 0;
    if (ours.error_text)
        ours.error_text();
}

static struct resident *resident_of(const void *handle)
{
    struct resident *resident = ours.first;
    while (resident && &resident->map != handle)
        resident = resident->next;
    return resident;
}

EXPORT char *miniload_dlerror(void)
{
    char *text = ours.error_text ? ours.error_text() : NULL;
    if (!in_first_thread() || !ours.failed)
        return text;
    ours.failed = 0;
    return ours.error;
}

EXPORT void *miniload_dlopen(const char *name, int mode)
{
    forget_error();
    if (in_first_thread() && name && *name)
        return ours.python.open(name, mode, (uint64_t)__builtin_return_address(0));
    return ours.open ? ours.open(name, mode) : NULL;
}

EXPORT void *miniload_dlmopen(long space, const char *name, int mode)
{
    forget_error();
    if (!space && in_first_thread() && name && *name)
        return ours.python.open(name, mode, (uint64_t)__builtin_return_address(0));
    return ours.open_in ? ours.open_in(space, name, mode) : NULL;
}

EXPORT int miniload_dlclose(void *handle)
{
    forget_error();
    if (resident_of(handle))
        return in_first_thread() ? ours.python.close(handle) : 0;
    return ours.close ? ours.close(handle) : -1;
}

static int same(const char *one, const char *other)
{
    while (*one && *one == *other)
        one++, other++;
    return *one == *other;
}

/* For other threads: what the very object defines, and is no more than an address. */
static void *plain_symbol(const struct resident *resident, const char *name)
{
    for (uint64_t i = 1; i < resident->symbol_count; i++) {
        const struct symbol *symbol = &resident->symbols[i];
        unsigned type = symbol->info & 15;
        if (symbol->section && type != STT_TLS && type != STT_GNU_IFUNC && symbol->info >> 4 && symbol->name < resident->strings_size &&
            same(resident->strings + symbol->name, name))
            return (void *)(resident->map.address + symbol->value);
    }
    return NULL;
}

static void *find_symbol_for(void *handle, const char *name, const char *version, uint64_t caller)
{
    int special = !handle || handle == (void *)-1; /* RTLD_DEFAULT, RTLD_NEXT */
    const struct resident *resident = special ? NULL : resident_of(handle);
    forget_error();
    if (in_first_thread() && (special || resident)) {
        void *found = ours.python.symbol(handle, name, version, caller);
        if (found || ours.failed)
            return found;
    }
    if (resident)
        return plain_symbol(resident, name);
    if (version)
        return ours.version ? ours.version(handle, name, version) : NULL;
    return ours.symbol ? ours.symbol(handle, name) : NULL;
}

EXPORT void *miniload_dlsym(void *handle, const char *name)
{
    return find_symbol_for(handle, name, NULL, (uint64_t)__builtin_return_address(0));
}

EXPORT void *miniload_dlvsym(void *handle, const char *name, const char *version)
{
    return find_symbol_for(handle, name, version, (uint64_t)__builtin_return_address(0));
}

/* The directory of a path. */
static void origin(const char *path, char *out)
{
    uint64_t end = 0;
    for (uint64_t i = 0; path[i]; i++)
        if (path[i] == '/')
            end = i ? i : 1;
    if (!end)
        path = ".", end = 1;
    for (uint64_t i = 0; i < end; i++)
        out[i] = path[i];
    out[end] = 0;
}

static int tell(struct resident *resident, int request, void *out)
{
    switch (request) {
    case DI_LMID: *(long *)out = 0; return 0;
    case DI_LINKMAP: *(struct link_map **)out = &resident->map; return 0;
    case DI_TLS_MODID: *(uint64_t *)out = resident->module; return 0;
    case DI_TLS_DATA: *(void **)out = block_of(resident).data; return 0;
    case DI_PHDR: *(const void **)out = resident->phdrs; return (int)resident->phdr_count;
    case DI_ORIGIN: origin(resident->map.name, out); return 0;
    default: return -1;
    }
}

EXPORT int miniload_dlinfo(void *handle, int request, void *out)
{
    struct resident *resident = resident_of(handle);
    forget_error();
    if (resident)
        return tell(resident, request, out);
    return ours.tell ? ours.tell(handle, request, out) : -1;
}
