/* Raw futex with bits: only who waits for one of them is woken. */
#include <linux/futex.h>

#include "behaviour.h"

static uint32_t word;
static int woken[3];

static long futex(int operation, uint32_t value, uint32_t bits)
{
    return syscall(SYS_futex, &word, operation, value, NULL, NULL, bits);
}

static void *run(void *argument)
{
    int number = (int)(long)argument;
    NEED(futex(FUTEX_WAIT_BITSET_PRIVATE, 0, 1u << number) == 0);
    __atomic_store_n(&woken[number], 1, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    say("no bits: %s, %s", outcome(futex(FUTEX_WAIT_BITSET, 0, 0)), outcome(futex(FUTEX_WAKE_BITSET, 1, 0)));
    for (long i = 0; i < 3; i++)
        NEED(pthread_create(&threads[i], NULL, run, (void *)i) == 0);
    pause_ms(100);
    static const int order[] = {1, 2, 0};
    for (int i = 0; i < 3; i++) {
        long got;
        while ((got = futex(FUTEX_WAKE_BITSET_PRIVATE, 100, 1u << order[i])) == 0)
            pause_ms(5);
        pthread_join(threads[order[i]], NULL);
        say("bit %d: %ld, woken %d%d%d", order[i], got, woken[0], woken[1], woken[2]);
    }
    return 0;
}
