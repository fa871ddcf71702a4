/* Finalisers at the end of the process: ld.so calls those of its own objects then (_dl_fini), and this one's destructor those of the objects that are
 * started here and not ended. By then there is no Python any more, so what is needed of each is copied. */
#include <pthread.h>
#include <stdlib.h>

#include "linker.h"
#include "ending.h"

struct ending {
    const struct object *object; /* only to tell one from the other */
    struct object needed;
    struct ending *before;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ending *latest;

static bool has_finalisers(const struct object *object)
{
    return object->fini || object->fini_array.size;
}

/* The object's initialisers are about to be called. Without memory its finalisers are not called at the end. */
void ending_add(const struct object *object)
{
    struct ending *ending = has_finalisers(object) ? calloc(1, sizeof *ending) : NULL;
    if (!ending)
        return;
    ending->object = object;
    ending->needed.memory = object->memory;
    ending->needed.bias = object->bias;
    ending->needed.fini_array = object->fini_array;
    ending->needed.fini = object->fini;
    pthread_mutex_lock(&lock);
    ending->before = latest;
    latest = ending;
    pthread_mutex_unlock(&lock);
}

/* Its finalisers are about to be called, or it goes without. */
void ending_remove(const struct object *object)
{
    if (!has_finalisers(object))
        return;
    pthread_mutex_lock(&lock);
    for (struct ending **at = &latest; *at; at = &(*at)->before)
        if ((*at)->object == object) {
            struct ending *ending = *at;
            *at = ending->before;
            free(ending);
            break;
        }
    pthread_mutex_unlock(&lock);
}

/* In reverse order of their initialisation. One at a time: a finaliser may end others, or the process. */
static __attribute__((destructor)) void end_all(void)
{
    for (;;) {
        pthread_mutex_lock(&lock);
        struct ending *ending = latest;
        latest = ending ? ending->before : NULL;
        pthread_mutex_unlock(&lock);
        if (!ending)
            return;
        call_finalisers(&ending->needed);
        free(ending);
    }
}
