/* Raw futex: limits in time, relative and absolute, on both clocks; waits are not shorter than asked. */
#include <linux/futex.h>

#include "behaviour.h"

static uint32_t word;

static long elapsed_ms(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

static void try(const char *name, int operation, struct timespec limit)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    long got = syscall(SYS_futex, &word, operation, 0, &limit, NULL, FUTEX_BITSET_MATCH_ANY);
    int error = errno;
    long ms = elapsed_ms(&start);
    errno = error;
    say("%s: %s, long enough %d", name, outcome(got), ms >= 29);
}

int main(void)
{
    struct timespec now;
    try("relative", FUTEX_WAIT, (struct timespec){0, 30000000});
    clock_gettime(CLOCK_MONOTONIC, &now);
    now.tv_nsec += 30000000;
    now.tv_sec += now.tv_nsec / 1000000000;
    now.tv_nsec %= 1000000000;
    try("absolute", FUTEX_WAIT_BITSET, now);
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_nsec += 30000000;
    now.tv_sec += now.tv_nsec / 1000000000;
    now.tv_nsec %= 1000000000;
    try("real time", FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, now);
    try("past", FUTEX_WAIT_BITSET, (struct timespec){0, 1});
    try("bad", FUTEX_WAIT, (struct timespec){0, 2000000000});
    return 0;
}
