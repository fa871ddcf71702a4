/* A process is killed while several of its threads hold robust mutexes in shared memory: each is marked, those that are held by nobody or by others are not,
 * however the next owner asks. */
#include "behaviour.h"

enum { COUNT = 7 };

static pthread_mutex_t *locks;

static void *holds(void *argument)
{
    for (int i = 3; i < 5; i++)
        NEED(pthread_mutex_lock(&locks[i]) == 0);
    NEED(write(*(int *)argument, "x", 1) == 1);
    for (;;)
        pause();
}

static void child(int end)
{
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        NEED(pthread_mutex_lock(&locks[i]) == 0);
    NEED(pthread_mutex_unlock(&locks[1]) == 0);
    NEED(pthread_create(&thread, NULL, holds, &end) == 0);
    NEED(write(end, "x", 1) == 1);
    pthread_mutex_lock(&locks[5]);
    _exit(1);
}

static int asked(int i)
{
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec += 5;
    return i % 2 ? pthread_mutex_timedlock(&locks[i], &soon) : pthread_mutex_trylock(&locks[i]);
}

int main(void)
{
    int ends[2];
    char bytes[2];
    locks = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(locks != MAP_FAILED && pipe(ends) == 0);
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    for (int i = 0; i < COUNT; i++)
        NEED(pthread_mutex_init(&locks[i], &kind) == 0);
    NEED(pthread_mutex_lock(&locks[5]) == 0);
    pid_t pid = fork();
    NEED(pid >= 0);
    if (!pid)
        child(ends[1]);
    NEED(read(ends[0], bytes, 1) == 1 && read(ends[0], bytes, 1) == 1);
    pause_ms(50);
    kill(pid, SIGKILL);
    say("%s", wait_text(pid));
    for (int i = 0; i < COUNT; i++)
        say("%d: %s", i, i == 5 ? "own" : error_name(asked(i)));
    for (int i = 0; i < COUNT; i++) {
        pthread_mutex_consistent(&locks[i]);
        NEED(pthread_mutex_unlock(&locks[i]) == 0);
        say("%d again: %s", i, error_name(asked(i)));
    }
    return 0;
}
