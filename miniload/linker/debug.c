/* What debuggers read: gdb's interface for code that a program makes (gdb manual, "JIT Compilation Interface"), for which it looks for two names and reads a list;
 * and the list of objects that ld.so keeps for them (SVR4's r_debug). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "inside.h"

struct code_entry {
    struct code_entry *next, *previous;
    const void *file;
    uint64_t size;
};

enum { NOTHING, REGISTER, UNREGISTER };

EXPORT struct {
    uint32_t version, action;
    struct code_entry *relevant, *first;
} __jit_debug_descriptor = {1, NOTHING, NULL, NULL};

EXPORT void __jit_debug_register_code(void);
EXPORT int linker_debug_add(const void *file, uint64_t size, struct code_entry **out);
EXPORT void linker_debug_remove(struct code_entry *entry);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* gdb has a breakpoint here. */
__attribute__((noinline)) void __jit_debug_register_code(void)
{
    __asm__ volatile("" ::: "memory");
}

static void tell(struct code_entry *entry, uint32_t action)
{
    __jit_debug_descriptor.relevant = entry;
    __jit_debug_descriptor.action = action;
    __jit_debug_register_code();
}

/* Shows gdb an ELF file, which stays where it is. */
int linker_debug_add(const void *file, uint64_t size, struct code_entry **out)
{
    struct code_entry *entry = malloc(sizeof *entry);
    if (!entry)
        return -ENOMEM;
    pthread_mutex_lock(&lock);
    *entry = (struct code_entry){__jit_debug_descriptor.first, NULL, file, size};
    if (entry->next)
        entry->next->previous = entry;
    __jit_debug_descriptor.first = entry;
    tell(entry, REGISTER);
    pthread_mutex_unlock(&lock);
    *out = entry;
    return 0;
}

void linker_debug_remove(struct code_entry *entry)
{
    pthread_mutex_lock(&lock);
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        __jit_debug_descriptor.first = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    tell(entry, UNREGISTER);
    pthread_mutex_unlock(&lock);
    free(entry);
}

/* Since glibc 2.35 there may be several lists of objects, one behind the other: of the namespaces that dlmopen makes. ld.so appends to the last of them, whosever
 * that is, and reads none. So ours is one more. */
struct debug_list {
    struct r_debug base;
    struct debug_list *next;
};

static struct debug_list ours;

/* Has debuggers find the list. Before any object is there. */
void linker_debug_list(void)
{
    struct debug_list *last = dlsym(RTLD_DEFAULT, "_r_debug");
    if (ours.base.r_version || !last || !last->base.r_brk || !dlsym(RTLD_DEFAULT, "_dl_find_object")) /* which has come with the same version */
        return;
    ours.base = (struct r_debug){.r_version = 2, .r_brk = last->base.r_brk, .r_state = RT_CONSISTENT, .r_ldbase = last->base.r_ldbase};
    struct debug_list *first = last;
    while (last->next)
        last = last->next;
    __atomic_store_n(&last->next, &ours, __ATOMIC_RELEASE);
    __atomic_store_n(&first->base.r_version, 2, __ATOMIC_RELEASE);
}

static void changed(void)
{
    if (ours.base.r_brk)
        ((void (*)(void))(uintptr_t)ours.base.r_brk)(); /* where debuggers have a breakpoint, which looks at the list */
}

/* Puts an object on the list whose file is mapped: debuggers read it, for what is not in memory. The caller lets nobody else change the list. */
void debug_show(struct resident *resident)
{
    struct link_map *last = ours.base.r_map;
    resident->shown = (struct link_map){.l_addr = resident->map.l_addr, .l_name = resident->map.l_name, .l_ld = resident->map.l_ld};
    while (last && last->l_next)
        last = last->l_next;
    resident->shown.l_prev = last;
    __atomic_store_n(last ? &last->l_next : &ours.base.r_map, &resident->shown, __ATOMIC_RELEASE);
    changed();
}

void debug_hide(struct resident *resident)
{
    struct link_map *map = &resident->shown;
    __atomic_store_n(map->l_prev ? &map->l_prev->l_next : &ours.base.r_map, map->l_next, __ATOMIC_RELEASE);
    if (map->l_next)
        map->l_next->l_prev = map->l_prev;
    changed();
}
