/* See readers.h. Two counters, and which of them new readers use: the one who waits changes that and waits for the other to become zero. */
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "readers.h"

static _Atomic unsigned current;
static _Atomic int64_t active[2];
static _Thread_local int64_t own[2];

unsigned readers_enter(void)
{
    for (;;) {
        unsigned side = atomic_load(&current);
        atomic_fetch_add(&active[side], 1);
        if (atomic_load(&current) == side) { /* else the one who waits may have looked before */
            own[side]++;
            return side;
        }
        atomic_fetch_sub(&active[side], 1);
    }
}

void readers_leave(unsigned side)
{
    own[side]--;
    atomic_fetch_sub(&active[side], 1);
}

void readers_wait(void)
{
    unsigned side = atomic_fetch_xor(&current, 1);
    while (atomic_load(&active[side]) > own[side])
        sched_yield();
}

/* After fork, the readers of other threads are no more. */
void readers_forget(void)
{
    for (int side = 0; side < 2; side++)
        atomic_store(&active[side], own[side]);
}
