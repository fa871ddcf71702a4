/* Loads two libraries by the linker's core alone and calls check() of the first, whose calls go to the second and are bound when they are made:
 *     lazy_driver PAGE_SIZE CALLER DEFINER
 * Nothing that is called is in scope, so each binding comes to `missing`, which leaves no argument where it was. Exit status: what check() returned. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "linker.h"
#include "clobber.h"
#include "kinds.h" /* `kinds`, from arch/<name>/linking.py */

static struct object caller, definer;
static const struct object *definers[] = {&definer};
static const struct scope in_definer = {1, (void **)definers}, nothing = {0, NULL};
static int bound;

static uint64_t missing(const struct object *object, uint32_t symbol)
{
    struct found found = {0};
    int error = linker_lookup(&in_definer, object->strings + object->symbols[symbol].st_name, NULL, LOOKUP_DLSYM, &found);
    bound++;
    clobber();
    return error ? 0 : found.address;
}

static void load(struct object *object, const char *path, uint64_t page, const struct lazy *lazy)
{
    struct trouble trouble;
    struct outcome outcome;
    int error = linker_open_here(path, kinds_machine, page, object, &trouble);
    if (!error && lazy && !linker_lazy_possible(object, page))
        error = 1;
    if (!error && lazy)
        linker_lazy_start(object, lazy);
    if (!error)
        error = linker_relocate(object, &nothing, &kinds, lazy ? RELOCATE_LAZY : 0, NULL, &outcome);
    if (error || outcome.pending_count) {
        fprintf(stderr, "%s: error %d, %d left\n", path, error, error ? 0 : (int)outcome.pending_count);
        exit(100);
    }
    linker_protect_here(object, page);
}

int main(int argc, char **argv)
{
    static uint8_t referred[1];
    static struct lazy lazy = {&nothing, &kinds, referred, "caller", missing, {0}};
    static const struct object *callers[] = {&caller};
    static const struct scope in_caller = {1, (void **)callers};
    struct found found = {0};
    if (argc != 4)
        return 101;
    uint64_t page = strtoull(argv[1], NULL, 0);
    load(&definer, argv[3], page, NULL);
    load(&caller, argv[2], page, &lazy);
    if (linker_lookup(&in_caller, "check", NULL, LOOKUP_DLSYM, &found))
        return 102;
    int (*check)(void) = (int (*)(void))(uintptr_t)found.address;
    int first = check(), count = bound, second = check();
    printf("%d bound, %d more the second time\n", count, bound - count);
    return first ? first : second;
}
