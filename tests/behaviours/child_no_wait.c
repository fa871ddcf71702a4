/* SA_NOCLDWAIT, and SIGCHLD ignored: children leave no zombies; wait4 waits for all of them and gives ECHILD. */
#include "behaviour.h"

static volatile int handled;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    handled++;
}

static void children(const char *name)
{
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        NEED(child >= 0);
        if (!child)
            _exit(i);
    }
    long got;
    do
        got = wait4(-1, NULL, 0, NULL);
    while (got < 0 && errno == EINTR);
    say("%s: %s", name, outcome(got));
}

int main(void)
{
    catch_signal(SIGCHLD, handler, SA_NOCLDWAIT | SA_RESTART);
    children("no wait");
    say("handled %d", handled > 0);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGCHLD, &ignore, NULL);
    children("ignored");
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &normal, NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child)
        _exit(7);
    say("default: %s", wait_text(child));
    return 0;
}
