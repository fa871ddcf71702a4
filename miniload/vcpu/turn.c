#define _GNU_SOURCE
#include "turn.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Waiters sleep on `serving`, each with a bit of its own ticket, so that giving the turn wakes one of them (or one in 32 of very many). */
static uint32_t bit_of(unsigned ticket)
{
    return (uint32_t)1 << (ticket & 31);
}

int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND_NS + time.tv_nsec;
}

static void sleep_until_served(struct turn *turn, unsigned serving, unsigned ticket)
{
    int64_t at = now_ns() + TURN_SLICE_NS; /* FUTEX_WAIT_BITSET takes an absolute time */
    struct timespec end = {at / SECOND_NS, at % SECOND_NS};
    syscall(SYS_futex, &turn->serving, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, serving, &end, NULL, bit_of(ticket));
}

/* Who wakes another thread often gives the turn up right afterwards, to wait for it: sooner than a sleeper could be woken. Often it was running on this very
 * CPU, which it gets back. Not where the CPU is wanted by others, too: each yield then lasts as long as they like. */
static bool comes_soon(struct turn *turn, unsigned ticket)
{
    int64_t until = now_ns() + TURN_YIELDING_NS;
    for (int i = TURN_YIELDS; i > 0 && ticket - atomic_load_explicit(&turn->serving, memory_order_relaxed) <= 1; i--) {
        if (atomic_load(&turn->serving) == ticket)
            return true;
        sched_yield();
        if (now_ns() > until)
            break;
    }
    return false;
}

void turn_take(struct turn *turn, bool patient, void (*kick)(void *user), void *user)
{
    unsigned ticket = atomic_fetch_add(&turn->next, 1), serving = atomic_load(&turn->serving);
    if (serving == ticket || (!patient && comes_soon(turn, ticket)))
        return;
    atomic_fetch_add(&turn->waiting, 1);
    while ((serving = atomic_load(&turn->serving)) != ticket) {
        sleep_until_served(turn, serving, ticket);
        if (serving == atomic_load(&turn->serving))
            kick(user);
    }
    atomic_fetch_sub(&turn->waiting, 1);
}

void turn_give(struct turn *turn)
{
    unsigned next = atomic_load(&turn->serving) + 1;
    atomic_store(&turn->serving, next);
    if (atomic_load(&turn->waiting))
        syscall(SYS_futex, &turn->serving, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 0x7fffffff, NULL, NULL, bit_of(next));
}

void turn_forked(struct turn *turn)
{
    atomic_store(&turn->next, atomic_load(&turn->serving) + 1);
    atomic_store(&turn->waiting, 0);
}
