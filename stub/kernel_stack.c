/* Decodes the stack on which the kernel started the stub (Linux 6.18 fs/binfmt_elf.c, create_elf_tables). */
#include "stub.h"

static void find_top(struct kernel_stack *stack)
{
    /* The AT_EXECFN string is the last thing on the stack but for eight zero bytes, and the stack ends at a page boundary. */
    const uint64_t *name = auxv_entry(stack, AT_EXECFN);
    uint64_t end = name ? *name : (uint64_t)stack->sp;
    if (name)
        while (*(const char *)end++)
            ;
    stack->top = (end + sizeof(uint64_t) + stack->page - 1) & -stack->page;
}

void read_kernel_stack(struct kernel_stack *stack, uint64_t *sp)
{
    stack->sp = sp;
    stack->argc = sp[0];
    stack->argv = (char **)(sp + 1);
    stack->envp = stack->argv + stack->argc + 1;
    char **end = stack->envp;
    while (*end)
        end++;
    stack->auxv_start = (uint64_t *)(end + 1);
    for (stack->auxv_words = 0; stack->auxv_words < 2 * (PLAN_MAX_AUXV - 1); stack->auxv_words += 2) {
        stack->auxv[stack->auxv_words] = stack->auxv_start[stack->auxv_words];
        stack->auxv[stack->auxv_words + 1] = stack->auxv_start[stack->auxv_words + 1];
        if (stack->auxv[stack->auxv_words] == AT_NULL)
            break;
    }
    stack->auxv_words += 2;
    const uint64_t *page = auxv_entry(stack, AT_PAGESZ);
    stack->page = page ? *page : 4096;
    find_top(stack);
    stack->arg_start = stack->argc ? (uint64_t)stack->argv[0] : 0;
    const uint64_t *random = auxv_entry(stack, AT_RANDOM);
    if (random)
        memcpy(stack->random, (const void *)*random, sizeof stack->random);
}

/* The value of the kernel's auxv entry of that type, or NULL. */
const uint64_t *auxv_entry(const struct kernel_stack *stack, uint64_t type)
{
    for (size_t i = 0; i + 2 < stack->auxv_words; i += 2)
        if (stack->auxv[i] == type)
            return &stack->auxv[i + 1];
    return NULL;
}
