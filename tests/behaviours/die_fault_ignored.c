/* A fault kills also if its signal is ignored or blocked; a handler does not help if it is blocked; a double fault kills, too. */
#include "behaviour.h"

static volatile char *nowhere = (volatile char *)16;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    say("handler");
    *nowhere = 1;
}

int main(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set = set_of(SIGSEGV, 0);
    for (int kind = 0; kind < 4; kind++) {
        pid_t child = fork();
        NEED(child >= 0);
        if (!child) {
            if (kind == 0)
                sigaction(SIGSEGV, &ignore, NULL);
            if (kind == 1 || kind == 2)
                sigprocmask(SIG_BLOCK, &set, NULL);
            if (kind == 2 || kind == 3)
                catch_signal(SIGSEGV, handler, 0);
            *nowhere = 1;
            _exit(0);
        }
        say("%d: %s", kind, wait_text(child));
    }
    return 0;
}
