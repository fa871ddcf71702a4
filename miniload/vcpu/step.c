/* Looking at guest code as it runs: counters, breakpoints and a budget of instructions. All of it costs nothing while it is not used: the hooks
 * are only there when something is (U8: and code is translated anew then). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    struct vcpu *v = user;
    (void)uc;
    (void)address;
    (void)size;
    v->counts.blocks++;
}

int vcpu_count(struct vcpu *v, int on)
{
    if (!!on == v->counting)
        return 0;
    if (on) {
        if (api.hook_add(v->uc, &v->count_hook, UC_HOOK_BLOCK, (void *)on_block, v, (uint64_t)1, (uint64_t)0))
            return -EIO;
    } else if (api.hook_del(v->uc, v->count_hook)) {
        return -EIO;
    }
    v->counting = !!on;
    return api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TB_FLUSH)) ? -EIO : 0;
}

int vcpu_counts(const struct vcpu *v, struct vcpu_counts *counts)
{
    *counts = v->counts;
    return 0;
}

/* Index of the first breakpoint that is not below the address. */
static uint32_t find_breakpoint(const struct vcpu *v, uint64_t address)
{
    uint32_t low = 0, high = v->breakpoint_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (v->breakpoints[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_breakpoint(const struct vcpu *v, uint64_t address)
{
    uint32_t at = find_breakpoint(v, address);
    return at < v->breakpoint_count && v->breakpoints[at] == address;
}

int vcpu_add_breakpoint(struct vcpu *v, uint64_t address)
{
    uint32_t at = find_breakpoint(v, address);
    if (is_breakpoint(v, address))
        return 0;
    if (v->breakpoint_count >= VCPU_BREAKPOINTS_MAX)
        return -ENOSPC;
    uint64_t *grown = realloc(v->breakpoints, (v->breakpoint_count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    memmove(grown + at + 1, grown + at, (v->breakpoint_count - at) * sizeof *grown);
    grown[at] = address;
    v->breakpoints = grown;
    v->breakpoint_count++;
    return 0;
}

int vcpu_remove_breakpoint(struct vcpu *v, uint64_t address)
{
    uint32_t at = find_breakpoint(v, address);
    if (!is_breakpoint(v, address))
        return -ENOENT;
    v->breakpoint_count--;
    memmove(v->breakpoints + at, v->breakpoints + at + 1, (v->breakpoint_count - at) * sizeof *v->breakpoints);
    return 0;
}

/* Before every instruction. Whoever wants the run to end only says so: the engine, when it is stopped from elsewhere while there are such hooks,
 * can forget where it is. */
static void on_instruction(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    struct vcpu *v = user;
    (void)uc;
    (void)size;
    if (v->leave)
        return;
    if (atomic_load(&v->stop) || atomic_load(&v->yield)) {
        want_attention(v);
        return;
    }
    if (v->stopped_at != address && is_breakpoint(v, address)) {
        v->stopped_at = address;
        leave_with(v, VCPU_EXIT_BREAKPOINT, 0);
        return;
    }
    if (v->limited && !v->budget) {
        leave_with(v, VCPU_EXIT_BUDGET, 0);
        return;
    }
    v->stopped_at = NOWHERE;
    v->budget -= v->limited;
    v->counts.instructions++;
}

/* Before a run: the hook is there if it is needed. A hook that is gone stays in the engine's lists, where it is still looked at, until the end of a
 * run: so there is one that ends at once. */
int begin_stepping(struct vcpu *v)
{
    int wanted = v->limited || v->breakpoint_count;
    if (wanted == atomic_load(&v->stepping))
        return 0;
    if (wanted) {
        if (api.hook_add(v->uc, &v->step_hook, UC_HOOK_CODE, (void *)on_instruction, v, (uint64_t)1, (uint64_t)0))
            return -EIO;
    } else {
        uint64_t pc = 0;
        if (api.hook_del(v->uc, v->step_hook) || api.reg_read(v->uc, v->arch.pc, &pc) || probe_fault(v, NOWHERE & -16)
            || api.reg_write(v->uc, v->arch.pc, &pc))
            return -EIO;
        v->stopped_at = NOWHERE;
    }
    atomic_store(&v->stepping, wanted);
    return check_exits(v, wanted);
}

/* The next run ends after so many instructions. */
int vcpu_set_budget(struct vcpu *v, int limited, uint64_t instructions)
{
    v->limited = limited;
    v->budget = instructions;
    return 0;
}
