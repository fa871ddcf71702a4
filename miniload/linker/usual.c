/* Loads of the usual kind, all at once: a file that is not loaded yet, for this very process, all that it needs there already, nothing thread-local, nothing undefined.
 * Whatever is not as usual is undone, and left to the steps one by one (linker/loader.py), which have the better words for it, too. */
#include <errno.h>
#include <string.h>

#include "inside.h"
#include "readers.h"

enum { SCOPE_MAX = 1024 };

static bool is_loaded(const struct object *object)
{
    unsigned side = readers_enter();
    const struct residents *now = residents_now();
    bool known = false;
    for (uint64_t i = 0; i < now->count && !known; i++)
        known = now->entries[i]->object->inode == object->inode && now->entries[i]->object->device == object->device;
    readers_leave(side);
    return known;
}

/* What it needs, in order, to `needed`; false if something is not there. */
static bool find_needed(const struct usual *usual, const struct object *object, const struct object **needed)
{
    for (uint32_t i = 0; i < object->needed_count; i++) {
        const struct name *name = names_find(usual->there, object_string(object, object->needed[i]));
        if (!name)
            return false;
        needed[i] = (const struct object *)(uintptr_t)name->address;
    }
    return true;
}

static bool add_once(void **members, uint64_t *count, const struct object *object)
{
    for (uint64_t i = 0; i < *count; i++)
        if (members[i] == object)
            return true;
    if (*count == SCOPE_MAX)
        return false;
    members[(*count)++] = (void *)(uintptr_t)object;
    return true;
}

static bool make_scope(const struct usual *usual, const struct object *object, const struct object **needed, struct scope *scope)
{
    if (usual->before + usual->after >= SCOPE_MAX)
        return false;
    scope->count = usual->before;
    memcpy(scope->members, usual->members, usual->before * sizeof *usual->members);
    bool room = add_once(scope->members, &scope->count, object);
    for (uint32_t i = 0; i < object->needed_count && room; i++)
        room = add_once(scope->members, &scope->count, needed[i]);
    if (!room || usual->after > SCOPE_MAX - scope->count)
        return false;
    memcpy(scope->members + scope->count, usual->members + usual->before, usual->after * sizeof *usual->members);
    scope->count += usual->after;
    return true;
}

/* False: it is not as usual, or there is something wrong with it. */
static bool link_up(const struct usual *usual, struct object *object)
{
    const struct object *needed[MAX_NEEDED];
    void *members[SCOPE_MAX];
    struct scope scope = {0, members};
    const char *soname = object->soname == NO_STRING ? NULL : object_string(object, object->soname);
    uint32_t which;
    if (object->traits & (TEXTREL | SYMBOLIC | EXECUTABLE_STACK) || (soname && names_find(usual->there, soname)) || !find_needed(usual, object, needed) ||
        linker_missing_version(object, needed, object->needed_count, &which) >= 0 || !make_scope(usual, object, needed, &scope))
        return false;
    struct outcome outcome;
    int error = linker_relocate_here(object, &scope, usual->kinds, 0, usual->page, usual->arguments, &outcome);
    linker_outcome_free(&outcome);
    return !error;
}

/* Opens, maps, relocates and lists a file. `object`: room for its record, zeros. `path` has to stay where it is. After an error
 * nothing is done. -EAGAIN: it is not of the usual kind; -EEXIST: it is there already; -ESTALE: ld.so has loaded or unloaded something meanwhile; or what is
 * wrong with it. */
int linker_load_here(const char *path, const struct usual *usual, struct object *object)
{
    if (linker_counters() != usual->counters)
        return -ESTALE;
    struct trouble trouble;
    int error = open_here(path, usual->machine, usual->page, object, is_loaded, &trouble);
    if (error)
        return error;
    if (link_up(usual, object) && linker_resident_add(object, path))
        return 0;
    if (object->traits & HAS_UNIQUE)
        linker_unique_forget(usual->members[usual->before + usual->after - 1], object);
    linker_close_here(object);
    return -EAGAIN;
}

/* Takes it off the list, and out of memory. */
void linker_unload_here(struct object *object)
{
    linker_resident_remove((struct resident *)(uintptr_t)object->handle);
    linker_close_here(object);
}
