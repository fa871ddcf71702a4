/* 8 threads increment one counter 1,000,000 times each by a mutex: none is lost. */
#include "behaviour.h"

static long counter;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *add(void *argument)
{
    for (int i = 0; i < 1000000; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
    return argument;
}

int main(void)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        NEED(pthread_create(&threads[i], NULL, add, NULL) == 0);
    for (int i = 0; i < 8; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    say("%ld", counter);
    return 0;
}
