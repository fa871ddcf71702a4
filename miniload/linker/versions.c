/* Whether what an object needs has the versions that it asks for (glibc 2.42 elf/dl-version.c). */
#include <string.h>

#include "linker.h"

static bool is_called(const struct object *object, const struct object *dependency, uint32_t index, const char *file)
{
    const char *soname = dependency->soname == NO_STRING ? NULL : object_string(dependency, dependency->soname);
    const char *needed = index < object->needed_count ? object_string(object, object->needed[index]) : NULL;
    return (soname && !strcmp(soname, file)) || (needed && !strcmp(needed, file));
}

/* An object that defines no versions at all has all: it was made without. */
static bool defines(const struct object *object, const struct version *need)
{
    bool any = false;
    for (uint64_t i = 0; i < object->version_count; i++) {
        const struct version *has = &object->versions[i];
        if (!has->defined || !has->name)
            continue;
        any = true;
        if (has->hash == need->hash && !strcmp(has->name, need->name))
            return true;
    }
    return !any;
}

/* The number of a version that a dependency ought to define and does not, -1 if there is none. Weak needs may go without. `dependencies`: in the order
 * of DT_NEEDED, `which` of them it is is told. */
int64_t linker_missing_version(const struct object *object, const struct object *const *dependencies, uint32_t count, uint32_t *which)
{
    for (uint64_t i = 0; i < object->version_count; i++) {
        const struct version *need = &object->versions[i];
        if (!need->name || need->defined || need->weak || !need->file)
            continue;
        for (uint32_t d = 0; d < count; d++)
            if (is_called(object, dependencies[d], d, need->file)) {
                if (!defines(dependencies[d], need)) {
                    *which = d;
                    return (int64_t)i;
                }
                break;
            }
    }
    return -1;
}
