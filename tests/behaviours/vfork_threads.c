/* vfork in a program with threads: the others go on, and neither what they write meanwhile nor what the child writes is lost, in the same page. */
#include "behaviour.h"

enum { THREADS = 3, CHILDREN = 40, CELLS = 64 };

static _Alignas(4096) struct {
    volatile long counters[THREADS][CELLS];
    volatile long by_child[CELLS];
} page;
static volatile int done;

static void *count(void *argument)
{
    volatile long *mine = page.counters[(long)argument];
    long expected = 0, lost = 0;
    while (!done) {
        expected++;
        for (int i = 0; i < CELLS; i++) {
            lost += mine[i] != expected - 1;
            mine[i] = expected;
        }
    }
    return (void *)lost;
}

int main(void)
{
    pthread_t threads[THREADS];
    long wrong = 0, lost = 0;
    for (long i = 0; i < THREADS; i++)
        NEED(pthread_create(&threads[i], NULL, count, (void *)i) == 0);
    for (long i = 1; i <= CHILDREN; i++) {
        pid_t child = vfork();
        NEED(child >= 0);
        if (!child) {
            for (int j = 0; j < CELLS; j += 2)
                page.by_child[j] = i * 1000 + j;
            struct timespec time = {0, 3000000};
            nanosleep(&time, NULL);
            _exit(0);
        }
        for (int j = 0; j < CELLS; j++)
            wrong += page.by_child[j] != (j % 2 ? 0 : i * 1000 + j);
        NEED(wait_text(child));
    }
    done = 1;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        lost += (long)result;
    }
    say("lost %ld, wrong %ld", lost, wrong);
    return 0;
}
