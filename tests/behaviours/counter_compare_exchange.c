/* 8 threads increment one counter 1,000,000 times each by load-linked and store-conditional, which a weak compare-and-exchange is: none is lost. */
#include "behaviour.h"

static long counter;

static void *add(void *argument)
{
    for (int i = 0; i < 1000000; i++) {
        long seen = __atomic_load_n(&counter, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(&counter, &seen, seen + 1, 1, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            ;
    }
    return argument;
}

int main(void)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        NEED(pthread_create(&threads[i], NULL, add, NULL) == 0);
    for (int i = 0; i < 8; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    say("%ld", counter);
    return 0;
}
