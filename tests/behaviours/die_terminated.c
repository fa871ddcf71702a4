/* SIGTERM to itself ends the program by that signal, in the midst of two threads. */
#include "behaviour.h"

static void *run(void *argument)
{
    for (;;)
        pause();
    return argument;
}

int main(void)
{
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, run, NULL) == 0);
    say("now");
    kill(getpid(), SIGTERM);
    for (;;)
        pause();
}
