/* alarm: one SIGALRM; a new one replaces it and tells what was left; its default ends the process. */
#include "behaviour.h"

static volatile int handled;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    handled = 1 + (info->si_code == SI_KERNEL);
}

int main(void)
{
    catch_signal(SIGALRM, handler, 0);
    say("%u", alarm(100));
    unsigned left = alarm(1);
    say("left %d", left >= 99 && left <= 100);
    say("%s", outcome(pause()));
    say("handled %d", handled);
    say("off %u", alarm(0));
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigaction(SIGALRM, &normal, NULL);
    alarm(1);
    for (;;)
        ;
}
