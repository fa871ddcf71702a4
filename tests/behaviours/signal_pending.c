/* Blocked signals wait, once each, and come when they are let through; sigpending shows them; an ignored one does not wait. */
#include "behaviour.h"

static volatile int usr1, usr2;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    *(number == SIGUSR1 ? &usr1 : &usr2) += 1;
}

int main(void)
{
    sigset_t set = set_of(SIGUSR1, SIGUSR2), pending, old;
    catch_signal(SIGUSR1, handler, 0);
    catch_signal(SIGUSR2, handler, 0);
    NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        kill(getpid(), SIGUSR1);
        raise(SIGUSR2);
    }
    sigpending(&pending);
    say("pending %d %d, handled %d %d", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2), usr1, usr2);
    sigset_t one = set_of(SIGUSR1, 0);
    NEED(sigprocmask(SIG_UNBLOCK, &one, &old) == 0);
    say("handled %d %d, old mask %d %d", usr1, usr2, sigismember(&old, SIGUSR1), sigismember(&old, SIGUSR2));
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGUSR2, &ignore, NULL);
    sigpending(&pending);
    say("ignored: pending %d", sigismember(&pending, SIGUSR2));
    catch_signal(SIGUSR2, handler, 0);
    NEED(sigprocmask(SIG_SETMASK, &one, NULL) == 0);
    say("handled %d %d (two standard ones were merged: %d)", usr1, usr2, usr1 <= 2);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigprocmask(SIG_SETMASK, NULL, &old);
    say("KILL can be blocked: %d, TERM: %d", sigismember(&old, SIGKILL), sigismember(&old, SIGTERM));
    say("no such how: %s", outcome(sigprocmask(77, &one, NULL)));
    return 0;
}
