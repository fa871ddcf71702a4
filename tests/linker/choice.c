/* A function behind a resolver that leaves nothing in the registers. */
#include "clobber.h"

int resolved;

static int sum(double a, double b)
{
    return (int)(a + b);
}

static void *resolve(void)
{
    resolved++;
    clobber();
    return (void *)sum;
}

int choice(double a, double b) __attribute__((ifunc("resolve")));
