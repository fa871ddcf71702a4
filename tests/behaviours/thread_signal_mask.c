/* Every thread has its own signal mask, inherited from its maker; a process's signal goes to a thread that does not block it. */
#include "behaviour.h"

static volatile pid_t caught_by;
static volatile int ready, stop;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    caught_by = thread_id();
}

static void *open_one(void *argument)
{
    sigset_t mask, set = set_of(SIGUSR1, 0);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    say("inherited: USR1 %d USR2 %d", sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2));
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    *(pid_t *)argument = thread_id();
    ready = 1;
    while (!stop)
        ;
    return NULL;
}

int main(void)
{
    sigset_t mask, set = set_of(SIGUSR1, 0);
    catch_signal(SIGUSR1, handler, 0);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_t thread;
    pid_t number;
    NEED(pthread_create(&thread, NULL, open_one, &number) == 0);
    while (!ready)
        sched_yield();
    for (int i = 0; i < 20; i++) {
        caught_by = 0;
        kill(getpid(), SIGUSR1);
        while (!caught_by)
            sched_yield();
        NEED(caught_by == number);
    }
    say("20 signals, all in the thread that is open");
    stop = 1;
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    say("first still blocks: %d", sigismember(&mask, SIGUSR1));
    kill(getpid(), SIGUSR1);
    sigpending(&mask);
    say("and now it waits: %d", sigismember(&mask, SIGUSR1));
    return 0;
}
