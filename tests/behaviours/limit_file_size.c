/* RLIMIT_FSIZE: SIGXFSZ and EFBIG beyond it. RLIMIT_CPU: SIGXCPU. */
#include "behaviour.h"

static volatile int handled;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    handled = number;
}

int main(void)
{
    struct rlimit limit = {1000, RLIM_INFINITY}, cpu = {1, 3};
    static char block[1500];
    catch_signal(SIGXFSZ, handler, 0);
    NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    int fd = open("file", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    NEED(fd >= 0);
    say("partly: %zd", write(fd, block, 1500));
    say("beyond: %s", outcome(write(fd, block, 1)));
    say("signal %d", handled == SIGXFSZ);
    say("truncate: %s", outcome(ftruncate(fd, 2000)));
    NEED(setrlimit(RLIMIT_CPU, &cpu) == 0);
    for (;;)
        ;
}
