/* rt_tgsigqueueinfo: a value to one thread; a code as the kernel's own is not for others. */
#include "behaviour.h"

static volatile int value;
static volatile pid_t caught_by;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    value = info->si_value.sival_int;
    caught_by = thread_id();
}

static volatile pid_t number;
static volatile int stop;

static void *run(void *argument)
{
    number = thread_id();
    while (!stop)
        pause_ms(2);
    return argument;
}

int main(void)
{
    pthread_t thread;
    catch_signal(SIGRTMIN + 3, handler, SA_RESTART);
    NEED(pthread_create(&thread, NULL, run, NULL) == 0);
    while (!number)
        sched_yield();
    siginfo_t info = {.si_signo = SIGRTMIN + 3, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = 99;
    NEED(syscall(SYS_rt_tgsigqueueinfo, getpid(), number, SIGRTMIN + 3, &info) == 0);
    while (!caught_by)
        sched_yield();
    say("value %d, right thread %d", value, caught_by == number);
    info.si_code = SI_USER;
    say("forged code to another: %s", outcome(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info)));
    stop = 1;
    pthread_join(thread, NULL);
    return 0;
}
