/* Death by every signal whose default it is, sent to itself or by the parent; those that are ignored by default do nothing. */
#include "behaviour.h"

static void try(int number, int by_parent)
{
    int ends[2];
    char byte;
    NEED(pipe(ends) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        if (!by_parent)
            kill(getpid(), number);
        NEED(write(ends[1], "x", 1) == 1);
        for (int i = 0; by_parent && i < 1000; i++)
            pause_ms(10);
        _exit(7);
    }
    close(ends[1]);
    if (by_parent) {
        NEED(read(ends[0], &byte, 1) == 1);
        kill(child, number);
    }
    close(ends[0]);
    say("%d: %s", number, wait_text(child));
}

int main(void)
{
    static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM,
        SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSYS, 34, 40, 64};
    static const int harmless[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH, 0};
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        try(deadly[i], (int)i % 2);
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        try(harmless[i], 0);
    return 0;
}
