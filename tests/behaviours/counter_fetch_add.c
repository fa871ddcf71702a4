/* 8 threads increment one counter 1,000,000 times each by an atomic addition (LSE on AArch64, amoadd on RISC-V): none is lost. */
#include "behaviour.h"

static long counter;

#ifdef __aarch64__
__attribute__((target("lse")))
#endif
static void *add(void *argument)
{
    for (int i = 0; i < 1000000; i++) {
        __atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
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
