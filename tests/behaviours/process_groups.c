/* Process groups and sessions: setpgid, setsid, getsid, their errors; a leader may not make a session. */
#include "behaviour.h"

int main(void)
{
    int ends[2];
    char byte;
    NEED(pipe(ends) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        close(ends[1]);
        NEED(read(ends[0], &byte, 1) >= 0);
        say("child: group of its own %d, session not %d", getpgrp() == getpid(), getsid(0) != getpid());
        say("leader makes a session: %s", outcome(setsid()));
        pid_t grandchild = fork();
        if (!grandchild) {
            say("in its parent's group %d", getpgrp() == getppid());
            say("session %d", setsid() == getpid());
            say("leads all %d %d", getsid(0) == getpid(), getpgid(0) == getpid());
            say("a session leader moves: %s", outcome(setpgid(0, 0)));
            int tty = open("/dev/tty", O_RDWR);
            say("no terminal: %d", tty < 0);
            _exit(2);
        }
        say("%s", wait_text(grandchild));
        _exit(1);
    }
    say("parent moves it: %s", outcome(setpgid(child, child)));
    say("group %d", getpgid(child) == child);
    close(ends[1]);
    say("%s", wait_text(child));
    say("nobody: %s, %s", outcome(setpgid(child, 0)), outcome(getsid(child)));
    say("bad: %s", outcome(setpgid(0, -5)));
    return 0;
}
