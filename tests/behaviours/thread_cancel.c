/* pthread_cancel: of a thread that waits, one that computes (asynchronously), one that has it disabled; clean-up handlers run. */
#include "behaviour.h"

static int ends[2];
static volatile int ready;

static void cleaned(void *argument)
{
    say("clean up %s", (const char *)argument);
}

static void *waits(void *argument)
{
    char byte;
    pthread_cleanup_push(cleaned, "after read");
    ready = 1;
    NEED(read(ends[0], &byte, 1) >= 0);
    pthread_cleanup_pop(0);
    return argument;
}

static void *computes(void *argument)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    ready = 1;
    for (volatile long i = 0;; i++)
        ;
    return argument;
}

static void *refuses(void *argument)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    ready = 1;
    pause_ms(60);
    say("not yet");
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    say("unreachable");
    return argument;
}

static void try(const char *name, void *(*run)(void *))
{
    pthread_t thread;
    void *value;
    ready = 0;
    NEED(pthread_create(&thread, NULL, run, NULL) == 0);
    while (!ready)
        sched_yield();
    pause_ms(20);
    NEED(pthread_cancel(thread) == 0);
    NEED(pthread_join(thread, &value) == 0);
    say("%s: %s", name, value == PTHREAD_CANCELED ? "cancelled" : "ended");
}

int main(void)
{
    NEED(pipe(ends) == 0);
    try("waits", waits);
    try("computes", computes);
    try("refuses", refuses);
    return 0;
}
