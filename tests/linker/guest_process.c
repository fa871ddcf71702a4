/* What a library has of its C library: the heap, stdio, errno, threads, jumps, and ways to end. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static __thread int mine = 5;

static void *thread(void *argument)
{
    mine += *(int *)argument;
    return (void *)(long)mine;
}

/* The other thread's copy begins with 5 again. */
long in_thread(int by)
{
    pthread_t other;
    void *result = NULL;
    mine = 100;
    if (pthread_create(&other, NULL, thread, &by) || pthread_join(other, &result))
        return -1;
    return (long)result * 1000 + mine;
}

int self_is_stable(void) { return pthread_equal(pthread_self(), pthread_self()) && pthread_self() != 0; }
int fails(void) { return close(-1) ? errno : 0; }

char *compose(const char *format, int a, double b)
{
    char *text = NULL;
    return asprintf(&text, format, a, b) < 0 ? NULL : text;
}

void leave(int status) { exit(status); }
void stop(void) { abort(); }

static jmp_buf place;
int leap(void (*function)(void))
{
    if (setjmp(place))
        return 77;
    function();
    return 0;
}
void land(void) { longjmp(place, 1); }

double through_dlsym(double a)
{
    void *libm = dlopen("libm.so.6", RTLD_NOW);
    double (*function)(double) = libm ? (double (*)(double))dlsym(libm, "sqrt") : NULL;
    return function ? function(a) : -1;
}

int wait_for_input(void)
{
    int ends[2];
    char byte;
    return pipe(ends) ? -1 : (int)read(ends[0], &byte, 1);
}

int child(int status)
{
    int got = 0;
    pid_t pid = fork();
    if (!pid)
        exit(status);
    return pid < 0 || waitpid(pid, &got, 0) != pid ? -1 : got;
}
