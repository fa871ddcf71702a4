/* Division by zero: SIGFPE where the machine traps (x86), a defined result elsewhere; a SIGFPE that is sent is caught in both cases. */
#include "behaviour.h"
#include "context.h"

static sigjmp_buf back;
static volatile int caught, zero;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    caught = info->si_code == FPE_INTDIV ? 1 : info->si_code == SI_TKILL ? 2 : 3;
    siglongjmp(back, 1);
}

int main(void)
{
    catch_signal(SIGFPE, handler, 0);
    volatile long quotient = 77;
#if defined __x86_64__
    if (!sigsetjmp(back, 1))
        quotient = 5 / zero;
    say("%s", quotient == 77 && caught == 1 ? "as the machine has it" : "wrong");
#elif defined __aarch64__
    long value = 5, divisor = zero;
    __asm__ volatile("sdiv %0, %1, %2" : "=r"(value) : "r"(value), "r"(divisor));
    quotient = value;
    say("%s", quotient == 0 && !caught ? "as the machine has it" : "wrong");
#else
    long value = 5, divisor = zero;
    __asm__ volatile("div %0, %1, %2" : "=r"(value) : "r"(value), "r"(divisor));
    quotient = value;
    say("%s", quotient == -1 && !caught ? "as the machine has it" : "wrong");
#endif
    if (!sigsetjmp(back, 1))
        raise(SIGFPE);
    say("sent: %d", caught);
    catch_signal(SIGFPE, handler, SA_RESETHAND);
    if (!sigsetjmp(back, 1))
        raise(SIGFPE);
    raise(SIGFPE);
    return 0;
}
