/* Handlers within handlers: one signal's handler is interrupted by another's unless sa_mask has it; then that comes right after. */
#include "behaviour.h"

static int masking;

static void inner(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    say("  inner");
}

static void outer(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    say(" outer begins");
    raise(SIGUSR2);
    say(" outer ends");
}

int main(void)
{
    catch_signal(SIGUSR2, inner, 0);
    for (masking = 0; masking < 2; masking++) {
        struct sigaction action = {.sa_sigaction = outer, .sa_flags = SA_SIGINFO};
        sigemptyset(&action.sa_mask);
        if (masking)
            sigaddset(&action.sa_mask, SIGUSR2);
        sigaction(SIGUSR1, &action, NULL);
        say("%s", masking ? "masked" : "not masked");
        raise(SIGUSR1);
        say("back");
    }
    return 0;
}
