/* PR_SET_PDEATHSIG: the child is signalled when its parent ends; fork clears it. */
#include <sys/prctl.h>

#include "behaviour.h"

static int out;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    NEED(write(out, number == SIGUSR1 ? "signalled" : "other", 9) == 9);
    _exit(0);
}

int main(void)
{
    int ends[2], ready[2], value = -1;
    char text[32] = "", byte;
    NEED(pipe(ends) == 0 && pipe(ready) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        NEED(prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0);
        if (!fork()) {
            NEED(prctl(PR_GET_PDEATHSIG, &value) == 0);
            say("after fork: %d", value);
            out = ends[1];
            catch_signal(SIGUSR1, handler, 0);
            NEED(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
            NEED(prctl(PR_GET_PDEATHSIG, &value) == 0);
            say("set: %d", value == SIGUSR1);
            NEED(write(ready[1], "x", 1) == 1);
            alarm(10);
            for (;;)
                pause();
        }
        NEED(read(ready[0], &byte, 1) == 1);
        _exit(3);
    }
    close(ends[1]);
    say("%s", wait_text(child));
    NEED(read(ends[0], text, sizeof text - 1) >= 0);
    say("%s", text);
    say("bad: %s", outcome(prctl(PR_SET_PDEATHSIG, 99)));
    return 0;
}
