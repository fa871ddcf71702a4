/* exec deletes the timers of timer_create, of whatever kind and on whatever thread they were made; the interval timers of setitimer go on. */
#include "behaviour.h"

static int made(int clock, int signal)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    struct itimerspec soon = {{0, 20000000}, {0, 20000000}};
    int timer = -1;
    NEED(syscall(SYS_timer_create, clock, &event, &timer) == 0);
    NEED(syscall(SYS_timer_settime, timer, 0, &soon, NULL) == 0);
    return timer;
}

int main(int count, char **arguments)
{
    sigset_t set = set_of(SIGRTMIN + 3, SIGALRM), pending;
    struct itimerspec value;
    struct itimerval interval = {{0, 0}, {100, 0}};
    if (count < 2) {
        char first[16], second[16];
        NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && setitimer(ITIMER_REAL, &interval, NULL) == 0);
        snprintf(first, sizeof first, "%d", made(CLOCK_MONOTONIC, SIGRTMIN + 3));
        snprintf(second, sizeof second, "%d", made(CLOCK_REALTIME, SIGALRM));
        execl("/proc/self/exe", arguments[0], first, second, (char *)NULL);
        return 1;
    }
    say("timers: %s, %s", outcome(syscall(SYS_timer_gettime, atoi(arguments[1]), &value)), outcome(syscall(SYS_timer_delete, atoi(arguments[2]))));
    /* One that had run out before the exec may be pending still. */
    struct timespec none = {0, 0};
    while (sigtimedwait(&set, NULL, &none) > 0)
        ;
    pause_ms(60);
    NEED(sigpending(&pending) == 0);
    say("silent %d", !sigismember(&pending, SIGRTMIN + 3) && !sigismember(&pending, SIGALRM));
    NEED(getitimer(ITIMER_REAL, &interval) == 0);
    say("setitimer's goes on %d", interval.it_value.tv_sec >= 98);
    return 5;
}
