/* Raw futex: waiters are moved to another word, and woken there. */
#include <linux/futex.h>

#include "behaviour.h"

static uint32_t from = 1, to = 2;
static int waiting, woken;

static void *run(void *argument)
{
    __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
    NEED(syscall(SYS_futex, &from, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0) == 0);
    __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
    return argument;
}

int main(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        NEED(pthread_create(&threads[i], NULL, run, NULL) == 0);
    while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < 4)
        sched_yield();
    pause_ms(150);
    say("wrong value: %s", outcome(syscall(SYS_futex, &from, FUTEX_CMP_REQUEUE_PRIVATE, 1, 100, &to, 5)));
    say("woken and moved: %ld", syscall(SYS_futex, &from, FUTEX_CMP_REQUEUE_PRIVATE, 1, 100, &to, 1));
    while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < 1)
        sched_yield();
    say("left at the first: %ld", syscall(SYS_futex, &from, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0));
    say("at the second: %ld", syscall(SYS_futex, &to, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    say("woken: %d", woken);
    return 0;
}
