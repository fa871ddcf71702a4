/* brk(2), by the system call itself; the C library's heap is not touched meanwhile. */
#include "mm_common.h"

static unsigned long start;

static void ask(const char *what, unsigned long address)
{
    unsigned long got = (unsigned long)syscall(SYS_brk, address);
    static char line[128];
    int length = snprintf(line, sizeof line, "%s: %s%ld\n", what, got == address ? "granted " : "refused, stays at ", (long)(got - start));
    if (write(1, line, (size_t)length) < 0)
        exit(95);
}

int main(void)
{
    static char buffer[4096];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    begin();
    start = ((unsigned long)syscall(SYS_brk, 0ul) + P - 1) & -P;
    ask("to a page", start);
    ask("zero", 0);
    ask("below the heap", P);
    ask("a bit", start + 10);
    *(volatile char *)start = 5;
    *(volatile char *)(start + P - 1) = 6;
    ask("back", start);
    ask("up again", start + 3 * P + 5);
    show_bytes("fresh", start, 5);
    show_access("access", start, 5);
    mark(start, 4);
    ask("shorter", start + P + 1);
    show_bytes("shorter", start, 4);
    ask("longer", start + 4 * P);
    show_bytes("longer", start, 5);
    ask("too much", -P);
    ask("far too much", 1ul << 60);
    say("mapping in the way", do_mmap(start + 6 * P, P, RW, ANON | MAP_FIXED, -1, 0));
    ask("into the mapping", start + 7 * P);
    ask("up to the mapping", start + 6 * P);
    ask("a page before the mapping", start + 5 * P);
    say("hole", do_munmap(start + P, P));
    ask("shorter over the hole", start + P / 2);
    show_access("after it", start, 8);
    ask("longer over the mapping", start + 8 * P);
    say("mapping gone", do_munmap(start + 6 * P, P));
    ask("longer", start + 3 * P);
    say("protected", do_mprotect(start + P, P, PROT_READ));
    ask("longer still", start + 4 * P);
    show_access("protected", start, 5);
    show_maps("maps", start, start + 8 * P);
    return 0;
}
