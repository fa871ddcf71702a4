/* Calls random system calls with random arguments: `hostile SEED COUNT NUMBER-TO-LEAVE-OUT...`. Addresses are of every kind: of its own memory, at
 * its edges, of nothing, of what would be the emulator's. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

static unsigned long state;

static unsigned long next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static char *page;

static unsigned long argument(void)
{
    unsigned long r = next();
    switch (r % 12) {
    case 0: return 0;
    case 1: return (r >> 8) % 8;
    case 2: return (unsigned long)page + (r >> 8) % 4096;
    case 3: return (unsigned long)page + 4096 - (r >> 8) % 16;
    case 4: return (unsigned long)-1 - (r >> 8) % 64;
    case 5: return r;
    case 6: return 1ul << (r >> 8) % 64;
    case 7: return (1ul << 46) - (r >> 8) % 8192;
    case 8: return 0x7f0000000000ul + (r >> 16) % 0x100000000000ul;
    case 9: return (r >> 8) % 65536;
    case 10: return (r >> 8) % 4096 * 4096;
    default: return r >> 32;
    }
}

static void on_alarm(int signal) { (void)signal; }

int main(int argc, char **argv)
{
    static char left_out[1024];
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 20000}, {0, 20000}};
    state = strtoul(argv[1], 0, 0) * 2654435761u + 88172645463325252ul;
    for (int i = 3; i < argc; i++)
        left_out[atoi(argv[i])] = 1;
    page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    sigaction(SIGALRM, &action, 0);
    setitimer(ITIMER_REAL, &often, 0);
    long count = atol(argv[2]), failed = 0;
    for (long i = 0; i < count; i++) {
        long number = next() % 475;
        if (left_out[number])
            continue;
        if (i % 64 == 0)
            for (int k = 0; k < 4096; k += 8)
                if (page) *(volatile unsigned long *)(page + k) = argument();
        long got = syscall(number, argument(), argument(), argument(), argument(), argument(), argument());
        if (got == -1) {
            failed++;
            if (errno == EINTR)
                continue;
        }
    }
    dprintf(1, "made %ld\n", count > 0 && failed > 0 ? count : 0);
    _exit(0);
}
