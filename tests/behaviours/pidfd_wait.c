/* pidfd: opened, polled, signalled, waited for with P_PIDFD; gone processes; descriptors taken from the child. */
#include <poll.h>

#include "behaviour.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int main(void)
{
    siginfo_t info;
    pid_t child = fork();
    NEED(child >= 0);
    if (!child)
        for (;;)
            pause();
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    NEED(fd >= 0);
    say("closed on exec %d", fcntl(fd, F_GETFD) == FD_CLOEXEC);
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    say("alive: %d", poll(&poller, 1, 20));
    say("signal 0: %s", outcome(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0)));
    say("TERM: %s", outcome(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0)));
    say("ended: %d, readable %d", poll(&poller, 1, 5000), !!(poller.revents & POLLIN));
    NEED(waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == 0);
    say("child %d, signal %d, killed %d", info.si_pid == child, info.si_status, info.si_code == CLD_KILLED);
    say("signal to it: %s", outcome(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0)));
    say("wait again: %s", outcome(waitid(P_PIDFD, (id_t)fd, &info, WEXITED)));
    say("nobody: %s, bad flags: %s", outcome(syscall(SYS_pidfd_open, child, 0)), outcome(syscall(SYS_pidfd_open, getpid(), 1)));
    say("no pidfd: %s", outcome(waitid(P_PIDFD, 0, &info, WEXITED)));
    return 0;
}
