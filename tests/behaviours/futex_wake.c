/* Raw futex: a wait ends by a wake, which tells how many; a wrong value does not wait at all. */
#include <linux/futex.h>

#include "behaviour.h"

static uint32_t word = 1;
static int woken;

static long futex(int operation, uint32_t value)
{
    return syscall(SYS_futex, &word, operation, value, NULL, NULL, 0);
}

static void *run(void *argument)
{
    NEED(futex(FUTEX_WAIT_PRIVATE, 1) == 0);
    __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
    return argument;
}

/* Wakes until somebody was there: a thread may not have got to its wait. */
static int wake(uint32_t most)
{
    long got;
    while ((got = futex(FUTEX_WAKE_PRIVATE, most)) == 0)
        pause_ms(5);
    return (int)got;
}

int main(void)
{
    say("wrong value: %s", outcome(futex(FUTEX_WAIT, 2)));
    say("nobody waits: %ld", futex(FUTEX_WAKE, 10));
    say("odd address: %s", outcome(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 1, NULL, NULL, 0)));
    say("bad operation: %s", outcome(futex(99, 0)));
    say("bad address: %s", outcome(syscall(SYS_futex, 16, FUTEX_WAIT, 1, NULL, NULL, 0)));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        NEED(pthread_create(&threads[i], NULL, run, NULL) == 0);
    pause_ms(100);
    say("wake one: %d", wake(1));
    while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < 1)
        sched_yield();
    pause_ms(30);
    say("woken: %d", woken);
    int rest = 0;
    while (rest < 3)
        rest += wake(100);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    say("rest: %d, woken: %d", rest, woken);
    return 0;
}
