/* signalfd: blocked signals read as records. */
#include "io.h"
#include <sys/signalfd.h>

int main(void)
{
    sigset_t set;
    struct signalfd_siginfo info[2];
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 2);
    sigprocmask(SIG_BLOCK, &set, 0);
    int fd = TELL(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    TELL(read(fd, info, sizeof info));
    kill(getpid(), SIGUSR1);
    union sigval value = {.sival_int = 77};
    TELL(sigqueue(getpid(), SIGRTMIN + 2, value));
    struct pollfd one = {fd, POLLIN, 0};
    TELL(poll(&one, 1, 0));
    TELL(read(fd, info, sizeof info));
    SHOW("%d, %d, %d", info[0].ssi_signo == SIGUSR1, info[0].ssi_pid == (unsigned)getpid(), info[0].ssi_code);
    SHOW("%d, %d, %d", info[1].ssi_signo == (unsigned)SIGRTMIN + 2, info[1].ssi_int, info[1].ssi_code);
    TELL(read(fd, info, sizeof info));
    sigdelset(&set, SIGUSR1);
    TELL(signalfd(fd, &set, 0));
    kill(getpid(), SIGUSR1);
    TELL(read(fd, info, sizeof info));
    TELL(read(fd, info, 4));
    TELL(signalfd(0, &set, 0));
    return 0;
}
