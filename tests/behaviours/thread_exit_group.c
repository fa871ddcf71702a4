/* exit_group in one thread ends the others at once: one that reads, one that waits for a lock, one that never stops computing. */
#include "behaviour.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ends[2];
static volatile int started;

static void *reads(void *argument)
{
    char byte;
    __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
    return (void *)read(ends[0], &byte, 1) + (argument != NULL);
}

static void *locks(void *argument)
{
    __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_lock(&lock);
    return argument;
}

static void *computes(void *argument)
{
    __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
    for (volatile long i = 0;; i++)
        ;
    return argument;
}

static void *ends_all(void *argument)
{
    while (started < 3)
        sched_yield();
    pause_ms(20);
    say("end");
    _exit(5);
    return argument;
}

int main(void)
{
    pthread_t thread;
    NEED(pipe(ends) == 0);
    pthread_mutex_lock(&lock);
    NEED(pthread_create(&thread, NULL, reads, NULL) == 0);
    NEED(pthread_create(&thread, NULL, locks, NULL) == 0);
    NEED(pthread_create(&thread, NULL, computes, NULL) == 0);
    NEED(pthread_create(&thread, NULL, ends_all, NULL) == 0);
    pthread_join(thread, NULL);
    return 1;
}
