/* Two threads that spin on each other's flag, without ever calling the kernel, both get on. */
#include "behaviour.h"

enum { ROUNDS = 200 };
static volatile int turn;

static void *run(void *argument)
{
    int mine = (int)(long)argument;
    for (int i = 0; i < ROUNDS; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) % 2 != mine)
            ;
        __atomic_store_n(&turn, turn + 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (long i = 0; i < 2; i++)
        NEED(pthread_create(&threads[i], NULL, run, (void *)i) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    say("turns: %d", turn);
    return 0;
}
