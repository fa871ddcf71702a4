/* RLIMIT_STACK: with 512 KiB, 256 KiB of stack are there and 1 MiB is not; a new limit holds after exec too. */
#include "behaviour.h"

__attribute__((noinline)) static int use(long kib, volatile char *above)
{
    volatile char frame[1024];
    frame[0] = above[0];
    frame[1023] = 1;
    return kib > 1 ? use(kib - 1, frame) + frame[0] : frame[0];
}

static void try(const char *name, long kib)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        volatile char first[1] = {0};
        _exit(use(kib, first));
    }
    say("%s %ld KiB: %s", name, kib, wait_text(child));
}

int main(int count, char **arguments)
{
    struct rlimit limit;
    if (count == 1) {
        NEED(getrlimit(RLIMIT_STACK, &limit) == 0);
        limit.rlim_cur = 512 << 10;
        NEED(setrlimit(RLIMIT_STACK, &limit) == 0);
        try("now", 256);
        try("now", 1024);
        char *list[] = {arguments[0], "again", NULL};
        execv("/proc/self/exe", list);
        return 1;
    }
    NEED(getrlimit(RLIMIT_STACK, &limit) == 0);
    say("limit %ld KiB", (long)(limit.rlim_cur >> 10));
    try("after exec", 256);
    try("after exec", 1024);
    limit.rlim_cur = 4 << 20;
    NEED(setrlimit(RLIMIT_STACK, &limit) == 0);
    try("raised", 2048);
    return 0;
}
