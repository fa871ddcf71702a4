/* pthread_create and pthread_join: every thread's value arrives. */
#include "behaviour.h"

static void *square(void *argument)
{
    long number = (long)argument;
    return (void *)(number * number);
}

int main(void)
{
    enum { COUNT = 20 };
    pthread_t threads[COUNT];
    for (long i = 0; i < COUNT; i++)
        NEED(pthread_create(&threads[i], NULL, square, (void *)i) == 0);
    for (int i = 0; i < COUNT; i++) {
        void *value;
        NEED(pthread_join(threads[i], &value) == 0);
        say("%d: %ld", i, (long)value);
    }
    return 3;
}
