/* What the programs of this folder share. Each shows one behaviour of Linux, in lines that are the same on every architecture and in every run, and ends
 * with a status of its own. The kernel is the judge: test_behaviours.py compares with the same program run natively. */
#ifndef BEHAVIOUR_H
#define BEHAVIOUR_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* One line at once, so that lines of several processes do not mix. */
__attribute__((format(printf, 1, 2))) static UNUSED void say(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    line[size] = '\n';
    if (write(1, line, (size_t)size + 1) < 0)
        _exit(98);
}

/* What has to hold for the program to show anything. */
#define NEED(condition) \
    do { \
        if (!(condition)) { \
            say("%s:%d: %s: errno %d", __FILE_NAME__, __LINE__, #condition, errno); \
            _exit(99); \
        } \
    } while (0)
#ifndef __FILE_NAME__
#define __FILE_NAME__ "line"
#endif

static UNUSED const char *error_name(int number)
{
    switch (number) {
#define NAME(error) \
    case error: \
        return #error;
        NAME(EPERM) NAME(ENOENT) NAME(ESRCH) NAME(EINTR) NAME(EIO) NAME(E2BIG) NAME(ENOEXEC) NAME(EBADF) NAME(ECHILD) NAME(EAGAIN) NAME(ENOMEM)
        NAME(EACCES) NAME(EFAULT) NAME(EBUSY) NAME(EEXIST) NAME(ENOTDIR) NAME(EISDIR) NAME(EINVAL) NAME(EMFILE) NAME(ENOTTY) NAME(EFBIG) NAME(ESPIPE)
        NAME(EPIPE) NAME(EDEADLK) NAME(ENOSYS) NAME(ETIMEDOUT) NAME(EOWNERDEAD) NAME(ENOTRECOVERABLE) NAME(ENOMSG) NAME(EIDRM) NAME(EMSGSIZE)
        NAME(ENOTSUP) NAME(ELOOP) NAME(ENAMETOOLONG) NAME(ETXTBSY) NAME(ENOSPC)
#undef NAME
    case 0:
        return "ok";
    }
    return "another error";
}

/* The outcome of a call that gives -1 and errno. */
static UNUSED const char *outcome(long result)
{
    return result == -1 ? error_name(errno) : "ok";
}

/* A wait status in words; whether a core was dumped depends on the machine. */
static UNUSED const char *status_text(int status)
{
    static char text[4][32];
    static int next;
    char *at = text[next++ & 3];
    if (WIFEXITED(status))
        snprintf(at, sizeof text[0], "exit %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        snprintf(at, sizeof text[0], "signal %d", WTERMSIG(status));
    else if (WIFSTOPPED(status))
        snprintf(at, sizeof text[0], "stopped %d", WSTOPSIG(status));
    else
        snprintf(at, sizeof text[0], "continued");
    return at;
}

static UNUSED const char *wait_text(pid_t pid)
{
    int status;
    pid_t got;
    do
        got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    return got == pid ? status_text(status) : outcome(got);
}

static UNUSED void pause_ms(long ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

static UNUSED void catch_signal(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&action.sa_mask);
    NEED(sigaction(number, &action, NULL) == 0);
}

static UNUSED sigset_t set_of(int first, int second)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, first);
    if (second)
        sigaddset(&set, second);
    return set;
}

static UNUSED pid_t thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* Signals every `ms`, so that one of them surely finds the program waiting. */
static UNUSED void tick(long ms)
{
    struct itimerval value = {{ms / 1000, ms % 1000 * 1000}, {ms / 1000, ms % 1000 * 1000}};
    NEED(setitimer(ITIMER_REAL, &value, NULL) == 0);
}

#endif
