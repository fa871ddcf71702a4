/* A mutex with priority inheritance: it works, or the C library is told that there is none. */
#include "behaviour.h"

static pthread_mutex_t lock;
static long count;

static void *add(void *argument)
{
    (void)argument;
    for (int i = 0; i < 2000; i++) {
        NEED(pthread_mutex_lock(&lock) == 0);
        count++;
        NEED(pthread_mutex_unlock(&lock) == 0);
    }
    return NULL;
}

int main(void)
{
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    int got = pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT);
    NEED(got == 0 || got == ENOTSUP);
    NEED(pthread_mutex_init(&lock, &kind) == 0);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        NEED(pthread_create(&threads[i], NULL, add, NULL) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    say("%ld", count);
    return 0;
}
