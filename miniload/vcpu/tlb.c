/* The engine's TLB: how large it is. U3: it starts with 256 entries and changes its size only in a flush, doubled if it was used to 70 % and halved if
 * it was used to less than 30 % for 100 ms. Two arrays that lie a multiple of its size apart take turns in the same entries then. So entries that are
 * of no use are filled before a flush, through the engine's own address translation: no guest code runs, no memory is touched. */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>

#include "state.h"

enum { TLB_MISSES_FIRST = 384, TLB_MISSES_MAX = 98304, TLB_FIRST = 256, TLB_LEAST = 4096, KEEP_EVERY_MS = 50 };

static void use_entries(struct vcpu *v, uint64_t count)
{
    uint64_t unused;
    v->filling = true;
    for (uint64_t page = 0; page < count; page++)
        api.vmem_translate(v->uc, page * VCPU_PAGE, UC_PROT_READ, &unused);
    v->filling = false;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* U3: the TLB grows, to twice its size at most, only when it is flushed and was full to 70 %: so flush when there have been so many misses that it must be.
 * Refilling it costs less than a miss on every other access. The second time it is made wide, before guest code runs again: not at once, since the engine
 * looks through all of it for every block of code that it translates, which is half of what a short program does. */
void grow_tlb(struct vcpu *v)
{
    uint64_t limit = v->miss_limit ? v->miss_limit : TLB_MISSES_FIRST;
    if (++v->misses <= limit)
        return;
    v->misses = 0;
    if (!v->wide && limit > TLB_MISSES_FIRST) {
        v->widen = true;
        interrupt_run(v);
        return;
    }
    if (limit < TLB_MISSES_MAX)
        v->miss_limit = limit * 2;
    api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TLB_FLUSH));
}

/* Outside of a run, and in user mode: each mode has a TLB of its own. 0.3 ms. */
int widen_tlb(struct vcpu *v)
{
    v->widen = false;
    for (uint64_t entries = TLB_FIRST; entries < TLB_LEAST; entries *= 2) {
        use_entries(v, entries * 3 / 4);
        if (api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TLB_FLUSH)))
            return -EIO;
    }
    v->wide = true;
    v->widened_at = now_ms();
    return 0;
}

/* Forgets all entries, and keeps the TLB from shrinking. */
int flush_tlb(struct vcpu *v)
{
    if (v->wide) {
        uint64_t now = now_ms();
        if (now - v->widened_at >= KEEP_EVERY_MS) {
            v->widened_at = now;
            use_entries(v, TLB_LEAST * 4 / 10);
        }
    }
    v->misses = 0;
    return api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TLB_FLUSH)) ? -EIO : 0;
}

int vcpu_flush(struct vcpu *v)
{
    return flush_tlb(v);
}
