/* Whether libc could register restartable sequences for this thread, which a leftover registration would prevent. */
#include <stdio.h>
#include <sys/rseq.h>

int main(void)
{
    const struct rseq *area = (const struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
    printf("size %u flags %u registered %d\n", __rseq_size, __rseq_flags, (int)area->cpu_id >= 0);
    return 0;
}
