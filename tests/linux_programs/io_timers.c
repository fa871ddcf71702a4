/* POSIX timers that tell nobody, and one that tells this thread. */
#include "io.h"

static volatile int caught, carried;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    caught = number;
    carried = info->si_value.sival_int;
}

int main(void)
{
    struct sigevent none = {.sigev_notify = SIGEV_NONE}, wrong = {.sigev_notify = 77}, event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec value = {{0, 0}, {100, 5}}, old = {{1, 1}, {1, 1}};
    int timer = -1;
    TELL(syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &timer));
    SHOW("%d", timer);
    TELL(syscall(SYS_timer_settime, timer, 0, &value, &old));
    SHOW("%ld %ld %ld", (long)old.it_value.tv_sec, old.it_value.tv_nsec, (long)old.it_interval.tv_sec);
    TELL(syscall(SYS_timer_gettime, timer, &old));
    SHOW("%d", old.it_value.tv_sec == 99 || old.it_value.tv_sec == 100);
    value.it_value = (struct timespec){0, 1000000};
    TELL(syscall(SYS_timer_settime, timer, 0, &value, 0));
    nanosleep(&(struct timespec){0, 5000000}, 0);
    TELL(syscall(SYS_timer_gettime, timer, &old));
    SHOW("%ld %ld", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
    TELL(syscall(SYS_timer_getoverrun, timer));
    TELL(syscall(SYS_timer_delete, timer));
    TELL(syscall(SYS_timer_delete, timer));
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, 0);
    event.sigev_value.sival_int = 4711;
    event.sigev_notify = SIGEV_THREAD_ID;
    *(int *)((char *)&event + 16) = (int)syscall(SYS_gettid);
    TELL(syscall(SYS_timer_create, CLOCK_REALTIME, &event, &timer));
    TELL(syscall(SYS_timer_settime, timer, 0, &value, 0));
    while (!caught)
        nanosleep(&(struct timespec){0, 1000000}, 0);
    SHOW("%d %d", caught == SIGUSR1, carried);
    TELL(syscall(SYS_timer_create, CLOCK_REALTIME, &wrong, &timer));
    TELL(syscall(SYS_timer_create, CLOCK_REALTIME, NOWHERE, &timer));
    TELL(syscall(SYS_timer_create, CLOCK_REALTIME, &none, NOWHERE));
    TELL(syscall(SYS_timer_create, 77, &none, &timer));
    TELL(syscall(SYS_timer_settime, 12345, 0, &value, 0));
    return 0;
}
