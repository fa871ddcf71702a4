/* sigaction: what was set is what is read; a signal is blocked in its own handler unless SA_NODEFER; sa_mask is blocked as well. */
#include "behaviour.h"

static volatile int depth, deepest, count;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    sigset_t mask;
    if (++depth > deepest)
        deepest = depth;
    count++;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    if (count == 1) {
        say("blocked in it: own %d, USR2 %d, TERM %d", sigismember(&mask, number), sigismember(&mask, SIGUSR2), sigismember(&mask, SIGTERM));
        raise(number);
    }
    depth--;
}

static void try(const char *name, int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO}, old;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR2);
    depth = deepest = count = 0;
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    NEED(sigaction(SIGUSR1, NULL, &old) == 0);
    say("%s: read back: same %d, mask %d %d", name, old.sa_sigaction == handler && (old.sa_flags & 0x7bffffff) == (action.sa_flags & 0x7bffffff),
        sigismember(&old.sa_mask, SIGUSR2), sigismember(&old.sa_mask, SIGTERM));
    raise(SIGUSR1);
    say("%s: count %d, deepest %d", name, count, deepest);
}

int main(void)
{
    try("plain", 0);
    try("no defer", SA_NODEFER);
    try("restart", SA_RESTART | SA_ONSTACK);
    struct sigaction action = {.sa_handler = SIG_DFL};
    say("KILL: %s, STOP: %s, 65: %s, 0: %s", outcome(sigaction(SIGKILL, &action, NULL)), outcome(sigaction(SIGSTOP, &action, NULL)),
        outcome(sigaction(65, &action, NULL)), outcome(sigaction(0, &action, NULL)));
    return 0;
}
