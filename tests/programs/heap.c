/* sbrk(64 MiB): the break moves by that, the memory is there, it is in the mapping called [heap], and shrinking works. */
#define _DEFAULT_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    char *before = sbrk(0);
    char *got = sbrk(64 << 20);
    if (got == (void *)-1) {
        puts("sbrk failed");
        return 1;
    }
    memset(got, 5, 64 << 20);
    int value = got[(64 << 20) - 1];
    char *end = sbrk(-(32 << 20));
    int shrunk = sbrk(0) == end - (32 << 20);
    char line[512];
    int in_heap = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) {
        uintptr_t start, stop;
        sscanf(line, "%lx-%lx", &start, &stop);
        if (strstr(line, "[heap]") && start <= (uintptr_t)got && (uintptr_t)got + (32 << 20) <= stop)
            in_heap = 1;
    }
    printf("contiguous %d in heap %d value %d shrunk %d\n", got == before, in_heap, value, shrunk);
    return 0;
}
