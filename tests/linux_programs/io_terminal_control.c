/* A session of its own with a terminal that controls it: setsid needs a process that leads no group, which needs a child. */
#include "io.h"
#include <sys/wait.h>
#include <termios.h>

static int child(int master)
{
    int unlock = 0, word = 0, number = 0;
    char name[32];
    SHOW("%d", setsid() == getpid());
    TELL(ioctl(master, TIOCSPTLCK, &unlock));
    CHECK(ioctl(master, TIOCGPTN, &number));
    sprintf(name, "/dev/pts/%d", number);
    int slave = TELL(open(name, O_RDWR | O_NOCTTY));
    TELL(open("/dev/tty", O_RDWR));
    TELL(ioctl(slave, TIOCSCTTY, 0));
    TELL(ioctl(slave, TIOCGSID, &word));
    SHOW("%d", word == getpid());
    TELL(ioctl(slave, TIOCGPGRP, &word));
    SHOW("%d", word == getpid());
    SHOW("%d", tcgetpgrp(slave) == getpid());
    TELL(tcsetpgrp(slave, getpid()));
    TELL(tcsetpgrp(slave, 1));
    int tty = TELL(open("/dev/tty", O_RDWR));
    TELL(isatty(tty));
    signal(SIGHUP, SIG_IGN);
    signal(SIGCONT, SIG_IGN);
    TELL(ioctl(tty, TIOCNOTTY, 0));
    TELL(open("/dev/tty", O_RDWR));
    fflush(stdout);
    return 7;
}

int main(void)
{
    int status = 0, master = TELL(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    fflush(stdout);
    pid_t pid = fork();
    if (!pid)
        _exit(child(master));
    SHOW("%d", waitpid(pid, &status, 0) == pid);
    SHOW("%d", WEXITSTATUS(status));
    return 0;
}
