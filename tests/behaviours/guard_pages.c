/* Guard pages as runtimes have them: a fault in one makes it accessible, and the access happens; null checks by fault. */
#include "behaviour.h"

static char *heap;
static volatile int faults;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    char *page = (char *)((uintptr_t)info->si_addr & ~(uintptr_t)4095);
    if (page < heap || page >= heap + (1 << 20) || mprotect(page, 4096, PROT_READ | PROT_WRITE))
        _exit(90);
    faults++;
}

int main(void)
{
    heap = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(heap != MAP_FAILED);
    catch_signal(SIGSEGV, handler, 0);
    long sum = 0;
    for (int i = 0; i < 256; i++) {
        volatile int *word = (volatile int *)(void *)(heap + 4096 * i + i % 100 * 8);
        *word = i;
        sum += *word;
    }
    say("faults %d, sum %ld", faults, sum);
    volatile long *across = (volatile long *)(void *)(heap + 8 * 4096 - 4);
    mprotect(heap + 8 * 4096, 4096, PROT_NONE);
    *across = 0x1122334455667788;
    say("across pages %lx, faults %d", *across, faults);
    *(volatile char *)(heap + (1 << 20)) = 1;
    return 0;
}
