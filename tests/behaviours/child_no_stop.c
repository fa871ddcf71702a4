/* SA_NOCLDSTOP: SIGCHLD tells of children that end, not of those that stop; without it, of stops and continuations too. */
#include "behaviour.h"

static volatile int stopped, continued, exited;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    if (info->si_code == CLD_STOPPED)
        stopped++;
    else if (info->si_code == CLD_CONTINUED)
        continued++;
    else if (info->si_code == CLD_EXITED)
        exited++;
}

static void child(const char *name)
{
    int status;
    stopped = continued = exited = 0;
    pid_t pid = fork();
    NEED(pid >= 0);
    if (!pid) {
        raise(SIGSTOP);
        pause_ms(60);
        _exit(3);
    }
    NEED(waitpid(pid, &status, WUNTRACED) == pid);
    say("%s: %s", name, status_text(status));
    pause_ms(20);
    kill(pid, SIGCONT);
    NEED(waitpid(pid, &status, WCONTINUED) == pid);
    say("%s: %s", name, status_text(status));
    say("%s: %s", name, wait_text(pid));
    pause_ms(20);
    say("%s: signals %d %d %d", name, stopped, continued, exited);
}

int main(void)
{
    catch_signal(SIGCHLD, handler, SA_RESTART);
    child("all");
    catch_signal(SIGCHLD, handler, SA_RESTART | SA_NOCLDSTOP);
    child("no stop");
    return 0;
}
