/* `__thread` data, seen by the first thread and by three more: each has its own copy of the initial value. */
#include <pthread.h>
#include <stdio.h>

static __thread long counter = 100;
static __thread char name[16] = "untouched";

static void *work(void *argument)
{
    long before = counter;
    for (int i = 0; i < 1000; i++)
        counter += (long)argument;
    snprintf(name, sizeof name, "thread %ld", (long)argument);
    printf("%s: %ld to %ld\n", name, before, counter);
    return NULL;
}

int main(void)
{
    counter++;
    for (long i = 1; i <= 3; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, (void *)i) || pthread_join(thread, NULL))
            return 1;
    }
    printf("main: %ld %s\n", counter, name);
    return 0;
}
