/* gdb's interface for code that a program makes (gdb manual, "JIT Compilation Interface"): it looks for these two names and reads the list. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "linker.h"

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
