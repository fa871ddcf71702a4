/* Uses the given number of KiB of stack, by recursion. */
#include <stdio.h>
#include <stdlib.h>

static int descend(const char *start, long limit)
{
    volatile char frame[1024];
    frame[0] = 1;
    long used = start - (const char *)frame;
    if (used + 4096 >= limit)
        return frame[0];
    return descend(start, limit) + frame[0];
}

int main(int argc, char **argv)
{
    char here;
    int frames = descend(&here, (argc > 1 ? atol(argv[1]) : 64) * 1024);
    puts(frames > 1 ? "returned" : "not deep");
    return 0;
}
