/* abort: its handler runs, and then it dies of SIGABRT all the same. */
#include "behaviour.h"

static void handler(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    say("handler %d", number);
}

int main(void)
{
    catch_signal(SIGABRT, handler, 0);
    abort();
}
