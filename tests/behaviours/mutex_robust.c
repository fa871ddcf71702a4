/* A thread that ends while it holds a robust mutex: the next one gets EOWNERDEAD, and after it left the state broken, ENOTRECOVERABLE. */
#include "behaviour.h"

static pthread_mutex_t lock;

static void *die_holding(void *argument)
{
    (void)argument;
    NEED(pthread_mutex_lock(&lock) == 0);
    return NULL;
}

static void *wait_for_it(void *argument)
{
    (void)argument;
    return (void *)(long)pthread_mutex_lock(&lock);
}

static void *hold_a_while(void *argument)
{
    NEED(pthread_mutex_lock(&lock) == 0);
    pthread_barrier_wait(argument);
    pause_ms(50);
    return NULL;
}

int main(void)
{
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    NEED(pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) == 0);
    NEED(pthread_mutex_init(&lock, &kind) == 0);
    pthread_t thread, waiter;
    NEED(pthread_create(&thread, NULL, die_holding, NULL) == 0);
    pthread_join(thread, NULL);
    say("first: %s", error_name(pthread_mutex_lock(&lock)));
    say("made consistent: %s", error_name(pthread_mutex_consistent(&lock)));
    pthread_mutex_unlock(&lock);
    say("then: %s", error_name(pthread_mutex_lock(&lock)));
    pthread_mutex_unlock(&lock);

    pthread_barrier_t held;
    pthread_barrier_init(&held, NULL, 2);
    NEED(pthread_create(&thread, NULL, hold_a_while, &held) == 0);
    pthread_barrier_wait(&held);
    void *value;
    NEED(pthread_create(&waiter, NULL, wait_for_it, NULL) == 0);
    pthread_join(waiter, &value);
    say("one that waits: %s", error_name((int)(long)value));
    pthread_join(thread, NULL);
    say("that ended too: %s", error_name(pthread_mutex_lock(&lock)));
    pthread_mutex_unlock(&lock);
    say("left broken: %s", error_name(pthread_mutex_lock(&lock)));
    return 0;
}
