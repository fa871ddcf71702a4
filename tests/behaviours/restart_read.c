/* read(2) interrupted by a handler: EINTR without SA_RESTART, begun anew with it. */
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
    char byte = '?';
    NEED(pipe(ends) == 0);
    catch_signal(SIGALRM, handler, 0);
    tick(20);
    say("without: %s", outcome(read(ends[0], &byte, 1)));
    catch_signal(SIGALRM, handler, SA_RESTART);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        pause_ms(150);
        NEED(write(ends[1], "x", 1) == 1);
        _exit(0);
    }
    int before = handled;
    ssize_t got = read(ends[0], &byte, 1);
    say("with: %zd %c, handled several %d", got, byte, handled - before >= 2);
    tick(0);
    say("%s", wait_text(child));
    return 0;
}
