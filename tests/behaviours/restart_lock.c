/* A handler that runs while a thread waits for a mutex, a semaphore or a condition does not end the wait. */
#include <semaphore.h>

#include "behaviour.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t sem;
static volatile int handled;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    handled++;
}

static void *run(void *argument)
{
    NEED(pthread_mutex_lock(&lock) == 0);
    say("has the mutex, handled %d", handled >= 3);
    pthread_mutex_unlock(&lock);
    NEED(sem_wait(&sem) == 0);
    say("has the semaphore");
    return argument;
}

int main(void)
{
    pthread_t thread;
    catch_signal(SIGUSR1, handler, SA_RESTART);
    sem_init(&sem, 0, 0);
    pthread_mutex_lock(&lock);
    NEED(pthread_create(&thread, NULL, run, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        pause_ms(20);
        pthread_kill(thread, SIGUSR1);
    }
    while (handled < 3)
        pause_ms(10);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 3; i++) {
        pause_ms(20);
        pthread_kill(thread, SIGUSR1);
    }
    sem_post(&sem);
    pthread_join(thread, NULL);
    return 0;
}
