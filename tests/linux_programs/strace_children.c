/* Processes and threads for --strace's tests: what each of them does, and how it ends. SIGCHLD comes when it is asked for. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int pid;

static void handler(int number)
{
    (void)number;
}

static int forked(void)
{
    return (int)syscall(SYS_clone, (long)(CLONE_PARENT_SETTID | SIGCHLD), 0L, &pid, 0L, 0L);
}

static void *thread(void *argument)
{
    syscall(SYS_getpgid, 1111);
    return argument;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return 7;
    unsigned long set = 1ul << (SIGCHLD - 1);
    struct sigaction caught = {.sa_handler = handler};
    struct rlimit none = {0, 0};
    int status;
    struct timespec soon = {0, 1000};
    siginfo_t info;
    struct rusage usage;
    sigaction(SIGCHLD, &caught, 0);
    syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, 0L);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0L, 8L);
    syscall(SYS_getpgid, 4321);
    if (!forked()) {
        syscall(SYS_getpgid, 1111);
        syscall(SYS_exit_group, 3);
    }
    syscall(SYS_wait4, -1, &status, 0, 0L);
    syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, 0L, 8L);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0L, 8L);
    if (!forked()) {
        syscall(SYS_getpgid, 2222);
        *(volatile int *)8 = 1;
    }
    syscall(SYS_waitid, P_ALL, 0, &info, WEXITED, 0L);
    if (!forked()) {
        syscall(SYS_getpgid, 3333);
        syscall(SYS_execve, argv[0], (char *[]){"again", "and again", 0}, 0L);
    }
    syscall(SYS_wait4, -1, 0L, WUNTRACED, 0L);
    syscall(SYS_rt_sigtimedwait, &set, 0L, &soon, 8L);
    syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, 0L, 8L);
    syscall(SYS_wait4, -1, &status, WNOHANG, &usage);
    pthread_t other;
    pthread_create(&other, 0, thread, 0);
    pthread_join(other, 0);
    syscall(SYS_getpgid, 4321);
    return 5;
}
