/* Asks for pages at low and other well-known addresses, where nothing may be but what the program itself brought. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    static const unsigned long addresses[] = {0, 0x1000, 0x10000, 0x200000, 0x400000, 0x10000000, 0x7fff0000, 0x100000000, 0x10000000000, 0x400000000000};
    for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        void *got = mmap((void *)addresses[i], 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        printf("%#lx %s\n", addresses[i], got == MAP_FAILED ? strerror(errno) : "ours");
    }
    return 0;
}
