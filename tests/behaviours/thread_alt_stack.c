/* Every thread has its own alternate stack; a new thread has none. */
#include "behaviour.h"

enum { SIZE = 65536 };
static _Thread_local char *own;
static _Thread_local int on_own;
static pthread_barrier_t both;

static void handler(int number, siginfo_t *info, void *context)
{
    char here;
    (void)number, (void)info, (void)context;
    stack_t now;
    sigaltstack(NULL, &now);
    on_own = (&here >= own && &here < own + SIZE) && now.ss_flags & SS_ONSTACK;
}

static void *run(void *argument)
{
    stack_t old, stack = {.ss_size = SIZE};
    NEED(sigaltstack(NULL, &old) == 0);
    NEED(old.ss_flags == SS_DISABLE);
    stack.ss_sp = own = malloc(SIZE);
    NEED(sigaltstack(&stack, NULL) == 0);
    pthread_barrier_wait(&both);
    for (int i = 0; i < 50; i++) {
        on_own = 0;
        pthread_kill(pthread_self(), SIGUSR1);
        NEED(on_own);
        sched_yield();
    }
    NEED(sigaltstack(NULL, &old) == 0);
    NEED(old.ss_sp == own && old.ss_flags == 0 && old.ss_size == SIZE);
    return argument;
}

int main(void)
{
    catch_signal(SIGUSR1, handler, SA_ONSTACK);
    pthread_barrier_init(&both, NULL, 4);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        NEED(pthread_create(&threads[i], NULL, run, NULL) == 0);
    for (int i = 0; i < 4; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    stack_t small = {.ss_sp = malloc(4096), .ss_size = 1024};
    say("too small: %s", outcome(sigaltstack(&small, NULL)));
    say("done");
    return 0;
}
