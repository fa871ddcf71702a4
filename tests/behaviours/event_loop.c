/* An event loop: epoll with a signalfd, a timerfd, an eventfd, a pipe and a pidfd's like; edge-triggered and one-shot. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "behaviour.h"

enum { SIGNAL = 1, TIMER, EVENT, PIPE };

static int epoll;

static void add(int fd, uint64_t which, uint32_t how)
{
    struct epoll_event event = {.events = EPOLLIN | how, .data = {.u64 = which | 0xabcdef0100000000}};
    NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

int main(void)
{
    sigset_t set = set_of(SIGUSR1, SIGCHLD);
    int ends[2], seen[5] = {0}, timers = 0;
    uint64_t value;
    NEED(pipe(ends) == 0 && sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), event = eventfd(0, EFD_SEMAPHORE);
    NEED(epoll >= 0 && signals >= 0 && timer >= 0 && event >= 0);
    add(signals, SIGNAL, 0);
    add(timer, TIMER, 0);
    add(event, EVENT, EPOLLONESHOT);
    add(ends[0], PIPE, EPOLLET);
    struct itimerspec spec = {{0, 20000000}, {0, 20000000}};
    NEED(timerfd_settime(timer, 0, &spec, NULL) == 0);
    value = 3;
    NEED(write(event, &value, 8) == 8 && write(ends[1], "xyz", 3) == 3);
    raise(SIGUSR1);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child)
        _exit(9);
    for (int chld = 0, usr1 = 0; !chld || !usr1 || timers < 3;) {
        struct epoll_event got[8];
        int count = epoll_wait(epoll, got, 8, 3000);
        NEED(count > 0);
        for (int i = 0; i < count; i++) {
            NEED(got[i].data.u64 >> 32 == 0xabcdef01);
            int which = (int)(got[i].data.u64 & 0xff);
            seen[which]++;
            if (which == TIMER) {
                NEED(read(timer, &value, 8) == 8);
                timers += (int)value;
            }
            struct signalfd_siginfo info;
            while (which == SIGNAL && read(signals, &info, sizeof info) == sizeof info) {
                usr1 |= info.ssi_signo == SIGUSR1 && info.ssi_pid == (uint32_t)getpid();
                chld |= info.ssi_signo == SIGCHLD && info.ssi_pid == (uint32_t)child && info.ssi_status == 9;
            }
        }
    }
    say("event once %d, pipe once %d, timer %d, signals %d", seen[EVENT], seen[PIPE], seen[TIMER] >= 1, seen[SIGNAL] >= 1);
    NEED(read(event, &value, 8) == 8);
    say("semaphore gives %d", (int)value);
    say("%s", wait_text(child));
    say("twice: %s", outcome(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &(struct epoll_event){0})));
    say("a file: %s", outcome(epoll_ctl(epoll, EPOLL_CTL_ADD, open("file", O_RDWR | O_CREAT, 0600), &(struct epoll_event){0})));
    return 0;
}
