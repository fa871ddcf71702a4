/* Runs out of stack and handles that on a stack of its own (sigaltstack), then says where the fault was. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *top;

static void overflowed(int number, siginfo_t *info, void *context)
{
    (void)context;
    long depth = top - (char *)info->si_addr;
    dprintf(1, "signal %d code %d depth %ld MiB\n", number, info->si_code, (depth + (1 << 19)) >> 20);
    _exit(3);
}

static int descend(int depth)
{
    volatile char frame[1024];
    frame[0] = (char)depth;
    return descend(depth + 1) + frame[0];
}

int main(void)
{
    char here;
    top = &here;
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct sigaction action = {.sa_sigaction = overflowed, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (sigaltstack(&stack, NULL) || sigaction(SIGSEGV, &action, NULL))
        return 1;
    return descend(0);
}
