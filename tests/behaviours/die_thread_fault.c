/* A fault in a thread kills the whole process by that signal. */
#include "behaviour.h"

static void *run(void *argument)
{
    pause_ms(30);
    *(volatile char *)argument = 1;
    return argument;
}

int main(void)
{
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, run, (void *)16) == 0);
    say("now");
    pthread_join(thread, NULL);
    say("unreachable");
    return 0;
}
