/* Children that stop and continue: WUNTRACED, WCONTINUED, waitid's WSTOPPED and WCONTINUED with their siginfo. */
#include "behaviour.h"

int main(void)
{
    int status;
    siginfo_t info;
    pid_t child = fork();
    NEED(child >= 0);
    if (!child)
        for (;;)
            pause();
    kill(child, SIGSTOP);
    NEED(wait4(child, &status, WUNTRACED, NULL) == child);
    say("%s", status_text(status));
    say("told once: %d", wait4(child, &status, WUNTRACED | WNOHANG, NULL));
    kill(child, SIGCONT);
    NEED(wait4(child, &status, WCONTINUED, NULL) == child);
    say("%s", status_text(status));
    kill(child, SIGSTOP);
    NEED(waitid(P_PID, (id_t)child, &info, WSTOPPED | WEXITED) == 0);
    say("stopped %d by %d", info.si_code == CLD_STOPPED, info.si_status == SIGSTOP);
    kill(child, SIGCONT);
    NEED(waitid(P_PID, (id_t)child, &info, WCONTINUED) == 0);
    say("continued %d by %d", info.si_code == CLD_CONTINUED, info.si_status == SIGCONT);
    kill(child, SIGSTOP);
    NEED(waitid(P_PID, (id_t)child, &info, WSTOPPED) == 0);
    kill(child, SIGKILL);
    NEED(waitid(P_PID, (id_t)child, &info, WEXITED) == 0);
    say("killed while stopped %d by %d", info.si_code == CLD_KILLED, info.si_status);
    return 0;
}
