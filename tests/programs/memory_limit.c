/* How many blocks of 4 MiB malloc grants, up to 100: what RLIMIT_AS leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    int blocks = 0;
    for (; blocks < 100; blocks++) {
        char *block = malloc(4 << 20);
        if (!block)
            break;
        memset(block, 1, 4 << 20);
    }
    printf("%d blocks\n", blocks);
    return 0;
}
