/* SIGCHLD's siginfo: whose child, its status, how it ended, its user. */
#include "behaviour.h"

static volatile siginfo_t seen;
static volatile int handled;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    seen = *info;
    handled++;
}

static void child(const char *name, int exits, int signal)
{
    handled = 0;
    pid_t pid = fork();
    NEED(pid >= 0);
    if (!pid) {
        if (signal)
            raise(signal);
        _exit(exits);
    }
    while (!handled)
        pause_ms(2);
    const char *code = seen.si_code == CLD_EXITED ? "exited" : seen.si_code == CLD_KILLED || seen.si_code == CLD_DUMPED ? "killed" : "other";
    say("%s: %d, child %d, status %d, %s, uid %d", name, seen.si_signo == SIGCHLD, seen.si_pid == pid, seen.si_status, code, seen.si_uid == getuid());
    say("%s", wait_text(pid));
}

int main(void)
{
    catch_signal(SIGCHLD, handler, SA_RESTART);
    child("exit", 42, 0);
    child("killed", 0, SIGKILL);
    child("terminated", 0, SIGTERM);
    child("aborted", 0, SIGABRT);
    return 0;
}
