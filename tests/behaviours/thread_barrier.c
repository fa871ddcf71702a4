/* Barrier: nobody passes before the last has come, exactly one is the serial one of each round. */
#include "behaviour.h"

enum { THREADS = 6, ROUNDS = 100 };
static pthread_barrier_t barrier;
static int arrived[ROUNDS], serial, early;

static void *run(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        __atomic_fetch_add(&arrived[i], 1, __ATOMIC_SEQ_CST);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&arrived[i], __ATOMIC_SEQ_CST) != THREADS)
            early = 1;
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        NEED(pthread_create(&threads[i], NULL, run, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    say("serial %d early %d", serial, early);
    return 0;
}
