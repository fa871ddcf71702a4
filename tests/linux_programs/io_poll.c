/* poll and ppoll: times, masks, mistakes. */
#include "io.h"

static volatile int caught;

static void on_signal(int number)
{
    caught = number;
}

int main(void)
{
    int p[2];
    TELL(pipe(p));
    static struct pollfd two[2]; /* far from the end of the address space */
    two[0] = (struct pollfd){p[0], POLLIN, 0};
    two[1] = (struct pollfd){99, POLLIN, 0};
    TELL(poll(two, 2, 0));
    SHOW("%#x %#x", two[0].revents, two[1].revents);
    two[1].fd = -1;
    TELL(poll(two, 2, 10));
    SHOW("%#x %#x", two[0].revents, two[1].revents);
    struct timespec time = {0, 20000000}, wrong = {0, 1000000000}, before = {-1, 0};
    TELL(syscall(SYS_ppoll, two, 2, &time, 0, 8));
    SHOW("%ld %ld left", (long)time.tv_sec, time.tv_nsec);
    TELL(ppoll(two, 2, &wrong, 0));
    TELL(ppoll(two, 2, &before, 0));
    TELL(write(p[1], "x", 1));
    time = (struct timespec){5, 0};
    TELL(syscall(SYS_ppoll, two, 2, &time, 0, 8));
    SHOW("%d, %#x", time.tv_sec == 4 && time.tv_nsec > 0, two[0].revents);
    TELL(poll(0, 0, 1));
    TELL(poll(NOWHERE, 1, 1));
    TELL(poll(two, (nfds_t)100000000, 1));
    TELL(syscall(SYS_ppoll, two, 2, NOWHERE, 0, 8));
    uint64_t set = 0;
    TELL(syscall(SYS_ppoll, two, 2, 0, &set, 4));
    TELL(syscall(SYS_ppoll, two, 2, 0, NOWHERE, 8));

    /* A signal that is blocked but for the wait. */
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    TELL(sigaction(SIGUSR1, &action, 0));
    TELL(sigprocmask(SIG_BLOCK, &blocked, 0));
    TELL(raise(SIGUSR1));
    SHOW("caught %d", caught == SIGUSR1);
    two[0].fd = -1;
    time = (struct timespec){5, 0};
    TELL(ppoll(two, 1, &time, &none));
    SHOW("caught %d", caught == SIGUSR1);
    sigset_t now;
    TELL(sigprocmask(SIG_BLOCK, 0, &now));
    SHOW("blocked %d", sigismember(&now, SIGUSR1));
    char *end = edge();
    struct pollfd *last = (struct pollfd *)end - 1;
    *last = (struct pollfd){p[0], POLLIN, 0};
    TELL(poll(last, 1, 0));
    TELL(poll(last, 2, 0));
    return 0;
}
