/* A library with thread-local data, a constructor and a destructor. */
#include <stdio.h>

static __thread int calls = 6;

__attribute__((constructor)) static void loaded(void) { puts("loaded"); }
__attribute__((destructor)) static void unloaded(void) { puts("unloaded"); }

int add_twice(int value, int step)
{
    calls++;
    return value + 2 * step + calls - 7;
}
