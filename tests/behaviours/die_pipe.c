/* SIGPIPE: a write to a pipe that nobody reads is EPIPE if it is ignored or caught, and death otherwise. */
#include "behaviour.h"

static volatile int handled;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    handled++;
}

int main(void)
{
    int ends[2];
    struct sigaction ignore = {.sa_handler = SIG_IGN}, normal = {.sa_handler = SIG_DFL}, old;
    NEED(pipe(ends) == 0);
    close(ends[0]);
    sigaction(SIGPIPE, NULL, &old);
    say("default at the start %d", old.sa_handler == SIG_DFL);
    sigaction(SIGPIPE, &ignore, NULL);
    say("ignored: %s", outcome(write(ends[1], "x", 1)));
    catch_signal(SIGPIPE, handler, 0);
    say("caught: %s", outcome(write(ends[1], "x", 1)));
    say("handled %d", handled);
    sigaction(SIGPIPE, &normal, NULL);
    say("now");
    NEED(write(ends[1], "x", 1) < 0);
    say("unreachable");
    return 0;
}
