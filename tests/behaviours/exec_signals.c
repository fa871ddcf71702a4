/* execve: caught signals get their default, ignored ones stay ignored, mask and pending signals stay; the alternate stack and timers: gone, kept. */
#include "behaviour.h"

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
}

int main(int count, char **arguments)
{
    struct sigaction now;
    sigset_t mask;
    if (count > 1) {
        stack_t stack;
        struct itimerval timer;
        for (int number = SIGUSR1; number <= SIGUSR2; number += SIGUSR2 - SIGUSR1) {
            sigaction(number, NULL, &now);
            say("%s %s", number == SIGUSR1 ? "caught" : "ignored", now.sa_handler == SIG_DFL ? "default" : now.sa_handler == SIG_IGN ? "ignored" : "caught");
        }
        sigprocmask(SIG_BLOCK, NULL, &mask);
        say("blocked %d %d", sigismember(&mask, SIGTERM), sigismember(&mask, SIGINT));
        sigpending(&mask);
        say("pending %d", sigismember(&mask, SIGTERM));
        sigaltstack(NULL, &stack);
        say("alternate stack %d", !(stack.ss_flags & SS_DISABLE));
        getitimer(ITIMER_REAL, &timer);
        say("timer %d", timer.it_value.tv_sec > 50);
        sigemptyset(&mask);
        sigprocmask(SIG_SETMASK, &mask, NULL);
        say("unreachable");
        return 0;
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct itimerval timer = {{0, 0}, {100, 0}};
    catch_signal(SIGUSR1, handler, 0);
    sigaction(SIGUSR2, &ignore, NULL);
    mask = set_of(SIGTERM, 0);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    raise(SIGTERM);
    sigaltstack(&stack, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    char *list[] = {arguments[0], "again", NULL};
    execv("/proc/self/exe", list);
    return 1;
}
