/* SA_RESETHAND: the handler is for one signal; the next one has its default, which ends the process. SA_RESETHAND alone does not defer less. */
#include "behaviour.h"

static volatile int blocked;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    sigset_t mask;
    struct sigaction now;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    blocked = sigismember(&mask, number);
    sigaction(number, NULL, &now);
    say("in the handler: default already %d", now.sa_handler == SIG_DFL);
}

int main(void)
{
    catch_signal(SIGUSR1, handler, SA_RESETHAND);
    raise(SIGUSR1);
    say("blocked in it %d", blocked);
    raise(SIGUSR1);
    say("unreachable");
    return 0;
}
