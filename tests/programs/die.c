/* Dies in the way named: by a null pointer, a bad jump, abort(), division by zero, an illegal instruction, or a signal's number. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    volatile int zero = 0;
    printf("before %s\n", how);
    fflush(stdout);
    if (!strcmp(how, "null"))
        *(volatile int *)(long)zero = 1;
    else if (!strcmp(how, "jump"))
        ((void (*)(void))(long)zero)();
    else if (!strcmp(how, "abort"))
        abort();
    else if (!strcmp(how, "divide"))
        return 100 / zero;
    else if (!strcmp(how, "illegal"))
        __builtin_trap();
    else
        raise(atoi(how));
    return 77;
}
