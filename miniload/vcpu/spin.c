/* futex(2)'s FUTEX_WAIT, looked after for a moment before the host is asked to sleep. Two threads of a guest that wait for each other never run at the same time,
 * so that on a host with CPUs to spare each hand-over would wait for one of them to come out of its idle state, 10 to 20 us; a thread that still looks sees
 * it at once. A word that has changed meanwhile gives EAGAIN, as if the call had come a little later. */
#include <errno.h>
#include <sys/syscall.h>

#include "state.h"

enum { SPIN_NS = 40000, PATIENCE_MAX = 1024 };

static bool is_wait(long number, const long args[6])
{
    long command = args[1] & FUTEX_CMD_MASK;
    return number == SYS_futex && (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET);
}

/* By the kernel's copy: another thread may unmap the word at any moment. */
static bool changes(struct vcpu *v, uint64_t address, uint32_t expected)
{
    int64_t until = now_ns() + SPIN_NS;
    uint32_t word = expected;
    do {
        if (signal_slot()->pending || vcpu_copy_in(v, address, &word, sizeof word))
            return false;
    } while (word == expected && now_ns() < until);
    return word != expected;
}

/* Whether the call is a wait for a word that has changed. One thread looks at a time, and where nothing comes of it, ever more seldom: then it only takes
 * a CPU from others. */
bool spin(struct vcpu *v, long number, const long args[6])
{
    struct spin *s = &v->spin;
    if (!is_wait(number, args) || atomic_load(&s->busy))
        return false;
    if (s->skip) {
        s->skip--;
        return false;
    }
    if (atomic_exchange(&s->busy, 1))
        return false;
    bool changed = changes(v, (uint64_t)args[0] - (uint64_t)(uintptr_t)v->region, (uint32_t)args[2]);
    s->failures = changed ? 0 : s->failures ? s->failures * 2 : 1;
    if (s->failures > PATIENCE_MAX)
        s->failures = PATIENCE_MAX;
    s->skip = s->failures;
    atomic_store(&s->busy, 0);
    return changed;
}
