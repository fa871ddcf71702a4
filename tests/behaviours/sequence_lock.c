/* Readers and a writer with a sequence lock, made of acquire and release operations and fences alone: no torn read. */
#include "behaviour.h"

static unsigned sequence;
static long first, second;
static int stop, torn;

static void *reads(void *argument)
{
    long count = 0;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        unsigned before = __atomic_load_n(&sequence, __ATOMIC_ACQUIRE);
        long a = __atomic_load_n(&first, __ATOMIC_RELAXED), b = __atomic_load_n(&second, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(before & 1) && before == __atomic_load_n(&sequence, __ATOMIC_RELAXED)) {
            count++;
            if (a != b)
                torn = 1;
        }
    }
    return count ? argument : NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        NEED(pthread_create(&threads[i], NULL, reads, NULL) == 0);
    for (long i = 1; i <= 200000; i++) {
        __atomic_store_n(&sequence, sequence + 1, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE);
        __atomic_store_n(&first, i, __ATOMIC_RELAXED);
        __atomic_store_n(&second, i, __ATOMIC_RELAXED);
        __atomic_store_n(&sequence, sequence + 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    say("torn %d, last %ld", torn, second);
    return 0;
}
