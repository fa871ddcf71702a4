/* wait4 and waitid: statuses, rusage, WNOHANG, a particular child, a group, nobody. */
#include "behaviour.h"

static pid_t child_that(int exits, long ms)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        pause_ms(ms);
        _exit(exits);
    }
    return child;
}

int main(void)
{
    int status;
    struct rusage usage;
    siginfo_t info;
    say("no children: %s, %s", outcome(wait4(-1, &status, 0, NULL)), outcome(waitid(P_ALL, 0, &info, WEXITED)));
    pid_t child = child_that(5, 60);
    say("not yet: %d", wait4(child, &status, WNOHANG, NULL));
    info.si_pid = 77;
    say("waitid not yet: %d, pid %d", waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG), info.si_pid);
    memset(&usage, 0xff, sizeof usage);
    say("wait4: %d, %s", wait4(child, &status, 0, &usage) == child, status_text(status));
    say("usage: %d", usage.ru_utime.tv_sec == 0 && usage.ru_maxrss >= 0);
    child = child_that(300, 0);
    say("waitid: %d", waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    say("info: %d %d %d %d", info.si_signo == SIGCHLD, info.si_pid == child, info.si_code == CLD_EXITED, info.si_status);
    say("again: %d", waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
    say("reaped: %s", wait_text(child));
    child = child_that(1, 0);
    pid_t other = child_that(2, 40);
    say("the later one: %d, %s", wait4(other, &status, 0, NULL) == other, status_text(status));
    say("own group: %d", wait4(0, &status, 0, NULL) == child);
    say("not a child: %s, bad options: %s", outcome(wait4(getppid(), &status, 0, NULL)), outcome(wait4(-1, &status, 0x100, NULL)));
    say("waitid of nothing: %s", outcome(waitid(P_ALL, 0, &info, 0)));
    return 0;
}
