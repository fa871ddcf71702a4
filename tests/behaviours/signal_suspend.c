/* sigsuspend: its mask is there only while it waits; the handler has run when it returns. */
#include "behaviour.h"

static volatile int handled, usr2_open;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context, (void)number;
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    usr2_open = !sigismember(&mask, SIGUSR2);
    handled++;
}

int main(void)
{
    sigset_t set = set_of(SIGUSR1, SIGUSR2), none, now;
    catch_signal(SIGUSR1, handler, SA_RESTART);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigemptyset(&none);
    raise(SIGUSR1);
    say("pending before: %s, handled %d, inside: USR2 open %d", outcome(sigsuspend(&none)), handled, usr2_open);
    sigprocmask(SIG_BLOCK, NULL, &now);
    say("mask after: %d %d", sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2));
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        pause_ms(50);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    say("later: %s, handled %d", outcome(sigsuspend(&none)), handled);
    say("%s", wait_text(child));
    return 0;
}
