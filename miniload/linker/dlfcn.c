/* dlopen(3) and its family for code that is loaded here: of our objects they tell what we know, of others what ld.so knows. What only looks needs no Python
 * and may be called at any time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"
#include "readers.h"

enum { DI_LMID = 1, DI_LINKMAP = 2, DI_ORIGIN = 6, DI_TLS_MODID = 9, DI_TLS_DATA = 10, DI_PHDR = 11, DL_SYMENT = 1, DL_LINKMAP = 2, ERROR_ROOM = 1024, FRAMES_HEADER = 8 };

struct found_object { /* struct dl_find_object of glibc 2.35 */
    unsigned long long flags;
    void *start, *end;
    struct link_map *map;
    void *eh_frame;
    unsigned long long reserved[7];
};

static struct dl_calls python;
static _Thread_local char error[ERROR_ROOM];
static _Thread_local bool failed;

static uint64_t caller_of(const void *return_address)
{
    return (uint64_t)(uintptr_t)return_address;
}

void linker_dl_calls(const struct dl_calls *calls)
{
    python = calls ? *calls : (struct dl_calls){0};
}

/* What dlerror will say in this thread. */
void linker_dl_error(const char *text)
{
    snprintf(error, sizeof error, "%s", text);
    failed = true;
}

/* Each call forgets the error of the one before, ours and ld.so's. */
static void forget_error(void)
{
    failed = false;
    dlerror();
}

static char *inside_dlerror(void)
{
    char *host = dlerror();
    bool own = failed;
    failed = false;
    return own ? error : host;
}

static struct resident *resident_of(const void *handle)
{
    unsigned side = readers_enter();
    const struct residents *now = residents_now();
    struct resident *found = NULL;
    for (uint64_t i = 0; i < now->count; i++)
        if (now->entries[i] == handle)
            found = now->entries[i];
    readers_leave(side);
    return found; /* who has a handle keeps the object open */
}

static void *inside_dlopen(const char *name, int mode)
{
    forget_error();
    return python.open && name && *name ? python.open(name, mode, caller_of(__builtin_return_address(0))) : dlopen(name, mode);
}

static void *inside_dlmopen(Lmid_t space, const char *name, int mode)
{
    forget_error();
    if (space == LM_ID_BASE && python.open && name && *name)
        return python.open(name, mode, caller_of(__builtin_return_address(0)));
    return dlmopen(space, name, mode);
}

static int inside_dlclose(void *handle)
{
    forget_error();
    return python.close && resident_of(handle) ? python.close(handle) : dlclose(handle);
}

static void *find_symbol_for(void *handle, const char *name, const char *version, uint64_t caller)
{
    bool special = handle == RTLD_DEFAULT || handle == RTLD_NEXT;
    forget_error();
    if (python.symbol && (special || resident_of(handle))) {
        void *found = python.symbol(handle, name, version, caller);
        if (found || failed)
            return found;
    }
    return version ? dlvsym(handle, name, version) : dlsym(handle, name);
}

static void *inside_dlsym(void *handle, const char *name)
{
    return find_symbol_for(handle, name, NULL, caller_of(__builtin_return_address(0)));
}

static void *inside_dlvsym(void *handle, const char *name, const char *version)
{
    return find_symbol_for(handle, name, version, caller_of(__builtin_return_address(0)));
}

static int inside_dladdr1(const void *address, Dl_info *info, void **extra, int kind)
{
    struct found found = {0};
    unsigned side = readers_enter();
    struct resident *resident = resident_at(residents_now(), caller_of(address));
    if (resident) {
        struct object *object = resident->object;
        bool named = !linker_symbol_at(object, caller_of(address) - object->bias, &found);
        const Elf64_Sym *symbol = named ? &object->symbols[found.symbol] : NULL;
        *info = (Dl_info){resident->map.l_name, (void *)(uintptr_t)resident->start, named ? object_string(object, symbol->st_name) : NULL,
                          named ? (void *)(uintptr_t)found.address : NULL};
        if (kind == DL_SYMENT)
            *extra = (void *)(uintptr_t)symbol;
        else if (kind == DL_LINKMAP)
            *extra = &resident->map;
    }
    readers_leave(side);
    if (resident)
        return 1;
    return kind ? dladdr1(address, info, extra, kind) : dladdr(address, info);
}

static int inside_dladdr(const void *address, Dl_info *info)
{
    return inside_dladdr1(address, info, NULL, 0);
}

/* -- dl_iterate_phdr */

typedef int visitor(struct dl_phdr_info *info, size_t size, void *user);

struct visit {
    visitor *function;
    void *user;
    const struct residents *ours;
    uint64_t added, removed;
};

static int visit_host(struct dl_phdr_info *info, size_t size, void *user)
{
    struct visit *visit = user;
    info->dlpi_adds += visit->ours->added;
    info->dlpi_subs += visit->ours->removed;
    visit->added = info->dlpi_adds;
    visit->removed = info->dlpi_subs;
    return visit->function(info, size, visit->user);
}

struct block { /* of thread-local storage */
    uint64_t module;
    void *data;
};

static int note_block(struct dl_phdr_info *info, size_t size, void *user)
{
    struct block *block = user;
    (void)size;
    if (info->dlpi_tls_modid != block->module)
        return 0;
    block->data = info->dlpi_tls_data;
    return 1;
}

/* This thread's block of the object, if it has one already: it is that of the object which ld.so has for it (donor.py). */
static void *block_of(const struct object *object)
{
    struct block block = {object->tls_module, NULL};
    if (object->tls_state)
        dl_iterate_phdr(note_block, &block);
    return block.data;
}

static int inside_dl_iterate_phdr(visitor *function, void *user)
{
    unsigned side = readers_enter();
    struct visit visit = {function, user, residents_now(), 0, 0};
    int result = dl_iterate_phdr(visit_host, &visit);
    for (uint64_t i = 0; !result && i < visit.ours->count; i++) {
        const struct resident *resident = visit.ours->entries[i];
        const struct object *object = resident->object;
        struct dl_phdr_info info = {resident->map.l_addr, resident->map.l_name, resident->phdrs, resident->phdrs ? (Elf64_Half)object->image.phdr_count : 0,
                                    visit.added, visit.removed, object->tls_state ? object->tls_module : 0, block_of(object)};
        result = function(&info, sizeof info, user);
    }
    readers_leave(side);
    return result;
}

static int (*host_find_object)(void *, struct found_object *);

static int inside_dl_find_object(void *address, struct found_object *out)
{
    unsigned side = readers_enter();
    struct resident *resident = resident_at(residents_now(), caller_of(address));
    const struct extent *frames = resident ? &resident->object->image.eh_frame : NULL;
    bool ours = frames && frames->present && image_room(resident->object, frames->address) >= FRAMES_HEADER;
    if (ours)
        *out = (struct found_object){0, (void *)(uintptr_t)resident->start, (void *)(uintptr_t)resident->end, &resident->map,
                                     (void *)(uintptr_t)(resident->map.l_addr + frames->address), {0}};
    readers_leave(side);
    if (ours)
        return 0;
    return !resident && host_find_object ? host_find_object(address, out) : -1;
}

static int tell(struct resident *resident, int request, void *out)
{
    const struct object *object = resident->object;
    switch (request) {
    case DI_LMID: *(Lmid_t *)out = LM_ID_BASE; return 0;
    case DI_LINKMAP: *(struct link_map **)out = &resident->map; return 0;
    case DI_TLS_MODID: *(size_t *)out = object->tls_state ? object->tls_module : 0; return 0;
    case DI_TLS_DATA: *(void **)out = block_of(object); return 0;
    case DI_PHDR: *(const Elf64_Phdr **)out = resident->phdrs; return resident->phdrs ? (int)object->image.phdr_count : 0;
    case DI_ORIGIN: {
        const char *name = resident->map.l_name, *end = strrchr(name, '/');
        size_t size = end ? (size_t)(end - name) : 0;
        memcpy(out, size ? name : end ? "/" : ".", size ? size : 1);
        ((char *)out)[size ? size : 1] = 0;
        return 0;
    }
    default: linker_dl_error("unsupported dlinfo request"); return -1;
    }
}

static int inside_dlinfo(void *handle, int request, void *out)
{
    forget_error();
    struct resident *resident = resident_of(handle);
    return resident ? tell(resident, request, out) : dlinfo(handle, request, out);
}

/* -- destructors of thread-local variables */

typedef int thread_atexit(void (*function)(void *), void *argument, void *dso);
static thread_atexit *host_thread_atexit;

struct destructor {
    void (*function)(void *);
    void *argument;
    struct object *object;
};

static void destroy(void *user)
{
    struct destructor destructor = *(struct destructor *)user;
    free(user);
    destructor.function(destructor.argument);
    __atomic_fetch_sub(&destructor.object->destructors, 1, __ATOMIC_RELEASE);
}

/* libc counts for the object that `dso` lies in, so that it stays loaded until the thread has ended, and does not know ours. */
static int inside_thread_atexit(void (*function)(void *), void *argument, void *dso)
{
    unsigned side = readers_enter();
    struct resident *resident = resident_at(residents_now(), caller_of(dso));
    struct object *object = resident ? resident->object : NULL;
    if (object)
        __atomic_fetch_add(&object->destructors, 1, __ATOMIC_RELAXED);
    readers_leave(side);
    if (!object)
        return host_thread_atexit(function, argument, dso);
    struct destructor *destructor = malloc(sizeof *destructor);
    if (!destructor)
        abort(); /* as glibc: the caller has no way to hear of it */
    *destructor = (struct destructor){function, argument, object};
    return host_thread_atexit(destroy, destructor, &python);
}

/* The function that stands for libc's of that name; 0 if there is none. */
uint64_t linker_dl_function(const char *name)
{
#define ROW(name, function) {name, (uint64_t)(uintptr_t)(function)}
    const struct { const char *name; uint64_t address; } rows[] = {
        ROW("dlopen", inside_dlopen), ROW("dlmopen", inside_dlmopen), ROW("dlclose", inside_dlclose), ROW("dlsym", inside_dlsym), ROW("dlvsym", inside_dlvsym),
        ROW("dlerror", inside_dlerror), ROW("dlinfo", inside_dlinfo), ROW("dladdr", inside_dladdr), ROW("dladdr1", inside_dladdr1),
        ROW("dl_iterate_phdr", inside_dl_iterate_phdr), ROW("_dl_find_object", inside_dl_find_object), ROW("__cxa_thread_atexit_impl", inside_thread_atexit),
    };
#undef ROW
    void *host = dlsym(RTLD_DEFAULT, name);
    if (!strcmp(name, "_dl_find_object"))
        memcpy(&host_find_object, &host, sizeof host);
    if (!strcmp(name, "__cxa_thread_atexit_impl"))
        memcpy(&host_thread_atexit, &host, sizeof host);
    for (size_t i = 0; host && i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].address;
    return 0;
}
