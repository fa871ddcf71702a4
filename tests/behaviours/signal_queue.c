/* Real-time signals: every one queued, lowest number first, in order within a number, with its value; standard ones before them and only once. */
#include "behaviour.h"

static volatile int count;
static int numbers[64], values[64];

static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    numbers[count] = number;
    values[count] = info->si_code == SI_QUEUE ? info->si_value.sival_int : -1;
    count++;
}

int main(void)
{
    sigset_t all;
    sigfillset(&all);
    for (int i = 0; i < 3; i++) {
        struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
        sigfillset(&action.sa_mask);
        sigaction(SIGRTMIN + i, &action, NULL);
        sigaction(SIGUSR1, &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int i = 0; i < 5; i++)
        for (int j = 2; j >= 0; j--)
            NEED(sigqueue(getpid(), SIGRTMIN + j, (union sigval){.sival_int = 10 * i + j}) == 0);
    for (int i = 0; i < 3; i++)
        NEED(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 100 + i}) == 0);
    say("before: %d", count);
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int i = 0; i < count; i++)
        say("%s%d: %d", numbers[i] == SIGUSR1 ? "USR" : "RT", numbers[i] == SIGUSR1 ? 1 : numbers[i] - SIGRTMIN, values[i]);
    say("to nobody: %s, bad signal: %s", outcome(sigqueue(0x7ffffffe, SIGUSR1, (union sigval){0})), outcome(sigqueue(getpid(), 99, (union sigval){0})));
    return 0;
}
