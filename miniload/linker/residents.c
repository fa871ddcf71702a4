/* The list of the objects that are loaded into this process: replaced as a whole, so that it can be read at any time. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"
#include "readers.h"

static struct residents *list;
static pthread_mutex_t writers = PTHREAD_MUTEX_INITIALIZER;
static struct residents *outdated; /* lists that readers may have */

const struct residents *residents_now(void)
{
    static const struct residents none;
    const struct residents *now = __atomic_load_n(&list, __ATOMIC_SEQ_CST);
    return now ? now : &none;
}

struct resident *resident_at(const struct residents *residents, uint64_t address)
{
    for (uint64_t i = 0; i < residents->count; i++)
        if (address - residents->entries[i]->start < residents->entries[i]->end - residents->entries[i]->start)
            return residents->entries[i];
    return NULL;
}

static const Elf64_Phdr *phdrs_of(const struct object *object)
{
    const struct image *image = &object->image;
    uint64_t size = (uint64_t)image->phdr_count * PHDR_SIZE;
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        uint64_t skipped = image->phdr_offset - segment->offset;
        if (skipped < segment->file_size && size <= segment->file_size - skipped && (segment->address + skipped) % 8 == 0)
            return (const Elf64_Phdr *)(const void *)image_at(object, segment->address + skipped, size, PF_R);
    }
    return NULL;
}

/* Publishes a list of `count` entries and keeps the old one for readers. */
static void publish(struct residents *next)
{
    struct residents *old = list;
    __atomic_store_n(&list, next, __ATOMIC_SEQ_CST);
    if (old) {
        old->before = outdated;
        outdated = old;
    }
}

static struct residents *copy_with_room(uint64_t more)
{
    const struct residents *now = residents_now();
    struct residents *next = malloc(sizeof *next + (now->count + more) * sizeof next->entries[0]);
    if (next)
        memcpy(next, now, sizeof *now + now->count * sizeof now->entries[0]);
    return next;
}

/* Lists an object, and gives its .eh_frame to the unwinder. `name`: its file; it has to stay where it is. The handle; NULL: there is no memory. */
struct resident *linker_resident_add(struct object *object, const char *name)
{
    struct resident *resident = calloc(1, sizeof *resident);
    if (!resident)
        return NULL;
    resident->map.l_addr = object->bias;
    resident->map.l_name = (char *)(uintptr_t)name;
    resident->map.l_ld = (ElfW(Dyn) *)(uintptr_t)(object->image.dynamic.present ? object->bias + object->image.dynamic.address : 0);
    resident->object = object;
    resident->start = object->bias + object->image.low;
    resident->end = object->bias + object->image.high;
    resident->phdrs = phdrs_of(object);
    pthread_mutex_lock(&writers);
    struct residents *next = copy_with_room(1);
    if (next) {
        if (next->count) {
            resident->map.l_prev = &next->entries[next->count - 1]->map;
            resident->map.l_prev->l_next = &resident->map;
        }
        next->entries[next->count++] = resident;
        next->added++;
        publish(next);
        if (object->traits & FROM_FILE)
            debug_show(resident);
    }
    pthread_mutex_unlock(&writers);
    if (!next) {
        free(resident);
        return NULL;
    }
    object->handle = (uint64_t)(uintptr_t)resident;
    frames_add(resident);
    return resident;
}

static void unlink_map(struct link_map *map)
{
    if (map->l_prev)
        map->l_prev->l_next = map->l_next;
    if (map->l_next)
        map->l_next->l_prev = map->l_prev;
}

/* Takes an object off the list, and waits until nobody looks at it any more. Its handle is of no use afterwards. */
void linker_resident_remove(struct resident *resident)
{
    pthread_mutex_lock(&writers);
    struct residents *next = copy_with_room(0);
    uint64_t kept = 0;
    for (uint64_t i = 0; next && i < next->count; i++)
        if (next->entries[i] != resident)
            next->entries[kept++] = next->entries[i];
    if (next) { /* else the entry stays, with nothing at its address */
        next->count = kept;
        next->removed++;
        publish(next);
    } else {
        resident->start = resident->end = 0;
    }
    resident->object->handle = 0;
    unlink_map(&resident->map);
    if (resident->object->traits & FROM_FILE)
        debug_hide(resident);
    frames_remove(resident);
    struct residents *old = outdated;
    outdated = NULL;
    pthread_mutex_unlock(&writers);
    readers_wait();
    while (old) {
        struct residents *further = old->before;
        free(old);
        old = further;
    }
    if (next)
        free(resident);
}

/* Waits until no call that is being bound looks at a scope that has been replaced. */
void linker_readers_wait(void)
{
    readers_wait();
}

/* In the child after fork: other threads are no more, and with them what they were in the middle of. */
void linker_forked(void)
{
    pthread_mutex_init(&writers, NULL);
    readers_forget();
}
