/* A fault without a handler is death by SIGSEGV. */
#include "behaviour.h"

int main(void)
{
    volatile char *nowhere = (volatile char *)16;
    say("now");
    *nowhere = 1;
    return 0;
}
