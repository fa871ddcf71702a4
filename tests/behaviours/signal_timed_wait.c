/* sigwaitinfo and sigtimedwait take a blocked signal without its handler; EAGAIN when none comes; another's handler gives EINTR. */
#include "behaviour.h"

static volatile int handled;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context, (void)number;
    handled++;
}

int main(void)
{
    sigset_t set = set_of(SIGUSR1, SIGRTMIN + 1);
    siginfo_t info;
    catch_signal(SIGUSR1, handler, 0);
    catch_signal(SIGALRM, handler, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    int got = sigwaitinfo(&set, &info);
    say("USR1: %d, from itself %d, code %d", got == SIGUSR1, info.si_pid == getpid(), info.si_code == SI_TKILL);
    kill(getpid(), SIGUSR1);
    got = sigwaitinfo(&set, &info);
    say("USR1: %d, from itself %d, uid %d, code %d", got == SIGUSR1, info.si_pid == getpid(), info.si_uid == getuid(), info.si_code == SI_USER);
    NEED(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 4711}) == 0);
    got = sigwaitinfo(&set, &info);
    say("RT: %d, value %d, code %d", got == SIGRTMIN + 1, info.si_value.sival_int, info.si_code == SI_QUEUE);
    struct timespec soon = {0, 20000000}, none = {0, 0}, longer = {3, 0};
    say("none: %s", outcome(sigtimedwait(&set, &info, &soon)));
    say("poll: %s", outcome(sigtimedwait(&set, &info, &none)));
    tick(30);
    say("another's handler: %s", outcome(syscall(SYS_rt_sigtimedwait, &set, &info, &longer, 8))); /* musl's own begins anew */
    tick(0);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        pause_ms(40);
        kill(getppid(), SIGUSR1);
        _exit(3);
    }
    got = sigtimedwait(&set, &info, &longer);
    say("from the child: %d %d", got == SIGUSR1, info.si_pid == child);
    say("%s, handled %d", wait_text(child), handled > 0);
    int number;
    raise(SIGUSR1);
    say("sigwait: %d, %d", sigwait(&set, &number), number == SIGUSR1);
    return 0;
}
