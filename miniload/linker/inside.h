/* What the core knows about objects that run in this very process, for the dl* functions that their code calls. */
#ifndef MINILOAD_INSIDE_H
#define MINILOAD_INSIDE_H

#include <link.h>

#include "linker.h"

struct resident { /* its address is the handle that code gets, so it begins as ld.so's do */
    struct link_map map;
    struct link_map shown; /* to debuggers */
    struct object *object;
    uint64_t start, end;
    const Elf64_Phdr *phdrs; /* NULL: they are not in memory */
    uint64_t frames;         /* .eh_frame that the unwinder has been given, or 0 */
};

struct residents {
    uint64_t count, added, removed; /* added and removed since the process began */
    struct residents *before;       /* of a list that has been replaced: another one */
    struct resident *entries[];
};

/* Both between readers_enter and readers_leave. */
const struct residents *residents_now(void);
struct resident *resident_at(const struct residents *residents, uint64_t address);

EXPORT struct resident *linker_resident_add(struct object *object, const char *name);
EXPORT void linker_resident_remove(struct resident *resident);
EXPORT void linker_readers_wait(void);
EXPORT void linker_forked(void);

/* frames.c */
EXPORT void linker_unwinder(void (*add)(uint64_t), void (*remove)(uint64_t));
void frames_add(struct resident *resident);
void frames_remove(const struct resident *resident);
EXPORT uint64_t linker_frames(const struct object *object, uint64_t *size);

/* debug.c */
EXPORT void linker_debug_list(void);
void debug_show(struct resident *resident);
void debug_hide(struct resident *resident);

struct dl_calls { /* what needs Python: linker/inside.py. NULL where there is none (any more) */
    void *(*open)(const char *name, int mode, uint64_t caller);
    int (*close)(void *handle);
    void *(*symbol)(void *handle, const char *name, const char *version, uint64_t caller);
};

/* dlfcn.c */
EXPORT void linker_dl_calls(const struct dl_calls *calls);
EXPORT void linker_dl_error(const char *text);
EXPORT uint64_t linker_dl_function(const char *name);

#endif
