/* Read-write lock: readers together, a writer alone. */
#include "behaviour.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t readers;
static long first, second;
static int torn;

static void *read_together(void *argument)
{
    (void)argument;
    pthread_rwlock_rdlock(&lock);
    pthread_barrier_wait(&readers); /* passes only if all four hold it */
    pthread_rwlock_unlock(&lock);
    return NULL;
}

static void *mixed(void *argument)
{
    for (int i = 0; i < 2000; i++) {
        if ((long)argument) {
            pthread_rwlock_wrlock(&lock);
            first++;
            second++;
            pthread_rwlock_unlock(&lock);
        } else {
            pthread_rwlock_rdlock(&lock);
            if (first != second)
                torn = 1;
            pthread_rwlock_unlock(&lock);
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[4];
    pthread_barrier_init(&readers, NULL, 4);
    for (int i = 0; i < 4; i++)
        NEED(pthread_create(&threads[i], NULL, read_together, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    say("read together");
    for (long i = 0; i < 4; i++)
        NEED(pthread_create(&threads[i], NULL, mixed, (void *)(i % 2)) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    say("%ld %ld torn %d", first, second, torn);
    NEED(pthread_rwlock_rdlock(&lock) == 0);
    say("writer tries: %s", error_name(pthread_rwlock_trywrlock(&lock)));
    say("reader tries: %s", error_name(pthread_rwlock_tryrdlock(&lock)));
    return 0;
}
