/* Time, polling, futexes and signals for --strace's tests: calls made by number between two calls of getpgid(4321). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

struct action {
    void (*handler)(int);
    unsigned long flags;
#ifndef __riscv
    void (*restorer)(void);
#endif
    unsigned long mask;
};

static void clocks(void)
{
    struct timespec at = {0, 1000}, left;
    syscall(SYS_clock_getres, CLOCK_REALTIME, &at);
    syscall(SYS_clock_getres, 99, &at);
    syscall(SYS_clock_getres, CLOCK_PROCESS_CPUTIME_ID, 0);
    syscall(SYS_nanosleep, &at, &left);
    syscall(SYS_nanosleep, &(struct timespec){0, -1}, &left);
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &at, 0);
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &at, &left);
    syscall(SYS_clock_settime, 99, &at);
    struct itimerval timer = {{0, 0}, {100, 0}}, old;
    syscall(SYS_setitimer, ITIMER_VIRTUAL, &timer, 0);
    memset(&timer, 0, sizeof timer);
    syscall(SYS_setitimer, ITIMER_REAL, &timer, &old);
    syscall(SYS_getitimer, ITIMER_PROF, &old);
    int fd = syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0x80800);
    struct itimerspec when = {{0, 5}, {1000, 6}};
    syscall(SYS_timerfd_settime, fd, 0, &when, 0);
    memset(&when, 0, sizeof when);
    syscall(SYS_timerfd_settime, fd, TIMER_ABSTIME, &when, &when);
    syscall(SYS_timerfd_gettime, fd, &when);
    syscall(SYS_close, fd);
    timer_t id;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value = {.sival_ptr = (void *)5}};
    syscall(SYS_timer_create, CLOCK_REALTIME, &event, &id);
    syscall(SYS_timer_settime, 0, 0, &when, 0);
    syscall(SYS_timer_gettime, 0, &when);
    syscall(SYS_timer_getoverrun, 0);
    syscall(SYS_timer_delete, 0);
    event.sigev_notify = SIGEV_NONE;
    syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);
    syscall(SYS_timer_create, 99, 0, &id);
}

static void polling(void)
{
    int ends[2], one = 1;
    syscall(SYS_pipe2, ends, 0);
    struct pollfd fds[2] = {{ends[1], POLLOUT | POLLIN, 0}, {ends[0], POLLIN, 0}};
    struct timespec none = {0, 0}, some = {0, 1000};
    unsigned long mask = 1ul << (SIGUSR1 - 1);
    syscall(SYS_ppoll, fds, 2L, &none, 0, 8L);
    syscall(SYS_ppoll, fds + 1, 1L, &some, &mask, 8L);
    syscall(SYS_ppoll, fds, 1L, 0, 0, 8L);
    syscall(SYS_ppoll, 0, 0L, &none, 0, 8L);
    syscall(SYS_ppoll, fds, 2L, &none, 0, 7L);
    fd_set reads, writes;
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_SET(ends[0], &reads);
    FD_SET(ends[1], &writes);
    syscall(SYS_pselect6, 10, &reads, &writes, 0L, &none, 0L);
    struct { unsigned long *set, size; } six = {&mask, 8};
    FD_ZERO(&writes);
    FD_SET(ends[0], &reads);
    syscall(SYS_pselect6, 10, &reads, &writes, 0, &some, &six);
    syscall(SYS_pselect6, 0, 0, 0, 0, &none, 0L);
    FD_SET(50, &reads);
    syscall(SYS_pselect6, 60, &reads, 0, 0, &none, 0L);
    int epoll = syscall(SYS_epoll_create1, EPOLL_CLOEXEC);
    struct epoll_event event = {EPOLLOUT | EPOLLONESHOT, {.u64 = 0x500000007}}, found[4];
    syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, ends[1], &event);
    syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, ends[1], &event);
    syscall(SYS_epoll_pwait, epoll, found, 4, 0, 0, 8L);
    syscall(SYS_epoll_pwait, epoll, found, 4, 0, &mask, 8L);
    syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_DEL, ends[1], 0);
    syscall(SYS_epoll_pwait, 99, found, 4, -1, 0, 8L);
    syscall(SYS_epoll_pwait2, epoll, found, 4, &none, 0, 8L);
    int event_fd = syscall(SYS_eventfd2, 3, 0x80001);
    syscall(SYS_read, event_fd, found, 8L);
    int signal_fd = syscall(SYS_signalfd4, -1, &mask, 8L, 0x80000);
    syscall(SYS_signalfd4, signal_fd, &mask, 8L, 0);
    syscall(SYS_futex, &one, 129, 1, 0, 0, 0);
    syscall(SYS_futex, &one, 128, 7, 0, 0, 0);
    syscall(SYS_futex, &one, 0, 1, &some, 0, 0);
    syscall(SYS_futex, &one, 128 | 9, 1, &none, 0, -1);
    syscall(SYS_futex, &one, 4, 1, 2L, ends, 9);
    syscall(SYS_futex, &one, 3 | 128, 1, 2L, ends, 0);
    syscall(SYS_futex, &one, 5, 1, 2L, ends, 0x1000001);
    syscall(SYS_futex, &one, 77, 1, 0, 0, 0);
}

static void handler(int number)
{
    (void)number;
}

static void signals(void)
{
    unsigned long set = 1ul << (SIGUSR1 - 1) | 1ul << (SIGRTMIN - 1), old;
    struct timespec none = {0, 0};
    siginfo_t info;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, &old, 8L);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, 0, &old, 8L);
    syscall(SYS_rt_sigprocmask, 77, &set, 0, 8L);
    syscall(SYS_rt_sigaction, SIGUSR2, 0, &(struct action){0}, 8L);
    struct action action = {SIG_IGN, SA_RESTART, .mask = 1};
    syscall(SYS_rt_sigaction, SIGUSR2, &action, 0, 8L);
    syscall(SYS_rt_sigaction, SIGUSR2, 0, &action, 8L);
    syscall(SYS_rt_sigaction, SIGKILL, &action, 0, 8L);
    syscall(SYS_kill, 0x7ffffff0, SIGUSR1);
    syscall(SYS_kill, 0x7ffffff0, 0);
    syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1);
    syscall(SYS_rt_sigpending, &old, 8L);
    syscall(SYS_rt_sigtimedwait, &set, &info, &none, 8L);
    syscall(SYS_rt_sigtimedwait, &set, &info, &none, 8L);
    syscall(SYS_sigaltstack, 0, &(stack_t){0});
    syscall(SYS_sigaltstack, &(stack_t){.ss_flags = SS_DISABLE}, 0);
    set = 1ul << (SIGUSR1 - 1);
    syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, 0, 8L);
    struct sigaction caught = {.sa_handler = handler};
    sigaction(SIGUSR1, &caught, 0);
    syscall(SYS_kill, getpid(), SIGUSR1);
    sigaction(SIGALRM, &caught, 0);
    struct itimerval timer = {{0, 0}, {0, 20000}};
    syscall(SYS_setitimer, ITIMER_REAL, &timer, 0);
    syscall(SYS_rt_sigsuspend, &set, 8L);
    syscall(SYS_setitimer, ITIMER_REAL, &timer, 0);
    syscall(SYS_nanosleep, &(struct timespec){5, 0}, 0);
    syscall(SYS_setitimer, ITIMER_REAL, &timer, 0);
    syscall(SYS_ppoll, 0, 0L, 0, 0, 8L);
    int ends[2];
    char byte;
    syscall(SYS_pipe2, ends, 0);
    syscall(SYS_setitimer, ITIMER_REAL, &timer, 0);
    syscall(SYS_read, ends[0], &byte, 1L);
    int word = 0;
    syscall(SYS_setitimer, ITIMER_REAL, &timer, 0);
    syscall(SYS_futex, &word, 128, 0, 0, 0, 0);
}

int main(void)
{
    syscall(SYS_getpgid, 4321);
    clocks();
    polling();
    signals();
    syscall(SYS_getpgid, 4321);
    return 0;
}
