/* The program's initial stack: Python composed it, here it gets its place in the kernel's own [stack] and its addresses. */
#include "stub.h"

/* The strings end where the kernel would end them, at the top. Where the kernel cannot be told their new place (no
 * PR_SET_MM_MAP), they go exactly where it put the same strings for the stub, so that /proc/self/cmdline stays right. */
static uint64_t strings_address(const struct run *run, uint64_t size)
{
    uint64_t kernels = run->kernel.arg_start;
    if (run->mm_error && kernels && kernels + size <= run->kernel.top)
        return kernels;
    return run->kernel.top - size;
}

/* PROT_GROWSDOWN reaches to the start of the mapping, so this is the whole [stack] (exec.md G5). */
static void make_stack_executable(const struct run *run)
{
    long error = SYS(SYS_mprotect, run->kernel.top - run->kernel.page, run->kernel.page,
                     PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN, 0, 0);
    if (failed(error))
        die(run, "cannot make the stack executable, as PT_GNU_STACK asks", error);
}

void place_stack(struct run *run)
{
    if (run->header.flags & PLAN_STACK_EXEC)
        make_stack_executable(run);
    if (run->header.flags & PLAN_KEEP_STACK) {
        run->sp = run->bias[BASE_TABLE] = (uint64_t)run->kernel.sp;
        return;
    }
    const struct plan_header *h = &run->header;
    if (run->sp) /* the second time, with another gap: nothing of the first, AT_RANDOM's bytes above all, may stay below sp */
        memset((void *)run->sp, 0, h->table.count);
    uint64_t strings = strings_address(run, h->strings.count);
    uint64_t gap = random_below(run, h->gap_limit);
    run->bias[BASE_STRINGS] = strings;
    run->sp = run->bias[BASE_TABLE] = ((strings - gap) & ~(uint64_t)15) - h->table.count;
    memcpy((void *)strings, plan_array(run, h->strings, 1), h->strings.count);
    memcpy((void *)run->sp, plan_array(run, h->table, 1), h->table.count);
    /* What the kernel wrote for the stub and the program's stack does not cover: below sp, in the gap, above the strings. */
    uint64_t old = (uint64_t)run->kernel.sp, table_end = run->sp + h->table.count, end = strings + h->strings.count;
    if (old < run->sp)
        memset((void *)old, 0, run->sp - old);
    memset((void *)table_end, 0, strings - table_end);
    memset((void *)end, 0, run->kernel.top - end);
}

static void forward_entry(const struct run *run, uint64_t *pair)
{
    const uint64_t *value = auxv_entry(&run->kernel, pair[0]);
    if (value)
        pair[1] = *value;
    else
        pair[0] = AT_IGNORE;
}

static void edit_kernel_auxv(const struct run *run, uint64_t type, uint64_t value)
{
    for (uint64_t *pair = run->kernel.auxv_start; pair[0] != AT_NULL; pair += 2)
        if (pair[0] == type)
            pair[1] = value;
}

static void apply(const struct run *run, const struct plan_fixup *fixup)
{
    if (fixup->minus >= run->header.bases.count)
        die(run, "the plan uses a base that it has not", 0);
    uint64_t value = address_of(run, fixup->value) - run->bias[fixup->minus];
    uint64_t *where = (uint64_t *)address_of(run, fixup->where);
    switch (fixup->kind) {
    case FIXUP_ADD:
        for (uint32_t i = 0; i < fixup->count; i++)
            where[i] += value;
        break;
    case FIXUP_SET:
        memcpy(where, &value, sizeof value);
        break;
    case FIXUP_FORWARD:
        forward_entry(run, where);
        break;
    case FIXUP_RANDOM:
        memcpy(where, run->kernel.random, sizeof run->kernel.random);
        break;
    case FIXUP_AUXV:
        edit_kernel_auxv(run, fixup->count, value);
        break;
    default:
        die(run, "the plan has a fixup of unknown kind", 0);
    }
}

void apply_fixups(const struct run *run, struct plan_array fixups)
{
    const struct plan_fixup *fixup = plan_array(run, fixups, sizeof *fixup);
    for (uint32_t i = 0; i < fixups.count; i++)
        apply(run, &fixup[i]);
}
