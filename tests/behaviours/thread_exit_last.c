/* All threads end by pthread_exit, the first thread first: exit handlers run, and the status is 0. */
#include "behaviour.h"

static void *run(void *argument)
{
    pause_ms(20 * (long)argument);
    say("thread %ld", (long)argument);
    return NULL;
}

static void at_end(void)
{
    say("at exit");
}

int main(void)
{
    pthread_t thread;
    atexit(at_end);
    for (long i = 1; i < 4; i++)
        NEED(pthread_create(&thread, NULL, run, (void *)i) == 0);
    pthread_exit(NULL);
}
