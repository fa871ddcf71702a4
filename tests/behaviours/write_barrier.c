/* A garbage collector's write barrier: 10,000 faults of writes to protected pages, each handled by mprotect and the write begun anew. */
#include "behaviour.h"

enum { PAGES = 1000, ROUNDS = 10 };
static unsigned char *heap;
static volatile int faults;
static unsigned char dirty[PAGES];

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    size_t page = (size_t)((unsigned char *)info->si_addr - heap) / 4096;
    if (page >= PAGES || info->si_code != SEGV_ACCERR || mprotect(heap + page * 4096, 4096, PROT_READ | PROT_WRITE))
        _exit(90);
    dirty[page]++;
    faults++;
}

int main(void)
{
    heap = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(heap != MAP_FAILED);
    catch_signal(SIGSEGV, handler, 0);
    for (int round = 0; round < ROUNDS; round++) {
        NEED(mprotect(heap, PAGES * 4096, PROT_READ) == 0);
        for (int i = 0; i < PAGES; i++) {
            heap[i * 4096 + round] = (unsigned char)(i + round);
            heap[i * 4096 + round + 100] = 1;
        }
    }
    long sum = 0, all = 0;
    for (int i = 0; i < PAGES; i++) {
        for (int j = 0; j < ROUNDS; j++)
            sum += heap[i * 4096 + j];
        all += dirty[i] == ROUNDS;
    }
    say("faults %d, pages %ld, sum %ld", faults, all, sum);
    return 0;
}
