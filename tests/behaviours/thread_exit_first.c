/* The first thread ends by pthread_exit; the process goes on, and its status is that of exit() in another thread. */
#include "behaviour.h"

static pthread_t first;

static void *run(void *argument)
{
    (void)argument;
    void *value;
    NEED(pthread_join(first, &value) == 0);
    say("first ended with %ld", (long)value);
    pause_ms(30);
    say("still here: %s", outcome(kill(getpid(), 0)));
    exit(7);
}

int main(void)
{
    pthread_t thread;
    first = pthread_self();
    NEED(pthread_create(&thread, NULL, run, NULL) == 0);
    pthread_exit((void *)12);
}
