/* Says "ready" and waits, in a function with a name, for a signal. */
#include <stdio.h>
#include <unistd.h>

__attribute__((noinline)) void waiting_here(void)
{
    for (;;)
        pause();
}

int main(void)
{
    puts("ready");
    fflush(stdout);
    waiting_here();
    return 0;
}
