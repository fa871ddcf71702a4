/* What the kernel keeps of a process beside its mappings: brk, the places of argv, env and auxv, exe link, comm. */
#include "stub.h"

static uint64_t brk_start(struct run *run)
{
    const struct plan_mm *mm = &run->header.mm;
    uint64_t brk = address_of(run, mm->brk);
    if (run->randomize < 2)
        return brk;
    return brk + mm->brk_gap + (random_below(run, mm->brk_span) & -run->kernel.page);
}

static void describe(struct run *run, struct prctl_mm_map *map)
{
    const struct plan_mm *mm = &run->header.mm;
    uint64_t program = run->bias[BASE_PROGRAM], strings = run->bias[BASE_STRINGS];
    map->start_code = program + mm->start_code;
    map->end_code = program + mm->end_code;
    map->start_data = program + mm->start_data;
    map->end_data = program + mm->end_data;
    map->start_brk = map->brk = brk_start(run);
    map->start_stack = run->sp;
    if (run->header.flags & PLAN_KEEP_STACK) {
        const struct kernel_stack *k = &run->kernel;
        const uint64_t *execfn = auxv_entry(k, AT_EXECFN);
        map->env_end = execfn ? *execfn : k->top;
        map->env_start = *k->envp ? (uint64_t)*k->envp : map->env_end;
        map->arg_start = k->argc ? (uint64_t)*k->argv : map->env_start;
        map->arg_end = map->env_start;
        map->auxv = (uint64_t)k->auxv_start;
        map->auxv_size = (uint32_t)(k->auxv_words * sizeof(uint64_t));
    } else {
        map->arg_start = strings;
        map->arg_end = map->env_start = strings + mm->arg_end;
        map->env_end = strings + mm->env_end;
        map->auxv = run->bias[BASE_TABLE] + mm->auxv;
        map->auxv_size = (uint32_t)mm->auxv_size;
    }
    map->exe_fd = (uint32_t)-1;
}

static long set_mm(const struct prctl_mm_map *map)
{
    return SYS(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, map, sizeof *map, 0);
}

/* Sets all but the exe link, and finds out whether that may be set later: while the stub's own file is still mapped, the
 * kernel (6.18, kernel/sys.c and fork.c: replace_mm_exe_file) answers EPERM to who may not, EBUSY to who may. Whoever is
 * allowed sets it in the trampoline, after the last mapping of the stub's file has gone. */
void tell_kernel(struct run *run, struct prctl_mm_map *map)
{
    describe(run, map);
    long error = set_mm(map);
    run->mm_error = failed(error) ? (int)-error : 0;
    map->exe_fd = (uint32_t)run->fds[run->header.exe_file];
    if (!run->mm_error) {
        error = set_mm(map);
        run->exe_error = error == -EBUSY ? 0 : failed(error) ? (int)-error : EBUSY;
    }
    SYS(SYS_prctl, PR_SET_NAME, run->header.comm, 0, 0, 0);
}
