/* Threads that take turns: `handover futex|condition|mutex COUNT`, COUNT turns in all; of two threads, at the mutex of eight. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 8 };

static long turns; /* of each thread */
static atomic_int word;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long turn, total;

static void *by_futex(void *number)
{
    for (long i = 0; i < turns; i++) {
        for (int seen; (seen = atomic_load(&word)) % 2 != (long)number;)
            syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
        atomic_fetch_add(&word, 1);
        syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
    return NULL;
}

static void *by_condition(void *number)
{
    for (long i = 0; i < turns; i++) {
        pthread_mutex_lock(&lock);
        while (turn != (long)number)
            pthread_cond_wait(&changed, &lock);
        turn = !turn;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *by_mutex(void *number)
{
    for (long i = 0; i < turns; i++) {
        pthread_mutex_lock(&lock);
        total++;
        pthread_mutex_unlock(&lock);
    }
    return number;
}

int main(int argc, char **argv)
{
    const char *how = argc > 2 ? argv[1] : "";
    void *(*run)(void *) = !strcmp(how, "futex") ? by_futex : !strcmp(how, "condition") ? by_condition : by_mutex;
    long count = run == by_mutex ? MOST : 2, asked = argc > 2 ? atol(argv[2]) : 0;
    pthread_t threads[MOST];
    turns = asked / count;
    for (long i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, run, (void *)i))
            return 1;
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return run == by_mutex && total != turns * count;
}
