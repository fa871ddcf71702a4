/* What pthread_getattr_np() says of the first thread's stack: its size, its guard, and whether a local variable lies in it. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>

int main(void)
{
    pthread_attr_t attributes;
    void *start;
    size_t size, guard;
    if (pthread_getattr_np(pthread_self(), &attributes) || pthread_attr_getstack(&attributes, &start, &size)
        || pthread_attr_getguardsize(&attributes, &guard))
        return 1;
    int inside = (char *)&attributes >= (char *)start && (char *)&attributes < (char *)start + size;
    printf("size %zu guard %zu inside %d\n", size, guard, inside);
    return 0;
}
