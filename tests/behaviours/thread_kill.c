/* pthread_kill: the handler runs in the very thread, whether it waits or computes. */
#include "behaviour.h"

static volatile pid_t caught_by;
static volatile int stop, ready, code;
static int ends[2];

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    code = info->si_code;
    caught_by = thread_id();
}

static void *computes(void *argument)
{
    *(pid_t *)argument = thread_id();
    ready = 1;
    while (!stop)
        ;
    return NULL;
}

static void *waits(void *argument)
{
    char byte;
    *(pid_t *)argument = thread_id();
    ready = 1;
    long got = read(ends[0], &byte, 1);
    say("read: %s", outcome(got));
    return NULL;
}

static void try(const char *name, void *(*run)(void *))
{
    pthread_t thread;
    pid_t number = 0;
    ready = stop = caught_by = 0;
    NEED(pthread_create(&thread, NULL, run, &number) == 0);
    while (!ready)
        sched_yield();
    pause_ms(30);
    NEED(pthread_kill(thread, SIGUSR1) == 0);
    while (!caught_by)
        sched_yield();
    stop = 1;
    pthread_join(thread, NULL);
    say("%s: in its thread %d, not in the first %d, code %d", name, caught_by == number, caught_by != getpid(), code);
}

int main(void)
{
    NEED(pipe(ends) == 0);
    catch_signal(SIGUSR1, handler, 0);
    try("computes", computes);
    try("waits", waits);
    return 0;
}
