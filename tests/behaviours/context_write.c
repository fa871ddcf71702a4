/* A handler that changes the PC and the result's register in its ucontext: the program goes on there. */
#include "behaviour.h"
#include "context.h"

static volatile int caught;

__attribute__((noinline)) static long landed(void)
{
    return 1234;
}

static void handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;
    (void)number, (void)info;
    caught++;
    CONTEXT_PC(interrupted) = (__typeof__(CONTEXT_PC(interrupted)))(uintptr_t)landed;
}

static void skip(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;
    (void)number, (void)info;
    caught++;
    CONTEXT_PC(interrupted) += BREAKPOINT_SIZE;
    CONTEXT_RESULT(interrupted) = 555;
}

static long with_result(void)
{
#if defined __x86_64__
    register long result __asm__("rax") = 1;
#elif defined __aarch64__
    register long result __asm__("x0") = 1;
#else
    register long result __asm__("a0") = 1;
#endif
    __asm__ volatile(BREAKPOINT : "+r"(result));
    return result;
}

int main(void)
{
    catch_signal(SIGSEGV, handler, 0);
    long (*volatile nowhere)(void) = (long (*)(void))16;
    for (int i = 0; i < 3; i++)
        say("call of nothing gives %ld", nowhere()); /* the return address is where a call has it */
    catch_signal(SIGTRAP, skip, 0);
    say("register %ld", with_result());
    say("caught %d", caught);
    return 0;
}
