/* select and pselect. */
#include "io.h"
#include <sys/select.h>

static volatile int caught;

static void on_signal(int number)
{
    caught = number;
}

int main(void)
{
    int p[2];
    fd_set reads, writes;
    TELL(pipe(p));
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_SET(p[0], &reads);
    FD_SET(p[1], &writes);
    struct timeval time = {0, 10000};
    TELL(select(p[1] + 1, &reads, &writes, 0, &time));
    SHOW("%d %d", !!FD_ISSET(p[0], &reads), !!FD_ISSET(p[1], &writes));
    FD_SET(p[0], &reads);
    TELL(select(p[0] + 1, &reads, 0, 0, &time));
    SHOW("%d", !!FD_ISSET(p[0], &reads));
    TELL(write(p[1], "x", 1));
    FD_SET(p[0], &reads);
    TELL(select(p[0] + 1, &reads, 0, 0, 0));
    SHOW("%d", !!FD_ISSET(p[0], &reads));
    FD_SET(40, &reads);
    TELL(select(41, &reads, 0, 0, &time));
    TELL(select(-1, 0, 0, 0, &time));
    TELL(select(0, 0, 0, 0, &time));
    struct timespec limit = {0, 1000000};
    TELL(pselect(0, 0, 0, 0, &limit, 0));
    TELL(syscall(SYS_pselect6, 1000000000, 0, 0, 0, &limit, 0));
    SHOW("%ld %ld left", (long)limit.tv_sec, limit.tv_nsec);
    limit = (struct timespec){0, -1};
    TELL(pselect(0, 0, 0, 0, &limit, 0));
    TELL(syscall(SYS_pselect6, 4, NOWHERE, 0, 0, 0, 0));
    limit = (struct timespec){0, 1};
    TELL(syscall(SYS_pselect6, 0, 0, 0, 0, &limit, NOWHERE));
    uint64_t empty = 0;
    struct { void *set; size_t size; } mask = {&empty, 8};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, 0);
    sigaction(SIGUSR2, &action, 0);
    raise(SIGUSR2);
    TELL(syscall(SYS_pselect6, 0, 0, 0, 0, 0, &mask));
    SHOW("caught %d", caught == SIGUSR2);
    mask.size = 4;
    TELL(syscall(SYS_pselect6, 0, 0, 0, 0, 0, &mask));
    mask.set = NOWHERE;
    mask.size = 8;
    TELL(syscall(SYS_pselect6, 0, 0, 0, 0, 0, &mask));
    mask.set = 0;
    limit = (struct timespec){0, 1};
    TELL(syscall(SYS_pselect6, 0, 0, 0, 0, &limit, &mask));
    return 0;
}
