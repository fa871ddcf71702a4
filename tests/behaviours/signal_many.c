/* 2000 signals from another process while the program computes: every real-time one arrives, and the computation is right. */
#include "behaviour.h"

static volatile int count;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    volatile double spoil[8] = {1.5, 2.5, 3.5};
    spoil[3] = spoil[0] * spoil[1] + spoil[2];
    count++;
}

int main(void)
{
    pid_t parent = getpid();
    catch_signal(SIGRTMIN, handler, SA_RESTART);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        for (int i = 0; i < 2000; i++)
            while (sigqueue(parent, SIGRTMIN, (union sigval){.sival_int = i}))
                sched_yield();
        _exit(0);
    }
    unsigned hash = 1;
    double sum = 0;
    for (int round = 0; count < 2000 || round < 20; round++) {
        hash = 1;
        sum = 0;
        for (unsigned i = 0; i < 20000; i++) {
            hash = hash * 1664525u + i;
            sum += (double)(hash >> 8) * 0.25;
        }
    }
    say("%d signals, hash %u, sum %.2f, %s", count, hash, sum, wait_text(child));
    return 0;
}
