/* One thread writes functions, another calls each after it was told of it. */
#include "behaviour.h"
#include "code.h"

enum { COUNT = 500 };
static char *code;
static unsigned ready, done;

static void *calls(void *argument)
{
    long sum = 0;
    for (unsigned i = 1; i <= COUNT; i++) {
        while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < i)
            sched_yield();
        flush_code(code); /* the caller's own pipeline */
        sum += call_code(code);
        __atomic_store_n(&done, i, __ATOMIC_RELEASE);
    }
    *(long *)argument = sum;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    long sum;
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(code != MAP_FAILED && pthread_create(&thread, NULL, calls, &sum) == 0);
    for (unsigned i = 1; i <= COUNT; i++) {
        put_code(code, i);
        flush_code(code);
        __atomic_store_n(&ready, i, __ATOMIC_RELEASE);
        while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < i)
            sched_yield();
    }
    pthread_join(thread, NULL);
    say("sum %ld", sum);
    return 0;
}
