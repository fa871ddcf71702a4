/* SIGTRAP of a breakpoint instruction, which the handler steps over. */
#include "behaviour.h"
#include "context.h"

static volatile int caught, code_right, at_breakpoint;
extern char breakpoint_here[];

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number;
    ucontext_t *interrupted = context;
    code_right = info->si_code == BREAKPOINT_CODE;
    uintptr_t pc = (uintptr_t)CONTEXT_PC(interrupted);
    at_breakpoint = pc == (uintptr_t)breakpoint_here + (BREAKPOINT_SIZE ? 0 : 1);
    CONTEXT_PC(interrupted) += BREAKPOINT_SIZE;
    caught++;
}

__attribute__((noinline)) static void trap(void)
{
    __asm__ volatile(".globl breakpoint_here\nbreakpoint_here: " BREAKPOINT);
}

int main(void)
{
    catch_signal(SIGTRAP, handler, 0);
    for (int i = 0; i < 5; i++)
        trap();
    say("caught %d, code %d, pc %d", caught, code_right, at_breakpoint);
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigaction(SIGTRAP, &normal, NULL);
    __asm__ volatile(BREAKPOINT);
    return 0;
}
