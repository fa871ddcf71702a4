/* What a thread that is not the first takes along into the program that it execs, and what is lost with the first one: signals that are blocked, signals
 * that wait for one thread or for the process, the name; with a first thread that waits, and with one that has ended. */
#include <sys/prctl.h>

#include "behaviour.h"

static char *self;
static volatile int ready;
static pthread_t first;

static void queue(pid_t thread, int number, int value)
{
    siginfo_t info = {.si_signo = number, .si_code = SI_QUEUE, .si_pid = getpid(), .si_uid = getuid(), .si_value = {.sival_int = value}};
    NEED(syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, number, &info) == 0);
}

static void *execs(void *ended)
{
    sigset_t set = set_of(SIGUSR1, SIGUSR2);
    sigaddset(&set, SIGRTMIN + 1);
    NEED(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
    while (!ready)
        pause_ms(1);
    if (ended)
        NEED(pthread_join(first, NULL) == 0);
    pause_ms(20);
    queue(thread_id(), SIGUSR1, 0);
    queue(thread_id(), SIGRTMIN + 1, 5);
    queue(thread_id(), SIGRTMIN + 1, 6);
    NEED(kill(getpid(), SIGUSR2) == 0);
    NEED(prctl(PR_SET_NAME, "a thread's") == 0);
    execl("/proc/thread-self/exe", self, "again", (char *)NULL);
    _exit(1);
}

static void show(void)
{
    sigset_t mask, all;
    siginfo_t info;
    struct timespec none = {0, 0};
    char name[16] = "";
    NEED(sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && prctl(PR_GET_NAME, name) == 0);
    say("first %d, name as the file's %d", thread_id() == getpid(), strncmp(name, "a thread", 8) != 0);
    say("blocked: %d %d %d, %d", sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2), sigismember(&mask, SIGRTMIN + 1), sigismember(&mask, SIGHUP));
    sigfillset(&all);
    for (int got; (got = sigtimedwait(&all, &info, &none)) > 0;) {
        const char *number = got == SIGUSR1 ? "SIGUSR1" : got == SIGUSR2 ? "SIGUSR2" : got == SIGRTMIN + 1 ? "real-time" : "another";
        say("%s: code %d, value %d", number, info.si_code, info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
    }
}

static int run(char *ended)
{
    pthread_t thread;
    sigset_t set = set_of(SIGHUP, SIGUSR2);
    first = pthread_self();
    NEED(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    queue(thread_id(), SIGHUP, 1);
    NEED(pthread_create(&thread, NULL, execs, ended) == 0);
    ready = 1;
    if (ended)
        pthread_exit(NULL);
    for (;;)
        pause();
}

int main(int count, char **arguments)
{
    self = arguments[0];
    if (count > 1) {
        show();
        return 17;
    }
    for (int ended = 0; ended < 2; ended++) {
        pid_t child = fork();
        NEED(child >= 0);
        if (!child)
            return run(ended ? "ended" : NULL);
        say("%s", wait_text(child));
    }
    return 0;
}
