/* FUTEX_PRIVATE words of two processes are two, though parent and child have them at the same address. */
#include <linux/futex.h>

#include "behaviour.h"

static uint32_t word;

int main(void)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        struct timespec limit = {0, 150000000};
        long got = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0);
        say("child: %s", outcome(got));
        _exit(0);
    }
    pause_ms(60);
    say("parent wakes: %ld", syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0));
    say("%s", wait_text(child));
    return 0;
}
