/* Mutex and condition variable: a queue with 3 producers and 3 consumers loses nothing. */
#include "behaviour.h"

enum { EACH = 3000, ROOM = 8 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static int queue[ROOM], used, produced, done;
static long sum;

static void *produce(void *argument)
{
    for (int i = 0; i < EACH; i++) {
        pthread_mutex_lock(&lock);
        while (used == ROOM)
            pthread_cond_wait(&not_full, &lock);
        queue[used++] = i + (int)(long)argument;
        produced++;
        pthread_cond_signal(&not_empty);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *consume(void *argument)
{
    long count = 0;
    (void)argument;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!used && !done)
            pthread_cond_wait(&not_empty, &lock);
        if (!used)
            break;
        sum += queue[--used];
        count++;
        pthread_cond_signal(&not_full);
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return (void *)count;
}

int main(void)
{
    pthread_t producers[3], consumers[3];
    for (long i = 0; i < 3; i++) {
        NEED(pthread_create(&producers[i], NULL, produce, (void *)(i * 1000)) == 0);
        NEED(pthread_create(&consumers[i], NULL, consume, NULL) == 0);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(producers[i], NULL);
    pthread_mutex_lock(&lock);
    done = 1;
    pthread_cond_broadcast(&not_empty);
    pthread_mutex_unlock(&lock);
    long count = 0;
    for (int i = 0; i < 3; i++) {
        void *value;
        pthread_join(consumers[i], &value);
        count += (long)value;
    }
    say("produced %d, consumed %ld, sum %ld", produced, count, sum);
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    pthread_mutex_lock(&lock);
    int got;
    do
        got = pthread_cond_timedwait(&not_empty, &lock, &soon);
    while (!got);
    say("nobody signals: %s", error_name(got));
    return 0;
}
