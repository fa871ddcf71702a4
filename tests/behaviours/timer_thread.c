/* A timer with SIGEV_THREAD_ID: its signal goes to that thread. */
#include "behaviour.h"

static volatile pid_t caught_by;
static volatile pid_t number;
static volatile int stop, handled;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context, (void)info;
    caught_by = thread_id();
    handled++;
}

static void *run(void *argument)
{
    number = thread_id();
    while (!stop)
        ;
    return argument;
}

int main(void)
{
    pthread_t thread;
    catch_signal(SIGRTMIN + 4, handler, 0);
    NEED(pthread_create(&thread, NULL, run, NULL) == 0);
    while (!number)
        sched_yield();
    struct { /* struct sigevent, whose thread the C libraries name differently */
        union sigval value;
        int signo, notify, tid;
        char rest[44];
    } raw = {.signo = SIGRTMIN + 4, .notify = 4, .tid = number};
    int id;
    NEED(syscall(SYS_timer_create, CLOCK_MONOTONIC, &raw, &id) == 0);
    struct itimerspec spec = {{0, 10000000}, {0, 10000000}};
    NEED(syscall(SYS_timer_settime, id, 0, &spec, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        int before = handled;
        caught_by = 0;
        while (handled == before)
            pause_ms(2);
        NEED(caught_by == number);
    }
    say("5 times in the thread");
    raw.tid = 1;
    say("not one of ours: %s", outcome(syscall(SYS_timer_create, CLOCK_MONOTONIC, &raw, &id)));
    stop = 1;
    pthread_join(thread, NULL);
    return 0;
}
