/* Threads that wait for each other, and such that only seem to. The first argument says which. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONG_US = 200000 }; /* several looks of the watch */

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER, two = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;
static sem_t posted;
static int ends[2];

__attribute__((noinline)) void take_both(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(second);
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}

static void *take_two_first(void *argument)
{
    take_both(&two, &one);
    return argument;
}

static void *wait_for_post(void *argument)
{
    sem_wait(&posted);
    return argument;
}

static void *read_then_post(void *argument)
{
    char byte;
    if (read(ends[0], &byte, 1) == 1)
        sem_post(&posted);
    return argument;
}

static void *sleep_then_post(void *argument)
{
    struct timespec end;
    pthread_mutex_lock(&two);
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += LONG_US * 1000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    sem_t never;
    sem_init(&never, 0, 0);
    sem_timedwait(&never, &end);
    sem_post(&posted);
    return argument;
}

static void post(int signal)
{
    (void)signal;
    sem_post(&posted);
}

static void begin(void *(*run)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL))
        _exit(99);
}

static void wait_twice(void)
{
    while (sem_wait(&posted))
        ;
    puts("woken");
}

__attribute__((noinline)) void lock_twice(void)
{
    pthread_mutex_lock(&one);
    pthread_mutex_lock(&one);
    pthread_mutex_unlock(&one);
}

int main(int count, char **arguments)
{
    const char *which = count > 1 ? arguments[1] : "";
    sem_init(&posted, 0, 0);
    pthread_barrier_init(&both, NULL, 2);
    if (!strcmp(which, "mutexes")) {
        begin(take_two_first);
        take_both(&one, &two);
    } else if (!strcmp(which, "itself")) {
        lock_twice();
    } else if (!strcmp(which, "ended")) { /* the only one that could have posted */
        begin(wait_for_post);
        usleep(LONG_US);
        pthread_exit(NULL);
    } else if (!strcmp(which, "child")) {
        pid_t child = fork();
        if (!child)
            lock_twice();
        int status = 0;
        waitpid(child, &status, 0);
        printf("child's status %d\n", WEXITSTATUS(status));
    } else if (!strcmp(which, "read")) {
        if (pipe(ends))
            return 99;
        begin(read_then_post);
        if (!fork()) {
            usleep(LONG_US);
            _exit(write(ends[1], "", 1) != 1);
        }
        wait_twice();
    } else if (!strcmp(which, "limit")) {
        begin(sleep_then_post);
        wait_twice();
    } else if (!strcmp(which, "timer")) {
        struct itimerval value = {{0, 0}, {0, LONG_US}};
        signal(SIGALRM, post);
        setitimer(ITIMER_REAL, &value, NULL);
        wait_twice();
    } else if (!strcmp(which, "deadly timer")) { /* no handler: the end that the program has chosen */
        struct itimerval value = {{0, 0}, {0, LONG_US}};
        setitimer(ITIMER_REAL, &value, NULL);
        lock_twice();
    } else if (!strcmp(which, "signal")) {
        signal(SIGTERM, post);
        if (!fork()) {
            usleep(LONG_US);
            _exit(kill(getppid(), SIGTERM));
        }
        wait_twice();
    } else if (!strcmp(which, "process")) {
        sem_t *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        sem_init(shared, 1, 0);
        if (!fork()) {
            usleep(LONG_US);
            _exit(sem_post(shared));
        }
        while (sem_wait(shared))
            ;
        puts("woken");
    }
    return 0;
}
