/* Thread-local variables begin with their initial values in every thread; keys' destructors run at a thread's end. */
#include "behaviour.h"

static _Thread_local int filled = 41;
static _Thread_local char zeroed[10000];
static pthread_key_t key;
static int destroyed;

static void destroy(void *value)
{
    __atomic_fetch_add(&destroyed, (int)(long)value, __ATOMIC_SEQ_CST);
}

static void *run(void *argument)
{
    long number = (long)argument;
    NEED(filled == 41 && zeroed[9999] == 0);
    for (int i = 0; i < 1000; i++) {
        filled += (int)number;
        zeroed[9999] = (char)number;
        if (i % 100 == 0)
            sched_yield();
    }
    NEED(pthread_setspecific(key, argument) == 0);
    NEED(zeroed[9999] == (char)number);
    return (void *)(long)filled;
}

int main(void)
{
    pthread_t threads[10];
    NEED(pthread_key_create(&key, destroy) == 0);
    for (long i = 0; i < 10; i++)
        NEED(pthread_create(&threads[i], NULL, run, (void *)(i + 1)) == 0);
    for (int i = 0; i < 10; i++) {
        void *value;
        NEED(pthread_join(threads[i], &value) == 0);
        say("%ld", (long)value);
    }
    say("own: %d, destroyed: %d", filled, destroyed);
    return 0;
}
