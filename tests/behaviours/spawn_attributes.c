/* posix_spawn's attributes: signal mask, signals to their default, process group, session. */
#include <spawn.h>

#include "behaviour.h"

extern char **environ;

int main(int count, char **arguments)
{
    if (count > 1) {
        sigset_t mask;
        struct sigaction usr1, usr2;
        sigprocmask(SIG_BLOCK, NULL, &mask);
        sigaction(SIGUSR1, NULL, &usr1);
        sigaction(SIGUSR2, NULL, &usr2);
        say("%s: blocked %d %d, ignored %d %d, group leader %d, session leader %d", arguments[1], sigismember(&mask, SIGTERM), sigismember(&mask, SIGINT),
            usr1.sa_handler == SIG_IGN, usr2.sa_handler == SIG_IGN, getpgrp() == getpid(), getsid(0) == getpid());
        return 0;
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGUSR1, &ignore, NULL);
    sigaction(SIGUSR2, &ignore, NULL);
    pid_t child;
    char *list[] = {"self", "plain", NULL};
    NEED(posix_spawn(&child, "/proc/self/exe", NULL, NULL, list, environ) == 0);
    say("%s", wait_text(child));
    posix_spawnattr_t attributes;
    sigset_t term = set_of(SIGTERM, 0), usr1 = set_of(SIGUSR1, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &term);
    posix_spawnattr_setsigdefault(&attributes, &usr1);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    list[1] = "attributes";
    NEED(posix_spawn(&child, "/proc/self/exe", NULL, &attributes, list, environ) == 0);
    say("%s", wait_text(child));
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    list[1] = "session";
    NEED(posix_spawn(&child, "/proc/self/exe", NULL, &attributes, list, environ) == 0);
    say("%s", wait_text(child));
    return 0;
}
