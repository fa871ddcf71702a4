/* uc_sigmask is the mask before the handler; a handler that changes it changes the mask that is there afterwards. */
#include "behaviour.h"
#include "context.h"

static void handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;
    (void)number, (void)info;
    say("before: USR1 %d USR2 %d TERM %d", sigismember(&interrupted->uc_sigmask, SIGUSR1), sigismember(&interrupted->uc_sigmask, SIGUSR2),
        sigismember(&interrupted->uc_sigmask, SIGTERM));
    sigaddset(&interrupted->uc_sigmask, SIGTERM);
    sigdelset(&interrupted->uc_sigmask, SIGUSR2);
}

int main(void)
{
    sigset_t set = set_of(SIGUSR2, 0), now;
    catch_signal(SIGUSR1, handler, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    sigprocmask(SIG_BLOCK, NULL, &now);
    say("after: USR1 %d USR2 %d TERM %d", sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2), sigismember(&now, SIGTERM));
    return 0;
}
