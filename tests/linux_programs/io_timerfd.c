/* timerfd: once, again and again, with an absolute time; and what is left. */
#include "io.h"
#include <sys/timerfd.h>

int main(void)
{
    uint64_t times = 0;
    struct itimerspec once = {{0, 0}, {0, 10000000}}, often = {{0, 5000000}, {0, 5000000}}, old = {{9, 9}, {9, 9}}, late = {{1, 0}, {1000, 0}};
    int fd = TELL(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    TELL(read(fd, &times, 8));
    TELL(timerfd_settime(fd, 0, &late, &old));
    SHOW("%ld %ld %ld", (long)old.it_value.tv_sec, old.it_value.tv_nsec, (long)old.it_interval.tv_sec);
    TELL(timerfd_gettime(fd, &old));
    SHOW("%ld %d", (long)old.it_interval.tv_sec, old.it_value.tv_sec == 999);
    TELL(timerfd_settime(fd, 0, &once, 0));
    struct pollfd one = {fd, POLLIN, 0};
    TELL(poll(&one, 1, 5000));
    TELL(read(fd, &times, 8));
    SHOW("%llu", (unsigned long long)times);
    fcntl(fd, F_SETFL, 0);
    TELL(timerfd_settime(fd, 0, &often, 0));
    nanosleep(&(struct timespec){0, 30000000}, 0);
    TELL(read(fd, &times, 8));
    SHOW("%d", times >= 5);
    TELL(timerfd_settime(fd, 0, &(struct itimerspec){0}, 0));
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    TELL(timerfd_settime(fd, TFD_TIMER_ABSTIME, &(struct itimerspec){{0, 0}, now}, 0));
    TELL(read(fd, &times, 8));
    SHOW("%llu", (unsigned long long)times);
    once.it_value.tv_nsec = 1000000000;
    TELL(timerfd_settime(fd, 0, &once, 0));
    TELL(timerfd_settime(fd, 0, NOWHERE, 0));
    TELL(timerfd_gettime(fd, NOWHERE));
    TELL(timerfd_gettime(0, &old));
    TELL(timerfd_create(99, 0));
    TELL(timerfd_create(CLOCK_REALTIME, 0));
    return 0;
}
